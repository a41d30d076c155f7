package render

import "github.com/switchhook/switchhook/internal/render/py"

// test says something about a value.
type test func(f *frame, v py.Value, args py.Args) (bool, error)

// testNamed returns the test of that name, nil when there is none.
func testNamed(name string) test {
	if is := kindTest(name); is != nil {
		return func(_ *frame, v py.Value, args py.Args) (bool, error) {
			_, err := args.Bind("the test")
			return is(v), err
		}
	}
	for _, group := range [...]func(string) test{compareTest, otherTest} {
		if found := group(name); found != nil {
			return found
		}
	}
	return nil
}

// kindTest returns the tests of what kind of value something is.
func kindTest(name string) func(py.Value) bool {
	switch name {
	case "undefined":
		return isUndefined
	case "defined":
		return func(v py.Value) bool { return !isUndefined(v) }
	case "none":
		return func(v py.Value) bool { return v == py.None{} }
	case "boolean":
		return func(v py.Value) bool { _, ok := v.(py.Bool); return ok }
	case "true":
		return func(v py.Value) bool { return v == py.Bool(true) }
	case "false":
		return func(v py.Value) bool { return v == py.Bool(false) }
	case "integer":
		return func(v py.Value) bool { _, ok := v.(py.Int); return ok }
	case "float":
		return func(v py.Value) bool { _, ok := v.(py.Float); return ok }
	case "number":
		return func(v py.Value) bool {
			switch v.(type) {
			case py.Int, py.Float, py.Bool:
				return true
			}
			return false
		}
	case "string":
		return func(v py.Value) bool { _, ok := py.Text(v); return ok }
	case "mapping":
		return func(v py.Value) bool { _, ok := v.(*py.Dict); return ok }
	case "sequence":
		return isSequence
	case "iterable":
		return func(v py.Value) bool { _, err := py.Iterate(v); return err == nil }
	case "callable":
		return func(v py.Value) bool { _, ok := v.(py.Callable); return ok || isUndefined(v) }
	case "escaped":
		return func(v py.Value) bool { _, ok := v.(py.Markup); return ok }
	}
	return nil
}

func isSequence(v py.Value) bool {
	switch v.(type) {
	case py.Str, py.Markup, py.Bytes, *py.List, *py.Tuple, *py.Dict, *py.Range, *py.Undefined:
		return true
	}
	return false
}

// testWith makes a test with one argument.
func testWith(param string, call func(f *frame, v, other py.Value) (bool, error)) test {
	return func(f *frame, v py.Value, args py.Args) (bool, error) {
		bound, err := args.Bind("the test", param)
		if err != nil {
			return false, err
		}
		return call(f, v, bound[0])
	}
}

// compareTest returns the tests that compare a value with another one.
func compareTest(name string) test {
	op := ""
	switch name {
	case "==", "eq", "equalto":
		op = "=="
	case "!=", "ne":
		op = "!="
	case "<", "lt", "lessthan":
		op = "<"
	case "<=", "le":
		op = "<="
	case ">", "gt", "greaterthan":
		op = ">"
	case ">=", "ge":
		op = ">="
	case "in":
		op = "in"
	case "sameas":
		return testWith("other", func(_ *frame, v, other py.Value) (bool, error) { return py.Is(v, other), nil })
	default:
		return nil
	}
	return testWith("other", func(f *frame, v, other py.Value) (bool, error) { return compare(f.th, op, v, other) })
}

// otherTest returns the tests of numbers, of letters and of names.
func otherTest(name string) test {
	remainder := func(f *frame, v, by py.Value, want int) (bool, error) {
		rest, err := py.Binary(f.th, py.OpMod, v, by)
		if err != nil {
			return false, err
		}
		return py.Equal(f.th, rest, py.NewInt(want))
	}
	plain := func(call func(f *frame, v py.Value) (bool, error)) test {
		return func(f *frame, v py.Value, args py.Args) (bool, error) {
			if _, err := args.Bind("the test"); err != nil {
				return false, err
			}
			return call(f, v)
		}
	}
	ofText := func(is func(string) bool) test {
		return plain(func(f *frame, v py.Value) (bool, error) {
			text, err := py.String(f.th, v)
			return is(text), err
		})
	}
	switch name {
	case "divisibleby":
		return testWith("num", func(f *frame, v, by py.Value) (bool, error) { return remainder(f, v, by, 0) })
	case "even":
		return plain(func(f *frame, v py.Value) (bool, error) { return remainder(f, v, py.NewInt(2), 0) })
	case "odd":
		return plain(func(f *frame, v py.Value) (bool, error) { return remainder(f, v, py.NewInt(2), 1) })
	case "lower":
		return ofText(py.IsLower)
	case "upper":
		return ofText(py.IsUpper)
	case "filter":
		return plain(func(_ *frame, v py.Value) (bool, error) {
			s, ok := py.Text(v)
			return ok && filterNamed(s) != nil, nil
		})
	case "test":
		return plain(func(_ *frame, v py.Value) (bool, error) {
			s, ok := py.Text(v)
			return ok && testNamed(s) != nil, nil
		})
	}
	return nil
}
