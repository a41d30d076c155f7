package py

// Undefined is what a name, attribute or item that is not there gives: it prints as
// nothing and is false and empty, and whoever computes with it or looks into it gets
// the error.
type Undefined struct {
	Class   Class // UndefinedError, or why one may not look
	Message string
}

// UndefinedName is a variable that is not there.
func UndefinedName(name string) *Undefined {
	return &Undefined{UndefinedError, "'" + name + "' is undefined"}
}

// UndefinedIn is a part of v that is not there.
func UndefinedIn(th *Thread, v, key Value) *Undefined {
	name, ok := Text(key)
	if !ok {
		text, err := Repr(th, key)
		if err != nil {
			text = key.TypeName()
		}
		return &Undefined{UndefinedError, describe(v) + " has no element " + text}
	}
	return &Undefined{UndefinedError, quoted(describe(v)) + " has no attribute " + quote(name)}
}

func quoted(s string) string { return "'" + s + "'" }

// describe names a value the way error messages do.
func describe(v Value) string {
	switch v.(type) {
	case None:
		return "None"
	case *Undefined:
		return "Undefined"
	}
	return v.TypeName() + " object"
}

// TypeName implements Value.
func (*Undefined) TypeName() string { return "Undefined" }

// Len is 0.
func (*Undefined) Len() int { return 0 }

// Iterate goes through nothing.
func (*Undefined) Iterate() *Iterator { return Items("generator", nil) }

// Show implements Shown: it is what repr says.
func (*Undefined) Show(*Thread) (string, error) { return "Undefined", nil }

// Raise is the error of using it.
func (u *Undefined) Raise() error { return Raise(u.Class, "%s", u.Message) }

// undefinedOperand is the error of computing with something undefined, if one is.
func undefinedOperand(a, b Value) error {
	if u, ok := a.(*Undefined); ok {
		return u.Raise()
	}
	if u, ok := b.(*Undefined); ok {
		return u.Raise()
	}
	return nil
}
