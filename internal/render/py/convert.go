package py

import (
	"math/big"
	"strings"
)

// ToInt is int(v, base); the base counts for texts alone.
func ToInt(v Value, base int) (Value, error) {
	if s, ok := Text(v); ok {
		if base != 0 && (base < 2 || base > 36) {
			return nil, Raise(ValueError, "int() base must be >= 2 and <= 36, or 0")
		}
		return parseDigits(s, base)
	}
	if i, ok := asInt(v); ok {
		return i, nil
	}
	switch x := v.(type) {
	case Float:
		return finiteToInt(float64(x))
	case *Undefined:
		return nil, x.Raise()
	}
	return nil, Raise(TypeError, "int() argument must be a string, a bytes-like object or a real number, not '%s'", v.TypeName())
}

// ToFloat is float(v).
func ToFloat(v Value) (Float, error) {
	if s, ok := Text(v); ok {
		return parseFloat(s)
	}
	if x, ok := v.(Float); ok {
		return x, nil
	}
	if i, ok := asInt(v); ok {
		return i.float()
	}
	if err := undefinedOperand(v, v); err != nil {
		return 0, err
	}
	return 0, Raise(TypeError, "float() argument must be a string or a real number, not '%s'", v.TypeName())
}

// parseDigits reads an int as int(text, base) does.
func parseDigits(text string, base int) (Int, error) {
	invalid := Raise(ValueError, "invalid literal for int() with base %d: %s", base, quote(text))
	s, ok := plainDigits(Strip(text))
	if !ok {
		return Int{}, invalid
	}
	digits := strings.TrimPrefix(s, "+")
	negative := len(digits) == len(s) && strings.HasPrefix(s, "-")
	digits = strings.TrimPrefix(digits, "-")
	if len(digits) < len(s)-1 {
		return Int{}, invalid
	}
	if digits, base, ok = cutPrefix(digits, base); !ok {
		return Int{}, invalid
	}
	if digits == "" || strings.ContainsAny(digits, "+-_") {
		return Int{}, invalid
	}
	if len(digits) > maxDigits {
		return Int{}, errTooManyDigits()
	}
	v, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return Int{}, invalid
	}
	if negative {
		v.Neg(v)
	}
	return bigInt(v), nil
}

// cutPrefix takes 0x, 0o or 0b off digits of that base. Base 0 means the base that
// the digits say themselves.
func cutPrefix(digits string, base int) (rest string, b int, ok bool) {
	prefixes := map[string]int{"0x": 16, "0o": 8, "0b": 2}
	if len(digits) > 2 {
		if of, found := prefixes[strings.ToLower(digits[:2])]; found && (base == of || base == 0) {
			return digits[2:], of, true
		}
	}
	if base != 0 {
		return digits, base, true
	}
	return digits, 10, strings.Trim(digits, "0") == "" || digits[0] != '0'
}
