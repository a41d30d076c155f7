package hooktype_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/match"
	"github.com/switchhook/switchhook/internal/webhook"
)

// filter makes a hook's filter and checks that it can be stored and read again.
func filter(t *testing.T, c *hooktype.Catalogue, h hooktype.Hook) webhook.Filter {
	t.Helper()
	f, err := c.Filter(h)
	if err != nil {
		t.Fatal(err)
	}
	if err := match.CheckFilter(f); err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var read webhook.Filter
	if err := json.Unmarshal(stored, &read); err != nil {
		t.Fatal(err)
	}
	return read
}

// event makes the one event that a message means.
func event(t *testing.T, c *hooktype.Catalogue, m hooktype.Message) *webhook.Event {
	t.Helper()
	events, err := c.Events(m)
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	e, err := events[0].Webhook()
	if err != nil {
		t.Fatal(err)
	}
	return &e
}

func TestInternalLegsAreLeftOutByTheHooksThatSaySo(t *testing.T) {
	c := builtin(t, hooktype.Env{})
	call := func(name string, flag bool) *webhook.Event {
		return event(t, c, message(t, "call_event", "CHANNEL_CREATE",
			fmt.Sprintf(`{"Call-ID":"c","Channel-Name":%q,"Channel-Is-Loopback":%v,"Custom-Channel-Vars":{"Account-ID":%q}}`, name, flag, account)))
	}
	for _, tc := range []struct {
		name     string
		flag     bool
		internal bool
	}{
		{"sofia/x", false, false}, {"sofia/x", true, true}, {"loopback/x", false, true}, {"loopback/x", true, true}, {"", false, false},
	} {
		for _, hook := range []string{"channel_create", "all"} {
			for exclude, want := range map[bool]bool{false: true, true: !tc.internal} {
				f := filter(t, c, hooktype.Hook{Hook: hook, ExcludeInternalLegs: exclude})
				if got := match.Wants(f, call(tc.name, tc.flag)); got != want {
					t.Errorf("hook %s, leaving internal legs out %v, name %q, flag %v: fires %v", hook, exclude, tc.name, tc.flag, got)
				}
			}
		}
	}
	parked := event(t, c, message(t, "call_event", "PARK_PARKED",
		`{"Call-ID":"c","Channel-Name":"loopback/x","Channel-Is-Loopback":true,"Custom-Channel-Vars":{"Account-ID":"`+account+`"}}`))
	for _, hook := range []string{"parking", "all"} {
		if !match.Wants(filter(t, c, hooktype.Hook{Hook: hook, ExcludeInternalLegs: true}), parked) {
			t.Errorf("hook %s does not fire for a parked call", hook)
		}
	}
}

func TestObjectHooksChooseTypeAndAction(t *testing.T) {
	c := builtin(t, hooktype.Env{})
	created := event(t, c, hooktype.ObjectMessage("doc_created", "user", "u", account))
	database := event(t, c, hooktype.ObjectMessage("db_created", "database", "d", account))
	for custom, want := range map[string][2]bool{
		``:                                       {true, true},
		`null`:                                   {true, true},
		`{}`:                                     {false, false},
		`{"type":"user"}`:                        {false, false},
		`{"action":"doc_created"}`:               {false, false},
		`{"type":"user","action":"doc_created"}`: {true, false},
		`{"type":"user","action":"all"}`:         {true, false},
		`{"type":"all","action":"doc_created"}`:  {true, false},
		`{"type":"all","action":"all"}`:          {true, true},
		`{"type":"device","action":"all"}`:       {false, false},
		`{"type":"user","action":"doc_edited"}`:  {false, false},
		`{"type":["user"],"action":"all"}`:       {false, false},
		`{"type":"","action":"all"}`:             {false, false},
	} {
		f := filter(t, c, hooktype.Hook{Hook: "object", CustomData: json.RawMessage(custom)})
		if got := [2]bool{match.Wants(f, created), match.Wants(f, database)}; got != want {
			t.Errorf("%s: got %v, want %v", custom, got, want)
		}
		if !match.Wants(filter(t, c, hooktype.Hook{Hook: "all", CustomData: json.RawMessage(custom)}), created) {
			t.Errorf("%s keeps a hook for everything from firing", custom)
		}
	}
}

