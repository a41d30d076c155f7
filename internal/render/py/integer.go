package py

import (
	"cmp"
	"math"
	"math/big"
	"strconv"
)

// Int is an int of any size. The zero value is 0.
type Int struct {
	n      int64    // the number when it fits
	v      *big.Int // else the number; never changed
	digits string   // else its digits, when there are more than maxDigits
}

// maxDigits is how many decimal digits Python turns from or into a number; the time
// this takes grows with the square.
const maxDigits = 4300

// maxBits bounds what arithmetic makes: it is somewhat more than maxDigits.
const maxBits = 1 << 16

// NewInt makes an Int.
func NewInt(n int) Int { return Int{n: int64(n)} }

// bigInt makes an Int of a number that is not changed any more.
func bigInt(v *big.Int) Int {
	if v.IsInt64() {
		return Int{n: v.Int64()}
	}
	return Int{v: v}
}

// ParseInt reads the decimal digits of a JSON integer, of which there may be any
// number; with more than Python would read, the Int can be printed and nothing else.
func ParseInt(digits string) Int {
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		return Int{n: n}
	}
	if len(digits) > maxDigits {
		return Int{digits: digits}
	}
	v, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return Int{}
	}
	return Int{v: v}
}

// TypeName implements Value.
func (Int) TypeName() string { return "int" }

// Small returns the number when it fits.
func (i Int) Small() (n int, ok bool) { return int(i.n), i.v == nil && i.digits == "" }

// Digits spells the number however long it is, as JSON does.
func (i Int) Digits() string {
	switch {
	case i.digits != "":
		return i.digits
	case i.v != nil:
		return i.v.String()
	}
	return strconv.FormatInt(i.n, 10)
}

// big returns the number to compute with; it must not be changed.
func (i Int) big() (*big.Int, error) {
	switch {
	case i.digits != "":
		return nil, errTooManyDigits()
	case i.v != nil:
		return i.v, nil
	}
	return big.NewInt(i.n), nil
}

func errTooManyDigits() error {
	return Raise(ValueError, "Exceeds the limit (%d digits) for integer string conversion", maxDigits)
}

// show is str(i).
func (i Int) show() (string, error) {
	if i.digits != "" {
		return "", errTooManyDigits()
	}
	if i.v == nil {
		return strconv.FormatInt(i.n, 10), nil
	}
	text := i.v.String()
	if len(text) > maxDigits+1 || len(text) == maxDigits+1 && text[0] != '-' {
		return "", errTooManyDigits()
	}
	return text, nil
}

// Sign is -1, 0 or 1.
func (i Int) Sign() int {
	switch {
	case i.digits != "":
		if i.digits[0] == '-' {
			return -1
		}
		return 1
	case i.v != nil:
		return i.v.Sign()
	case i.n < 0:
		return -1
	case i.n > 0:
		return 1
	}
	return 0
}

// Cmp orders by value.
func (i Int) Cmp(j Int) int {
	a, small := i.Small()
	b, both := j.Small()
	switch {
	case small && both:
		return cmp.Compare(a, b)
	case i.Sign() != j.Sign():
		return cmp.Compare(i.Sign(), j.Sign())
	case small:
		return -j.Sign() // what does not fit is farther from zero
	case both:
		return i.Sign()
	case i.digits == "" && j.digits == "":
		return i.v.Cmp(j.v)
	}
	return i.Sign() * compareDigits(i.Digits(), j.Digits())
}

// compareDigits orders two numbers of one sign by their size.
func compareDigits(a, b string) int {
	if len(a) != len(b) {
		return cmp.Compare(len(a), len(b))
	}
	return cmp.Compare(a, b)
}

// float is float(i).
func (i Int) float() (Float, error) {
	if n, ok := i.Small(); ok {
		return Float(n), nil
	}
	v, err := i.big()
	if err != nil {
		return 0, err
	}
	f, _ := new(big.Float).SetInt(v).Float64() // exact until here, then to the nearest even
	if math.IsInf(f, 0) {
		return 0, Raise(OverflowError, "int too large to convert to float")
	}
	return Float(f), nil
}

// floatToInt drops what comes after the point. f is finite.
func floatToInt(f float64) Int {
	f = math.Trunc(f)
	if f >= math.MinInt64 && f < math.MaxInt64 {
		return Int{n: int64(f)}
	}
	v, _ := big.NewFloat(f).Int(nil)
	return bigInt(v)
}

// asInt sees a bool as the number that it is.
func asInt(v Value) (Int, bool) {
	switch v := v.(type) {
	case Int:
		return v, true
	case Bool:
		if v {
			return Int{n: 1}, true
		}
		return Int{}, true
	}
	return Int{}, false
}

// Index reads a number that counts something. What does not fit becomes the bound.
func Index(v Value) (int, error) {
	i, ok := asInt(v)
	if !ok {
		return 0, Raise(TypeError, "'%s' object cannot be interpreted as an integer", v.TypeName())
	}
	if n, ok := i.Small(); ok {
		return n, nil
	}
	if i.Sign() < 0 {
		return math.MinInt, nil
	}
	return math.MaxInt, nil
}
