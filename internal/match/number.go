package match

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// decimal is a JSON number, exact however big or long: 0.digits times ten to the
// power of exponent. Zero has no digits.
type decimal struct {
	negative bool
	digits   string // without zeros at either end
	exponent int64
}

// maxExponent stands for every exponent that is greater.
const maxExponent = math.MaxInt64 / 4

// parseDecimal reads the literal of a JSON number.
func parseDecimal(literal string) decimal {
	text, negative := strings.CutPrefix(literal, "-")
	exponent := int64(0)
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		exponent = parseExponent(text[i+1:])
		text = text[:i]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	digits := whole + fraction
	exponent += int64(len(whole))
	significant := strings.TrimLeft(digits, "0")
	exponent -= int64(len(digits) - len(significant))
	significant = strings.TrimRight(significant, "0")
	if significant == "" {
		return decimal{}
	}
	return decimal{negative, significant, exponent}
}

func parseExponent(text string) int64 {
	e, _ := strconv.ParseInt(text, 10, 64) // out of range comes back as the bound
	return min(max(e, -maxExponent), maxExponent)
}

// compare orders by value.
func (d decimal) compare(e decimal) int {
	if d.sign() != e.sign() {
		return d.sign() - e.sign()
	}
	c := 0
	switch {
	case d.exponent < e.exponent:
		c = -1
	case d.exponent > e.exponent:
		c = 1
	default:
		c = strings.Compare(d.digits, e.digits)
	}
	return c * d.sign()
}

func (d decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// number is the number in a condition. A float64 from 2^53 on may not be the number
// that was written, so the payload's is brought to the same precision then.
type number struct {
	exact   decimal
	rounded float64
	inexact bool
}

// maxExactInteger is up to where a float64 tells all integers apart.
const maxExactInteger = 1 << 53

// toNumber reads a number as it may come out of a JSON decoder or a Go literal.
func toNumber(v any) (number, bool) {
	switch v := v.(type) {
	case json.Number:
		return number{exact: parseDecimal(v.String())}, true
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		return number{exact: parseDecimal(text), rounded: v, inexact: math.Abs(v) >= maxExactInteger}, true
	case int:
		return number{exact: parseDecimal(strconv.Itoa(v))}, true
	case int64:
		return number{exact: parseDecimal(strconv.FormatInt(v, 10))}, true
	}
	return number{}, false
}

// compareTo orders the payload's number against n: negative when it is less.
func (n number) compareTo(literal json.Number) int {
	if n.inexact {
		f, _ := literal.Float64() // out of range comes back as infinity
		switch {
		case f < n.rounded:
			return -1
		case f > n.rounded:
			return 1
		}
		return 0
	}
	return parseDecimal(literal.String()).compare(n.exact)
}
