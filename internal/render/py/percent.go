package py

import (
	"math"
	"math/big"
	"strings"
)

// percent is format % args. A Markup format escapes what it takes in.
func percent(th *Thread, format Value, text string, args Value) (Value, error) {
	p := &percenter{th: th, rest: text, args: []Value{args}, whole: args}
	_, p.markup = format.(Markup)
	switch a := args.(type) {
	case *Tuple:
		p.args, p.whole = a.Items, nil
	case *Dict, *List, *Range, Bytes, Subscripted, *Undefined:
		p.mapping = true
	}
	if err := p.run(); err != nil {
		return nil, err
	}
	if len(p.args) > 0 && !p.mapping {
		return nil, Raise(TypeError, "not all arguments converted during string formatting")
	}
	return textLike(p.markup, p.out.String()), nil
}

type percenter struct {
	th      *Thread
	rest    string
	out     strings.Builder
	args    []Value // not used yet
	whole   Value   // all arguments, when they are not a tuple
	mapping bool    // whole may be asked by name, and need not be used
	markup  bool
}

func (p *percenter) run() error {
	for p.rest != "" {
		i := strings.IndexByte(p.rest, '%')
		if i < 0 {
			i = len(p.rest)
		}
		if err := p.th.Alloc(i); err != nil {
			return err
		}
		p.out.WriteString(p.rest[:i])
		if p.rest = p.rest[i:]; p.rest == "" {
			return nil
		}
		p.rest = p.rest[1:]
		if err := p.directive(); err != nil {
			return err
		}
	}
	return nil
}

// directive is one %… of the format.
func (p *percenter) directive() error {
	if strings.HasPrefix(p.rest, "%") {
		p.rest = p.rest[1:]
		p.out.WriteByte('%')
		return nil
	}
	f := formatSpec{precision: -1, fill: " ", align: '>'}
	var named Value
	if strings.HasPrefix(p.rest, "(") {
		var err error
		if named, err = p.byName(); err != nil {
			return err
		}
	}
	p.flags(&f)
	width, err := p.number()
	if err != nil {
		return err
	}
	if width < 0 {
		width, f.align = -max(width, -maxWidth), '<'
	}
	f.width = width
	if strings.HasPrefix(p.rest, ".") {
		p.rest = p.rest[1:]
		if f.precision, err = p.number(); err != nil {
			return err
		}
		f.precision = max(f.precision, 0)
	}
	if p.rest != "" && strings.IndexByte("hlL", p.rest[0]) >= 0 {
		p.rest = p.rest[1:]
	}
	if p.rest == "" {
		return Raise(ValueError, "incomplete format")
	}
	_, size := decodeRune(p.rest)
	code := p.rest[:size]
	p.rest = p.rest[size:]
	if named == nil {
		if named, err = p.next(); err != nil {
			return err
		}
	}
	s, err := p.convert(f, code, named)
	p.out.WriteString(s)
	return err
}

func (p *percenter) byName() (Value, error) {
	depth, end := 0, -1
	for i := range len(p.rest) {
		switch p.rest[i] {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			end = i
			break
		}
	}
	if end < 0 {
		return nil, Raise(ValueError, "incomplete format key")
	}
	name := p.rest[1:end]
	p.rest = p.rest[end+1:]
	if !p.mapping {
		return nil, Raise(TypeError, "format requires a mapping")
	}
	return Item(p.th, p.whole, Str(name))
}

func (p *percenter) flags(f *formatSpec) {
	for ; p.rest != ""; p.rest = p.rest[1:] {
		switch p.rest[0] {
		case '-':
			f.align = '<'
		case '+':
			f.sign = '+'
		case ' ':
			if f.sign == 0 {
				f.sign = ' '
			}
		case '#':
			f.alternate = true
		case '0':
			f.zero = true
		default:
			return
		}
	}
}

// number is a width or a precision: digits, a star for the next argument, or nothing.
func (p *percenter) number() (int, error) {
	if strings.HasPrefix(p.rest, "*") {
		p.rest = p.rest[1:]
		v, err := p.next()
		if err != nil {
			return 0, err
		}
		if _, ok := asInt(v); !ok {
			return 0, Raise(TypeError, "* wants int")
		}
		n, err := Index(v)
		if n > maxWidth {
			return 0, Raise(OverflowError, "the width is too big")
		}
		return n, err
	}
	rest, n, err := takeNumber(p.rest, 0)
	p.rest = rest
	return n, err
}

