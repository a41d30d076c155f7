package render

import "github.com/switchhook/switchhook/internal/render/py"

// stmt is a statement.
type stmt interface {
	exec(f *frame) error
}

type (
	dataStmt  string
	printStmt struct{ values []expr }
	ifStmt    struct {
		branches []branch // the if and each elif
		other    []stmt
	}
	branch struct {
		test expr
		body []stmt
	}
	setStmt struct {
		target target
		value  expr
	}
	setBlockStmt struct {
		target target
		filter expr // nil when there is none
		body   []stmt
	}
	withStmt struct {
		targets []target
		values  []expr
		body    []stmt
	}
	filterStmt struct {
		filter expr
		body   []stmt
	}
	escapeStmt struct {
		on   expr
		body []stmt
	}
	blockStmt struct {
		name             string
		scoped, required bool
		body             []stmt
	}
	loadStmt string // the name of the statement
)

func (s dataStmt) exec(f *frame) error { return f.write(string(s)) }

func (s *printStmt) exec(f *frame) error {
	for _, e := range s.values {
		v, err := f.eval(e)
		if err != nil {
			return err
		}
		text, err := printed(f.th, v, f.escape)
		if err != nil {
			return err
		}
		if err := f.write(text); err != nil {
			return err
		}
	}
	return nil
}

func (s *ifStmt) exec(f *frame) error {
	for _, b := range s.branches {
		ok, err := f.truth(b.test)
		switch {
		case err != nil:
			return err
		case ok:
			return f.exec(b.body)
		}
	}
	return f.exec(s.other)
}

func (s *setStmt) exec(f *frame) error {
	v, err := f.eval(s.value)
	if err != nil {
		return err
	}
	return s.target.assign(f, v)
}

func (s *setBlockStmt) exec(f *frame) error {
	text, err := f.inside().capture(s.body)
	if err != nil {
		return err
	}
	v := captured(text, f.escape)
	if s.filter != nil {
		if v, err = s.filter.(*filterExpr).applyAll(f, v); err != nil {
			return err
		}
	}
	return s.target.assign(f, v)
}

func (s *withStmt) exec(f *frame) error {
	values, err := f.evalAll(s.values)
	if err != nil {
		return err
	}
	inner := f.inside()
	for i, t := range s.targets {
		if err := t.assign(inner, values[i]); err != nil {
			return err
		}
	}
	return inner.exec(s.body)
}

func (s *filterStmt) exec(f *frame) error {
	text, err := f.inside().capture(s.body)
	if err != nil {
		return err
	}
	v, err := s.filter.(*filterExpr).applyAll(f, captured(text, f.escape))
	if err != nil {
		return err
	}
	return f.writeText(v)
}

func (s *escapeStmt) exec(f *frame) error {
	on, err := f.truth(s.on)
	if err != nil {
		return err
	}
	before := f.run.escape
	defer func() { f.run.escape = before }()
	f.run.escape = on
	inner := f.inside()
	inner.escape = on
	return inner.exec(s.body)
}

func (s *blockStmt) exec(f *frame) error {
	if s.required {
		return py.Raise(py.RuntimeError, "Required block '%s' not found", s.name)
	}
	return s.render(f, s.scoped)
}

// render writes the block. It sees what the template itself has set, and what is set
// around it only when it is scoped.
func (s *blockStmt) render(f *frame, scoped bool) error {
	if err := f.th.Enter(); err != nil {
		return err
	}
	defer f.th.Leave()
	inner := f.inside()
	if !scoped {
		inner.scope = f.root.inner()
	}
	return inner.exec(s.body)
}

func (s loadStmt) exec(*frame) error {
	return py.Raise(py.TypeError, "'%s' needs another template, and there is none", string(s))
}

// selfValue is self, through which a template writes its blocks again.
type selfValue struct{ f *frame }

// TypeName implements py.Value.
func (*selfValue) TypeName() string { return "TemplateReference" }

// Show implements py.Shown.
func (*selfValue) Show(*py.Thread) (string, error) { return "<TemplateReference None>", nil }

// Item implements py.Subscripted: a block to call.
func (s *selfValue) Item(_ *py.Thread, key py.Value) (py.Value, error) {
	name, _ := py.Text(key)
	block := s.f.blocks[name]
	if block == nil {
		return nil, py.Raise(py.KeyError, "there is no block '%s'", name)
	}
	return &py.Func{Name: name, Type: "BlockReference", Fn: func(_ *py.Thread, _ py.Args) (py.Value, error) {
		inner := *s.f
		inner.out = &sink{max: s.f.out.max}
		err := block.render(&inner, false)
		return captured(inner.out.b.String(), s.f.run.escape), err
	}}, nil
}
