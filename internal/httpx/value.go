package httpx

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/switchhook/switchhook/internal/webhook"
)

// Value is the value of a member. Its methods read it as what it ought to be; where
// it is not that, the object gets an error that names the member, and the zero value
// comes back. Null is never what it ought to be: ask IsNull first.
type Value struct {
	Raw   []byte // the JSON text, checked
	place place
	o     *Object
}

// Opt is a member that may be absent, null or there.
type Opt[T any] struct {
	Set  bool // it is there, maybe as null
	Null bool
	V    T
}

// Or returns the value, or other when it is absent or null.
func (o Opt[T]) Or(other T) T {
	if !o.Set || o.Null {
		return other
	}
	return o.V
}

// Given says whether there is a value.
func (o Opt[T]) Given() bool { return o.Set && !o.Null }

// Optional reads a member that may be null with one of Value's methods.
func Optional[T any](v Value, read func(Value) T) Opt[T] {
	if v.IsNull() {
		return Opt[T]{Set: true, Null: true}
	}
	return Opt[T]{Set: true, V: read(v)}
}

// IsNull says whether the value is null.
func (v Value) IsNull() bool { return v.Raw[0] == 'n' }

// Fail makes the error of the value.
func (v Value) Fail(format string, args ...any) {
	v.o.report(webhook.Errorf(webhook.CodeInvalid, v.place.path(""), format, args...))
}

// Unknown refuses the member unless it is null: some clients spell out what they do
// not say.
func (v Value) Unknown() {
	if !v.IsNull() {
		v.Fail("is not a field that is known here")
	}
}

// text reads a text whose control characters are all allowed.
func (v Value) text(allowed func(rune) bool) string {
	if v.Raw[0] != '"' {
		v.Fail("must be a text")
		return ""
	}
	s, ok := unquote(v.Raw)
	if !ok {
		v.Fail("has half a surrogate pair")
		return ""
	}
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && !allowed(r) }) {
		v.Fail("must not have control characters")
		return ""
	}
	return s
}

// Bytes reads a text of any kind, as the bytes of its UTF-8.
func (v Value) Bytes() []byte {
	return []byte(v.text(func(rune) bool { return true }))
}

// Text reads a text without control characters other than tabs and line breaks.
func (v Value) Text() string {
	return v.text(func(r rune) bool { return r == '\t' || r == '\n' || r == '\r' })
}

// Line reads a text without control characters.
func (v Value) Line() string {
	return v.text(func(rune) bool { return false })
}

// Bool reads true or false.
func (v Value) Bool() bool {
	switch v.Raw[0] {
	case 't':
		return true
	case 'f':
	default:
		v.Fail("must be true or false")
	}
	return false
}

// Int reads a whole number from least to most.
func (v Value) Int(least, most int) int {
	n, err := strconv.ParseInt(string(v.Raw), 10, 64)
	if err != nil || n < int64(least) || n > int64(most) {
		v.Fail("must be a whole number from %d to %d", least, most)
		return 0
	}
	return int(n)
}

// Time reads a time as RFC 3339 spells it, and returns it in UTC.
func (v Value) Time() time.Time {
	s := v.Line()
	if v.o.err != nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		v.Fail("must be a time such as 2026-01-31T12:00:00Z")
		return time.Time{}
	}
	return t.UTC()
}

// Object reads an object.
func (v Value) Object() *Object {
	o := &Object{b: v.Raw, place: v.place, nested: v.o, err: v.o.err}
	if v.Raw[0] != '{' {
		v.Fail("must be an object")
		o.err = v.o.err
	}
	return o
}

// Elements calls visit for each element of an array. Its place is its number.
func (v Value) Elements(visit func(v Value)) {
	if v.Raw[0] != '[' {
		v.Fail("must be an array")
		return
	}
	_, _ = v.o.elements(v.Raw, 0, &v.place, visit) // what is checked has no error
}

// Lines reads an array of texts, each once: repetitions are dropped. What check
// says is wrong with one is its error; check may be nil.
func (v Value) Lines(most int, check func(string) string) []string {
	list := []string{}
	v.Elements(func(v Value) {
		s := v.Line()
		if check != nil && v.o.err == nil {
			if wrong := check(s); wrong != "" {
				v.Fail("%s", wrong)
			}
		}
		if len(list) >= most {
			v.Fail("must have at most %d items", most)
			return
		}
		for _, other := range list {
			if other == s {
				return
			}
		}
		list = append(list, s)
	})
	return list
}

// Strings reads an object of texts, at most so many.
func (v Value) Strings(most int) map[string]string {
	m := map[string]string{}
	o := v.Object()
	for name, v := range o.Members {
		if len(m) >= most {
			v.Fail("is one too many: at most %d are allowed", most)
			break
		}
		if bytes.ContainsFunc(name, unicode.IsControl) {
			v.Fail("must not have control characters in its name")
			break
		}
		m[string(name)] = v.Text()
	}
	return m
}
