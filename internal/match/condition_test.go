package match_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/match"
	"github.com/switchhook/switchhook/internal/webhook"
	"pgregory.net/rapid"
)

func holds(c webhook.Condition, payload string) bool {
	return match.Wants(webhook.Filter{Payload: []webhook.Condition{c}}, &webhook.Event{Payload: []byte(payload)})
}

const payload = `{
	"type": "call", "amount": 12.50, "big": 12345678901234567890, "on": true, "none": null, "text": "Grüße",
	"list": [{"id": 1}, 2, "three"], "0": "zero", "": "empty", "deep": {"": {"x": [[7]]}}
}`

func TestConditionsByOperation(t *testing.T) {
	for _, c := range []struct {
		path  string
		op    webhook.Op
		value any
		want  bool
	}{
		{"type", webhook.OpEqual, "call", true},
		{"type", webhook.OpEqual, "Call", false},
		{"amount", webhook.OpEqual, 12.5, true},
		{"amount", webhook.OpEqual, json.Number("1.25e1"), true},
		{"amount", webhook.OpEqual, "12.50", false},
		{"on", webhook.OpEqual, true, true},
		{"on", webhook.OpEqual, "true", false},
		{"on", webhook.OpEqual, 1.0, false},
		{"none", webhook.OpEqual, nil, true},
		{"none", webhook.OpEqual, false, false},
		{"type", webhook.OpEqual, nil, false},
		{"list", webhook.OpEqual, []any{map[string]any{"id": 1.0}, 2.0, "three"}, true},
		{"list", webhook.OpEqual, []any{2.0, map[string]any{"id": 1.0}, "three"}, false},
		{"list.0", webhook.OpEqual, map[string]any{"id": 1.0, "x": nil}, false},
		{"list.0", webhook.OpEqual, map[string]any{"id": 1}, true},
		{"list.0", webhook.OpEqual, struct{}{}, false},

		{"type", webhook.OpNotEqual, "sms", true},
		{"type", webhook.OpNotEqual, "call", false},
		{"amount", webhook.OpNotEqual, "12.5", true},
		{"absent", webhook.OpNotEqual, "call", false},

		{"type", webhook.OpIn, []any{"sms", "call"}, true},
		{"amount", webhook.OpIn, []any{1.0, 12.5}, true},
		{"type", webhook.OpIn, []any{}, false},
		{"type", webhook.OpIn, "call", false},

		{"none", webhook.OpExists, nil, true},
		{"absent", webhook.OpExists, nil, false},
		{"none", webhook.OpMissing, nil, false},
		{"absent", webhook.OpMissing, nil, true},
		{"type.call", webhook.OpMissing, nil, true},

		{"amount", webhook.OpLess, 12.51, true},
		{"amount", webhook.OpLess, 12.5, false},
		{"amount", webhook.OpLessEq, 12.5, true},
		{"amount", webhook.OpGreater, -1.0, true},
		{"amount", webhook.OpGreatEq, 12.5, true},
		{"amount", webhook.OpGreatEq, 13.0, false},
		{"amount", webhook.OpLess, "99", false},
		{"type", webhook.OpGreater, "calk", true},
		{"type", webhook.OpLess, "calls", true},
		{"text", webhook.OpGreater, "Grz", true}, // ü comes behind z
		{"on", webhook.OpGreatEq, true, false},
		{"type", "like", "call", false},

		{"type", webhook.OpPrefix, "ca", true},
		{"type", webhook.OpPrefix, "al", false},
		{"type", webhook.OpSuffix, "ll", true},
		{"type", webhook.OpSuffix, "al", false},
		{"amount", webhook.OpPrefix, "12", false},
		{"type", webhook.OpContains, "al", true},
		{"list", webhook.OpContains, "three", true},
		{"list", webhook.OpContains, map[string]any{"id": 1.0}, true},
		{"list", webhook.OpContains, "two", false},
		{"deep", webhook.OpContains, "x", false},

		{"list.0.id", webhook.OpEqual, 1.0, true},
		{"list.00.id", webhook.OpExists, nil, false},
		{"list.-1", webhook.OpExists, nil, false},
		{"list.3", webhook.OpExists, nil, false},
		{"list.length", webhook.OpExists, nil, false},
		{"0", webhook.OpEqual, "zero", true},
		{"deep..x.0.0", webhook.OpEqual, 7.0, true},
		{"", webhook.OpExists, nil, true},
	} {
		if got := holds(webhook.Condition{Path: c.path, Op: c.op, Value: c.value}, payload); got != c.want {
			t.Errorf("%q %s %v: %v", c.path, c.op, c.value, got)
		}
	}
}

func TestAnOptionalConditionPassesWhereItsMemberIsAbsent(t *testing.T) {
	c := webhook.Condition{Path: "absent", Op: webhook.OpIn, Value: []any{"x"}, Optional: true}
	if !holds(c, payload) {
		t.Error("absent: refused")
	}
	if holds(c, `{"absent": "y"}`) || !holds(c, `{"absent": "x"}`) || holds(c, `{"absent": null}`) {
		t.Error("present: not tested like any other")
	}
}

