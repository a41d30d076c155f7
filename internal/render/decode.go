package render

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/render/py"
)

// maxDepth is how deep arrays and objects may be nested in JSON.
const maxDepth = 1000

// Decode reads one JSON text (RFC 8259) into a value that keeps what encoders need:
// members stay in the order in which they came, whole numbers stay whole at any
// length, and half of a surrogate pair stays what it is. Of members with one name the
// last value wins, in the place of the first. NaN and Infinity are not JSON.
func Decode(raw []byte) (py.Value, error) {
	d := &decoder{in: raw}
	v, err := d.value(0)
	if err != nil {
		return nil, err
	}
	d.blanks()
	if d.at < len(d.in) {
		return nil, d.fail("nothing may follow the value")
	}
	return v, nil
}

type decoder struct {
	in []byte
	at int
}

func (d *decoder) fail(why string) error { return fmt.Errorf("not JSON at byte %d: %s", d.at, why) }

// next is the byte at hand, 0 at the end.
func (d *decoder) next() byte {
	if d.at < len(d.in) {
		return d.in[d.at]
	}
	return 0
}

func (d *decoder) blanks() {
	for d.at < len(d.in) {
		switch d.in[d.at] {
		case ' ', '\t', '\n', '\r':
			d.at++
		default:
			return
		}
	}
}

func (d *decoder) value(depth int) (py.Value, error) {
	if depth > maxDepth {
		return nil, d.fail("nested too deeply")
	}
	d.blanks()
	switch c := d.next(); {
	case c == '{':
		return d.object(depth)
	case c == '[':
		return d.array(depth)
	case c == '"':
		s, err := d.text()
		return py.Str(s), err
	case c == '-' || c >= '0' && c <= '9':
		return d.number()
	case d.word("true"):
		return py.Bool(true), nil
	case d.word("false"):
		return py.Bool(false), nil
	case d.word("null"):
		return py.None{}, nil
	}
	return nil, d.fail("a value is expected")
}

func (d *decoder) word(w string) bool {
	if len(d.in)-d.at < len(w) || string(d.in[d.at:d.at+len(w)]) != w {
		return false
	}
	d.at += len(w)
	return true
}

func (d *decoder) object(depth int) (py.Value, error) {
	o := py.NewDict()
	d.at++
	for first := true; ; first = false {
		d.blanks()
		if first && d.word("}") {
			return o, nil
		}
		if d.next() != '"' {
			return nil, d.fail("a name in double quotes is expected")
		}
		name, err := d.text()
		if err != nil {
			return nil, err
		}
		if d.blanks(); !d.word(":") {
			return nil, d.fail("a colon is expected")
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		o.Set(name, v)
		if done, err := d.end('}'); done || err != nil {
			return o, err
		}
	}
}

func (d *decoder) array(depth int) (py.Value, error) {
	list := py.NewList()
	d.at++
	if d.blanks(); d.word("]") {
		return list, nil
	}
	for {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list.Items = append(list.Items, v)
		if done, err := d.end(']'); done || err != nil {
			return list, err
		}
	}
}

// end reads a comma, or the bracket that closes.
func (d *decoder) end(bracket byte) (done bool, err error) {
	d.blanks()
	switch c := d.next(); c {
	case bracket, ',':
		d.at++
		return c == bracket, nil
	}
	return false, d.fail("a comma or a closing bracket is expected")
}

func (d *decoder) number() (py.Value, error) {
	start := d.at
	d.skip('-')
	whole := d.at
	digits := d.digits()
	if digits == 0 || digits > 1 && d.in[whole] == '0' {
		return nil, d.fail("this is no number")
	}
	isFloat := false
	if d.skip('.') {
		isFloat = true
		if d.digits() == 0 {
			return nil, d.fail("a digit is expected after the point")
		}
	}
	if d.skip('e') || d.skip('E') {
		isFloat = true
		if !d.skip('+') {
			d.skip('-')
		}
		if d.digits() == 0 {
			return nil, d.fail("a digit is expected in the exponent")
		}
	}
	literal := string(d.in[start:d.at])
	if !isFloat {
		return py.ParseInt(literal), nil
	}
	f, _ := strconv.ParseFloat(literal, 64) // out of range comes back as infinity, as in Python
	return py.Float(f), nil
}

func (d *decoder) skip(c byte) bool {
	if d.next() == c && d.at < len(d.in) {
		d.at++
		return true
	}
	return false
}

func (d *decoder) digits() int {
	start := d.at
	for c := d.next(); c >= '0' && c <= '9'; c = d.next() {
		d.at++
	}
	return d.at - start
}

// text reads a text between double quotes.
func (d *decoder) text() (string, error) {
	d.at++
	start := d.at
	for d.at < len(d.in) && d.in[d.at] != '"' && d.in[d.at] != '\\' && d.in[d.at] >= ' ' && d.in[d.at] < utf8.RuneSelf {
		d.at++
	}
	if d.next() == '"' { // the common text: nothing to undo
		d.at++
		return string(d.in[start : d.at-1]), nil
	}
	out := append(make([]byte, 0, 2*(d.at-start)+16), d.in[start:d.at]...)
	for d.at < len(d.in) {
		var err error
		switch c := d.in[d.at]; {
		case c == '"':
			d.at++
			return string(out), nil
		case c == '\\':
			out, err = d.escape(out)
		case c < ' ':
			err = d.fail("a control character must be escaped")
		case c < utf8.RuneSelf:
			out = append(out, c)
			d.at++
		default:
			out, err = d.character(out)
		}
		if err != nil {
			return "", err
		}
	}
	return "", d.fail("the text has no end")
}

func (d *decoder) character(out []byte) ([]byte, error) {
	r, size := utf8.DecodeRune(d.in[d.at:])
	if r == utf8.RuneError && size == 1 {
		return nil, d.fail("this is not UTF-8")
	}
	out = append(out, d.in[d.at:d.at+size]...)
	d.at += size
	return out, nil
}

func (d *decoder) escape(out []byte) ([]byte, error) {
	d.at++
	c := d.next()
	d.at++
	switch c {
	case '"', '\\', '/':
		return append(out, c), nil
	case 'b':
		return append(out, '\b'), nil
	case 'f':
		return append(out, '\f'), nil
	case 'n':
		return append(out, '\n'), nil
	case 'r':
		return append(out, '\r'), nil
	case 't':
		return append(out, '\t'), nil
	case 'u':
		return d.unicode(out)
	}
	return nil, d.fail("there is no such escape")
}

// unicode reads what follows \u, and the other half of a pair when it follows.
func (d *decoder) unicode(out []byte) ([]byte, error) {
	r, ok := d.hex()
	if !ok {
		return nil, d.fail("four hexadecimal digits are expected")
	}
	if utf16.IsSurrogate(r) {
		if before := d.at; d.word(`\u`) {
			if low, ok := d.hex(); ok {
				if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
					return utf8.AppendRune(out, pair), nil
				}
			}
			d.at = before
		}
	}
	return py.AppendRune(out, r), nil
}

func (d *decoder) hex() (r rune, ok bool) {
	if len(d.in)-d.at < 4 {
		return 0, false
	}
	for _, c := range d.in[d.at : d.at+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	d.at += 4
	return r, true
}
