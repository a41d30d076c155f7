package kazoo

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// filter is what the rows of a list must be like. All tests must hold.
type filter []func(d *document) bool

// maxFilters bounds the tests of one request.
const maxFilters = 50

// filters reads the tests of the query string, but for those of the names.
func (c *call) filters(but ...string) filter {
	var f filter
	for name, values := range c.query {
		if slices.Contains(but, name) {
			continue
		}
		for _, v := range values {
			if test := testOf(name, v); test != nil && len(f) < maxFilters {
				f = append(f, test)
			}
		}
	}
	return f
}

func (f filter) wants(d *document) bool {
	for _, test := range f {
		if !test(d) {
			return false
		}
	}
	return true
}

// testOf returns the test that a parameter stands for; nil when it is about something else.
func testOf(name, value string) func(d *document) bool {
	if key, ok := strings.CutPrefix(name, "filter_not_"); ok {
		return not(equals(key, value))
	}
	if key, ok := strings.CutPrefix(name, "filter_"); ok {
		return equals(key, value)
	}
	there := func(d *document) bool { return lookup(d, value) != nil }
	filled := func(d *document) bool { return !isEmpty(lookup(d, value)) }
	switch name {
	case "has_key":
		return there
	case "key_missing":
		return not(there)
	case "has_value":
		return filled
	case "value_missing", "missing_value":
		return not(filled)
	case "created_from", "modified_from":
		return moment(name, value, func(at, bound int64) bool { return at >= bound })
	case "created_to", "modified_to":
		return moment(name, value, func(at, bound int64) bool { return at <= bound })
	}
	return nil
}

func not(test func(d *document) bool) func(d *document) bool {
	return func(d *document) bool { return !test(d) }
}

// equals tests for equality as text. A value that is a JSON list stands for any of its
// members.
func equals(key, value string) func(d *document) bool {
	wanted := []string{value}
	var list []json.RawMessage
	if strings.HasPrefix(value, "[") && json.Unmarshal([]byte(value), &list) == nil {
		wanted = nil
		for _, raw := range list {
			wanted = append(wanted, spelled(raw))
		}
	}
	return func(d *document) bool {
		raw := lookup(d, key)
		return raw != nil && slices.Contains(wanted, spelled(raw))
	}
}

// spelled is a value as text: texts as they are, others as JSON.
func spelled(raw json.RawMessage) string {
	if s, ok := asText(raw); ok {
		return s
	}
	return string(raw)
}

// isEmpty says whether a value is as good as none.
func isEmpty(raw json.RawMessage) bool {
	switch string(raw) {
	case "", "null", `""`, "[]", "{}":
		return true
	}
	return false
}

// moment compares a document's private time stamp.
func moment(name, value string, holds func(at, bound int64) bool) func(d *document) bool {
	bound, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return nil
	}
	key := "pvt_" + strings.TrimSuffix(strings.TrimSuffix(name, "_from"), "_to")
	return func(d *document) bool { return d.has(key) && holds(d.number(key), bound) }
}

// lookup follows a path of names with dots between them; nil leads nowhere.
func lookup(d *document, path string) json.RawMessage {
	if raw := d.get(path); raw != nil {
		return raw
	}
	name, rest, nested := strings.Cut(path, ".")
	raw := d.get(name)
	if !nested || len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	inner, err := parseDocument(raw)
	if err != nil {
		return nil
	}
	return lookup(&inner, rest)
}
