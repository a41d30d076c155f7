package render

import (
	"strings"

	"github.com/switchhook/switchhook/internal/render/py"
)

// expr is an expression.
type expr interface {
	eval(f *frame) (py.Value, error)
}

type (
	constant  struct{ v py.Value }
	nameExpr  struct{ name string }
	listExpr  struct{ items []expr }
	tupleExpr struct{ items []expr }
	dictExpr  struct{ keys, values []expr }
	condExpr  struct{ test, then, other expr } // other may be nil
	andExpr   struct{ a, b expr }
	orExpr    struct{ a, b expr }
	notExpr   struct{ of expr }
	unaryExpr struct {
		op func(py.Value) (py.Value, error)
		of expr
	}
	binaryExpr struct {
		op   py.Op
		a, b expr
	}
	concatExpr  struct{ items []expr }
	compareExpr struct {
		first expr
		rest  []comparison
	}
)

// comparison is an operator and what is behind it.
type comparison struct {
	op string
	of expr
}

func (c constant) eval(*frame) (py.Value, error) { return c.v, nil }

func (e *nameExpr) eval(f *frame) (py.Value, error) { return f.lookup(e.name), nil }

func (e *listExpr) eval(f *frame) (py.Value, error) {
	items, err := f.evalAll(e.items)
	return py.NewList(items...), err
}

func (e *tupleExpr) eval(f *frame) (py.Value, error) {
	items, err := f.evalAll(e.items)
	return py.NewTuple(items...), err
}

func (e *dictExpr) eval(f *frame) (py.Value, error) {
	d := py.NewDict()
	for i := range e.keys {
		key, err := f.eval(e.keys[i])
		if err != nil {
			return nil, err
		}
		v, err := f.eval(e.values[i])
		if err != nil {
			return nil, err
		}
		if err := d.SetItem(f.th, key, v); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (e *condExpr) eval(f *frame) (py.Value, error) {
	ok, err := f.truth(e.test)
	switch {
	case err != nil:
		return nil, err
	case ok:
		return f.eval(e.then)
	case e.other != nil:
		return f.eval(e.other)
	}
	return &py.Undefined{
		Class:   py.UndefinedError,
		Message: "the inline if-expression evaluated to false and no else section was defined.",
	}, nil
}

func (e *andExpr) eval(f *frame) (py.Value, error) {
	v, err := f.eval(e.a)
	if err != nil || !py.Truth(v) {
		return v, err
	}
	return f.eval(e.b)
}

func (e *orExpr) eval(f *frame) (py.Value, error) {
	v, err := f.eval(e.a)
	if err != nil || py.Truth(v) {
		return v, err
	}
	return f.eval(e.b)
}

func (e *notExpr) eval(f *frame) (py.Value, error) {
	ok, err := f.truth(e.of)
	return py.Bool(!ok), err
}

func (e *unaryExpr) eval(f *frame) (py.Value, error) {
	v, err := f.eval(e.of)
	if err != nil {
		return nil, err
	}
	return e.op(v)
}

func (e *binaryExpr) eval(f *frame) (py.Value, error) {
	a, err := f.eval(e.a)
	if err != nil {
		return nil, err
	}
	b, err := f.eval(e.b)
	if err != nil {
		return nil, err
	}
	return py.Binary(f.th, e.op, a, b)
}

// eval joins texts; with escaping on, and something escaped among them, the others
// are escaped first.
func (e *concatExpr) eval(f *frame) (py.Value, error) {
	items, err := f.evalAll(e.items)
	if err != nil {
		return nil, err
	}
	return joinTexts(f, items, f.escape)
}

func joinTexts(f *frame, items []py.Value, escape bool) (py.Value, error) {
	if escape {
		escape = false
		for _, v := range items {
			_, markup := v.(py.Markup)
			escape = escape || markup
		}
	}
	var b strings.Builder
	for _, v := range items {
		s, err := printed(f.th, v, escape)
		if err != nil {
			return nil, err
		}
		if err := f.th.Alloc(len(s)); err != nil {
			return nil, err
		}
		b.WriteString(s)
	}
	return captured(b.String(), escape), nil
}

// printed is what a value writes.
func printed(th *py.Thread, v py.Value, escape bool) (string, error) {
	if escape {
		m, err := py.EscapeValue(th, v)
		return string(m), err
	}
	return py.String(th, v)
}

func (e *compareExpr) eval(f *frame) (py.Value, error) {
	a, err := f.eval(e.first)
	if err != nil {
		return nil, err
	}
	for _, c := range e.rest {
		b, err := f.eval(c.of)
		if err != nil {
			return nil, err
		}
		ok, err := compare(f.th, c.op, a, b)
		if err != nil || !ok {
			return py.Bool(false), err
		}
		a = b
	}
	return py.Bool(true), nil
}

// compare is a op b.
func compare(th *py.Thread, op string, a, b py.Value) (ok bool, err error) {
	switch op {
	case "==":
		return py.Equal(th, a, b)
	case "!=":
		ok, err = py.Equal(th, a, b)
		return !ok, err
	case "in":
		return py.Contains(th, b, a)
	case "not in":
		ok, err = py.Contains(th, b, a)
		return !ok, err
	}
	return py.Ordered(th, py.Order(op), a, b)
}
