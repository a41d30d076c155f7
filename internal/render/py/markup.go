package py

import (
	"html"
	"strings"
)

// Escape makes the characters that mean something in HTML harmless.
func Escape(s string) Markup {
	if !strings.ContainsAny(s, `&<>'"`) {
		return Markup(s)
	}
	return Markup(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;").Replace(s))
}

// EscapeValue is escape(v): what is Markup stays as it is.
func EscapeValue(th *Thread, v Value) (Markup, error) {
	if m, ok := v.(Markup); ok {
		return m, nil
	}
	s, err := String(th, v)
	if err != nil {
		return "", err
	}
	out := Escape(s)
	return out, th.Alloc(len(out))
}

// escapeText is the text of a value as Markup.
func escapeText(v Value, text string) Markup {
	if m, ok := v.(Markup); ok {
		return m
	}
	return Escape(text)
}

// markupMethod returns the methods that Markup has besides, or has of its own.
func markupMethod(m Markup, name string) *Func {
	bind := func(params []string, call func(th *Thread, args []Value) (Value, error)) *Func {
		return &Func{Name: name + " of Markup object", Fn: func(th *Thread, args Args) (Value, error) {
			bound, err := args.Bind(name, params...)
			if err != nil {
				return nil, err
			}
			return call(th, bound)
		}}
	}
	switch name {
	case "striptags":
		return bind(nil, func(th *Thread, _ []Value) (Value, error) { return Str(StripTags(string(m))), th.Scan(len(m)) })
	case "unescape":
		return bind(nil, func(th *Thread, _ []Value) (Value, error) {
			return Str(html.UnescapeString(string(m))), th.Scan(len(m))
		})
	case "escape":
		return bind([]string{"s"}, func(th *Thread, args []Value) (Value, error) { return EscapeValue(th, args[0]) })
	case "join":
		return bind([]string{"seq"}, func(th *Thread, args []Value) (Value, error) { return joinEscaped(th, m, args[0]) })
	case "format":
		return bindFormat(string(m), true)
	case "format_map":
		return bind([]string{"mapping"}, func(th *Thread, args []Value) (Value, error) {
			return formatText(th, string(m), true, nil, args[0])
		})
	}
	return nil
}

func joinEscaped(th *Thread, sep Markup, seq Value) (Value, error) {
	items, err := Collect(th, seq)
	if err != nil {
		return nil, err
	}
	for i := range items {
		if items[i], err = EscapeValue(th, items[i]); err != nil {
			return nil, err
		}
	}
	joined, err := strJoin(th, string(sep), []Value{NewList(items...)})
	if err != nil {
		return nil, err
	}
	return asMarkup(joined), nil
}

// StripTags drops comments and tags, makes one blank of white space, and resolves
// entities.
func StripTags(s string) string {
	s = dropBetween(s, "<!--", "-->")
	s = dropBetween(s, "<", ">")
	return html.UnescapeString(strings.Join(Fields(s), " "))
}

func dropBetween(s, open, close string) string {
	var b strings.Builder
	for {
		start := strings.Index(s, open)
		if start < 0 {
			break
		}
		end := strings.Index(s[start+len(open):], close)
		if end < 0 {
			break
		}
		b.WriteString(s[:start])
		s = s[start+len(open)+end+len(close):]
	}
	return b.String() + s
}
