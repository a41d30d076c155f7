package match_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/match"
	"github.com/switchhook/switchhook/internal/webhook"
	"pgregory.net/rapid"
)

func TestCheckFilterNamesTheFieldThatIsWrong(t *testing.T) {
	condition := func(c webhook.Condition) webhook.Filter {
		return webhook.Filter{Payload: []webhook.Condition{{Path: "a", Op: webhook.OpExists}, c}}
	}
	for _, c := range []struct {
		filter webhook.Filter
		field  string
	}{
		{webhook.Filter{}, ""},
		{webhook.Filter{Types: []string{"*", "order.*", "order.created", "Wazo event", ""}, Scope: webhook.ScopeDescendants}, ""},
		{webhook.Filter{Attributes: map[string]string{"user_uuid:1": "true"}, Channels: []string{"a"}}, ""},
		{webhook.Filter{Types: make([]string, match.MaxTypes+1)}, "types"},
		{webhook.Filter{Types: []string{"a", "a*b"}}, "types.1"},
		{webhook.Filter{Types: []string{"a**"}}, "types.0"},
		{webhook.Filter{Types: []string{"a\x00"}}, "types.0"},
		{webhook.Filter{Types: []string{strings.Repeat("a", match.MaxName+1)}}, "types.0"},
		{webhook.Filter{Channels: []string{"\xff"}}, "channels.0"},
		{webhook.Filter{Channels: make([]string, match.MaxChannels+1)}, "channels"},
		{webhook.Filter{Attributes: map[string]string{"a\n": ""}}, "attributes"},
		{webhook.Filter{Attributes: map[string]string{"a": strings.Repeat("x", match.MaxText+1)}}, "attributes.a"},
		{webhook.Filter{Payload: make([]webhook.Condition, match.MaxConditions+1)}, "payload"},
		{webhook.Filter{Scope: "siblings"}, "scope"},

		{condition(webhook.Condition{Op: "like"}), "payload.1.op"},
		{condition(webhook.Condition{Path: "\n", Op: webhook.OpExists}), "payload.1.path"},
		{condition(webhook.Condition{Op: webhook.OpMissing, Value: 1.0}), "payload.1.value"},
		{condition(webhook.Condition{Op: webhook.OpIn, Value: "x"}), "payload.1.value"},
		{condition(webhook.Condition{Op: webhook.OpLess, Value: true}), "payload.1.value"},
		{condition(webhook.Condition{Op: webhook.OpPrefix, Value: 1.0}), "payload.1.value"},
		{condition(webhook.Condition{Op: webhook.OpEqual, Value: math.NaN()}), "payload.1.value"},
		{condition(webhook.Condition{Op: webhook.OpEqual, Value: struct{}{}}), "payload.1.value"},
		{condition(webhook.Condition{Op: webhook.OpEqual, Value: json.Number("x")}), "payload.1.value"},
		{condition(webhook.Condition{Op: webhook.OpEqual, Value: strings.Repeat("x", match.MaxValue)}), "payload.1.value"},
		{condition(webhook.Condition{Op: webhook.OpIn, Value: []any{"x", []string{}}}), "payload.1.value"},
		{condition(webhook.Condition{Op: webhook.OpEqual, Value: map[string]any{"a": []any{nil, true, 1, "x"}}}), ""},
		{condition(webhook.Condition{Op: webhook.OpGreater, Value: 5.0}), ""},
		{condition(webhook.Condition{Op: webhook.OpSuffix, Value: "x"}), ""},
	} {
		err := match.CheckFilter(c.filter)
		if c.field == "" && err == nil {
			continue
		}
		e, ok := err.(*webhook.Error)
		if !ok || e.Code != webhook.CodeInvalid || e.Field != c.field {
			t.Errorf("%+v: %v, want field %q", c.filter, err, c.field)
		}
	}
}

func TestEveryFilterThatIsDrawnMayBeKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if err := match.CheckFilter(anyFilter(t)); err != nil {
			t.Fatal(err)
		}
	})
}
