package render

import (
	"math/rand/v2"
	"strings"

	"github.com/switchhook/switchhook/internal/render/py"
)

// maxRange is how many numbers a range may have.
const maxRange = 100_000

// global returns the function of that name that every template has, nil when there is
// none.
func (f *frame) global(name string) py.Value {
	var call func(*py.Thread, py.Args) (py.Value, error)
	kind := "function"
	switch name {
	case "range":
		call = makeRange
	case "lipsum":
		call = lipsum
	case "dict":
		kind, call = "type", func(th *py.Thread, args py.Args) (py.Value, error) {
			d := py.NewDict()
			return d, d.Update(th, args)
		}
	case "namespace":
		kind, call = "type", func(th *py.Thread, args py.Args) (py.Value, error) {
			n := &namespace{py.NewDict()}
			return n, n.attrs.Update(th, args)
		}
	case "cycler":
		kind, call = "type", func(_ *py.Thread, args py.Args) (py.Value, error) {
			if len(args.Pos) == 0 || len(args.Kw) > 0 {
				return nil, py.Raise(py.RuntimeError, "at least one item has to be provided")
			}
			return &cycler{items: args.Pos}, nil
		}
	case "joiner":
		kind, call = "type", func(_ *py.Thread, args py.Args) (py.Value, error) {
			bound, err := args.Bind("joiner", "sep?")
			if err != nil {
				return nil, err
			}
			return &joiner{sep: orStr(bound[0], ", ")}, nil
		}
	default:
		return nil
	}
	return &py.Func{Name: name, Type: kind, Fn: call}
}

func makeRange(_ *py.Thread, args py.Args) (py.Value, error) {
	bound, err := args.Bind("range", "start", "stop?", "step?")
	if err != nil {
		return nil, err
	}
	if len(args.Kw) > 0 {
		return nil, py.Raise(py.TypeError, "range() takes no keyword arguments")
	}
	numbers := [3]int{0, 0, 1}
	for i, v := range bound {
		if numbers[i], err = py.IntOr(v, numbers[i]); err != nil {
			return nil, err
		}
	}
	if bound[1] == nil {
		numbers[0], numbers[1] = 0, numbers[0]
	}
	r, err := py.RangeOf(numbers[0], numbers[1], numbers[2])
	if err == nil && r.Len() > maxRange {
		err = py.Raise(py.OverflowError, "Range too big. The sandbox blocks ranges larger than %d.", maxRange)
	}
	return r, err
}

// namespace is a bag of values that inner scopes can change.
type namespace struct{ attrs *py.Dict }

// TypeName implements py.Value.
func (*namespace) TypeName() string { return "Namespace" }

// Attr implements py.Attributed.
func (n *namespace) Attr(_ *py.Thread, name string) (py.Value, error) { return n.attrs.Get(name), nil }

// Show implements py.Shown.
func (n *namespace) Show(th *py.Thread) (string, error) {
	text, err := py.Repr(th, n.attrs)
	return "<Namespace " + text + ">", err
}

// cycler gives its items in turn.
type cycler struct {
	items []py.Value
	at    int
}

// TypeName implements py.Value.
func (*cycler) TypeName() string { return "Cycler" }

// Attr implements py.Attributed.
func (c *cycler) Attr(_ *py.Thread, name string) (py.Value, error) {
	switch name {
	case "current":
		return c.items[c.at], nil
	case "next":
		return &py.Func{Name: name, Fn: func(*py.Thread, py.Args) (py.Value, error) {
			item := c.items[c.at]
			c.at = (c.at + 1) % len(c.items)
			return item, nil
		}}, nil
	case "reset":
		return &py.Func{Name: name, Fn: func(*py.Thread, py.Args) (py.Value, error) {
			c.at = 0
			return py.None{}, nil
		}}, nil
	case "items":
		return py.NewTuple(c.items...), nil
	case "pos":
		return py.NewInt(c.at), nil
	}
	return nil, nil
}

// joiner gives nothing when it is first called, and then its separator.
type joiner struct {
	sep  py.Value
	used bool
}

// TypeName implements py.Value.
func (*joiner) TypeName() string { return "Joiner" }

// Call implements py.Callable.
func (j *joiner) Call(*py.Thread, py.Args) (py.Value, error) {
	if !j.used {
		j.used = true
		return py.Str(""), nil
	}
	return j.sep, nil
}

// latin are words that say nothing.
const latin = "a ac ad aenean aliquam ante arcu at auctor augue bibendum blandit commodo congue consectetuer " +
	"cras cum curabitur dapibus diam dictum dolor donec dui duis egestas eget elit enim erat eros est et etiam " +
	"facilisi felis fermentum fusce gravida hendrerit iaculis id imperdiet in integer ipsum justo lacus laoreet"

// lipsum makes paragraphs of text that says nothing.
func lipsum(th *py.Thread, args py.Args) (py.Value, error) {
	bound, err := args.Bind("lipsum", "n?", "html?", "min?", "max?")
	if err != nil {
		return nil, err
	}
	var numbers [4]int
	for i, absent := range [...]int{5, 0, 20, 100} {
		if i == 1 {
			continue
		}
		n, err := py.IntOr(bound[i], absent)
		if err != nil {
			return nil, err
		}
		numbers[i] = min(max(n, -maxRange), maxRange)
	}
	least, most := numbers[2], numbers[3]
	if least >= most {
		return nil, py.Raise(py.ValueError, "empty range for randrange() (%d, %d)", least, most)
	}
	words := strings.Fields(latin)
	var paragraphs []string
	for range numbers[0] {
		n := max(least+rand.IntN(most-least), 0)
		if err := th.Alloc(16 * n); err != nil {
			return nil, err
		}
		chosen := make([]string, n)
		for i := range chosen {
			chosen[i] = words[rand.IntN(len(words))]
		}
		text := strings.Join(chosen, " ")
		if text != "" {
			text = strings.ToUpper(text[:1]) + text[1:] + "."
		}
		paragraphs = append(paragraphs, text)
	}
	if !py.TruthOr(bound[1], true) {
		return py.Str(strings.Join(paragraphs, "\n\n")), nil
	}
	for i := range paragraphs {
		paragraphs[i] = "<p>" + paragraphs[i] + "</p>"
	}
	return py.Markup(strings.Join(paragraphs, "\n")), nil
}
