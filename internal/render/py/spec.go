package py

import (
	"strconv"
	"strings"
)

// formatSpec is what stands after the colon in "{:>8.2f}", and what percent formats
// come down to as well.
type formatSpec struct {
	fill      string
	align     byte // '<', '>', '=' or '^'; 0 for what the type has by default
	sign      byte // '+', '-' or ' '; 0 for none
	noMinus   bool // -0 becomes 0
	alternate bool
	zero      bool
	width     int
	group     byte // ',' or '_'; 0 for none
	precision int  // -1 for none
	kind      byte // 0 for none
}

// maxWidth is as wide as anything may be asked to be.
const maxWidth = 1 << 30

// parseSpec reads a format specification.
func parseSpec(s, typeName string) (formatSpec, error) {
	f := formatSpec{precision: -1}
	invalid := Raise(ValueError, "Invalid format specifier '%s' for object of type '%s'", s, typeName)
	if _, size := decodeRune(s); len(s) > size && strings.IndexByte("<>=^", s[size]) >= 0 {
		f.fill, f.align, s = s[:size], s[size], s[size+1:]
	} else if s != "" && strings.IndexByte("<>=^", s[0]) >= 0 {
		f.align, s = s[0], s[1:]
	}
	s = takeByte(s, "+- ", &f.sign)
	s = takeFlag(s, 'z', &f.noMinus)
	s = takeFlag(s, '#', &f.alternate)
	s = takeFlag(s, '0', &f.zero)
	var err error
	if s, f.width, err = takeNumber(s, 0); err != nil {
		return f, err
	}
	s = takeByte(s, ",_", &f.group)
	if f.group != 0 && s != "" && (s[0] == ',' || s[0] == '_') {
		return f, Raise(ValueError, "Cannot specify both ',' and '_'.")
	}
	if strings.HasPrefix(s, ".") {
		if s, f.precision, err = takeNumber(s[1:], -1); err != nil {
			return f, err
		}
		if f.precision < 0 {
			return f, Raise(ValueError, "Format specifier missing precision")
		}
	}
	if len(s) > 1 {
		return f, invalid
	}
	if s != "" {
		f.kind = s[0]
	}
	if f.zero && f.fill == "" {
		f.fill = "0"
		if f.align == 0 {
			f.align = '='
		}
	}
	if f.fill == "" {
		f.fill = " "
	}
	return f, nil
}

func takeByte(s, set string, to *byte) string {
	if s != "" && strings.IndexByte(set, s[0]) >= 0 {
		*to = s[0]
		return s[1:]
	}
	return s
}

func takeFlag(s string, flag byte, to *bool) string {
	if s != "" && s[0] == flag {
		*to = true
		return s[1:]
	}
	return s
}

func takeNumber(s string, absent int) (rest string, n int, err error) {
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	if end == 0 {
		return s, absent, nil
	}
	n, err = strconv.Atoi(s[:end])
	if err != nil || n > maxWidth {
		return s, 0, Raise(ValueError, "Too many decimal digits in format string")
	}
	return s[end:], n, nil
}

// formatValue is format(v, spec).
func formatValue(th *Thread, v Value, spec string) (string, error) {
	if spec == "" {
		return String(th, v)
	}
	f, err := parseSpec(spec, v.TypeName())
	if err != nil {
		return "", err
	}
	if s, ok := Text(v); ok {
		return f.text(th, s)
	}
	if i, ok := asInt(v); ok {
		return f.integer(th, i)
	}
	if x, ok := v.(Float); ok {
		return f.float(th, float64(x))
	}
	return "", Raise(TypeError, "unsupported format string passed to %s.__format__", v.TypeName())
}

// text lays out a str.
func (f formatSpec) text(th *Thread, s string) (string, error) {
	switch {
	case f.kind != 0 && f.kind != 's':
		return "", f.unknownKind("str")
	case f.sign != 0:
		return "", Raise(ValueError, "Sign not allowed in string format specifier")
	case f.noMinus:
		return "", Raise(ValueError, "Negative zero coercion (z) not allowed in string format specifier")
	case f.alternate:
		return "", Raise(ValueError, "Alternate form (#) not allowed in string format specifier")
	case f.group != 0:
		return "", Raise(ValueError, "Cannot specify '%c' with 's'.", f.group)
	case f.align == '=' && !f.zero:
		return "", Raise(ValueError, "'=' alignment not allowed in string format specifier")
	}
	if f.align == '=' || f.align == 0 {
		f.align = '<'
	}
	return f.pad(th, truncate(s, f.precision))
}

// truncate is the first n characters, all of them when n is negative.
func truncate(s string, n int) string {
	if n < 0 || n >= len(s) || n >= runeCount(s) {
		return s
	}
	return s[:offset(s, n)]
}

func (f formatSpec) unknownKind(typeName string) error {
	return Raise(ValueError, "Unknown format code '%c' for object of type '%s'", f.kind, typeName)
}

// pad fills s up to the width.
func (f formatSpec) pad(th *Thread, s string) (string, error) {
	missing := f.width - runeCount(s)
	if missing <= 0 {
		return s, nil
	}
	if err := th.Alloc(product(missing, len(f.fill)) + len(s)); err != nil {
		return "", err
	}
	before := missing
	switch f.align {
	case '<':
		before = 0
	case '^':
		before = missing / 2
	}
	return strings.Repeat(f.fill, before) + s + strings.Repeat(f.fill, missing-before), nil
}

// number lays out a number: a sign, a prefix such as 0x, digits, and what comes after
// them and is not grouped.
func (f formatSpec) number(th *Thread, negative bool, prefix, digits, tail string) (string, error) {
	sign := ""
	switch {
	case negative:
		sign = "-"
	case f.sign == '+' || f.sign == ' ':
		sign = string(f.sign)
	}
	size := 3
	if f.group == '_' && f.kind != 'd' && strings.IndexByte("boxX", f.kind) >= 0 && f.kind != 0 {
		size = 4
	}
	if f.align == 0 {
		f.align = '>'
	}
	if err := th.Alloc(2*len(digits) + len(tail) + f.width); err != nil {
		return "", err
	}
	lead := sign + prefix
	if f.align != '=' {
		return f.pad(th, lead+f.grouped(digits, size)+tail)
	}
	inner := f
	inner.width -= len(lead) + len(tail)
	inner.align = '>'
	if f.group != 0 && f.fill == "0" {
		digits = zerosBefore(digits, inner.width, size)
	}
	padded, err := inner.pad(th, f.grouped(digits, size))
	return lead + padded + tail, err
}

// zerosBefore makes digits so long that with their separators they are width wide.
func zerosBefore(digits string, width, size int) string {
	n := len(digits)
	for n+(n-1)/size < width {
		n++
	}
	return strings.Repeat("0", n-len(digits)) + digits
}

// grouped puts a separator between groups of digits.
func (f formatSpec) grouped(digits string, size int) string {
	if f.group == 0 || len(digits) <= size {
		return digits
	}
	var b strings.Builder
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%size == 0 {
			b.WriteByte(f.group)
		}
		b.WriteByte(digits[i])
	}
	return b.String()
}
