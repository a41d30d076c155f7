package py

import (
	"math"
	"strings"
)

// concat is a + b of what is not a number, or nil when they do not go together.
func concat(th *Thread, a, b Value) (Value, error) {
	switch x := a.(type) {
	case Markup:
		if y, ok := Text(b); ok {
			return joinMarkup(th, x, escapeText(b, y))
		}
	case Str:
		switch y := b.(type) {
		case Str:
			s, err := join(th, string(x), string(y))
			return Str(s), err
		case Markup:
			return joinMarkup(th, Escape(string(x)), y)
		}
	case Bytes:
		if y, ok := b.(Bytes); ok {
			s, err := join(th, string(x), string(y))
			return Bytes(s), err
		}
	case *List:
		if y, ok := b.(*List); ok {
			items, err := joinItems(th, x.Items, y.Items)
			return NewList(items...), err
		}
	case *Tuple:
		if y, ok := b.(*Tuple); ok {
			items, err := joinItems(th, x.Items, y.Items)
			return NewTuple(items...), err
		}
	}
	return nil, nil
}

func join(th *Thread, a, b string) (string, error) {
	if err := th.Alloc(len(a) + len(b)); err != nil {
		return "", err
	}
	return a + b, nil
}

func joinMarkup(th *Thread, a, b Markup) (Value, error) {
	s, err := join(th, string(a), string(b))
	return Markup(s), err
}

func joinItems(th *Thread, a, b []Value) ([]Value, error) {
	if err := th.AllocItems(len(a) + len(b)); err != nil {
		return nil, err
	}
	return append(append(make([]Value, 0, len(a)+len(b)), a...), b...), nil
}

// repeat is a * b of a sequence and a number in either order, or nil when they are
// something else.
func repeat(th *Thread, a, b Value) (Value, error) {
	if _, ok := asInt(a); ok {
		a, b = b, a
	}
	if _, ok := asInt(b); !ok {
		return nil, nil
	}
	n, err := Index(b)
	if err != nil {
		return nil, err
	}
	n = max(n, 0)
	switch x := a.(type) {
	case Str:
		s, err := repeatText(th, string(x), n)
		return Str(s), err
	case Markup:
		s, err := repeatText(th, string(x), n)
		return Markup(s), err
	case Bytes:
		s, err := repeatText(th, string(x), n)
		return Bytes(s), err
	case *List:
		items, err := repeatItems(th, x.Items, n)
		return NewList(items...), err
	case *Tuple:
		items, err := repeatItems(th, x.Items, n)
		return NewTuple(items...), err
	}
	return nil, nil
}

// product is a*b, or the greatest number when that is less.
func product(a, b int) int {
	if a != 0 && b > math.MaxInt/a {
		return math.MaxInt
	}
	return a * b
}

func repeatText(th *Thread, s string, n int) (string, error) {
	if err := th.Alloc(product(len(s), n)); err != nil || s == "" {
		return "", err
	}
	return strings.Repeat(s, n), nil
}

func repeatItems(th *Thread, items []Value, n int) ([]Value, error) {
	total := product(len(items), n)
	if err := th.AllocItems(total); err != nil {
		return nil, err
	}
	out := make([]Value, 0, total)
	for len(out) < total {
		out = append(out, items...)
	}
	return out, nil
}