func TestPathsLeadNowhereInWhatIsNotJSON(t *testing.T) {
	for _, text := range []string{"", "{", `{"a":1} {"a":1}`, `{"a":1}x`, "\xff", strings.Repeat("[", 20_000)} {
		if holds(webhook.Condition{Path: "", Op: webhook.OpExists}, text) || !holds(webhook.Condition{Path: "a", Op: webhook.OpMissing}, text) {
			t.Errorf("%.20q", text)
		}
	}
	for text, value := range map[string]any{`"x"`: "x", ` 5 `: 5.0, `null`: nil} {
		if !holds(webhook.Condition{Path: "", Op: webhook.OpEqual, Value: value}, text) {
			t.Errorf("%s is not %v", text, value)
		}
	}
}

func TestPathsReachMembersWhateverTheirNames(t *testing.T) {
	for _, name := range []string{"a.b", `a\b`, `a\.b`, ".", `\`, "..", "a.", ".a"} {
		body, err := json.Marshal(map[string]any{name: 1, "a": map[string]any{"b": 2}})
		if err != nil {
			t.Fatal(err)
		}
		if !holds(webhook.Condition{Path: webhook.PathOf(name), Op: webhook.OpEqual, Value: 1.0}, string(body)) {
			t.Errorf("%q does not lead to %q", webhook.PathOf(name), name)
		}
		nested, err := json.Marshal(map[string]any{"x": map[string]any{name: []any{nil, 3}}})
		if err != nil {
			t.Fatal(err)
		}
		if !holds(webhook.Condition{Path: "x." + webhook.PathOf(name) + ".1", Op: webhook.OpEqual, Value: 3.0}, string(nested)) {
			t.Errorf("%q does not lead to %q within another", webhook.PathOf(name), name)
		}
	}
}

func TestNumbersCompareByValueHoweverTheyAreSpelt(t *testing.T) {
	literal := rapid.StringMatching(`-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := literal.Draw(t, "payload"), literal.Draw(t, "condition")
		if rapid.Bool().Draw(t, "close") {
			b = a + "0"
			if !strings.ContainsAny(a, ".eE") {
				b = a + ".00"
			}
		}
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		order := x.Cmp(y)
		for op, want := range map[webhook.Op]bool{
			webhook.OpEqual: order == 0, webhook.OpNotEqual: order != 0, webhook.OpLess: order < 0,
			webhook.OpLessEq: order <= 0, webhook.OpGreater: order > 0, webhook.OpGreatEq: order >= 0,
		} {
			if got := holds(webhook.Condition{Op: op, Value: json.Number(b)}, a); got != want {
				t.Fatalf("%s %s %s: %v", a, op, b, got)
			}
		}
	})
}

func TestNumbersBeyondTheReachOfFloats(t *testing.T) {
	for _, c := range []struct {
		payload string
		value   any
		want    bool
	}{
		{"12345678901234567890", json.Number("12345678901234567890"), true},
		{"12345678901234567891", json.Number("12345678901234567890"), false},
		{"12345678901234567890", 12345678901234567890.0, true}, // as near as a float64 comes
		{"12345678901234567890", 12345678901234600000.0, false},
		{"9007199254740991", 9007199254740991.0, true},
		{"9007199254740991.5", 9007199254740991.0, false},
		{"1e400", 1.0e300, false},
		{"1e400", json.Number("10e399"), true},
		{"1e99999999999999999999", json.Number("1"), false},
		{"1e-99999999999999999999", json.Number("0"), false},
		{"0e99999999999999999999", json.Number("-0.00"), true},
		{"7", 7, true},
		{"7", int64(7), true},
		{"0.1", 0.1, true},
	} {
		if got := holds(webhook.Condition{Op: webhook.OpEqual, Value: c.value}, c.payload); got != c.want {
			t.Errorf("%s eq %v: %v", c.payload, c.value, got)
		}
	}
	if !holds(webhook.Condition{Op: webhook.OpGreater, Value: 1e300}, "1e400") || !holds(webhook.Condition{Op: webhook.OpLess, Value: -1e300}, "-1e400") {
		t.Error("a number that no float64 holds is not beyond one that it holds")
	}
}

func FuzzConditions(f *testing.F) {
	f.Add([]byte(payload), "list.0.id", `1`)
	f.Add([]byte(`{"a":1e999999999}`), "a", `"text"`)
	f.Add([]byte(`[[],{}]`), "1", `[1e-999999999, {"a": [null]}]`)
	ops := []webhook.Op{
		webhook.OpEqual, webhook.OpNotEqual, webhook.OpIn, webhook.OpExists, webhook.OpMissing, webhook.OpLess, webhook.OpLessEq,
		webhook.OpGreater, webhook.OpGreatEq, webhook.OpPrefix, webhook.OpSuffix, webhook.OpContains,
	}
	f.Fuzz(func(t *testing.T, body []byte, path, value string) {
		var v any
		if json.Unmarshal([]byte(value), &v) != nil {
			return
		}
		got := map[webhook.Op]bool{}
		for _, op := range ops {
			got[op] = holds(webhook.Condition{Path: path, Op: op, Value: v}, string(body))
		}
		if got[webhook.OpExists] == got[webhook.OpMissing] {
			t.Fatal("neither there nor missing")
		}
		if got[webhook.OpExists] != (got[webhook.OpEqual] != got[webhook.OpNotEqual]) {
			t.Fatal("what is there is equal or not equal, what is not there is neither")
		}
		if got[webhook.OpLess] && got[webhook.OpGreatEq] || got[webhook.OpGreater] && got[webhook.OpLessEq] {
			t.Fatal("less and greater at once")
		}
	})
}
