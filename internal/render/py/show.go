package py

import (
	"strings"
)

// String is str(v).
func String(th *Thread, v Value) (string, error) {
	if s, ok := Text(v); ok {
		return s, nil
	}
	if _, ok := v.(*Undefined); ok {
		return "", nil
	}
	return Repr(th, v)
}

// Repr is repr(v).
func Repr(th *Thread, v Value) (string, error) {
	p := &printer{th: th}
	if err := p.repr(v); err != nil {
		return "", err
	}
	return p.out.String(), nil
}

// printer writes the repr of values that may hold themselves.
type printer struct {
	th   *Thread
	out  strings.Builder
	open []Value // what is being printed
}

func (p *printer) write(s string) error {
	p.out.WriteString(s)
	return p.th.Alloc(len(s))
}

func (p *printer) repr(v Value) error {
	switch v := v.(type) {
	case None:
		return p.write("None")
	case Bool:
		if v {
			return p.write("True")
		}
		return p.write("False")
	case Int:
		s, err := v.show()
		if err != nil {
			return err
		}
		return p.write(s)
	case Float:
		return p.write(v.show())
	case Str:
		return p.write(quote(string(v)))
	case Markup:
		return p.write("Markup(" + quote(string(v)) + ")")
	case Bytes:
		return p.write(quoteBytes(v))
	case Shown:
		s, err := v.Show(p.th)
		if err != nil {
			return err
		}
		return p.write(s)
	case *List:
		return p.nested(v, "[", "]", func() error { return p.items(v.Items) })
	case *Tuple:
		return p.nested(v, "(", ")", func() error { return p.tuple(v.Items) })
	case *Dict:
		return p.nested(v, "{", "}", func() error { return p.dict(v) })
	case *dictView:
		return p.view(v)
	}
	return p.write("<" + v.TypeName() + " object>")
}

// nested prints what may hold itself.
func (p *printer) nested(v Value, left, right string, inside func() error) error {
	for _, outer := range p.open {
		if outer == v {
			return p.write(left + "..." + right)
		}
	}
	if err := p.th.Enter(); err != nil {
		return err
	}
	defer p.th.Leave()
	if err := p.th.Step(len(p.open) / 8); err != nil {
		return err
	}
	p.open = append(p.open, v)
	defer func() { p.open = p.open[:len(p.open)-1] }()
	if err := p.write(left); err != nil {
		return err
	}
	if err := inside(); err != nil {
		return err
	}
	return p.write(right)
}

func (p *printer) items(items []Value) error {
	for i, item := range items {
		if i > 0 {
			if err := p.write(", "); err != nil {
				return err
			}
		}
		if err := p.repr(item); err != nil {
			return err
		}
	}
	return nil
}

func (p *printer) tuple(items []Value) error {
	if err := p.items(items); err != nil || len(items) != 1 {
		return err
	}
	return p.write(",")
}

func (p *printer) dict(d *Dict) error {
	first := true
	for key, value := range d.All() {
		if !first {
			if err := p.write(", "); err != nil {
				return err
			}
		}
		first = false
		if err := p.repr(key); err != nil {
			return err
		}
		if err := p.write(": "); err != nil {
			return err
		}
		if err := p.repr(value); err != nil {
			return err
		}
	}
	return nil
}

func (p *printer) view(v *dictView) error {
	items, err := Collect(p.th, v)
	if err != nil {
		return err
	}
	return p.nested(v.d, v.TypeName()+"([", "])", func() error { return p.items(items) })
}

// quote is repr of a str: in single quotes unless it has some and no double ones,
// with escapes for what does not print.
func quote(s string) string {
	mark := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		mark = '"'
	}
	out := make([]byte, 0, len(s)+2)
	out = append(out, mark)
	for s != "" {
		r, size := decodeRune(s)
		switch {
		case r == rune(mark) || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\r':
			out = append(out, `\r`...)
		case r == '\t':
			out = append(out, `\t`...)
		case isPrintable(r):
			out = append(out, s[:size]...)
		default:
			out = appendEscape(out, r)
		}
		s = s[size:]
	}
	return string(append(out, mark))
}

// appendEscape writes a character by its number, as short as Python has it.
func appendEscape(out []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	width := 8
	switch {
	case r <= 0xff:
		out, width = append(out, '\\', 'x'), 2
	case r <= 0xffff:
		out, width = append(out, '\\', 'u'), 4
	default:
		out = append(out, '\\', 'U')
	}
	for shift := 4 * (width - 1); shift >= 0; shift -= 4 {
		out = append(out, hex[r>>shift&15])
	}
	return out
}

func quoteBytes(b Bytes) string {
	mark := byte('\'')
	if strings.Contains(string(b), "'") && !strings.Contains(string(b), `"`) {
		mark = '"'
	}
	out := append(make([]byte, 0, len(b)+3), 'b', mark)
	for i := range len(b) {
		switch c := b[i]; {
		case c == mark || c == '\\':
			out = append(out, '\\', c)
		case c == '\n':
			out = append(out, `\n`...)
		case c == '\r':
			out = append(out, `\r`...)
		case c == '\t':
			out = append(out, `\t`...)
		case c >= ' ' && c < 0x7f:
			out = append(out, c)
		default:
			out = appendEscape(out, rune(c))
		}
	}
	return string(append(out, mark))
}
