package render

import (
	"math/rand/v2"
	"slices"

	"github.com/switchhook/switchhook/internal/render/py"
)

// sequenceFilter returns the filters that are about what holds several things.
func sequenceFilter(name string) filter {
	switch name {
	case "count", "length":
		return filterWith(func(f *frame, v py.Value, _ []py.Value) (py.Value, error) {
			n, err := py.Len(f.th, v)
			return py.NewInt(n), err
		})
	case "list":
		return filterWith(func(f *frame, v py.Value, _ []py.Value) (py.Value, error) {
			items, err := py.Collect(f.th, v)
			return py.NewList(items...), err
		})
	case "first":
		return filterWith(filterFirst)
	case "last":
		return filterWith(filterLast)
	case "random":
		return filterWith(filterRandom)
	case "reverse":
		return filterWith(filterReverse)
	case "items":
		return filterWith(filterItems)
	case "batch":
		return filterWith(filterBatch, "linecount", "fill_with?")
	case "slice":
		return filterWith(filterSlice, "slices", "fill_with?")
	case "attr":
		return filterWith(filterAttr, "name")
	case "d", "default":
		return filterWith(filterDefault, "default_value?", "boolean?")
	}
	return nil
}

func undefined(message string) py.Value {
	return &py.Undefined{Class: py.UndefinedError, Message: message}
}

func filterFirst(f *frame, v py.Value, _ []py.Value) (py.Value, error) {
	it, err := py.Iterate(v)
	if err != nil {
		return nil, err
	}
	item, err := it.Next(f.th)
	if item == nil && err == nil {
		return undefined("No first item, sequence was empty."), nil
	}
	return item, err
}

func filterLast(f *frame, v py.Value, _ []py.Value) (py.Value, error) {
	if isUndefined(v) {
		return undefined("No last item, sequence was empty."), nil
	}
	it, err := py.Reversed(f.th, v)
	if err != nil {
		return nil, err
	}
	item, err := it.Next(f.th)
	if item == nil && err == nil {
		return undefined("No last item, sequence was empty."), nil
	}
	return item, err
}

func filterRandom(f *frame, v py.Value, _ []py.Value) (py.Value, error) {
	n, err := py.Len(f.th, v)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return undefined("No random item, sequence was empty."), nil
	}
	return py.Item(f.th, v, py.NewInt(rand.IntN(n)))
}

func filterReverse(f *frame, v py.Value, _ []py.Value) (py.Value, error) {
	if _, ok := py.Text(v); ok {
		return py.Item(f.th, v, py.Slice{Step: py.NewInt(-1)})
	}
	it, err := py.Reversed(f.th, v)
	if !py.Caught(err, py.TypeError) {
		return it, err
	}
	items, err := py.Collect(f.th, v)
	if err != nil {
		return nil, err
	}
	slices.Reverse(items)
	return py.NewList(items...), nil
}

func filterItems(f *frame, v py.Value, _ []py.Value) (py.Value, error) {
	switch v := v.(type) {
	case *py.Undefined:
		return py.Items("generator", nil), nil
	case *py.Dict:
		entries := v.Entries()
		return py.NewIterator("generator", entries.Next), nil
	}
	return py.NewIterator("generator", func(*py.Thread) (py.Value, error) {
		return nil, py.Raise(py.TypeError, "Can only get item pairs from a mapping.")
	}), nil
}

// filterBatch makes lists of so many items.
func filterBatch(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	size, err := py.Index(args[0])
	if err != nil {
		return nil, err
	}
	it, err := py.Iterate(v)
	if err != nil {
		return nil, err
	}
	batch := py.NewList()
	return py.NewIterator("generator", func(th *py.Thread) (py.Value, error) {
		for {
			item, err := it.Next(th)
			if err != nil {
				return nil, err
			}
			full := batch
			switch {
			case item == nil && len(batch.Items) == 0:
				return nil, nil
			case item == nil:
				batch = py.NewList()
				return full, fill(th, full, args[1], size)
			case len(batch.Items) == size:
				batch = py.NewList(item)
				return full, th.AllocItems(4)
			}
			batch.Items = append(batch.Items, item)
			if err := th.AllocItems(1); err != nil {
				return nil, err
			}
		}
	}), nil
}

func fill(th *py.Thread, l *py.List, with py.Value, size int) error {
	if isNone(with) || len(l.Items) >= size {
		return nil
	}
	if err := th.AllocItems(size - len(l.Items)); err != nil {
		return err
	}
	for len(l.Items) < size {
		l.Items = append(l.Items, with)
	}
	return nil
}

// filterSlice makes so many lists, the first ones longer by one when they have to be.
func filterSlice(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	count, err := py.Index(args[0])
	if err != nil {
		return nil, err
	}
	items, err := py.Collect(f.th, v)
	if err != nil {
		return nil, err
	}
	if count == 0 {
		return nil, py.Raise(py.ZeroDivisionError, "integer division or modulo by zero")
	}
	at, number := 0, 0
	return py.NewIterator("generator", func(th *py.Thread) (py.Value, error) {
		if number >= count {
			return nil, nil
		}
		size, longer := len(items)/count, len(items)%count
		end := at + size
		if number < longer {
			end++
		}
		part := py.NewList(append([]py.Value(nil), items[at:end]...)...)
		if !isNone(args[1]) && number >= longer {
			part.Items = append(part.Items, args[1])
		}
		at = end
		number++
		return part, th.AllocItems(len(part.Items) + 1)
	}), nil
}

func filterAttr(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	name, err := py.String(f.th, args[0])
	if err != nil {
		return nil, err
	}
	a, err := py.OwnAttribute(f.th, v, name)
	if a == nil && err == nil {
		a = py.UndefinedIn(f.th, v, py.Str(name))
	}
	return a, err
}

func filterDefault(_ *frame, v py.Value, args []py.Value) (py.Value, error) {
	if isUndefined(v) || py.TruthOr(args[1], false) && !py.Truth(v) {
		return orStr(args[0], ""), nil
	}
	return v, nil
}
