package render

import "github.com/switchhook/switchhook/internal/render/py"

// target is what a value is assigned to.
type target interface {
	assign(f *frame, v py.Value) error
}

type (
	nameTarget  struct{ name string }
	tupleTarget struct{ items []target }
	attrTarget  struct{ space, name string } // an attribute of a namespace
)

func (t *nameTarget) assign(f *frame, v py.Value) error {
	f.scope.set(t.name, v)
	return f.th.AllocItems(4)
}

func (t *tupleTarget) assign(f *frame, v py.Value) error {
	values, err := py.Unpack(f.th, v, len(t.items))
	if err != nil {
		return err
	}
	for i, item := range t.items {
		if err := item.assign(f, values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *attrTarget) assign(f *frame, v py.Value) error {
	space, ok := f.lookup(t.space).(*namespace)
	if !ok {
		return py.Raise(py.RuntimeError, "cannot assign attribute on non-namespace object")
	}
	space.attrs.Set(t.name, v)
	return f.th.AllocItems(4)
}
