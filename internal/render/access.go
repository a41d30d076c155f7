package render

import "github.com/switchhook/switchhook/internal/render/py"

type (
	attrExpr struct {
		of   expr
		name string
	}
	itemExpr  struct{ of, key expr }
	sliceExpr struct{ start, stop, step expr } // nil where left out
	callExpr  struct {
		of   expr
		args arguments
	}
	filterExpr struct {
		of     expr // nil for the body of a statement
		name   string
		filter filter // nil when nobody knows it
		args   arguments
	}
	testExpr struct {
		of   expr
		name string
		test test // nil when nobody knows it
		args arguments
	}
)

// arguments are what stands in the brackets of a call.
type arguments struct {
	plain          []expr
	named          []namedExpr
	star, starStar expr // nil where left out
}

type namedExpr struct {
	name string
	of   expr
}

func (e *attrExpr) eval(f *frame) (py.Value, error) {
	v, err := f.eval(e.of)
	if err != nil {
		return nil, err
	}
	return py.Attribute(f.th, v, e.name)
}

func (e *itemExpr) eval(f *frame) (py.Value, error) {
	v, err := f.eval(e.of)
	if err != nil {
		return nil, err
	}
	key, err := f.eval(e.key)
	if err != nil {
		return nil, err
	}
	if _, slice := key.(py.Slice); slice {
		return py.Item(f.th, v, key) // where there is none, it is an error
	}
	return py.Subscript(f.th, v, key)
}

func (e *sliceExpr) eval(f *frame) (py.Value, error) {
	var s py.Slice
	for _, part := range []struct {
		of expr
		to *py.Value
	}{{e.start, &s.Start}, {e.stop, &s.Stop}, {e.step, &s.Step}} {
		if part.of == nil {
			continue
		}
		v, err := f.eval(part.of)
		if err != nil {
			return nil, err
		}
		*part.to = v
	}
	return s, nil
}

func (e *callExpr) eval(f *frame) (py.Value, error) {
	callee, err := f.eval(e.of)
	if err != nil {
		return nil, err
	}
	args, err := f.arguments(e.args)
	if err != nil {
		return nil, err
	}
	return f.call(callee, args)
}

// call is callee(args). A macro sees whether escaping is on where it is called.
func (f *frame) call(callee py.Value, args py.Args) (py.Value, error) {
	if m, ok := callee.(*macro); ok {
		if err := f.th.Enter(); err != nil {
			return nil, err
		}
		defer f.th.Leave()
		return m.invoke(args, f.run.escape)
	}
	return py.Call(f.th, callee, args)
}

func (f *frame) arguments(a arguments) (py.Args, error) {
	var args py.Args
	var err error
	if args.Pos, err = f.evalAll(a.plain); err != nil {
		return args, err
	}
	for _, n := range a.named {
		v, err := f.eval(n.of)
		if err != nil {
			return args, err
		}
		args.Kw = append(args.Kw, py.Keyword{Name: n.name, Value: v})
	}
	if a.star != nil {
		v, err := f.eval(a.star)
		if err != nil {
			return args, err
		}
		more, err := py.Collect(f.th, v)
		if err != nil {
			return args, err
		}
		args.Pos = append(args.Pos, more...)
	}
	if a.starStar != nil {
		v, err := f.eval(a.starStar)
		if err != nil {
			return args, err
		}
		return args, addKeywords(f.th, &args, v)
	}
	return args, nil
}

func addKeywords(th *py.Thread, args *py.Args, v py.Value) error {
	d, ok := v.(*py.Dict)
	if !ok {
		return py.Raise(py.TypeError, "argument after ** must be a mapping, not %s", v.TypeName())
	}
	for key, v := range d.All() {
		name, ok := py.Text(key)
		if !ok {
			return py.Raise(py.TypeError, "keywords must be strings")
		}
		for _, kw := range args.Kw {
			if kw.Name == name {
				return py.Raise(py.TypeError, "got multiple values for keyword argument '%s'", name)
			}
		}
		args.Kw = append(args.Kw, py.Keyword{Name: name, Value: v})
	}
	return th.AllocItems(2 * d.Len())
}

func (e *filterExpr) eval(f *frame) (py.Value, error) {
	v, err := f.eval(e.of)
	if err != nil {
		return nil, err
	}
	return e.apply(f, v)
}

// apply filters v.
func (e *filterExpr) apply(f *frame, v py.Value) (py.Value, error) {
	if e.filter == nil {
		return nil, py.Raise(py.RuntimeError, "No filter named '%s' found.", e.name)
	}
	args, err := f.arguments(e.args)
	if err != nil {
		return nil, err
	}
	return f.filter(e.filter, v, args)
}

// applyAll filters the output of a statement with the filters that stand behind each
// other in e.
func (e *filterExpr) applyAll(f *frame, v py.Value) (py.Value, error) {
	if before, ok := e.of.(*filterExpr); ok {
		var err error
		if v, err = before.applyAll(f, v); err != nil {
			return nil, err
		}
	}
	return e.apply(f, v)
}

func (e *testExpr) eval(f *frame) (py.Value, error) {
	v, err := f.eval(e.of)
	if err != nil {
		return nil, err
	}
	if e.test == nil {
		return nil, py.Raise(py.RuntimeError, "No test named '%s' found.", e.name)
	}
	args, err := f.arguments(e.args)
	if err != nil {
		return nil, err
	}
	ok, err := e.test(f, v, args)
	return py.Bool(ok), err
}
