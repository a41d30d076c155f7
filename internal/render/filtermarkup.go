package render

import (
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/render/py"
)

// markupFilter returns the filters that are about HTML.
func markupFilter(name string) filter {
	switch name {
	case "e", "escape":
		return filterWith(func(f *frame, v py.Value, _ []py.Value) (py.Value, error) { return py.EscapeValue(f.th, v) })
	case "forceescape":
		return filterWith(func(f *frame, v py.Value, _ []py.Value) (py.Value, error) {
			text, err := py.String(f.th, v)
			if err != nil {
				return nil, err
			}
			return py.EscapeValue(f.th, py.Str(text))
		})
	case "safe":
		return filterWith(func(f *frame, v py.Value, _ []py.Value) (py.Value, error) {
			text, err := py.String(f.th, v)
			return py.Markup(text), err
		})
	case "striptags":
		return filterWith(func(f *frame, v py.Value, _ []py.Value) (py.Value, error) {
			text, err := py.String(f.th, v)
			if err != nil {
				return nil, err
			}
			return py.Str(py.StripTags(text)), f.th.Alloc(len(text))
		})
	case "xmlattr":
		return filterWith(filterXMLAttr, "autospace?")
	case "urlize":
		return filterWith(filterURLize, "trim_url_limit?", "nofollow?", "target?", "rel?", "extra_schemes?")
	}
	return nil
}

// filterXMLAttr makes attributes of an element out of a dict.
func filterXMLAttr(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	entries, err := f.entries(v)
	if err != nil {
		return nil, err
	}
	var items []string
	for _, e := range entries {
		key, value := e[0], e[1]
		if isNone(value) || isUndefined(value) {
			continue
		}
		name, ok := py.Text(key)
		if !ok {
			return nil, py.Raise(py.TypeError, "expected string or bytes-like object")
		}
		if strings.ContainsFunc(name, func(r rune) bool { return py.IsSpace(r) || strings.ContainsRune("/>=", r) }) {
			return nil, py.Raise(py.ValueError, "Invalid character in attribute name: '%s'", name)
		}
		left, err := py.EscapeValue(f.th, key)
		if err != nil {
			return nil, err
		}
		right, err := py.EscapeValue(f.th, value)
		if err != nil {
			return nil, err
		}
		items = append(items, string(left)+`="`+string(right)+`"`)
	}
	out := strings.Join(items, " ")
	if py.TruthOr(args[0], true) && out != "" {
		out = " " + out
	}
	return captured(out, f.run.escape), f.th.Alloc(2 * len(out))
}

// entries are the entries of a dict.
func (f *frame) entries(v py.Value) ([][2]py.Value, error) {
	d, ok := v.(*py.Dict)
	if !ok {
		if u, ok := v.(*py.Undefined); ok {
			return nil, u.Raise()
		}
		return nil, py.Raise(py.AttributeError, "'%s' object has no attribute 'items'", v.TypeName())
	}
	out := make([][2]py.Value, 0, d.Len())
	for key, value := range d.All() {
		out = append(out, [2]py.Value{key, value})
	}
	return out, f.th.AllocItems(2 * len(out))
}

func filterURLize(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	m, err := py.EscapeValue(f.th, v)
	if err != nil {
		return nil, err
	}
	l := linker{trim: -1}
	if !isNone(args[0]) {
		if l.trim, err = py.IntOr(args[0], -1); err != nil {
			return nil, err
		}
	}
	if l.rel, err = f.rel(args[3], py.TruthOr(args[1], false)); err != nil {
		return nil, err
	}
	if !isNone(args[2]) {
		target, err := py.EscapeValue(f.th, args[2])
		if err != nil {
			return nil, err
		}
		if target != "" {
			l.target = ` target="` + string(target) + `"`
		}
	}
	if !isNone(args[4]) {
		if l.schemes, err = f.schemes(args[4]); err != nil {
			return nil, err
		}
	}
	// An address takes some time to look at, and can become a much longer link.
	if err := f.th.Alloc(16*len(m) + strings.Count(string(m), ".")*len(l.rel+l.target)); err != nil {
		return nil, err
	}
	return captured(l.link(string(m)), f.run.escape), nil
}

// rel is the rel attribute: what is asked for, and noopener.
func (f *frame) rel(given py.Value, nofollow bool) (string, error) {
	words := []string{"noopener"}
	if !isNone(given) {
		text, err := py.TextOr(given, "")
		if err != nil {
			return "", err
		}
		words = append(words, py.Fields(text)...)
	}
	if nofollow {
		words = append(words, "nofollow")
	}
	slices.Sort(words)
	words = slices.Compact(words)
	return ` rel="` + string(py.Escape(strings.Join(words, " "))) + `"`, f.th.AllocItems(4 * len(words))
}

func (f *frame) schemes(given py.Value) ([]string, error) {
	items, err := py.Collect(f.th, given)
	if err != nil {
		return nil, err
	}
	var schemes []string
	for _, item := range items {
		scheme, ok := py.Text(item)
		if !ok || !isScheme(scheme) {
			return nil, py.Raise(py.ValueError, "not a valid URI scheme prefix")
		}
		schemes = append(schemes, scheme)
	}
	return schemes, nil
}