func TestNotificationHooksChooseTheEvent(t *testing.T) {
	c := builtin(t, hooktype.Env{})
	e := event(t, c, message(t, "notification", "new_account", `{"Account-ID":"`+account+`","Type":"low_balance"}`))
	for custom, want := range map[string]bool{
		``: true, `{"type":"all"}`: true, `{"type":"new_account"}`: true, `{"type":"low_balance"}`: false, `{"other":"x"}`: false,
	} {
		if got := match.Wants(filter(t, c, hooktype.Hook{Hook: "notifications", CustomData: json.RawMessage(custom)}), e); got != want {
			t.Errorf("%s: fires %v", custom, got)
		}
	}
}

func TestPayloadFilters(t *testing.T) {
	c := builtin(t, hooktype.Env{})
	e := event(t, c, message(t, "notification", "new_account",
		`{"Account-ID":"`+account+`","Yes":true,"N":1,"Text":"a","A.B":"dotted","A":{"B":"nested"},"List":[1,2],"Back\\slash":"x"}`))
	for modifiers, want := range map[string]bool{
		``: true, `null`: true, `{}`: true,
		`{"text":"a"}`: true, `{"text":"b"}`: false, `{"text":["b","a"]}`: true, `{"text":["b"]}`: false, `{"text":[]}`: true,
		`{"nowhere":"x"}`: true, `{"nowhere":["x"]}`: true, `{"nowhere":[]}`: true,
		`{"yes":true}`: true, `{"yes":"true"}`: false, `{"yes":["true"]}`: false, `{"yes":[true,"x"]}`: true,
		`{"n":1}`: true, `{"n":"1"}`: false, `{"n":["1"]}`: false,
		`{"a.b":"dotted"}`: true, `{"a.b":"nested"}`: false, `{"a":{"b":"nested"}}`: true, `{"a":{"b":"x"}}`: false,
		`{"list":[[1,2]]}`: true, `{"list":[1,2]}`: false, `{"back\\slash":"y"}`: false, `{"back\\slash":"x"}`: true, `{"":"x"}`: true,
		`{"text":"a","n":2}`: false, `{"text":null}`: false,
	} {
		for _, hook := range []string{"notifications", "all"} {
			if got := match.Wants(filter(t, c, hooktype.Hook{Hook: hook, Modifiers: json.RawMessage(modifiers)}), e); got != want {
				t.Errorf("hook %s with %s: fires %v", hook, modifiers, got)
			}
		}
	}
}

func TestHooksGetTheirTypesAloneAndSubaccountsOnDemand(t *testing.T) {
	c := builtin(t, hooktype.Env{})
	sms := event(t, c, message(t, "sms", "inbound", `{"Message-ID":"m","Body":"b","From":"f","To":"t","Account-ID":"`+account+`"}`))
	for hook, want := range map[string]bool{"sms": true, "mms": false, "all": true, "object": false} {
		if got := match.Wants(filter(t, c, hooktype.Hook{Hook: hook}), sms); got != want {
			t.Errorf("hook %s: fires %v", hook, got)
		}
	}
	if match.Wants(filter(t, c, hooktype.Hook{Hook: "all"}), &webhook.Event{Type: "invoice.paid", Payload: []byte("{}")}) {
		t.Error("a hook for everything fires for what is none of the dialect's")
	}
	for include, want := range map[bool]webhook.FilterScope{false: webhook.ScopeOwn, true: webhook.ScopeDescendants} {
		if f := filter(t, c, hooktype.Hook{Hook: "sms", IncludeSubaccounts: include}); f.Scope != want {
			t.Errorf("including subaccounts %v: scope %q", include, f.Scope)
		}
	}
}

func TestFiltersOfBrokenHooks(t *testing.T) {
	c := builtin(t, hooktype.Env{})
	for field, h := range map[string]hooktype.Hook{
		"hook":        {Hook: "skel"},
		"custom_data": {Hook: "object", CustomData: json.RawMessage(`["x"]`)},
		"modifiers":   {Hook: "all", Modifiers: json.RawMessage(`"x"`)},
	} {
		if _, err := c.Filter(h); webhook.CodeOf(err) != webhook.CodeInvalid {
			t.Errorf("%s: %v", field, err)
		}
	}
}
