package py

import (
	"cmp"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Float is a float.
type Float float64

// TypeName implements Value.
func (Float) TypeName() string { return "float" }

// AppendFloat appends repr(f): the shortest digits that read back as f, with ".0"
// when it is whole, and with an exponent below 1e-4 and from 1e16 on.
func AppendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case math.IsNaN(f):
		return append(dst, "nan"...)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, '.', '0')
}

func (f Float) show() string { return string(AppendFloat(nil, float64(f))) }

// whole says whether f has no fraction.
func (f Float) whole() bool {
	return math.Trunc(float64(f)) == float64(f) && !math.IsInf(float64(f), 0)
}

// exact is f as a number of any precision. f is finite.
func (f Float) exact() *big.Float { return big.NewFloat(float64(f)) }

// compareNumbers orders an int and a float as the numbers they are, without
// rounding either. f is not NaN.
func compareNumbers(i Int, f Float) int {
	if math.IsInf(float64(f), 0) {
		if f > 0 {
			return -1
		}
		return 1
	}
	if n, ok := i.Small(); ok && n > -1<<53 && n < 1<<53 {
		return cmp.Compare(float64(n), float64(f))
	}
	v, err := i.big()
	if err != nil {
		return i.Sign() // longer than any float
	}
	return new(big.Float).SetInt(v).Cmp(f.exact())
}

// parseFloat is float(text).
func parseFloat(text string) (Float, error) {
	failed := func() (Float, error) {
		return 0, Raise(ValueError, "could not convert string to float: %s", quote(text))
	}
	s, ok := plainDigits(strip(text, "", both))
	if !ok || s == "" {
		return failed()
	}
	switch unsigned := strings.ToLower(strings.TrimLeft(s[:1], "+-") + s[1:]); unsigned {
	case "inf", "infinity", "nan":
		f := math.Inf(1)
		if unsigned == "nan" {
			f = math.NaN()
		}
		if s[0] == '-' {
			f = -f
		}
		return Float(f), nil
	}
	if strings.ContainsAny(s, "xXpPiInN") { // what Go reads besides
		return failed()
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return failed()
	}
	return Float(f), nil
}

// Round is round(f, digits): to the nearest decimal, an exact tie to the even one.
func Round(f Float, digits int) Float {
	if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) || digits > 400 {
		return f
	}
	if digits >= 0 {
		r, _ := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'f', digits, 64), 64)
		return Float(r)
	}
	if digits < -310 {
		return Float(math.Copysign(0, float64(f)))
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-digits)), nil)
	whole, accuracy := f.exact().Int(nil)
	rounded := roundToUnit(whole, unit, accuracy != big.Exact)
	r, _ := new(big.Float).SetInt(rounded).Float64()
	return Float(math.Copysign(math.Abs(r), float64(f)))
}

// roundToUnit rounds a number to a multiple of unit. more says that the number is a
// little farther from zero than v.
func roundToUnit(v, unit *big.Int, more bool) *big.Int {
	quotient, rest := new(big.Int).QuoRem(new(big.Int).Abs(v), unit, new(big.Int))
	twice := rest.Lsh(rest, 1).Cmp(unit)
	if twice > 0 || twice == 0 && (more || quotient.Bit(0) == 1) {
		quotient.Add(quotient, big.NewInt(1))
	}
	quotient.Mul(quotient, unit)
	if v.Sign() < 0 {
		quotient.Neg(quotient)
	}
	return quotient
}

// RoundInt is round(v, digits) of an int or a bool.
func RoundInt(v Value, digits int) (Value, error) {
	i, _ := asInt(v)
	if digits >= 0 {
		return i, nil
	}
	n, err := i.big()
	if err != nil {
		return nil, err
	}
	if -digits > maxDigits {
		return NewInt(0), nil // farther than any number here reaches
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-digits)), nil)
	return bigInt(roundToUnit(n, unit, false)), nil
}
