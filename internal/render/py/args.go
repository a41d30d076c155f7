package py

import "strings"

// Args is what a call is made with.
type Args struct {
	Pos []Value
	Kw  []Keyword
}

// Keyword is an argument given by name.
type Keyword struct {
	Name  string
	Value Value
}

// Call is v(args).
func Call(th *Thread, v Value, args Args) (Value, error) {
	if err := undefinedOperand(v, v); err != nil {
		return nil, err
	}
	c, ok := v.(Callable)
	if !ok {
		return nil, Raise(TypeError, "'%s' object is not callable", v.TypeName())
	}
	if err := th.Enter(); err != nil {
		return nil, err
	}
	defer th.Leave()
	return c.Call(th, args)
}

// Func is a function of Go's.
type Func struct {
	Name string
	Type string // what type() calls it; "builtin_function_or_method" when empty
	Fn   func(th *Thread, args Args) (Value, error)
}

// TypeName implements Value.
func (f *Func) TypeName() string {
	if f.Type != "" {
		return f.Type
	}
	return "builtin_function_or_method"
}

// Call implements Callable.
func (f *Func) Call(th *Thread, args Args) (Value, error) { return f.Fn(th, args) }

// Show implements Shown.
func (f *Func) Show(*Thread) (string, error) { return "<built-in method " + f.Name + ">", nil }

// Bind gives each parameter its argument, nil where it was left out. A parameter is
// written as its name, with a "?" behind it when it may be left out.
func (a Args) Bind(function string, params ...string) ([]Value, error) {
	if len(a.Pos) > len(params) {
		return nil, Raise(TypeError, "%s() takes at most %d arguments (%d given)", function, len(params), len(a.Pos)+len(a.Kw))
	}
	bound := make([]Value, len(params))
	copy(bound, a.Pos)
	for _, kw := range a.Kw {
		i := findParam(params, kw.Name)
		if i < 0 {
			return nil, Raise(TypeError, "%s() got an unexpected keyword argument '%s'", function, kw.Name)
		}
		if bound[i] != nil {
			return nil, Raise(TypeError, "%s() got multiple values for argument '%s'", function, kw.Name)
		}
		bound[i] = kw.Value
	}
	for i, p := range params {
		if bound[i] == nil && !strings.HasSuffix(p, "?") {
			return nil, Raise(TypeError, "%s() missing required argument: '%s'", function, p)
		}
	}
	return bound, nil
}

func findParam(params []string, name string) int {
	for i, p := range params {
		if strings.TrimSuffix(p, "?") == name {
			return i
		}
	}
	return -1
}

// IntOr reads an int that may be left out. What does not fit becomes the bound.
func IntOr(v Value, absent int) (int, error) {
	if v == nil {
		return absent, nil
	}
	if err := undefinedOperand(v, v); err != nil {
		return 0, err
	}
	return Index(v)
}

// TextOr reads a str that may be left out.
func TextOr(v Value, absent string) (string, error) {
	if v == nil {
		return absent, nil
	}
	s, ok := Text(v)
	if !ok {
		return "", Raise(TypeError, "expected a str, not %s", v.TypeName())
	}
	return s, nil
}

// TruthOr reads a bool that may be left out.
func TruthOr(v Value, absent bool) bool {
	if v == nil {
		return absent
	}
	return Truth(v)
}
