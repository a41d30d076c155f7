package kazoo

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/httpx"
)

// document is a JSON object whose members keep their order and their spelling: people
// get back what they stored, whatever is in it. The zero value is an empty object.
type document struct{ members []member }

type member struct {
	name  string
	value json.RawMessage
}

// parseDocument reads an object. The error is a *webhook.Error.
func parseDocument(raw []byte) (document, error) {
	o := httpx.ReadObject(raw)
	d := documentOf(func(yield func(string, json.RawMessage) bool) {
		for name, v := range o.Members {
			if !yield(string(name), slices.Clone(v.Raw)) {
				return
			}
		}
	})
	return d, o.Err()
}

// documentOf gathers members. Of those with one name the last wins, in the place of the
// first.
func documentOf(members iter.Seq2[string, json.RawMessage]) document {
	var d document
	at := map[string]int{}
	for name, value := range members {
		if i, again := at[name]; again {
			d.members[i].value = value
			continue
		}
		at[name] = len(d.members)
		d.members = append(d.members, member{name, value})
	}
	return d
}

// all yields the members in order.
func (d *document) all(yield func(string, json.RawMessage) bool) {
	for _, m := range d.members {
		if !yield(m.name, m.value) {
			return
		}
	}
}

// get returns a member's value, nil when it is not there.
func (d *document) get(name string) json.RawMessage {
	for i := range d.members {
		if d.members[i].name == name {
			return d.members[i].value
		}
	}
	return nil
}

func (d *document) has(name string) bool { return d.get(name) != nil }

// set puts a value that can be encoded under a name. A name that is there keeps its place.
func (d *document) set(name string, value any) {
	raw, ok := value.(json.RawMessage)
	if !ok {
		raw = encode(value)
	}
	for i := range d.members {
		if d.members[i].name == name {
			d.members[i].value = raw
			return
		}
	}
	d.members = append(d.members, member{name, raw})
}

// delete removes names; they need not be there.
func (d *document) delete(names ...string) {
	d.members = slices.DeleteFunc(d.members, func(m member) bool { return slices.Contains(names, m.name) })
}

// keep returns the members whose names pass.
func (d *document) keep(pass func(name string) bool) document {
	var kept document
	for _, m := range d.members {
		if pass(m.name) {
			kept.members = append(kept.members, m)
		}
	}
	return kept
}

// clone returns a copy that shares no list of members.
func (d *document) clone() document { return document{slices.Clone(d.members)} }

// text returns a member that is a text, else "".
func (d *document) text(name string) string {
	s, _ := asText(d.get(name))
	return s
}

// number returns a member that is a whole number, else 0.
func (d *document) number(name string) int64 {
	var n int64
	if json.Unmarshal(d.get(name), &n) != nil {
		return 0
	}
	return n
}

// flag returns a member that is true or false, else what holds without it.
func (d *document) flag(name string, otherwise bool) bool {
	switch string(d.get(name)) {
	case "true":
		return true
	case "false":
		return false
	}
	return otherwise
}

// merge puts the members of another document over d's: each as a whole, and null
// removes.
func (d *document) merge(over document) {
	*d = documentOf(func(yield func(string, json.RawMessage) bool) {
		d.all(yield)
		over.all(yield)
	})
	d.members = slices.DeleteFunc(d.members, func(m member) bool { return isNull(m.value) })
}

// MarshalJSON spells the object in the order of its members.
func (d document) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range d.members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(encode(m.name))
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads an object.
func (d *document) UnmarshalJSON(raw []byte) (err error) {
	*d, err = parseDocument(raw)
	return err
}

// encode spells a value as JSON and leaves "<", ">" and "&" what they are. Only values
// that can be encoded are given to it.
func encode(value any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// asText reads a value that is a text.
func asText(raw json.RawMessage) (s string, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(raw, &s) == nil
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

// isPrivate says whether a member of a document is kept beside what callers say.
func isPrivate(name string) bool {
	return strings.HasPrefix(name, "_") || strings.HasPrefix(name, "pvt_")
}

func isPublic(name string) bool { return !isPrivate(name) }
