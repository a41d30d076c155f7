package render

import (
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/render/py"
)

// Limits bound what a template may take. Zero means the default.
type Limits struct {
	Source  int // bytes of the template; 64 KiB
	Output  int // bytes that one rendering writes; 1 MiB
	Steps   int // operations of one rendering; one million
	Memory  int // bytes that one rendering allocates, all in all; 64 MiB
	Nesting int // of the template's own parts; 150
	Depth   int // of calls that wait for each other in a rendering; 500
}

func (l Limits) withDefaults() Limits {
	or := func(v *int, absent int) {
		if *v <= 0 {
			*v = absent
		}
	}
	or(&l.Source, 64<<10)
	or(&l.Output, 1<<20)
	or(&l.Steps, 1_000_000)
	or(&l.Memory, 64<<20)
	or(&l.Nesting, 150)
	or(&l.Depth, 500)
	return l
}

// Template is a template that was understood. It is safe for concurrent use.
type Template struct {
	body   []stmt
	blocks map[string]*blockStmt
	limits Limits
}

// Compile reads a template in the language of Jinja 3.1 with its default settings: no
// escaping, undefined names print as nothing, one line break at the very end is
// dropped. An error is a *SyntaxError, or a *py.Exception when the text is too long or
// no UTF-8.
func Compile(src string, limits Limits) (*Template, error) {
	limits = limits.withDefaults()
	if len(src) > limits.Source {
		return nil, py.Raise(py.LimitError, "the template is longer than %d bytes", limits.Source)
	}
	if !utf8.ValidString(src) {
		return nil, py.Raise(py.UnicodeError, "the template is not UTF-8")
	}
	t, err := parse(src, limits.Nesting)
	if err != nil {
		return nil, err
	}
	t.limits = limits
	return t, nil
}

// Render fills in a template, in a sandbox: it reaches nothing but the variables, and
// these only through what is safe in them. A template can change a list or dict that
// it is given, as it can in Jinja; give each rendering its own where that matters. An
// error is a *py.Exception, and its text is one line.
func (t *Template) Render(vars map[string]py.Value) (string, error) {
	r := &run{
		th:     py.NewThread(t.limits.Steps, t.limits.Memory, t.limits.Depth),
		vars:   vars,
		blocks: t.blocks,
		root:   &scope{},
	}
	f := &frame{run: r, scope: r.root, out: &sink{max: t.limits.Output}}
	r.root.set("self", &selfValue{f})
	if err := f.exec(t.body); err != nil {
		return "", err
	}
	out := f.out.b.String()
	if !utf8.ValidString(out) {
		return "", py.Raise(py.UnicodeError, "'utf-8' codec can't encode half of a surrogate pair")
	}
	return out, nil
}
