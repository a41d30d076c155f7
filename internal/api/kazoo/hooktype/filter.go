package hooktype

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/switchhook/switchhook/internal/webhook"
)

// EventPrefix is what the types of the dialect's events begin with: behind it comes the
// id of the hook type.
const EventPrefix = "kazoo."

// The attributes of events that filters look at: whether it is of an internal call leg,
// and one for each modifier of its type, under its key.
const (
	attributeInternal = "internal_leg"
	attributeModifier = "custom_data."
)

// Hook is what of a webhook document decides which events it gets.
type Hook struct {
	Hook       string          // the id of a type, or All
	CustomData json.RawMessage // the document's object; nil or null where it has none
	Modifiers  json.RawMessage // the same of the payload filter

	IncludeSubaccounts  bool
	ExcludeInternalLegs bool
}

// Filter returns the filter that lets a hook have what Kazoo sends it. The error is a
// *webhook.Error with the document's field.
func (c *Catalogue) Filter(h Hook) (webhook.Filter, error) {
	var f webhook.Filter
	t := c.Find(h.Hook)
	if t == nil && h.Hook != All {
		return f, webhook.Errorf(webhook.CodeInvalid, "hook", "must be one of the hook types")
	}
	if h.IncludeSubaccounts {
		f.Scope = webhook.ScopeDescendants
	}
	f.Attributes = map[string]string{}
	f.Types = []string{EventPrefix + "*"}
	if t != nil {
		f.Types = []string{EventPrefix + t.ID}
		if err := t.choose(&f, h.CustomData); err != nil {
			return f, err
		}
	}
	if h.ExcludeInternalLegs && (t == nil || t.Legs) {
		f.Attributes[attributeInternal] = "false"
	}
	return f, payloadFilter(&f, h.Modifiers)
}

// choose narrows the filter to what custom_data chooses. Without custom_data everything
// is wanted; with one that lacks a choice, nothing is.
func (t *Type) choose(f *webhook.Filter, customData json.RawMessage) error {
	chosen, err := members(customData, "custom_data")
	if err != nil || chosen == nil {
		return err
	}
	for _, m := range t.Modifiers {
		switch value, _ := chosen[m.Key].(string); value {
		case All:
		case "":
			f.Payload = append(f.Payload, webhook.Condition{Op: webhook.OpIn, Value: []any{}})
		default:
			f.Attributes[attributeModifier+m.Key] = value
		}
	}
	return nil
}

// payloadFilter adds what the document's modifiers ask of a payload: an absent member
// passes, an empty list lets everything pass, a list must have the member's value in
// it, and anything else must equal it, type and all.
func payloadFilter(f *webhook.Filter, modifiers json.RawMessage) error {
	wanted, err := members(modifiers, "modifiers")
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		condition := webhook.Condition{Path: webhook.PathOf(name), Op: webhook.OpEqual, Value: wanted[name], Optional: true}
		if list, ok := wanted[name].([]any); ok {
			if len(list) == 0 {
				continue
			}
			condition.Op = webhook.OpIn
		}
		if name != "" { // no payload has a member without a name
			f.Payload = append(f.Payload, condition)
		}
	}
	return nil
}

// members reads an object that may be absent, which is nil.
func members(raw json.RawMessage, field string) (map[string]any, error) {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 {
		return nil, nil
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, webhook.Errorf(webhook.CodeInvalid, field, "must be an object")
	}
	return m, nil
}
