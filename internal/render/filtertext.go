package render

import (
	"strings"

	"github.com/switchhook/switchhook/internal/render/py"
)

// textFilter returns the filters that make texts out of texts.
func textFilter(name string) filter {
	switch name {
	case "capitalize", "lower", "upper":
		return filterWith(func(f *frame, v py.Value, _ []py.Value) (py.Value, error) {
			return onText(f, v, name)
		})
	case "center":
		return filterWith(func(f *frame, v py.Value, args []py.Value) (py.Value, error) {
			return onText(f, v, name, orInt(args[0], 80))
		}, "width?")
	case "trim":
		return filterWith(func(f *frame, v py.Value, args []py.Value) (py.Value, error) {
			return onText(f, v, "strip", orNone(args[0]))
		}, "chars?")
	case "title":
		return filterWith(filterTitle)
	case "string":
		return filterWith(func(f *frame, v py.Value, _ []py.Value) (py.Value, error) { return softText(f.th, v) })
	case "replace":
		return filterWith(filterReplace, "old", "new", "count?")
	case "format":
		return filterFormat
	case "truncate":
		return filterWith(filterTruncate, "length?", "killwords?", "end?", "leeway?")
	case "indent":
		return filterWith(filterIndent, "width?", "first?", "blank?")
	case "wordcount":
		return filterWith(filterWordCount)
	case "join":
		return filterWith(filterJoin, "d?", "attribute?")
	}
	return nil
}

func orNone(v py.Value) py.Value {
	if v == nil {
		return py.None{}
	}
	return v
}

func orInt(v py.Value, absent int) py.Value {
	if v == nil {
		return py.NewInt(absent)
	}
	return v
}

// onText calls a method of a value's text.
func onText(f *frame, v py.Value, method string, args ...py.Value) (py.Value, error) {
	text, err := softText(f.th, v)
	if err != nil {
		return nil, err
	}
	return f.method(text, method, args...)
}

// filterTitle capitalizes each word; words begin after blanks, hyphens and opening
// brackets.
func filterTitle(f *frame, v py.Value, _ []py.Value) (py.Value, error) {
	text, err := py.String(f.th, v)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for text != "" {
		start := strings.IndexFunc(text, func(r rune) bool { return !beforeWord(r) })
		if start < 0 {
			start = len(text)
		}
		b.WriteString(text[:start])
		text = text[start:]
		end := strings.IndexFunc(text, beforeWord)
		if end < 0 {
			end = len(text)
		}
		_, size := py.DecodeRune(text[:end])
		first, err := f.method(py.Str(text[:size]), "upper")
		if err != nil {
			return nil, err
		}
		rest, err := f.method(py.Str(text[size:end]), "lower")
		if err != nil {
			return nil, err
		}
		b.WriteString(string(first.(py.Str) + rest.(py.Str)))
		text = text[end:]
	}
	return py.Str(b.String()), f.th.Alloc(b.Len())
}

func beforeWord(r rune) bool {
	return strings.ContainsRune("-({[<", r) || py.IsSpace(r)
}

func filterReplace(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	count := args[2]
	if isNone(count) {
		count = py.NewInt(-1)
	}
	parts := []py.Value{v, args[0], args[1]}
	for i := range parts {
		text, err := softText(f.th, parts[i])
		if err != nil {
			return nil, err
		}
		if s, _ := py.Text(text); !f.run.escape {
			text = py.Str(s)
		}
		parts[i] = text
	}
	_, fromMarkup := parts[1].(py.Markup)
	_, toMarkup := parts[2].(py.Markup)
	if s, plain := parts[0].(py.Str); plain && (fromMarkup || toMarkup) {
		parts[0] = py.Escape(string(s))
	}
	return f.method(parts[0], "replace", parts[1], parts[2], count)
}

// filterFormat is the text % the arguments.
func filterFormat(f *frame, v py.Value, args py.Args) (py.Value, error) {
	if len(args.Pos) > 0 && len(args.Kw) > 0 {
		return nil, py.Raise(py.TypeError, "can't handle positional and keyword arguments at the same time")
	}
	text, err := softText(f.th, v)
	if err != nil {
		return nil, err
	}
	if len(args.Kw) == 0 {
		return py.Binary(f.th, py.OpMod, text, py.NewTuple(args.Pos...))
	}
	named := py.NewDict()
	for _, kw := range args.Kw {
		named.Set(kw.Name, kw.Value)
	}
	return py.Binary(f.th, py.OpMod, text, named)
}

