package render

import (
	"bytes"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/render/py"
)

// encodeFilter returns the filters that write values for other programs.
func encodeFilter(name string) filter {
	switch name {
	case "urlencode":
		return filterWith(filterURLEncode)
	case "tojson":
		return filterWith(filterToJSON, "indent?")
	case "pprint":
		return filterWith(func(f *frame, v py.Value, _ []py.Value) (py.Value, error) {
			text, err := py.Pretty(f.th, v)
			return py.Str(text), err
		})
	}
	return nil
}

// filterURLEncode makes a query of a dict or of pairs, and otherwise percent-encodes a
// text, in which slashes stay.
func filterURLEncode(f *frame, v py.Value, _ []py.Value) (py.Value, error) {
	_, text := py.Text(v)
	it, err := py.Iterate(v)
	if text || err != nil {
		out, err := f.percent(nil, v, "/", false)
		return py.Str(out), err
	}
	if d, ok := v.(*py.Dict); ok {
		it = d.Entries()
	}
	var out []byte
	for {
		item, err := it.Next(f.th)
		if err != nil || item == nil {
			return py.Str(out), err
		}
		pair, err := py.Unpack(f.th, item, 2)
		if err != nil {
			return nil, err
		}
		if len(out) > 0 {
			out = append(out, '&')
		}
		if out, err = f.percent(out, pair[0], "", true); err != nil {
			return nil, err
		}
		if out, err = f.percent(append(out, '='), pair[1], "", true); err != nil {
			return nil, err
		}
	}
}

// percent appends a value's text, percent-encoded.
func (f *frame) percent(dst []byte, v py.Value, safe string, plus bool) ([]byte, error) {
	if b, ok := v.(py.Bytes); ok {
		return appendPercent(dst, string(b), "_.-~"+safe, plus), f.th.Alloc(3 * len(b))
	}
	text, err := py.String(f.th, v)
	if err != nil {
		return nil, err
	}
	if !utf8.ValidString(text) {
		return nil, py.Raise(py.UnicodeError, "'utf-8' codec can't encode half of a surrogate pair")
	}
	return appendPercent(dst, text, "_.-~"+safe, plus), f.th.Alloc(3 * len(text))
}

// filterToJSON encodes a value so that it can stand in HTML and in scripts.
func filterToJSON(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	e := &encoder{style: JSONStyle{SortKeys: true}, ascii: true, comma: ", ", colon: ": ", th: f.th}
	if !isNone(args[0]) {
		indent, err := indentText(f.th, args[0])
		if err != nil {
			return nil, err
		}
		e.lines, e.indent, e.comma = true, indent, ","
	}
	if err := e.value(v, 0); err != nil {
		return nil, err
	}
	out := e.out
	for _, r := range [][2]string{{"<", `\u003c`}, {">", `\u003e`}, {"&", `\u0026`}, {"'", `\u0027`}} {
		out = bytes.ReplaceAll(out, []byte(r[0]), []byte(r[1]))
	}
	return py.Markup(out), f.th.Alloc(len(out) + len(e.out))
}
