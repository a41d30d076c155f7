package render

import "github.com/switchhook/switchhook/internal/render/py"

// macroBody is what a macro and a call block have in common.
type macroBody struct {
	name           string
	params         []param
	body           []stmt
	uses           uses
	explicitCaller bool // the caller is among the parameters
}

type param struct {
	name   string
	absent expr // nil when there is no default
}

type macroStmt struct{ macroBody }

type callStmt struct {
	macroBody
	call *callExpr
}

func (s *macroStmt) exec(f *frame) error {
	f.scope.set(s.name, &macro{&s.macroBody, f})
	return f.th.AllocItems(4)
}

func (s *callStmt) exec(f *frame) error {
	callee, err := f.eval(s.call.of)
	if err != nil {
		return err
	}
	args, err := f.arguments(s.call.args)
	if err != nil {
		return err
	}
	args.Kw = append(args.Kw, py.Keyword{Name: "caller", Value: &macro{&s.macroBody, f}})
	v, err := f.call(callee, args)
	if err != nil {
		return err
	}
	return f.writeText(v)
}

// macro is a macro as a value: it sees the names of the place where it was defined.
type macro struct {
	*macroBody
	f *frame
}

// TypeName implements py.Value.
func (*macro) TypeName() string { return "Macro" }

// Show implements py.Shown.
func (m *macro) Show(th *py.Thread) (string, error) {
	name, err := py.Repr(th, m.nameValue())
	return "<Macro " + name + ">", err
}

// nameValue is the macro's name; a call block has none.
func (m *macro) nameValue() py.Value {
	if m.name == "caller" {
		return py.None{}
	}
	return py.Str(m.name)
}

// Attr implements py.Attributed.
func (m *macro) Attr(_ *py.Thread, name string) (py.Value, error) {
	switch name {
	case "name":
		return m.nameValue(), nil
	case "arguments":
		names := &py.Tuple{}
		for _, p := range m.params {
			names.Items = append(names.Items, py.Str(p.name))
		}
		return names, nil
	case "catch_kwargs":
		return py.Bool(m.uses.kwargs), nil
	case "catch_varargs":
		return py.Bool(m.uses.varargs), nil
	case "caller":
		return py.Bool(m.uses.caller), nil
	case "explicit_caller":
		return py.Bool(m.explicitCaller), nil
	}
	return nil, nil
}

// Call implements py.Callable.
func (m *macro) Call(_ *py.Thread, args py.Args) (py.Value, error) {
	return m.invoke(args, m.f.run.escape)
}

// invoke runs the macro; its output counts as escaped where escaping is on.
func (m *macro) invoke(args py.Args, escape bool) (py.Value, error) {
	inner := m.f.inside()
	if err := m.bind(inner, args); err != nil {
		return nil, err
	}
	text, err := inner.capture(m.body)
	return captured(text, escape), err
}

// bind gives the parameters their arguments, and defaults to those left out.
func (m *macro) bind(f *frame, args py.Args) error {
	named := py.NewDict()
	for _, kw := range args.Kw {
		named.Set(kw.Name, kw.Value)
	}
	given := make([]py.Value, len(m.params))
	used := copy(given, args.Pos)
	for i := used; i < len(given); i++ {
		name := m.params[i].name
		given[i] = named.Get(name)
		named.Delete(name)
	}
	if m.uses.caller && !m.explicitCaller {
		caller := named.Get("caller")
		if caller == nil {
			caller = &py.Undefined{Class: py.UndefinedError, Message: "No caller defined"}
		}
		named.Delete("caller")
		f.scope.set("caller", caller)
	}
	if err := m.bindRest(f, args.Pos[used:], named); err != nil {
		return err
	}
	for i, p := range m.params {
		v := given[i]
		if v == nil && p.absent != nil {
			var err error
			if v, err = f.eval(p.absent); err != nil {
				return err
			}
		}
		if v == nil {
			v = &py.Undefined{Class: py.UndefinedError, Message: "parameter '" + p.name + "' was not provided"}
		}
		f.scope.set(p.name, v)
	}
	return f.th.AllocItems(4 * len(m.params))
}

// bindRest takes the arguments that belong to no parameter, where the body asks for
// them.
func (m *macro) bindRest(f *frame, rest []py.Value, named *py.Dict) error {
	switch {
	case m.uses.kwargs:
		f.scope.set("kwargs", named)
	case named.Get("caller") != nil:
		return py.Raise(py.TypeError, "macro '%s' was called with a caller that it does not use", m.name)
	case named.Len() > 0:
		for name := range named.All() {
			text, _ := py.Text(name)
			return py.Raise(py.TypeError, "macro '%s' takes no keyword argument '%s'", m.name, text)
		}
	}
	switch {
	case m.uses.varargs:
		f.scope.set("varargs", py.NewTuple(rest...))
	case len(rest) > 0:
		return py.Raise(py.TypeError, "macro '%s' takes not more than %d argument(s)", m.name, len(m.params))
	}
	return nil
}