func filterTruncate(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	length, err := py.IntOr(args[0], 255)
	if err != nil {
		return nil, err
	}
	end, err := py.TextOr(args[2], "...")
	if err != nil {
		return nil, err
	}
	leeway := 5
	if !isNone(args[3]) {
		if leeway, err = py.IntOr(args[3], 5); err != nil {
			return nil, err
		}
	}
	endLength, _ := py.Len(f.th, py.Str(end))
	if length < endLength {
		return nil, py.Raise(py.ValueError, "expected length >= %d, got %d", endLength, length)
	}
	if leeway < 0 {
		return nil, py.Raise(py.ValueError, "expected leeway >= 0, got %d", leeway)
	}
	n, err := py.Len(f.th, v)
	if err != nil {
		return nil, err
	}
	if n-leeway <= length {
		return v, nil
	}
	kept, err := py.Item(f.th, v, py.Slice{Stop: py.NewInt(length - endLength)})
	if err != nil {
		return nil, err
	}
	if !py.TruthOr(args[1], false) {
		parts, err := f.method(kept, "rsplit", py.Str(" "), py.NewInt(1))
		if err != nil {
			return nil, err
		}
		kept = parts.(*py.List).Items[0]
	}
	return py.Binary(f.th, py.OpAdd, kept, orStr(args[2], end))
}

// orStr is an argument, or its default.
func orStr(v py.Value, absent string) py.Value {
	if v == nil {
		return py.Str(absent)
	}
	return v
}

func filterIndent(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	indent, err := indentText(f.th, args[0])
	if err != nil {
		return nil, err
	}
	text, ok := py.Text(v)
	if !ok {
		_, err := py.Binary(f.th, py.OpAdd, v, py.Str("\n"))
		if err == nil {
			err = py.Raise(py.TypeError, "expected a text, got %s", v.TypeName())
		}
		return nil, err
	}
	_, markup := v.(py.Markup)
	if markup {
		indent = string(py.Escape(indent))
	}
	lines := py.Lines(text+"\n", false)
	if err := f.th.Alloc(len(text) + len(lines)*(len(indent)+1)); err != nil {
		return nil, err
	}
	blank := py.TruthOr(args[2], false)
	for i := range lines {
		if i == 0 && !py.TruthOr(args[1], false) || i > 0 && lines[i] == "" && !blank {
			continue
		}
		lines[i] = indent + lines[i]
	}
	return captured(strings.Join(lines, "\n"), markup), nil
}

func indentText(th *py.Thread, width py.Value) (string, error) {
	if text, ok := py.Text(width); ok {
		return text, nil
	}
	blanks, err := py.Binary(th, py.OpMul, py.Str(" "), orInt(width, 4))
	if err != nil {
		return "", err
	}
	text, _ := py.Text(blanks)
	return text, nil
}

func filterWordCount(f *frame, v py.Value, _ []py.Value) (py.Value, error) {
	text, err := py.String(f.th, v)
	if err != nil {
		return nil, err
	}
	notInWord := func(r rune) bool { return !py.IsWordChar(r) }
	return py.NewInt(len(strings.FieldsFunc(text, notInWord))), f.th.Alloc(len(text))
}

func filterJoin(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	items, err := mapped(f, v, newGetter(args[1], false))
	if err != nil {
		return nil, err
	}
	between, err := softText(f.th, orStr(args[0], ""))
	if err != nil {
		return nil, err
	}
	_, escape := between.(py.Markup)
	for i, item := range items {
		if items[i], err = softText(f.th, item); err != nil {
			return nil, err
		}
		_, markup := items[i].(py.Markup)
		escape = escape || markup
	}
	s, _ := py.Text(between)
	if escape && f.run.escape {
		if plain, ok := between.(py.Str); ok {
			s = string(py.Escape(string(plain)))
		}
		return f.method(py.Markup(s), "join", py.NewList(items...))
	}
	return f.method(py.Str(s), "join", py.NewList(items...))
}

// mapped are the items of v, or what the getter finds in them.
func mapped(f *frame, v py.Value, g getter) ([]py.Value, error) {
	items, err := py.Collect(f.th, v)
	if err != nil {
		return nil, err
	}
	for i := range items {
		if items[i], err = g.get(f, items[i]); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// partKey is a step of an attribute's path: a number when it is all digits.
func partKey(part string) py.Value {
	if part != "" && strings.Trim(part, "0123456789") == "" {
		if n, err := py.ToInt(py.Str(part), 10); err == nil {
			return n
		}
	}
	return py.Str(part)
}
