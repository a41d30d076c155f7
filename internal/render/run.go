package render

import (
	"strings"

	"github.com/switchhook/switchhook/internal/render/py"
)

// run is one rendering of a template.
type run struct {
	th     *py.Thread
	vars   map[string]py.Value
	blocks map[string]*blockStmt
	root   *scope // names that the template itself has set
	escape bool   // autoescape is on, where the run is now
	within int    // how many expressions wait for the one that is at work
}

// scope holds names that were set, and stands inside another one.
type scope struct {
	names map[string]py.Value
	outer *scope
}

func (s *scope) inner() *scope { return &scope{outer: s} }

func (s *scope) set(name string, v py.Value) {
	if s.names == nil {
		s.names = map[string]py.Value{}
	}
	s.names[name] = v
}

// frame is where a statement runs: with what names, and where its output goes.
type frame struct {
	*run
	scope  *scope
	out    *sink
	escape bool // autoescape is on where the statement stands
}

// inside is the frame for a body with names of its own.
func (f *frame) inside() *frame {
	inner := *f
	inner.scope = f.scope.inner()
	return &inner
}

// lookup finds a name: what was set, then the variables, then the globals.
func (f *frame) lookup(name string) py.Value {
	for s := f.scope; s != nil; s = s.outer {
		if v, ok := s.names[name]; ok {
			return v
		}
	}
	if v, ok := f.vars[name]; ok {
		return v
	}
	if v := f.global(name); v != nil {
		return v
	}
	return py.UndefinedName(name)
}

// sink collects output.
type sink struct {
	b   strings.Builder
	max int // how long it may get
}

func (f *frame) write(s string) error {
	if f.out.b.Len()+len(s) > f.out.max {
		return py.Raise(py.LimitError, "the template writes too much")
	}
	f.out.b.WriteString(s)
	return f.th.Alloc(len(s))
}

// capture runs statements and returns what they write.
func (f *frame) capture(body []stmt) (string, error) {
	inner := *f
	inner.out = &sink{max: f.out.max}
	err := inner.exec(body)
	return inner.out.b.String(), err
}

// writeText writes what a filter or a call made of a body, which must be a text.
func (f *frame) writeText(v py.Value) error {
	text, ok := py.Text(v)
	if !ok {
		return py.Raise(py.TypeError, "expected str instance, %s found", v.TypeName())
	}
	return f.write(text)
}

// captured is output as a value: it counts as escaped where escaping is on.
func captured(s string, escape bool) py.Value {
	if escape {
		return py.Markup(s)
	}
	return py.Str(s)
}

func (f *frame) exec(body []stmt) error {
	for _, s := range body {
		if err := f.th.Step(1); err != nil {
			return err
		}
		if err := s.exec(f); err != nil {
			return err
		}
	}
	return nil
}

// maxWithin is how many expressions may wait for one another: the links of long
// chains ("a + b + c"), which the parser does not count as nested.
const maxWithin = 2000

// eval is the value of an expression.
func (f *frame) eval(e expr) (py.Value, error) {
	if err := f.th.Step(1); err != nil {
		return nil, err
	}
	if f.within == maxWithin {
		return nil, py.Raise(py.RecursionError, "an expression has too many parts")
	}
	f.within++
	v, err := e.eval(f)
	f.within--
	return v, err
}

func (f *frame) evalAll(es []expr) ([]py.Value, error) {
	values := make([]py.Value, len(es))
	for i, e := range es {
		var err error
		if values[i], err = f.eval(e); err != nil {
			return nil, err
		}
	}
	return values, f.th.AllocItems(len(es))
}

func (f *frame) truth(e expr) (bool, error) {
	v, err := f.eval(e)
	if err != nil {
		return false, err
	}
	return py.Truth(v), nil
}
