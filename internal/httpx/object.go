package httpx

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/webhook"
)

// Object is a JSON object that is being read, member by member, in one pass and
// without a copy. The first thing that is wrong with it, or that a Value method
// complains about, ends the reading and is what Err returns: a *webhook.Error with
// CodeInvalid and the member's path.
type Object struct {
	b      []byte
	place  place
	whole  bool // nothing but space may follow
	err    error
	nested *Object // whose error is ours, too
}

// place says where a value is: the member's name and where its object is.
type place struct {
	name []byte
	up   *place
}

// path spells the place with dots, and name behind it.
func (p *place) path(name string) string {
	for ; p != nil; p = p.up {
		switch {
		case len(p.name) == 0:
		case name == "":
			name = string(p.name)
		default:
			name = string(p.name) + "." + name
		}
	}
	return name
}

// ReadObject returns the object that a request's body is. No body at all reads
// like {}.
func ReadObject(body []byte) *Object {
	o := &Object{b: body, whole: true}
	if !utf8.Valid(body) {
		o.fail("", "the request body is not UTF-8")
	}
	return o
}

// Err returns what was wrong, or nil.
func (o *Object) Err() error { return o.err }

// Fail makes the error of the member of that name, unless there is one already.
func (o *Object) Fail(name, message string) { o.fail(name, message) }

func (o *Object) fail(name, message string) {
	o.report(webhook.Errorf(webhook.CodeInvalid, o.place.path(name), "%s", message))
}

func (o *Object) report(err error) {
	for ; o != nil; o = o.nested {
		if o.err == nil {
			o.err = err
		}
	}
}

// Members yields each member's name, unescaped, and value. It stops at an error.
// The bytes are the request's own: copy what is kept and may be small in a big
// request.
func (o *Object) Members(yield func(name []byte, v Value) bool) {
	if o.err != nil {
		return
	}
	b, i := o.b, skipSpace(o.b, 0)
	if i == len(b) && o.whole {
		return
	}
	if i >= len(b) || b[i] != '{' {
		o.malformed(i, errNoObject)
		return
	}
	if i = skipSpace(b, i+1); i < len(b) && b[i] == '}' {
		o.finish(i + 1)
		return
	}
	for {
		quoted, at, err := skipName(b, i)
		if err != nil {
			o.malformed(at, err)
			return
		}
		if i, err = skipValue(b, at, MaxDepth-1); err != nil {
			o.malformed(i, err)
			return
		}
		name, ok := unquoteName(quoted)
		if !ok {
			o.fail("", "the name of a member has half a surrogate pair")
			return
		}
		if !yield(name, Value{Raw: b[at:i:i], place: place{name: name, up: &o.place}, o: o}) || o.err != nil {
			return
		}
		var more bool
		switch i, more, err = skipComma(b, i, '}'); {
		case err != nil:
			o.malformed(i, err)
			return
		case !more:
			o.finish(i)
			return
		}
	}
}

// ReadArray reads the array that a request's body is: it calls visit for each
// element, whose place is its number. It stops at the first error, which is as
// Object's.
func ReadArray(body []byte, visit func(v Value)) error {
	o := ReadObject(body)
	if o.err != nil {
		return o.err
	}
	i := skipSpace(body, 0)
	if i >= len(body) || body[i] != '[' {
		o.malformed(i, errNoArray)
		return o.err
	}
	i, err := o.elements(body, i, &o.place, visit)
	switch {
	case err != nil:
		o.malformed(i, err)
	case o.err == nil:
		o.finish(i)
	}
	return o.err
}

// elements yields those of the array that begins at i and returns the place
// behind it.
func (o *Object) elements(b []byte, i int, up *place, visit func(v Value)) (int, error) {
	if i = skipSpace(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for n := 0; ; n++ {
		end, err := skipValue(b, i, MaxDepth-1)
		if err != nil {
			return end, err
		}
		visit(Value{Raw: b[i:end:end], place: place{name: strconv.AppendInt(nil, int64(n), 10), up: up}, o: o})
		if o.err != nil {
			return end, nil
		}
		var more bool
		if i, more, err = skipComma(b, end, ']'); !more {
			return i, err
		}
	}
}

var (
	errNoObject = errors.New("it is not an object")
	errNoArray  = errors.New("it is not an array")
)

func (o *Object) finish(i int) {
	if o.whole {
		if i = skipSpace(o.b, i); i != len(o.b) {
			o.malformed(i, errTrailing)
		}
	}
}

func (o *Object) malformed(at int, err error) {
	switch {
	case !o.whole:
		o.fail("", "must be an object")
	case err == errNoObject && CheckJSON(o.b) == nil:
		o.fail("", "the request body must be a JSON object")
	case err == errNoArray && CheckJSON(o.b) == nil:
		o.fail("", "the request body must be a JSON array")
	default:
		o.fail("", "the request body is not valid JSON: "+err.Error()+", at byte "+strconv.Itoa(at))
	}
}

// unquoteName takes the quotes off a name, and its escapes, which are rare.
func unquoteName(quoted []byte) ([]byte, bool) {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1], true
	}
	s, ok := unquote(quoted)
	return []byte(s), ok
}
