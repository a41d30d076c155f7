package render

import "github.com/switchhook/switchhook/internal/render/py"

// choiceFilter returns the filters that apply another filter or a test to each item.
func choiceFilter(name string) filter {
	switch name {
	case "map":
		return filterMap
	case "select":
		return chooser(false, true)
	case "reject":
		return chooser(false, false)
	case "selectattr":
		return chooser(true, true)
	case "rejectattr":
		return chooser(true, false)
	}
	return nil
}

// lazily makes a generator that is set up when it is first asked.
func lazily(setUp func() (*py.Iterator, error)) *py.Iterator {
	var it *py.Iterator
	return py.NewIterator("generator", func(th *py.Thread) (py.Value, error) {
		if it == nil {
			var err error
			if it, err = setUp(); err != nil {
				return nil, err
			}
		}
		return it.Next(th)
	})
}

func filterMap(f *frame, v py.Value, args py.Args) (py.Value, error) {
	return lazily(func() (*py.Iterator, error) {
		if !py.Truth(v) {
			return py.Items("generator", nil), nil
		}
		apply, err := f.mapper(args)
		if err != nil {
			return nil, err
		}
		it, err := py.Iterate(v)
		if err != nil {
			return nil, err
		}
		return py.NewIterator("generator", func(th *py.Thread) (py.Value, error) {
			item, err := it.Next(th)
			if err != nil || item == nil {
				return nil, err
			}
			return apply(item)
		}), nil
	}), nil
}

// mapper is what map does with an item: look up an attribute, or apply a filter.
func (f *frame) mapper(args py.Args) (func(py.Value) (py.Value, error), error) {
	if len(args.Pos) == 0 {
		bound, err := args.Bind("map", "attribute", "default?")
		if err != nil {
			return nil, err
		}
		g := newGetter(bound[0], false)
		if !isNone(bound[1]) {
			g.absent = bound[1]
		}
		return func(item py.Value) (py.Value, error) { return g.get(f, item) }, nil
	}
	name, err := py.TextOr(args.Pos[0], "")
	if err != nil {
		return nil, err
	}
	apply := filterNamed(name)
	if apply == nil {
		return nil, py.Raise(py.RuntimeError, "No filter named '%s'.", name)
	}
	rest := py.Args{Pos: args.Pos[1:], Kw: args.Kw}
	return func(item py.Value) (py.Value, error) { return f.filter(apply, item, rest) }, nil
}

// chooser makes the filters that keep items, or an attribute of which passes a test:
// those that do when want is set, else those that do not.
func chooser(attribute, want bool) filter {
	return func(f *frame, v py.Value, args py.Args) (py.Value, error) {
		return lazily(func() (*py.Iterator, error) {
			if !py.Truth(v) {
				return py.Items("generator", nil), nil
			}
			g := getter{}
			if attribute {
				if len(args.Pos) == 0 {
					return nil, py.Raise(py.TypeError, "Missing parameter for attribute name")
				}
				g = newGetter(args.Pos[0], false)
				args.Pos = args.Pos[1:]
			}
			passes, err := f.tester(args)
			if err != nil {
				return nil, err
			}
			it, err := py.Iterate(v)
			if err != nil {
				return nil, err
			}
			return it.Where(func(_ *py.Thread, item py.Value) (bool, error) {
				key, err := g.get(f, item)
				if err != nil {
					return false, err
				}
				ok, err := passes(key)
				return ok == want, err
			}), nil
		}), nil
	}
}

// tester is the test that the arguments name, or truth when they name none.
func (f *frame) tester(args py.Args) (func(py.Value) (bool, error), error) {
	if len(args.Pos) == 0 {
		return func(v py.Value) (bool, error) { return py.Truth(v), nil }, nil
	}
	name, err := py.TextOr(args.Pos[0], "")
	if err != nil {
		return nil, err
	}
	t := testNamed(name)
	if t == nil {
		return nil, py.Raise(py.RuntimeError, "No test named '%s'.", name)
	}
	rest := py.Args{Pos: args.Pos[1:], Kw: args.Kw}
	return func(v py.Value) (bool, error) { return t(f, v, rest) }, nil
}
