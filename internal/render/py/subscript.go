package py

// Slice is what stands in brackets with colons: a nil end is left out.
type Slice struct{ Start, Stop, Step Value }

// TypeName implements Value.
func (Slice) TypeName() string { return "slice" }

// span is a slice of a sequence of a known length.
type span struct{ start, stop, step, n int }

// indices fits a slice to a length.
func (s Slice) indices(length int) (span, error) {
	step, err := sliceIndex(s.Step, 1)
	if err != nil {
		return span{}, err
	}
	if step == 0 {
		return span{}, Raise(ValueError, "slice step cannot be zero")
	}
	step = max(step, -1<<62) // its negation must fit
	low, high, start, stop := 0, length, 0, length
	if step < 0 {
		low, high, start, stop = -1, length-1, length-1, -1
	}
	if start, err = clampedIndex(s.Start, start, low, high, length); err != nil {
		return span{}, err
	}
	if stop, err = clampedIndex(s.Stop, stop, low, high, length); err != nil {
		return span{}, err
	}
	out := span{start, stop, step, 0}
	switch {
	case step > 0 && start < stop:
		out.n = (stop-start-1)/step + 1
	case step < 0 && start > stop:
		out.n = (start-stop-1)/-step + 1
	}
	return out, nil
}

func clampedIndex(v Value, absent, low, high, length int) (int, error) {
	if isAbsent(v) {
		return absent, nil
	}
	i, err := sliceIndex(v, 0)
	if err != nil {
		return 0, err
	}
	if i < 0 {
		i += length
	}
	return min(max(i, low), high), nil
}

func isAbsent(v Value) bool {
	_, none := v.(None)
	return v == nil || none
}

func sliceIndex(v Value, absent int) (int, error) {
	if isAbsent(v) {
		return absent, nil
	}
	i, err := Index(v)
	if err != nil {
		return 0, Raise(TypeError, "slice indices must be integers or None or have an __index__ method")
	}
	return i, nil
}

// Item is v[key].
func Item(th *Thread, v, key Value) (Value, error) {
	if err := undefinedOperand(v, v); err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case *Dict:
		if _, ok := key.(Slice); ok {
			return nil, Raise(TypeError, "unhashable type: 'slice'")
		}
		item, err := x.GetItem(th, key)
		if err == nil && item == nil {
			err = raiseKey(th, key)
		}
		return item, err
	case Subscripted:
		return x.Item(th, key)
	case Str, Markup, Bytes, *List, *Tuple, *Range:
	default:
		return nil, Raise(TypeError, "'%s' object is not subscriptable", v.TypeName())
	}
	n, err := Len(th, v)
	if err != nil {
		return nil, err
	}
	if s, ok := key.(Slice); ok {
		sp, err := s.indices(n)
		if err != nil {
			return nil, err
		}
		return slice(th, v, sp)
	}
	if _, ok := asInt(key); !ok {
		return nil, Raise(TypeError, "%s indices must be integers or slices, not %s", v.TypeName(), key.TypeName())
	}
	i, err := Index(key)
	if err != nil {
		return nil, err
	}
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return nil, Raise(IndexError, "%s index out of range", v.TypeName())
	}
	return itemAt(th, v, i)
}

func itemAt(th *Thread, v Value, i int) (Value, error) {
	switch x := v.(type) {
	case *List:
		return x.Items[i], nil
	case *Tuple:
		return x.Items[i], nil
	case *Range:
		return x.at(i), nil
	case Bytes:
		return NewInt(int(x[i])), nil
	}
	part, err := slice(th, v, span{i, i + 1, 1, 1})
	return part, err
}

func slice(th *Thread, v Value, sp span) (Value, error) {
	switch x := v.(type) {
	case *List:
		items, err := sliceItems(th, x.Items, sp)
		return NewList(items...), err
	case *Tuple:
		items, err := sliceItems(th, x.Items, sp)
		return NewTuple(items...), err
	case *Range:
		return x.slice(sp), nil
	case Bytes:
		out := make([]byte, 0, sp.n)
		for i := range sp.n {
			out = append(out, x[sp.start+i*sp.step])
		}
		return Bytes(out), th.Alloc(sp.n)
	}
	s, _ := Text(v)
	_, markup := v.(Markup)
	part, err := sliceText(th, s, sp)
	return textLike(markup, part), err
}

func sliceItems(th *Thread, items []Value, sp span) ([]Value, error) {
	if err := th.AllocItems(sp.n); err != nil {
		return nil, err
	}
	out := make([]Value, 0, sp.n)
	for i := range sp.n {
		out = append(out, items[sp.start+i*sp.step])
	}
	return out, nil
}

func sliceText(th *Thread, s string, sp span) (string, error) {
	if err := th.Alloc(len(s)); err != nil {
		return "", err
	}
	if isASCII(s) && sp.step == 1 {
		return s[sp.start : sp.start+sp.n], nil
	}
	all := runes(s)
	out := make([]rune, 0, sp.n)
	for i := range sp.n {
		out = append(out, all[sp.start+i*sp.step])
	}
	return fromRunes(out), nil
}
