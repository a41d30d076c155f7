package py

// Iterator goes through values once. It is also a value of its own: what a generator
// or reversed() gives a template.
type Iterator struct {
	kind string // its type's name
	next func(th *Thread) (Value, error)
	done bool
}

// NewIterator makes an iterator of a type with that name. next returns nil at the end
// and is not called again after it.
func NewIterator(kind string, next func(th *Thread) (Value, error)) *Iterator {
	return &Iterator{kind: kind, next: next}
}

// TypeName implements Value.
func (it *Iterator) TypeName() string { return it.kind }

// Next returns the next value, nil at the end.
func (it *Iterator) Next(th *Thread) (Value, error) {
	if it.done {
		return nil, nil
	}
	if err := th.Step(1); err != nil {
		return nil, err
	}
	v, err := it.next(th)
	if v == nil || err != nil {
		it.done = true
	}
	return v, err
}

// Where makes a generator of what passes.
func (it *Iterator) Where(passes func(th *Thread, item Value) (bool, error)) *Iterator {
	return NewIterator("generator", func(th *Thread) (Value, error) {
		for {
			item, err := it.Next(th)
			if err != nil || item == nil {
				return nil, err
			}
			if ok, err := passes(th, item); err != nil || ok {
				return item, err
			}
		}
	})
}

// Iterate is iter(v).
func Iterate(v Value) (*Iterator, error) {
	if s, ok := Text(v); ok {
		return iterateText(s), nil
	}
	switch v := v.(type) {
	case *Iterator:
		return v, nil
	case *List:
		return iterateItems("list_iterator", func() []Value { return v.Items }), nil
	case *Tuple:
		return iterateItems("tuple_iterator", func() []Value { return v.Items }), nil
	case *Dict:
		return v.iterate(viewKeys), nil
	case *dictView:
		return v.d.iterate(v.what), nil
	case *Range:
		return v.iterate(), nil
	case Bytes:
		return iterateBytes(v), nil
	case Iterable:
		return v.Iterate(), nil
	}
	return nil, Raise(TypeError, "'%s' object is not iterable", v.TypeName())
}

// iterateItems asks for the items again each time: a list may change on the way.
func iterateItems(kind string, items func() []Value) *Iterator {
	i := 0
	return NewIterator(kind, func(*Thread) (Value, error) {
		all := items()
		if i >= len(all) {
			return nil, nil
		}
		i++
		return all[i-1], nil
	})
}

// Items returns an iterator over values that do not change.
func Items(kind string, items []Value) *Iterator {
	return iterateItems(kind, func() []Value { return items })
}

func iterateText(s string) *Iterator {
	return NewIterator("str_iterator", func(*Thread) (Value, error) {
		if s == "" {
			return nil, nil
		}
		_, size := decodeRune(s)
		c := s[:size]
		s = s[size:]
		return Str(c), nil
	})
}

func iterateBytes(b Bytes) *Iterator {
	i := 0
	return NewIterator("bytes_iterator", func(*Thread) (Value, error) {
		if i >= len(b) {
			return nil, nil
		}
		i++
		return NewInt(int(b[i-1])), nil
	})
}

// textLike makes a Markup or a Str.
func textLike(markup bool, s string) Value {
	if markup {
		return Markup(s)
	}
	return Str(s)
}

// Collect is list(v), as its items. They are the caller's own.
func Collect(th *Thread, v Value) ([]Value, error) {
	it, err := Iterate(v)
	if err != nil {
		return nil, err
	}
	var items []Value
	for {
		item, err := it.Next(th)
		if err != nil || item == nil {
			return items, err
		}
		if err := th.AllocItems(1); err != nil {
			return nil, err
		}
		items = append(items, item)
	}
}

// Unpack takes exactly n values out of v.
func Unpack(th *Thread, v Value, n int) ([]Value, error) {
	it, err := Iterate(v)
	if err != nil {
		return nil, Raise(TypeError, "cannot unpack non-iterable %s object", v.TypeName())
	}
	items := make([]Value, 0, n)
	for len(items) <= n {
		item, err := it.Next(th)
		if err != nil {
			return nil, err
		}
		if item == nil {
			break
		}
		items = append(items, item)
	}
	switch {
	case len(items) > n:
		return nil, Raise(ValueError, "too many values to unpack (expected %d)", n)
	case len(items) < n:
		return nil, Raise(ValueError, "not enough values to unpack (expected %d, got %d)", n, len(items))
	}
	return items, nil
}

// Reversed is reversed(v), for what has an order that can be turned round.
func Reversed(th *Thread, v Value) (*Iterator, error) {
	var kind string
	switch v := v.(type) {
	case *List:
		kind = "list_reverseiterator"
	case *Dict:
		kind = "dict_reversekeyiterator"
	case *dictView:
		kind = "dict_reverseiterator"
	case *Range:
		kind = "range_iterator"
	case *Tuple, Bytes, Str, Markup:
		kind = "reversed"
	default:
		return nil, Raise(TypeError, "'%s' object is not reversible", v.TypeName())
	}
	items, err := Collect(th, v)
	if err != nil {
		return nil, err
	}
	for i, j := 0, len(items)-1; i < j; i, j = i+1, j-1 {
		items[i], items[j] = items[j], items[i]
	}
	return Items(kind, items), nil
}
