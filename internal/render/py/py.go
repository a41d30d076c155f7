// Package py holds Python's values as a template sees them: what they are, how they
// print, compare, add up and format, and the methods they have. It follows Python
// 3.11, whose observable behaviour is the reference of templates that were written
// for it. It is not a Python: there is no syntax here, nothing reaches the outside,
// and everything that costs time or memory is charged to a Thread.
package py

// Value is a Python object. Values are compared with Equal and Is, never with ==.
type Value interface {
	// TypeName is what type(v).__name__ says.
	TypeName() string
}

// What a value made outside this package may do, beyond having a type name.
type (
	// Attributed has attributes; a nil Value says that there is none of that name.
	Attributed interface {
		Attr(th *Thread, name string) (Value, error)
	}
	// Settable has attributes that a template may set.
	Settable interface {
		SetAttr(name string, v Value)
	}
	// Subscripted has items.
	Subscripted interface {
		Item(th *Thread, key Value) (Value, error)
	}
	// Sized has a length, which is also its truth.
	Sized interface{ Len() int }
	// Iterable can be gone through, each time from the start.
	Iterable interface{ Iterate() *Iterator }
	// Callable can be called.
	Callable interface {
		Call(th *Thread, args Args) (Value, error)
	}
	// Shown has a text of its own, for str() and repr().
	Shown interface {
		Show(th *Thread) (string, error)
	}
)

// None is Python's None.
type None struct{}

// Bool is True or False.
type Bool bool

// Str is a str, in UTF-8. Half of a surrogate pair, which Python allows and UTF-8
// does not, is kept as the three bytes UTF-8 would have for it.
type Str string

// Markup is a str that counts as escaped: what joins it is escaped first.
type Markup string

// Bytes is a bytes object.
type Bytes string

// List is a list. It may hold itself.
type List struct{ Items []Value }

// Tuple is a tuple. Names, if any, make it a named tuple.
type Tuple struct {
	Items []Value
	Names []string
}

// NewList makes a list of items.
func NewList(items ...Value) *List { return &List{Items: items} }

// NewTuple makes a tuple of items.
func NewTuple(items ...Value) *Tuple { return &Tuple{Items: items} }

// Len is the number of items.
func (l *List) Len() int { return len(l.Items) }

// Len is the number of items.
func (t *Tuple) Len() int { return len(t.Items) }

// TypeName implements Value.
func (None) TypeName() string { return "NoneType" }

// TypeName implements Value.
func (Bool) TypeName() string { return "bool" }

// TypeName implements Value.
func (Str) TypeName() string { return "str" }

// TypeName implements Value.
func (Markup) TypeName() string { return "Markup" }

// TypeName implements Value.
func (Bytes) TypeName() string { return "bytes" }

// TypeName implements Value.
func (*List) TypeName() string { return "list" }

// TypeName implements Value.
func (t *Tuple) TypeName() string {
	if t.Names != nil {
		return "_GroupTuple"
	}
	return "tuple"
}

// Text returns the text of a str or Markup.
func Text(v Value) (string, bool) {
	switch v := v.(type) {
	case Str:
		return string(v), true
	case Markup:
		return string(v), true
	}
	return "", false
}

// Truth is bool(v).
func Truth(v Value) bool {
	switch v := v.(type) {
	case None:
		return false
	case Bool:
		return bool(v)
	case Int:
		return v.Sign() != 0
	case Float:
		return v != 0
	case Str:
		return v != ""
	case Markup:
		return v != ""
	case Bytes:
		return v != ""
	case Sized:
		return v.Len() > 0
	}
	return true
}

// Len is len(v).
func Len(th *Thread, v Value) (int, error) {
	if s, ok := Text(v); ok {
		return runeCount(s), th.Step(len(s)/bytesPerStep + 1)
	}
	switch v := v.(type) {
	case Bytes:
		return len(v), nil
	case Sized:
		return v.Len(), nil
	}
	return 0, Raise(TypeError, "object of type '%s' has no len()", v.TypeName())
}

// Is says whether a and b are one object. Equal numbers, texts and constants always
// are, as good as: Python does not promise it either way.
func Is(a, b Value) bool {
	switch a := a.(type) {
	case Int:
		b, ok := b.(Int)
		return ok && a.Cmp(b) == 0
	case Float:
		b, ok := b.(Float)
		return ok && a == b
	case *Tuple:
		b, ok := b.(*Tuple)
		return ok && (a == b || len(a.Items) == 0 && len(b.Items) == 0)
	}
	return a == b // every other type is comparable
}
