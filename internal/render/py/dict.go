package py

import (
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
)

// Dict is a dict: what it holds stays in the order in which the keys came. The zero
// value is ready and empty.
type Dict struct {
	entries []entry
	index   map[hash]int // where each key is in entries; nil while there are few
}

type entry struct {
	key, value Value
	hash       hash
}

// few is up to how many entries looking at each is as good as an index.
const few = 8

// hash is equal for equal keys and different for others.
type hash struct {
	kind byte
	n    int64
	s    string
}

// NewDict makes an empty dict.
func NewDict() *Dict { return &Dict{} }

// TypeName implements Value.
func (*Dict) TypeName() string { return "dict" }

// Len is the number of entries.
func (d *Dict) Len() int { return len(d.entries) }

// Get returns what is under a key that is a text, nil when there is nothing.
func (d *Dict) Get(key string) Value {
	if i := d.find(hash{kind: 's', s: key}); i >= 0 {
		return d.entries[i].value
	}
	return nil
}

// Set puts v under a key that is a text. A key that is there keeps its place.
func (d *Dict) Set(key string, v Value) { d.put(hash{kind: 's', s: key}, Str(key), v) }

// Delete removes a key that is a text; it need not be there.
func (d *Dict) Delete(key string) { d.remove(d.find(hash{kind: 's', s: key})) }

// All goes through keys and values in order.
func (d *Dict) All() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) {
		for i := 0; i < len(d.entries); i++ {
			if !yield(d.entries[i].key, d.entries[i].value) {
				return
			}
		}
	}
}

// GetItem returns what is under key, nil when there is nothing.
func (d *Dict) GetItem(th *Thread, key Value) (Value, error) {
	h, err := hashOf(th, key)
	if err != nil {
		return nil, err
	}
	if i := d.find(h); i >= 0 {
		return d.entries[i].value, nil
	}
	return nil, nil
}

// entrySize is about what an entry takes, in bytes.
const entrySize = 128

// SetItem puts v under key.
func (d *Dict) SetItem(th *Thread, key, v Value) error {
	h, err := hashOf(th, key)
	if err != nil {
		return err
	}
	d.put(h, key, v)
	return th.Alloc(entrySize)
}

// deleteItem removes key and returns what was there, nil when there was nothing.
func (d *Dict) deleteItem(th *Thread, key Value) (Value, error) {
	h, err := hashOf(th, key)
	if err != nil {
		return nil, err
	}
	i := d.find(h)
	if i < 0 {
		return nil, nil
	}
	v := d.entries[i].value
	d.remove(i)
	return v, th.Step(d.Len())
}

func (d *Dict) find(h hash) int {
	if d.index != nil {
		if i, ok := d.index[h]; ok {
			return i
		}
		return -1
	}
	for i := range d.entries {
		if d.entries[i].hash == h {
			return i
		}
	}
	return -1
}

func (d *Dict) put(h hash, key, v Value) {
	if i := d.find(h); i >= 0 {
		d.entries[i].value = v
		return
	}
	d.entries = append(d.entries, entry{key, v, h})
	switch n := len(d.entries); {
	case d.index != nil:
		d.index[h] = n - 1
	case n > few:
		d.reindex()
	}
}

func (d *Dict) reindex() {
	d.index = make(map[hash]int, 2*len(d.entries))
	for i := range d.entries {
		d.index[d.entries[i].hash] = i
	}
}

// remove takes out the entry at i; the others keep their order.
func (d *Dict) remove(i int) {
	if i < 0 {
		return
	}
	h := d.entries[i].hash
	d.entries = append(d.entries[:i], d.entries[i+1:]...)
	if d.index == nil {
		return
	}
	delete(d.index, h)
	for ; i < len(d.entries); i++ {
		d.index[d.entries[i].hash] = i
	}
}

func (d *Dict) equal(th *Thread, other *Dict) (bool, error) {
	if len(d.entries) != len(other.entries) {
		return false, nil
	}
	for _, e := range d.entries {
		i := other.find(e.hash)
		if i < 0 {
			return false, nil
		}
		if ok, err := same(th, e.value, other.entries[i].value); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// copy makes a dict of its own with the same entries.
func (d *Dict) copy(th *Thread) (*Dict, error) {
	if err := th.Alloc(product(d.Len(), entrySize)); err != nil {
		return nil, err
	}
	out := &Dict{entries: append([]entry(nil), d.entries...)}
	if d.index != nil {
		out.reindex()
	}
	return out, nil
}

// hashOf says by what a dict finds a key. Numbers that are equal are one key.
func hashOf(th *Thread, v Value) (hash, error) {
	if s, ok := Text(v); ok {
		return hash{kind: 's', s: s}, th.Scan(len(s))
	}
	if i, ok := asInt(v); ok {
		if n, ok := i.Small(); ok {
			return hash{kind: 'i', n: int64(n)}, th.Step(1)
		}
		return hash{kind: 'I', s: i.Digits()}, th.Scan(maxDigits)
	}
	switch v := v.(type) {
	case None:
		return hash{kind: '0'}, nil
	case *Undefined:
		return hash{kind: 'u'}, nil
	case Bytes:
		return hash{kind: 'b', s: string(v)}, th.Scan(len(v))
	case Float:
		if v.whole() {
			return hashOf(th, floatToInt(float64(v)))
		}
		return hash{kind: 'f', n: int64(math.Float64bits(float64(v)))}, nil
	case *Tuple:
		return hashItems(th, v.Items)
	case *Range:
		if v.n == 0 {
			return hash{kind: 'r'}, nil
		}
		return hash{kind: 'r', n: int64(v.n), s: fmt.Sprint(v.start, v.at(v.n-1))}, nil
	case *List, *Dict, *dictView, Slice:
	default:
		return hash{kind: 'p', s: fmt.Sprintf("%p", v)}, th.Alloc(24) // every object is a key of its own
	}
	return hash{}, Raise(TypeError, "unhashable type: '%s'", v.TypeName())
}

func hashItems(th *Thread, items []Value) (hash, error) {
	if err := th.Enter(); err != nil {
		return hash{}, err
	}
	defer th.Leave()
	var b strings.Builder
	for _, v := range items {
		h, err := hashOf(th, v)
		if err != nil {
			return hash{}, err
		}
		if err := th.Alloc(len(h.s) + 24); err != nil {
			return hash{}, err
		}
		b.WriteByte(h.kind)
		b.WriteString(strconv.FormatInt(h.n, 36) + " " + strconv.Itoa(len(h.s)) + " " + h.s)
	}
	return hash{kind: 't', s: b.String()}, nil
}
