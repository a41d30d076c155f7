package render

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/switchhook/switchhook/internal/render/py"
)

// JSONStyle says how Python-style JSON differs from json.dumps with its defaults, which
// are the zero value.
type JSONStyle struct {
	// SortKeys puts members in the order of their names' code points, as
	// json.dumps(…, sort_keys=True) does; else they stay as they are.
	SortKeys bool
	// WholeNumbers spells floats that are whole, up to 2 to the 53rd and but for -0.0, as
	// integers: what a database with one kind of number makes of them.
	WholeNumbers bool
}

// PythonJSON encodes again what JSON says, byte for byte as Python's
// json.dumps(json.loads(raw)) does: ", " and ": " between things, ASCII alone, floats
// by their repr (3.0 stays 3.0, and what is beyond every float becomes Infinity).
func PythonJSON(raw []byte, style JSONStyle) ([]byte, error) {
	v, err := Decode(raw)
	if err != nil {
		return nil, err
	}
	return AppendPythonJSON(make([]byte, 0, len(raw)+len(raw)/8+16), v, style)
}

// AppendPythonJSON appends a value as PythonJSON does. Only values that JSON can hold
// can be encoded, such as Decode gives.
func AppendPythonJSON(dst []byte, v py.Value, style JSONStyle) ([]byte, error) {
	e := &encoder{out: dst, style: style, ascii: true, comma: ", ", colon: ": "}
	err := e.value(v, 0)
	return e.out, err
}

// JSON encodes a value as JSON without blanks, in the order of the value and in UTF-8.
func JSON(v py.Value) ([]byte, error) {
	e := &encoder{comma: ",", colon: ":", strict: true}
	err := e.value(v, 0)
	return e.out, err
}

// PrettyJSON encodes a value for people: a line for each member, indented by two
// blanks a level, in the order of the value and in UTF-8. A result of more than limit
// bytes is an error with CodeTooLarge: depth can make it far longer than the payload.
func PrettyJSON(v py.Value, limit int) ([]byte, error) {
	e := &encoder{comma: ",", colon: ": ", indent: "  ", lines: true, strict: true, limit: limit}
	if err := e.value(v, 0); err != nil {
		return nil, err
	}
	return e.out, e.charge()
}

// encoder writes JSON. Its thread is nil where the value comes from Decode and is
// bounded by that.
type encoder struct {
	out          []byte
	style        JSONStyle
	comma, colon string
	ascii        bool   // escape all that is not ASCII
	lines        bool   // each member on a line of its own
	indent       string // of a level
	strict       bool   // no Infinity and NaN
	limit        int    // how long out may get; 0 for no limit
	th           *py.Thread
	charged      int // bytes of out that were charged to th
}

// charge pays for what was written since.
func (e *encoder) charge() error {
	if e.limit > 0 && len(e.out) > e.limit {
		return errTooLarge(e.limit)
	}
	if e.th == nil {
		return nil
	}
	n := len(e.out) - e.charged
	e.charged = len(e.out)
	return e.th.Alloc(n + 1)
}

func (e *encoder) value(v py.Value, depth int) error {
	if depth > maxDepth {
		return py.Raise(py.ValueError, "Circular reference detected")
	}
	if err := e.charge(); err != nil {
		return err
	}
	if s, ok := py.Text(v); ok {
		e.text(s)
		return nil
	}
	switch v := v.(type) {
	case py.None:
		e.out = append(e.out, "null"...)
	case py.Bool:
		e.out = strconv.AppendBool(e.out, bool(v))
	case py.Int:
		e.out = append(e.out, v.Digits()...)
	case py.Float:
		e.float(float64(v))
	case *py.List:
		return e.array(v.Items, depth)
	case *py.Tuple:
		return e.array(v.Items, depth)
	case *py.Dict:
		return e.object(v, depth)
	default:
		return py.Raise(py.TypeError, "Object of type %s is not JSON serializable", v.TypeName())
	}
	return nil
}

func (e *encoder) float(f float64) {
	if math.IsInf(f, 0) {
		if f < 0 {
			e.out = append(e.out, '-')
		}
		if e.strict {
			e.out = append(e.out, "1e999"...) // JSON, and beyond every float
		} else {
			e.out = append(e.out, "Infinity"...)
		}
		return
	}
	switch {
	case math.IsNaN(f):
		e.out = append(e.out, "NaN"...)
	case e.style.WholeNumbers && f == math.Trunc(f) && math.Abs(f) <= 1<<53 && (f != 0 || !math.Signbit(f)):
		e.out = strconv.AppendInt(e.out, int64(f), 10)
	default:
		e.out = py.AppendFloat(e.out, f)
	}
}

