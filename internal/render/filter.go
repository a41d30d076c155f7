package render

import (
	"strings"

	"github.com/switchhook/switchhook/internal/render/py"
)

// filter makes a value out of another one.
type filter func(f *frame, v py.Value, args py.Args) (py.Value, error)

// filterNamed returns the filter of that name, nil when there is none.
func filterNamed(name string) filter {
	for _, group := range [...]func(string) filter{
		textFilter, markupFilter, wrapFilter, numberFilter, sequenceFilter, orderFilter, choiceFilter, encodeFilter,
	} {
		if found := group(name); found != nil {
			return found
		}
	}
	return nil
}

// filter applies a filter.
func (f *frame) filter(apply filter, v py.Value, args py.Args) (py.Value, error) {
	if err := f.th.Enter(); err != nil {
		return nil, err
	}
	defer f.th.Leave()
	return apply(f, v, args)
}

// filterWith makes a filter whose arguments have names; one with a "?" may be left out.
func filterWith(call func(f *frame, v py.Value, args []py.Value) (py.Value, error), params ...string) filter {
	return func(f *frame, v py.Value, args py.Args) (py.Value, error) {
		bound, err := args.Bind("the filter", params...)
		if err != nil {
			return nil, err
		}
		return call(f, v, bound)
	}
}

// softText is str(v), but Markup stays what it is.
func softText(th *py.Thread, v py.Value) (py.Value, error) {
	if _, ok := py.Text(v); ok {
		return v, nil
	}
	s, err := py.String(th, v)
	return py.Str(s), err
}

// method calls a method of a value.
func (f *frame) method(v py.Value, name string, args ...py.Value) (py.Value, error) {
	m, err := py.OwnAttribute(f.th, v, name)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, py.Raise(py.AttributeError, "'%s' object has no attribute '%s'", v.TypeName(), name)
	}
	return py.Call(f.th, m, py.Args{Pos: args})
}

// isNone says whether an argument was left out or is None.
func isNone(v py.Value) bool {
	_, none := v.(py.None)
	return v == nil || none
}

func isUndefined(v py.Value) bool {
	_, ok := v.(*py.Undefined)
	return ok
}

// getter looks up an attribute such as "address.city" or "0" of what it is given; with
// none it gives back what it was given.
type getter struct {
	parts  []py.Value
	absent py.Value // for what is undefined; nil for none
	fold   bool     // texts are compared without case
}

// newGetter reads an attribute's path.
func newGetter(attribute py.Value, fold bool) getter {
	g := getter{fold: fold}
	if isNone(attribute) {
		return g
	}
	path, ok := py.Text(attribute)
	if !ok {
		g.parts = []py.Value{attribute}
		return g
	}
	for _, part := range strings.Split(path, ".") {
		g.parts = append(g.parts, partKey(part))
	}
	return g
}

func (g getter) get(f *frame, v py.Value) (py.Value, error) {
	for _, part := range g.parts {
		var err error
		if v, err = py.Subscript(f.th, v, part); err != nil {
			return nil, err
		}
		if g.absent != nil && isUndefined(v) {
			v = g.absent
		}
	}
	if g.fold {
		return folded(f, v)
	}
	return v, nil
}

// folded is a text in small letters, and everything else as it is.
func folded(f *frame, v py.Value) (py.Value, error) {
	if _, ok := py.Text(v); ok {
		return f.method(v, "lower")
	}
	return v, nil
}
