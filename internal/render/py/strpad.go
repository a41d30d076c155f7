package py

import (
	"strings"
)

func strPad(name string) *textMethod {
	padding := []string{"width", "fillchar?"}
	switch name {
	case "center":
		return &textMethod{params: padding, call: padder(both), keeps: true, escapes: true}
	case "ljust":
		return &textMethod{params: padding, call: padder(right), keeps: true, escapes: true}
	case "rjust":
		return &textMethod{params: padding, call: padder(left), keeps: true, escapes: true}
	case "zfill":
		return &textMethod{params: []string{"width"}, call: zfill, keeps: true}
	case "expandtabs":
		return &textMethod{params: []string{"tabsize?"}, call: expandTabs, keeps: true}
	}
	return nil
}

// padder makes texts longer at the ends.
func padder(e ends) func(*Thread, string, []Value) (Value, error) {
	return func(th *Thread, s string, args []Value) (Value, error) {
		width, err := Index(args[0])
		if err != nil {
			return nil, err
		}
		fill, err := TextOr(args[1], " ")
		if err != nil {
			return nil, err
		}
		if runeCount(fill) != 1 {
			return nil, Raise(TypeError, "The fill character must be exactly one character long")
		}
		out, err := pad(th, s, fill, width, e)
		return Str(out), err
	}
}

// pad fills a text up to width at the left, at the right, or at both ends.
func pad(th *Thread, s, fill string, width int, e ends) (string, error) {
	missing := width - runeCount(s)
	if missing <= 0 {
		return s, nil
	}
	if err := th.Alloc(product(missing, len(fill))); err != nil {
		return "", err
	}
	before := 0
	switch e {
	case left:
		before = missing
	case both:
		before = missing/2 + missing&width&1
	}
	return strings.Repeat(fill, before) + s + strings.Repeat(fill, missing-before), nil
}

// Center is s.center(width).
func Center(th *Thread, s string, width int) (string, error) { return pad(th, s, " ", width, both) }

func zfill(th *Thread, s string, args []Value) (Value, error) {
	width, err := Index(args[0])
	if err != nil {
		return nil, err
	}
	sign := ""
	if s != "" && (s[0] == '+' || s[0] == '-') {
		sign = s[:1]
	}
	out, err := pad(th, s[len(sign):], "0", width-len(sign), left)
	return Str(sign + out), err
}

func expandTabs(th *Thread, s string, args []Value) (Value, error) {
	size, err := IntOr(args[0], 8)
	if err != nil {
		return nil, err
	}
	if err := th.Alloc(product(strings.Count(s, "\t"), max(size, 0))); err != nil {
		return nil, err
	}
	var b strings.Builder
	column := 0
	for _, r := range runes(s) {
		switch r {
		case '\t':
			if size > 0 {
				n := size - column%size
				b.WriteString(strings.Repeat(" ", n))
				column += n
			}
			continue
		case '\n', '\r':
			column = 0
		default:
			column++
		}
		b.Write(appendRune(nil, r))
	}
	return Str(b.String()), nil
}
