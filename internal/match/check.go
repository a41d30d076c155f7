package match

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/webhook"
)

// The limits of a filter. Texts are counted in bytes.
const (
	MaxTypes      = 1000
	MaxChannels   = 100
	MaxAttributes = 100
	MaxConditions = 100
	MaxName       = 256  // of an event type, a channel, an attribute's name
	MaxText       = 1024 // of an attribute's value, a path
	MaxValue      = 8192 // of a condition's value as JSON
)

// CheckFilter says whether the filter can be kept. It is as liberal as the index
// can be; what an API allows in names is that API's to say. The error is a
// *webhook.Error whose Field is within the filter: "types.0", "channels.1",
// "attributes.tenant", "payload.2.value", "scope".
func CheckFilter(f webhook.Filter) error {
	if err := checkTypes(f.Types); err != nil {
		return err
	}
	if err := checkChannels(f.Channels); err != nil {
		return err
	}
	if err := checkAttributes(f.Attributes); err != nil {
		return err
	}
	if len(f.Payload) > MaxConditions {
		return invalid("payload", "must have at most %d conditions", MaxConditions)
	}
	for i, c := range f.Payload {
		if err := checkCondition(fmt.Sprintf("payload.%d", i), c); err != nil {
			return err
		}
	}
	if f.Scope != webhook.ScopeOwn && f.Scope != webhook.ScopeDescendants {
		return invalid("scope", "must be empty or %q", webhook.ScopeDescendants)
	}
	return nil
}

func checkTypes(types []string) error {
	if len(types) > MaxTypes {
		return invalid("types", "must have at most %d items", MaxTypes)
	}
	for i, text := range types {
		field := fmt.Sprintf("types.%d", i)
		if err := checkText(field, text, MaxName); err != nil {
			return err
		}
		if strings.Contains(parsePattern(text).text, "*") {
			return invalid(field, `may have a "*" at its end only`)
		}
	}
	return nil
}

func checkChannels(channels []string) error {
	if len(channels) > MaxChannels {
		return invalid("channels", "must have at most %d items", MaxChannels)
	}
	for i, channel := range channels {
		if err := checkText(fmt.Sprintf("channels.%d", i), channel, MaxName); err != nil {
			return err
		}
	}
	return nil
}

func checkAttributes(attributes map[string]string) error {
	if len(attributes) > MaxAttributes {
		return invalid("attributes", "must have at most %d members", MaxAttributes)
	}
	for name, value := range attributes {
		if err := checkText("attributes", name, MaxName); err != nil {
			return err
		}
		if err := checkText("attributes."+name, value, MaxText); err != nil {
			return err
		}
	}
	return nil
}

// checkText refuses what a database or a log cannot hold as text.
func checkText(field, text string, limit int) error {
	switch {
	case len(text) > limit:
		return invalid(field, "must have at most %d bytes", limit)
	case !utf8.ValidString(text):
		return invalid(field, "must be valid UTF-8")
	case strings.ContainsFunc(text, unicode.IsControl):
		return invalid(field, "must not have control characters")
	}
	return nil
}

// checkCondition also sees to it that the value is of a kind that the operation can
// hold for, so that nobody waits for events that a slip keeps away.
func checkCondition(field string, c webhook.Condition) error {
	if err := checkText(field+".path", c.Path, MaxText); err != nil {
		return err
	}
	field += ".value"
	if !isJSON(c.Value) {
		return invalid(field, "must be a JSON value")
	}
	if text, err := json.Marshal(c.Value); err != nil || len(text) > MaxValue {
		return invalid(field, "must have at most %d bytes as JSON", MaxValue)
	}
	_, isText := c.Value.(string)
	switch c.Op {
	case webhook.OpEqual, webhook.OpNotEqual, webhook.OpContains:
		return nil
	case webhook.OpExists, webhook.OpMissing:
		if c.Value != nil {
			return invalid(field, "must be left out with %q", c.Op)
		}
	case webhook.OpIn:
		if _, ok := c.Value.([]any); !ok {
			return invalid(field, "must be an array with %q", c.Op)
		}
	case webhook.OpLess, webhook.OpLessEq, webhook.OpGreater, webhook.OpGreatEq:
		if _, isNumber := toNumber(c.Value); !isNumber && !isText {
			return invalid(field, "must be a number or a text with %q", c.Op)
		}
	case webhook.OpPrefix, webhook.OpSuffix:
		if !isText {
			return invalid(field, "must be a text with %q", c.Op)
		}
	default:
		return invalid(strings.TrimSuffix(field, "value")+"op", "must be a known operation, not %q", c.Op)
	}
	return nil
}

// isJSON says whether v is what a JSON decoder makes of a value.
func isJSON(v any) bool {
	switch v := v.(type) {
	case nil, bool:
		return true
	case string:
		return utf8.ValidString(v)
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	case []any:
		return !slices.ContainsFunc(v, func(one any) bool { return !isJSON(one) })
	case map[string]any:
		for name := range v {
			if !isJSON(name) || !isJSON(v[name]) {
				return false
			}
		}
		return true
	}
	_, ok := toNumber(v)
	return ok
}

func invalid(field, format string, args ...any) error {
	return webhook.Errorf(webhook.CodeInvalid, field, format, args...)
}
