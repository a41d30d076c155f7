package render

import (
	"strings"

	"github.com/switchhook/switchhook/internal/render/py"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Form encodes an object the way Kazoo's webhooks send it, as the body of
// application/x-www-form-urlencoded and as the query of a GET: k=v, k[]=v for arrays,
// k[sub]=v for objects, to any depth, in the order of the object. Values are
// percent-encoded but for letters, digits and "-_.~", with "+" for a blank; names are
// written as they are. Null, and what is empty, contributes nothing. A result of more
// than limit bytes is an error with CodeTooLarge: nesting can make it far longer than
// the payload.
func Form(payload *py.Dict, limit int) ([]byte, error) {
	f := &form{limit: limit}
	f.members(payload, "", "")
	if len(f.out) > limit {
		return nil, errTooLarge(limit)
	}
	return f.out, nil
}

// errTooLarge says that an encoded payload is longer than it may be.
func errTooLarge(limit int) error {
	return webhook.Errorf(webhook.CodeTooLarge, "", "the encoded payload is longer than %d bytes", limit)
}

type form struct {
	out   []byte
	name  []byte // of the value at hand
	limit int
}

func nameOf(key py.Value) string {
	s, _ := py.Text(key)
	return s
}

// within does something under a name that is longer by a part.
func (f *form) within(left, part, right string, do func()) {
	before := len(f.name)
	f.name = append(append(append(f.name, left...), part...), right...)
	do()
	f.name = f.name[:before]
}

func (f *form) members(d *py.Dict, left, right string) {
	for name, v := range d.All() {
		f.within(left, nameOf(name), right, func() { f.value(v) })
	}
}

func (f *form) value(v py.Value) {
	if len(f.out) > f.limit {
		return
	}
	switch v := v.(type) {
	case py.None:
	case *py.Dict:
		f.members(v, "[", "]")
	case *py.List:
		f.within("[]", "", "", func() {
			for _, item := range v.Items {
				f.value(item)
			}
		})
	default:
		if len(f.out) > 0 {
			f.out = append(f.out, '&')
		}
		f.out = append(append(f.out, f.name...), '=')
		f.out = appendPercent(f.out, scalar(v), "-_.~", true)
	}
}

// scalar spells a value that holds no others.
func scalar(v py.Value) string {
	if s, ok := py.Text(v); ok {
		return s
	}
	e := &encoder{strict: true}
	if e.value(v, 0) != nil {
		return ""
	}
	return string(e.out)
}

// appendPercent percent-encodes all but ASCII letters, digits and what is in safe;
// plus makes a blank a plus sign.
func appendPercent(dst []byte, s, safe string, plus bool) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(safe, c) >= 0:
			dst = append(dst, c)
		case c == ' ' && plus:
			dst = append(dst, '+')
		default:
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

// NormalizeKeys returns a copy of v in which the names of members, at every depth, have
// "_" for "-" and small letters for A to Z, and in which null members are left out: how
// Kazoo shows its messages. Where two names become one, the last value wins in the
// place of the first.
func NormalizeKeys(v py.Value) py.Value {
	switch v := v.(type) {
	case *py.Dict:
		out := py.NewDict()
		for name, v := range v.All() {
			if _, null := v.(py.None); !null {
				out.Set(NormalizeKey(nameOf(name)), NormalizeKeys(v))
			}
		}
		return out
	case *py.List:
		items := make([]py.Value, len(v.Items))
		for i, item := range v.Items {
			items[i] = NormalizeKeys(item)
		}
		return py.NewList(items...)
	}
	return v
}

// NormalizeKey is one name as NormalizeKeys has it.
func NormalizeKey(name string) string {
	out := []byte(name)
	for i, c := range out {
		switch {
		case c == '-':
			out[i] = '_'
		case c >= 'A' && c <= 'Z':
			out[i] = c + 'a' - 'A'
		}
	}
	return string(out)
}
