package match

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/internal/webhook"
)

// condition is a webhook.Condition made ready to be tested often.
type condition struct {
	path     []string
	op       webhook.Op
	value    any // text, bool, nil, number, []any or map[string]any of these
	optional bool
}

// compile makes conditions ready.
func compile(conditions []webhook.Condition) []condition {
	if len(conditions) == 0 {
		return nil
	}
	out := make([]condition, len(conditions))
	for i, c := range conditions {
		out[i] = condition{op: c.Op, value: compileValue(c.Value), optional: c.Optional}
		if c.Path != "" {
			out[i].path = names(c.Path)
		}
	}
	return out
}

// names reads a path: the names in it, without the backslashes of webhook.PathOf.
func names(path string) []string {
	if !strings.Contains(path, `\`) {
		return strings.Split(path, ".")
	}
	var all []string
	var name []byte
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '.':
			all, name = append(all, string(name)), name[:0]
			continue
		case c == '\\' && i+1 < len(path):
			i++
		}
		name = append(name, path[i])
	}
	return append(all, string(name))
}

// compileValue reads the numbers in a JSON value.
func compileValue(v any) any {
	if n, ok := toNumber(v); ok {
		return n
	}
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = compileValue(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name := range v {
			out[name] = compileValue(v[name])
		}
		return out
	}
	return v
}

// document is a payload that is parsed when it is first needed.
type document struct {
	raw    []byte
	root   any // as encoding/json decodes it, numbers as json.Number
	parsed bool
	valid  bool
}

// satisfies says whether all conditions hold.
func (d *document) satisfies(conditions []condition) bool {
	for i := range conditions {
		c := &conditions[i]
		if v, present := d.lookup(c.path); !c.holds(v, present) {
			return false
		}
	}
	return true
}

// lookup follows the path. In what is not JSON every path leads nowhere.
func (d *document) lookup(path []string) (v any, present bool) {
	if !d.parsed {
		d.parse()
	}
	if !d.valid {
		return nil, false
	}
	v = d.root
	for _, name := range path {
		if v, present = member(v, name); !present {
			return nil, false
		}
	}
	return v, true
}

func (d *document) parse() {
	d.parsed = true
	dec := json.NewDecoder(bytes.NewReader(d.raw))
	dec.UseNumber()
	if dec.Decode(&d.root) != nil {
		return
	}
	_, err := dec.Token()
	d.valid = err == io.EOF // nothing may follow the value
}

func member(v any, name string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		m, ok := v[name]
		return m, ok
	case []any:
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i >= len(v) || strconv.Itoa(i) != name {
			return nil, false
		}
		return v[i], true
	}
	return nil, false
}

// holds tests what the path led to.
func (c *condition) holds(v any, present bool) bool {
	switch {
	case c.op == webhook.OpMissing:
		return !present
	case !present:
		return c.optional
	}
	switch c.op {
	case webhook.OpExists:
		return true
	case webhook.OpEqual:
		return equal(v, c.value)
	case webhook.OpNotEqual:
		return !equal(v, c.value)
	case webhook.OpIn:
		values, _ := c.value.([]any)
		return slices.ContainsFunc(values, func(want any) bool { return equal(v, want) })
	case webhook.OpContains:
		return contains(v, c.value)
	case webhook.OpPrefix, webhook.OpSuffix:
		return c.holdsOfText(v)
	}
	order, ok := compare(v, c.value)
	return ok && inOrder(c.op, order)
}

func (c *condition) holdsOfText(v any) bool {
	text, ok := v.(string)
	want, wantOK := c.value.(string)
	if !ok || !wantOK {
		return false
	}
	if c.op == webhook.OpPrefix {
		return strings.HasPrefix(text, want)
	}
	return strings.HasSuffix(text, want)
}

// inOrder says whether op accepts the order of the payload's value and its own.
func inOrder(op webhook.Op, order int) bool {
	switch op {
	case webhook.OpLess:
		return order < 0
	case webhook.OpLessEq:
		return order <= 0
	case webhook.OpGreater:
		return order > 0
	case webhook.OpGreatEq:
		return order >= 0
	}
	return false
}

// compare orders two numbers or two texts; nothing else has an order. Texts in
// UTF-8 sort by code point when they sort by byte.
func compare(v, want any) (order int, ok bool) {
	switch want := want.(type) {
	case number:
		if n, ok := v.(json.Number); ok {
			return want.compareTo(n), true
		}
	case string:
		if text, ok := v.(string); ok {
			return strings.Compare(text, want), true
		}
	}
	return 0, false
}

// equal says whether a value of the payload equals one of a condition.
func equal(v, want any) bool {
	switch want := want.(type) {
	case number:
		n, ok := v.(json.Number)
		return ok && want.compareTo(n) == 0
	case []any:
		values, ok := v.([]any)
		return ok && slices.EqualFunc(values, want, equal)
	case map[string]any:
		members, ok := v.(map[string]any)
		if !ok || len(members) != len(want) {
			return false
		}
		for name := range want {
			if m, ok := members[name]; !ok || !equal(m, want[name]) {
				return false
			}
		}
		return true
	case string, bool, nil:
		return v == want
	}
	return false
}

// contains says whether a text contains a text, or an array a value.
func contains(v, want any) bool {
	switch v := v.(type) {
	case string:
		text, ok := want.(string)
		return ok && strings.Contains(v, text)
	case []any:
		return slices.ContainsFunc(v, func(one any) bool { return equal(one, want) })
	}
	return false
}
