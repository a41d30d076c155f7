package py

import (
	"strings"
)

// Attribute is v.name as a sandboxed template sees it: the attribute, else the item
// of that name, else something undefined. What begins with an underscore is not for
// templates.
func Attribute(th *Thread, v Value, name string) (Value, error) {
	if special(v, name) {
		return unsafeAttribute(v, name), nil
	}
	if err := undefinedOperand(v, v); err != nil {
		return nil, err
	}
	a, err := attr(th, v, name)
	if a != nil || err != nil {
		if err == nil && strings.HasPrefix(name, "_") {
			return unsafeAttribute(v, name), nil
		}
		return a, err
	}
	return itemOrUndefined(th, v, Str(name))
}

// OwnAttribute is the attribute alone: nil when there is none, and something undefined
// that raises a SecurityError when it is not for templates.
func OwnAttribute(th *Thread, v Value, name string) (Value, error) {
	if special(v, name) {
		return unsafeAttribute(v, name), nil
	}
	if u, ok := v.(*Undefined); ok {
		if strings.HasPrefix(name, "__") {
			return nil, nil
		}
		return nil, u.Raise()
	}
	a, err := attr(th, v, name)
	if a != nil && err == nil && strings.HasPrefix(name, "_") {
		return unsafeAttribute(v, name), nil
	}
	return a, err
}

// Subscript is v[key] as a sandboxed template sees it: the item, else the attribute of
// that name, else something undefined.
func Subscript(th *Thread, v, key Value) (Value, error) {
	item, err := Item(th, v, key)
	if err == nil || !Caught(err, AttributeError, TypeError, LookupError) {
		return item, err
	}
	if name, ok := Text(key); ok {
		a, err := OwnAttribute(th, v, name)
		if a != nil || err != nil {
			return a, err
		}
	}
	return UndefinedIn(th, v, key), nil
}

func itemOrUndefined(th *Thread, v, key Value) (Value, error) {
	item, err := Item(th, v, key)
	if Caught(err, AttributeError, TypeError, LookupError) {
		return UndefinedIn(th, v, key), nil
	}
	return item, err
}

// unsafeAttribute stands for what a template may not see: looking at it is not an
// error yet, doing anything with it is.
func unsafeAttribute(v Value, name string) Value {
	return &Undefined{SecurityError, "access to attribute '" + name + "' of '" + v.TypeName() + "' object is unsafe."}
}

// special says whether v has an attribute of that name in Python that a template may
// not see.
func special(v Value, name string) bool {
	if !strings.HasPrefix(name, "__") || !strings.HasSuffix(name, "__") {
		return false
	}
	switch strings.Trim(name, "_") {
	case "class", "delattr", "dict", "dir", "doc", "eq", "format", "ge", "getattribute", "getstate", "gt", "hash", "init",
		"init_subclass", "le", "lt", "module", "ne", "new", "reduce", "reduce_ex", "repr", "setattr", "sizeof", "slots", "str",
		"subclasshook", "weakref":
		return true
	case "len", "iter", "getitem", "contains", "add", "mul", "rmul", "mod", "rmod", "int", "float", "bool", "reversed":
		_, sized := v.(Sized)
		_, text := Text(v)
		return sized || text || isNumber(v)
	case "call":
		_, callable := v.(Callable)
		_, undefined := v.(*Undefined)
		return callable || undefined
	case "globals", "builtins", "code", "closure", "defaults", "kwdefaults", "annotations", "func", "self", "name", "qualname",
		"bases", "base", "mro", "subclasses", "wrapped":
		_, function := v.(*Func)
		return function
	}
	return false
}

// attr returns an attribute, nil when there is none.
func attr(th *Thread, v Value, name string) (Value, error) {
	var found Value
	switch x := v.(type) {
	case Str, Markup:
		if s, ok := v.(Str); ok && name == "format" {
			return bindFormat(string(s), false), nil
		}
		found = bindText(v, name)
	case Attributed:
		return x.Attr(th, name)
	case *Range:
		if found = x.attr(name); found == nil {
			found = bindMethod(v, name, sequenceMethod(name))
		}
	case *Tuple:
		for i, n := range x.Names {
			if n == name {
				return x.Items[i], nil
			}
		}
		found = bindMethod(v, name, sequenceMethod(name))
	case *List:
		found = bindMethod(v, name, listMethod(name))
	case *Dict:
		if name == "update" {
			return bindUpdate(x), nil
		}
		found = bindMethod(v, name, dictMethod(name))
	case Int, Bool, Float:
		return numberAttr(v, name)
	case Bytes:
		found = bindMethod(v, name, bytesMethod(name))
	}
	return found, nil
}

// method is a method of a type other than str.
type method struct {
	params []string
	call   func(th *Thread, self Value, args []Value) (Value, error)
}

// bindMethod binds a method to its object; nil stays nil.
func bindMethod(self Value, name string, m *method) Value {
	if m == nil {
		return nil
	}
	return &Func{Name: name + " of " + self.TypeName() + " object", Fn: func(th *Thread, args Args) (Value, error) {
		bound, err := args.Bind(name, m.params...)
		if err != nil {
			return nil, err
		}
		return m.call(th, self, bound)
	}}
}
