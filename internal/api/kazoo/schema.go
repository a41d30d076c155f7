package kazoo

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// rule is what a schema says of one member of a document. Zero parts ask nothing.
type rule struct {
	name      string
	kind      string // "string", "integer", "boolean", "object"; "" is anything
	required  bool
	enum      []string
	min, max  *int // of an integer
	minLength int
	maxLength int
	pattern   *regexp.Regexp
	texts     bool            // every member of the object must be a text
	otherwise json.RawMessage // what is stored when it is not there
}

func bound(n int) *int { return &n }

// The sentences that clients know.
const (
	missing  = "Field is required but missing"
	unknown  = "Value not found in enumerated list of values"
	unlisted = "value not found in enumerated list of values" // where the choice is none of the schema's
)

// check holds a document against rules. It fills in what holds otherwise, repairs
// values of a neighbouring kind ("3" for 3) in place, and notes what is wrong. Members
// without a rule are nobody's business.
func check(d *document, rules []rule, f faults) {
	for i := range rules {
		r := &rules[i]
		raw := d.get(r.name)
		switch {
		case raw != nil:
			if repaired := r.check(raw, f); repaired != nil {
				d.set(r.name, repaired)
			}
		case r.otherwise != nil:
			d.set(r.name, r.otherwise)
		case r.required:
			f.add([]string{r.name}, "required", missing, "value", r.name)
		}
	}
}

// check notes what is wrong with a value. It returns what is to be stored instead, nil
// for the value itself.
func (r *rule) check(raw json.RawMessage, f faults) (repaired json.RawMessage) {
	path := []string{r.name}
	if !isKind(raw, r.kind) {
		if repaired = repair(raw, r.kind); repaired == nil {
			wrongKind(f, path, r.kind, raw)
			return nil
		}
		raw = repaired
	}
	switch r.kind {
	case "string":
		text, _ := asText(raw)
		r.checkText(path, text, f)
	case "integer":
		r.checkBounds(path, raw, f)
	case "object":
		if r.texts {
			checkTexts(path, raw, f)
		}
	}
	return repaired
}

func wrongKind(f faults, path []string, kind string, raw json.RawMessage) {
	f.add(path, "type", "Value did not match type(s): "+kind, "target", kind, "value", raw)
}

func (r *rule) checkText(path []string, text string, f faults) {
	n := utf8.RuneCountInString(text)
	if r.enum != nil && !slices.Contains(r.enum, text) {
		f.add(path, "enum", unknown, "target", r.enum, "value", text)
	}
	if n < r.minLength {
		f.add(path, "minLength", fmt.Sprintf("String must be at least %d characters", r.minLength),
			"target", r.minLength, "cause", text, "value", text)
	}
	if r.maxLength > 0 && n > r.maxLength {
		f.add(path, "maxLength", fmt.Sprintf("String must not be more than %d characters", r.maxLength),
			"target", r.maxLength, "cause", text, "value", text)
	}
	if r.pattern != nil && !r.pattern.MatchString(text) {
		f.add(path, "pattern", fmt.Sprintf("Failed to match pattern '%s'", r.pattern), "target", r.pattern.String(), "value", text)
	}
}

func (r *rule) checkBounds(path []string, raw json.RawMessage, f faults) {
	n, ok := new(big.Int).SetString(string(wholeNumber(raw)), 10)
	switch {
	case !ok:
	case r.min != nil && n.Cmp(big.NewInt(int64(*r.min))) < 0:
		f.add(path, "minimum", fmt.Sprintf("Value must be at least %d", *r.min), "target", *r.min, "value", raw)
	case r.max != nil && n.Cmp(big.NewInt(int64(*r.max))) > 0:
		f.add(path, "maximum", fmt.Sprintf("Value must be at most %d", *r.max), "target", *r.max, "value", raw)
	}
}

func checkTexts(path []string, raw json.RawMessage, f faults) {
	d, err := parseDocument(raw)
	if err != nil {
		wrongKind(f, path, "object", raw)
		return
	}
	for _, m := range d.members {
		if _, ok := asText(m.value); !ok {
			wrongKind(f, append(path[:len(path):len(path)], m.name), "string", m.value)
		}
	}
}

func isKind(raw json.RawMessage, kind string) bool {
	switch kind {
	case "":
		return true
	case "string":
		return raw[0] == '"'
	case "boolean":
		return raw[0] == 't' || raw[0] == 'f'
	case "object":
		return raw[0] == '{'
	default:
		return isNumber(raw) && !strings.ContainsAny(string(raw), ".eE")
	}
}

func isNumber(raw json.RawMessage) bool { return raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' }

// wholeNumber spells a whole number of any length, nil when it is none.
func wholeNumber(raw json.RawMessage) json.RawMessage {
	if !isKind(raw, "integer") {
		return nil
	}
	return raw
}

// repair makes a value of a kind out of one that means the same, nil where none does.
// Numbers are rounded, texts are read.
func repair(raw json.RawMessage, kind string) json.RawMessage {
	text, isText := asText(raw)
	switch kind {
	case "boolean":
		if text == "true" || text == "false" {
			return json.RawMessage(text)
		}
	case "integer":
		if !isText {
			text = string(raw)
		}
		return rounded(text)
	}
	return nil
}

func rounded(text string) json.RawMessage {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return strconv.AppendInt(nil, n, 10)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > 1<<53 || strings.ContainsAny(text, "xXpP_") {
		return nil
	}
	return strconv.AppendInt(nil, int64(math.Round(f)), 10)
}
