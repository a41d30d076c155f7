package py

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// integer lays out an int.
func (f formatSpec) integer(th *Thread, i Int) (string, error) {
	if f.kind != 0 && strings.IndexByte("eEfFgG%", f.kind) >= 0 {
		x, err := i.float()
		if err != nil {
			return "", err
		}
		return f.float(th, float64(x))
	}
	switch {
	case f.precision >= 0:
		return "", Raise(ValueError, "Precision not allowed in integer format specifier")
	case f.noMinus:
		return "", Raise(ValueError, "Negative zero coercion (z) not allowed in format specifier with integer presentation type")
	}
	if f.kind == 'c' {
		return f.character(th, i)
	}
	v, err := i.big()
	if err != nil {
		return "", err
	}
	base, prefix, ok := baseOf(f.kind)
	if !ok {
		return "", f.unknownKind("int")
	}
	if f.group == ',' && base != 10 || f.group != 0 && f.kind == 'n' {
		return "", Raise(ValueError, "Cannot specify '%c' with '%c'.", f.group, f.kind)
	}
	if base == 10 {
		if _, err := i.show(); err != nil {
			return "", err
		}
	}
	if !f.alternate {
		prefix = ""
	}
	digits := new(big.Int).Abs(v).Text(base)
	if f.kind == 'X' {
		digits = strings.ToUpper(digits)
	}
	return f.number(th, v.Sign() < 0, prefix, digits, "")
}

func baseOf(kind byte) (base int, prefix string, ok bool) {
	switch kind {
	case 0, 'd', 'n':
		return 10, "", true
	case 'b':
		return 2, "0b", true
	case 'o':
		return 8, "0o", true
	case 'x':
		return 16, "0x", true
	case 'X':
		return 16, "0X", true
	}
	return 0, "", false
}

func (f formatSpec) character(th *Thread, i Int) (string, error) {
	c, ok := i.Small()
	switch {
	case f.sign != 0:
		return "", Raise(ValueError, "Sign not allowed with integer format specifier 'c'")
	case f.alternate:
		return "", Raise(ValueError, "Alternate form (#) not allowed with integer format specifier 'c'")
	case f.group != 0:
		return "", Raise(ValueError, "Cannot specify '%c' with 'c'.", f.group)
	case !ok || c < 0 || c > 0x10ffff:
		return "", Raise(OverflowError, "%%c arg not in range(0x110000)")
	}
	if f.align == 0 || f.align == '=' {
		f.align = '>'
	}
	return f.pad(th, string(appendRune(nil, rune(c))))
}

// float lays out a float.
func (f formatSpec) float(th *Thread, x float64) (string, error) {
	if f.kind != 0 && strings.IndexByte("eEfFgGn%", f.kind) < 0 {
		return "", f.unknownKind("float")
	}
	if f.group != 0 && f.kind == 'n' {
		return "", Raise(ValueError, "Cannot specify '%c' with 'n'.", f.group)
	}
	if err := th.Alloc(max(f.precision, 0) + 400); err != nil {
		return "", err
	}
	negative := math.Signbit(x) && !math.IsNaN(x)
	digits := f.floatDigits(math.Abs(x))
	if f.noMinus && !strings.ContainsAny(digits, "123456789") && !math.IsNaN(x) && !math.IsInf(x, 0) {
		negative = false
	}
	whole := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' })
	if whole < 0 {
		whole = len(digits)
	}
	return f.number(th, negative, "", digits[:whole], digits[whole:])
}

// floatDigits spells a number that is not negative.
func (f formatSpec) floatDigits(x float64) string {
	kind, precision := f.kind, f.precision
	if precision < 0 {
		precision = 6
	}
	var s string
	switch {
	case math.IsInf(x, 0):
		s = "inf"
	case math.IsNaN(x):
		s = "nan"
	case kind == 0 && f.precision < 0:
		s = Float(x).show()
		if f.alternate && !strings.Contains(s, ".") {
			s = strings.Replace(s, "e", ".e", 1)
		}
		return s
	case kind == 0:
		return general(x, precision, f.alternate, true)
	case kind == 'g', kind == 'G', kind == 'n':
		s = general(x, precision, f.alternate, false)
	case kind == 'e', kind == 'E':
		s = strconv.FormatFloat(x, 'e', precision, 64)
		if f.alternate && precision == 0 {
			s = strings.Replace(s, "e", ".e", 1)
		}
	default:
		if kind == '%' {
			x *= 100
		}
		s = fixed(x, precision)
		if f.alternate && precision == 0 {
			s += "."
		}
	}
	switch kind {
	case 'E', 'F', 'G':
		return strings.ToUpper(s)
	case '%':
		return s + "%"
	}
	return s
}

// fixed is x with so many digits after the point; a percentage may have become
// infinite.
func fixed(x float64, precision int) string {
	if math.IsInf(x, 0) {
		return "inf"
	}
	return strconv.FormatFloat(x, 'f', precision, 64)
}

// general is x with so many significant digits, with an exponent where that is
// shorter. pointed asks for a digit after the point.
func general(x float64, precision int, alternate, pointed bool) string {
	precision = max(precision, 1)
	s := strconv.FormatFloat(x, 'e', precision-1, 64)
	mantissa, exponentText, _ := strings.Cut(s, "e")
	exponent, _ := strconv.Atoi(exponentText)
	limit := precision
	if pointed {
		limit-- // room for the digit after the point
	}
	if exponent < -4 || exponent >= limit {
		if !alternate {
			mantissa = trimZeros(mantissa)
		} else if !strings.Contains(mantissa, ".") {
			mantissa += "."
		}
		return mantissa + "e" + exponentText
	}
	s = strconv.FormatFloat(x, 'f', precision-1-exponent, 64)
	if !alternate {
		s = trimZeros(s)
	}
	if !strings.Contains(s, ".") {
		switch {
		case pointed:
			s += ".0"
		case alternate:
			s += "."
		}
	}
	return s
}

func trimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
