package wazo

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// problem is one thing that is wrong with a field, as Wazo's clients read it.
type problem struct {
	Message      string `json:"message"`
	ConstraintID string `json:"constraint_id"`
	Constraint   any    `json:"constraint"`
}

// form reads the members of a JSON object and gathers what is wrong with all of them.
// Details of a missing member, of null and of a wrong type are one problem, of all
// else a list.
type form struct {
	in      map[string]any
	details map[string]any
}

// newForm reads a value that must be an object.
func newForm(v any) (*form, error) {
	in, ok := v.(map[string]any)
	if !ok {
		return nil, invalidData(notAnObject())
	}
	return &form{in: in, details: map[string]any{}}, nil
}

func notAnObject() map[string]any {
	return map[string]any{"_schema": []any{"Invalid input type."}}
}

// err returns what is wrong, or nil.
func (f *form) err() error {
	if len(f.details) == 0 {
		return nil
	}
	return invalidData(f.details)
}

func (f *form) one(field, message, id string, constraint any) {
	f.details[field] = problem{message, id, constraint}
}

func (f *form) list(field, message, id string, constraint any) {
	f.details[field] = []problem{{message, id, constraint}}
}

func (f *form) missing(field string) {
	f.one(field, "Missing data for required field.", "required", "required")
}

func (f *form) null(field string) {
	f.one(field, "Field may not be null.", "not_null", "not_null")
}

func (f *form) wrongType(field, kind, what string) {
	f.one(field, "Not a valid "+what+".", "type", kind)
}

// present returns a member that must be there and not be null.
func (f *form) present(field string) (v any, ok bool) {
	v, ok = f.in[field]
	switch {
	case !ok:
		f.missing(field)
	case v == nil:
		f.null(field)
		ok = false
	}
	return v, ok
}

// text returns a member that must be a text of at most so many characters. What is
// wrong with it comes to the details under the same name.
func (f *form) text(field string, longest int) string {
	v, ok := f.present(field)
	if !ok {
		return ""
	}
	return f.textOf(field, v, longest)
}

func (f *form) textOf(field string, v any, longest int) string {
	s, ok := v.(string)
	switch {
	case !ok:
		f.wrongType(field, "string", "string")
	case utf8.RuneCountInString(s) > longest:
		f.list(field, fmt.Sprintf("Longer than maximum length %d.", longest), "length", map[string]any{"min": nil, "max": longest})
	case strings.ContainsRune(s, 0):
		f.list(field, "Must not have a NUL character.", "characters", "no NUL")
	default:
		return s
	}
	return ""
}

// optional is text for a member that may be left out; null is left out.
func (f *form) optional(field string, longest int) (s string, ok bool) {
	v := f.in[field]
	if v == nil {
		return "", false
	}
	return f.textOf(field, v, longest), true
}

// uuidLength is what a UUID has to have; nobody looks at its digits.
const uuidLength = 36

// uuid returns a member that may be left out or null.
func (f *form) uuid(field string) *string {
	v := f.in[field]
	if v == nil {
		return nil
	}
	s, ok := v.(string)
	switch {
	case !ok:
		f.wrongType(field, "string", "string")
	case utf8.RuneCountInString(s) != uuidLength:
		f.list(field, "Length must be 36.", "length", map[string]any{"equal": uuidLength})
	case strings.ContainsRune(s, 0):
		f.list(field, "Must not have a NUL character.", "characters", "no NUL")
	default:
		return &s
	}
	return nil
}

// within returns the form of a member that is an object, whose problems come to the
// member's.
func (f *form) within(field string, in map[string]any) (inner *form, done func()) {
	inner = &form{in: in, details: map[string]any{}}
	return inner, func() {
		if len(inner.details) > 0 {
			f.details[field] = inner.details
		}
	}
}

// texts returns a member that must be a list of texts, each only once.
func (f *form) texts(field string, longest int) []string {
	v, ok := f.present(field)
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		f.wrongType(field, "list", "list")
		return nil
	}
	inner, done := f.within(field, map[string]any{})
	all, seen := make([]string, 0, len(list)), map[string]bool{}
	twice := false
	for i, one := range list {
		place := strconv.Itoa(i)
		if one == nil {
			inner.null(place)
			continue
		}
		s := inner.textOf(place, one, longest)
		_, bad := inner.details[place]
		twice = twice || !bad && seen[s]
		seen[s] = seen[s] || !bad
		all = append(all, s)
	}
	done()
	if twice && len(inner.details) == 0 {
		f.list(field, "Must not have an item twice.", "unique", "unique")
	}
	return all
}

// metadata returns a member that may be left out, and whose values are kept as text.
func (f *form) metadata(field string) map[string]*string {
	all := map[string]*string{}
	v, ok := f.in[field]
	if !ok {
		return all
	}
	if v == nil {
		f.null(field)
		return all
	}
	in, ok := v.(map[string]any)
	if !ok {
		f.wrongType(field, "dict", "mapping type")
		return all
	}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		text, ok := scalar(in[name])
		switch {
		case !ok:
			f.list(field, "Values must be strings.", "key-value-type", "string")
		case strings.ContainsRune(name, 0) || text != nil && strings.ContainsRune(*text, 0):
			f.list(field, "Must not have a NUL character.", "characters", "no NUL")
		}
		all[name] = text
	}
	return all
}

// scalar writes a JSON value that is neither object nor array as text; nil is null.
func scalar(v any) (text *string, ok bool) {
	var s string
	switch v := v.(type) {
	case nil:
		return nil, true
	case string:
		s = v
	case bool:
		s = strconv.FormatBool(v)
	case json.Number:
		s = v.String()
	default:
		return nil, false
	}
	return &s, true
}
