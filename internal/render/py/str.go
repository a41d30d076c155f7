package py

// textMethod is a method of str. Its receiver's text comes apart from its arguments.
type textMethod struct {
	params []string
	call   func(th *Thread, s string, args []Value) (Value, error)

	// What Markup does differently.
	escapes bool // escapes arguments that are a str
	keeps   bool // gives Markup where str gives str
}

// plain makes a method without parameters out of a function.
func plain(f func(string) string) *textMethod {
	return &textMethod{keeps: true, call: func(th *Thread, s string, _ []Value) (Value, error) {
		out := f(s)
		return Str(out), th.Alloc(len(out))
	}}
}

// strMethod returns the method of that name, nil when there is none.
func strMethod(name string) *textMethod {
	if test := strTest(name); test != nil {
		return &textMethod{call: func(_ *Thread, s string, _ []Value) (Value, error) { return Bool(test(s)), nil }}
	}
	for _, group := range [...]func(string) *textMethod{strCase, strSearch, strSplit, strPad, strFormat} {
		if m := group(name); m != nil {
			return m
		}
	}
	return nil
}

func strCase(name string) *textMethod {
	switch name {
	case "capitalize":
		return plain(capitalize)
	case "casefold":
		m := plain(casefold)
		m.keeps = false
		return m
	case "lower":
		return plain(lower)
	case "swapcase":
		return plain(swapcase)
	case "title":
		return plain(title)
	case "upper":
		return plain(upper)
	}
	return nil
}

// bindText returns the bound method of a str or Markup, nil when there is none.
func bindText(v Value, name string) Value {
	s, _ := Text(v)
	_, markup := v.(Markup)
	if markup {
		if f := markupMethod(v.(Markup), name); f != nil {
			return f
		}
	}
	m := strMethod(name)
	if m == nil {
		return nil
	}
	return &Func{Name: name + " of " + v.TypeName() + " object", Fn: func(th *Thread, args Args) (Value, error) {
		if err := th.Scan(len(s)); err != nil {
			return nil, err
		}
		bound := args.Pos
		if m.params != nil || len(args.Pos)+len(args.Kw) > 0 {
			var err error
			if bound, err = args.Bind(name, m.params...); err != nil {
				return nil, err
			}
		}
		if markup && m.escapes {
			bound = escapeArgs(bound)
		}
		out, err := m.call(th, s, bound)
		if markup && m.keeps && err == nil {
			out = asMarkup(out)
		}
		return out, err
	}}
}

func escapeArgs(args []Value) []Value {
	out := make([]Value, len(args))
	for i, a := range args {
		out[i] = a
		if s, ok := a.(Str); ok {
			out[i] = Escape(string(s))
		}
	}
	return out
}

// asMarkup turns a str, or the items of a sequence, into Markup.
func asMarkup(v Value) Value {
	switch v := v.(type) {
	case Str:
		return Markup(v)
	case *List:
		for i := range v.Items {
			v.Items[i] = asMarkup(v.Items[i])
		}
	case *Tuple:
		for i := range v.Items {
			v.Items[i] = asMarkup(v.Items[i])
		}
	}
	return v
}