// newline begins a line when each member has one.
func (e *encoder) newline(depth int) error {
	if !e.lines {
		return nil
	}
	e.out = append(e.out, '\n')
	for range depth {
		e.out = append(e.out, e.indent...)
		if err := e.charge(); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) array(items []py.Value, depth int) error {
	e.out = append(e.out, '[')
	for i, item := range items {
		if i > 0 {
			e.out = append(e.out, e.comma...)
		}
		if err := e.newline(depth + 1); err != nil {
			return err
		}
		if err := e.value(item, depth+1); err != nil {
			return err
		}
	}
	if len(items) > 0 {
		if err := e.newline(depth); err != nil {
			return err
		}
	}
	e.out = append(e.out, ']')
	return nil
}

func (e *encoder) object(d *py.Dict, depth int) error {
	e.out = append(e.out, '{')
	members, err := e.members(d)
	if err != nil {
		return err
	}
	for i, m := range members {
		if i > 0 {
			e.out = append(e.out, e.comma...)
		}
		if err := e.newline(depth + 1); err != nil {
			return err
		}
		e.text(m.name)
		e.out = append(e.out, e.colon...)
		if err := e.value(m.value, depth+1); err != nil {
			return err
		}
	}
	if len(members) > 0 {
		if err := e.newline(depth); err != nil {
			return err
		}
	}
	e.out = append(e.out, '}')
	return nil
}

type member struct {
	name  string
	value py.Value
}

// members are the members of an object in the order in which they are written.
func (e *encoder) members(d *py.Dict) ([]member, error) {
	members := make([]member, 0, d.Len())
	onlyText := true
	for key, v := range d.All() {
		name, ok := py.Text(key)
		onlyText = onlyText && ok
		members = append(members, member{name, v})
	}
	switch {
	case onlyText && e.style.SortKeys:
		slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	case !onlyText:
		return e.namedMembers(d)
	}
	return members, nil
}

// namedMembers spells keys that are no texts, after sorting them as what they are.
func (e *encoder) namedMembers(d *py.Dict) ([]member, error) {
	th := e.th
	if th == nil {
		return nil, py.Raise(py.TypeError, "keys must be str")
	}
	entries, err := py.Collect(th, d.Entries())
	if err != nil {
		return nil, err
	}
	if e.style.SortKeys {
		if entries, err = py.Sort(th, entries, func(v py.Value) (py.Value, error) { return v.(*py.Tuple).Items[0], nil }, false); err != nil {
			return nil, err
		}
	}
	members := make([]member, len(entries))
	for i, v := range entries {
		pair := v.(*py.Tuple).Items
		if members[i].name, err = keyName(e, pair[0]); err != nil {
			return nil, err
		}
		members[i].value = pair[1]
	}
	return members, nil
}

func keyName(e *encoder, key py.Value) (string, error) {
	if s, ok := py.Text(key); ok {
		return s, nil
	}
	switch key.(type) {
	case py.None, py.Bool, py.Int, py.Float:
		name := &encoder{style: e.style, th: e.th}
		err := name.value(key, 0)
		return string(name.out), err
	}
	return "", py.Raise(py.TypeError, "keys must be str, int, float, bool or None, not %s", key.TypeName())
}

const hexDigits = "0123456789abcdef"

// text writes a text between double quotes.
func (e *encoder) text(s string) {
	e.out = append(e.out, '"')
	start := 0 // of what needs no escape
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		r, size := py.DecodeRune(s[i:])
		if !e.ascii && c >= 0x7f && (r < 0xd800 || r > 0xdfff) {
			i += size
			continue
		}
		e.out = append(e.out, s[start:i]...)
		e.escape(r)
		i += size
		start = i
	}
	e.out = append(append(e.out, s[start:]...), '"')
}

func (e *encoder) escape(r rune) {
	short := byte(0)
	switch r {
	case '"', '\\':
		short = byte(r)
	case '\n':
		short = 'n'
	case '\r':
		short = 'r'
	case '\t':
		short = 't'
	case '\b':
		short = 'b'
	case '\f':
		short = 'f'
	}
	if short != 0 {
		e.out = append(e.out, '\\', short)
		return
	}
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		e.unit(high)
		r = low
	}
	e.unit(r)
}

// unit writes a UTF-16 code unit.
func (e *encoder) unit(u rune) {
	e.out = append(e.out, '\\', 'u', hexDigits[u>>12&15], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
}