func (p *percenter) next() (Value, error) {
	if len(p.args) == 0 {
		return nil, Raise(TypeError, "not enough arguments for format string")
	}
	v := p.args[0]
	p.args = p.args[1:]
	return v, nil
}

func (p *percenter) convert(f formatSpec, code string, v Value) (string, error) {
	switch code {
	case "s", "r", "a":
		return p.convertText(f, code, v)
	case "c":
		return p.convertChar(f, v)
	case "d", "i", "u", "o", "x", "X":
		return p.convertInt(f, code[0], v)
	case "e", "E", "f", "F", "g", "G":
		x, err := percentFloat(v)
		if err != nil {
			return "", err
		}
		f.kind = code[0]
		if f.zero && f.align == '>' {
			f.fill, f.align = "0", '='
		}
		return f.float(p.th, float64(x))
	}
	return "", Raise(ValueError, "unsupported format character '%s'", code)
}

func (p *percenter) convertText(f formatSpec, code string, v Value) (string, error) {
	var s string
	var err error
	switch code {
	case "s":
		s, err = String(p.th, v)
	case "r":
		s, err = Repr(p.th, v)
	default:
		s, err = asciiRepr(p.th, v)
	}
	if err != nil {
		return "", err
	}
	if p.markup {
		if _, escaped := v.(Markup); !escaped || code != "s" {
			s = string(Escape(s))
		}
	}
	return f.pad(p.th, truncate(s, f.precision))
}

func (p *percenter) convertChar(f formatSpec, v Value) (string, error) {
	if s, ok := Text(v); ok {
		if runeCount(s) != 1 {
			return "", Raise(TypeError, "%%c requires int or char")
		}
		return f.pad(p.th, s)
	}
	i, ok := asInt(v)
	if !ok {
		return "", Raise(TypeError, "%%c requires int or char")
	}
	f.sign, f.alternate = 0, false
	return f.character(p.th, i)
}

func (p *percenter) convertInt(f formatSpec, code byte, v Value) (string, error) {
	i, ok := asInt(v)
	if !ok {
		x, float := v.(Float)
		if !float || strings.IndexByte("diu", code) < 0 {
			return "", Raise(TypeError, "%%%c format: a real number is required, not %s", code, v.TypeName())
		}
		var err error
		if i, err = finiteToInt(float64(x)); err != nil {
			return "", err
		}
	}
	f.kind = code
	if strings.IndexByte("iu", code) >= 0 {
		f.kind = 'd'
	}
	v2, err := i.big()
	if err != nil {
		return "", err
	}
	base, prefix, _ := baseOf(f.kind)
	if !f.alternate {
		prefix = ""
	}
	if base == 10 {
		if _, err := i.show(); err != nil {
			return "", err
		}
	}
	digits := new(big.Int).Abs(v2).Text(base)
	if code == 'X' {
		digits = strings.ToUpper(digits)
	}
	if missing := f.precision - len(digits); missing > 0 {
		if err := p.th.Alloc(missing); err != nil {
			return "", err
		}
		digits = strings.Repeat("0", missing) + digits
	}
	if f.zero && f.align == '>' {
		f.fill, f.align = "0", '='
	}
	return f.number(p.th, v2.Sign() < 0, prefix, digits, "")
}

// percentFloat is the number that a %f takes.
func percentFloat(v Value) (Float, error) {
	switch x := v.(type) {
	case Float:
		return x, nil
	case *Undefined:
		return 0, x.Raise()
	}
	if i, ok := asInt(v); ok {
		return i.float()
	}
	return 0, Raise(TypeError, "must be real number, not %s", v.TypeName())
}

// finiteToInt is int(x).
func finiteToInt(x float64) (Int, error) {
	switch {
	case math.IsNaN(x):
		return Int{}, Raise(ValueError, "cannot convert float NaN to integer")
	case math.IsInf(x, 0):
		return Int{}, Raise(OverflowError, "cannot convert float infinity to integer")
	}
	return floatToInt(x), nil
}
