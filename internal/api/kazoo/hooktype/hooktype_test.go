package hooktype_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/render"
	"github.com/switchhook/switchhook/internal/render/py"
)

const account = "a1b2c3d4e5f60718293a4b5c6d7e8f90"

func builtin(t testing.TB, env hooktype.Env) *hooktype.Catalogue {
	t.Helper()
	c, err := hooktype.Open(env, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// message completes a message of the bus.
func message(t testing.TB, category, event, more string) hooktype.Message {
	t.Helper()
	m, err := hooktype.ParseMessage([]byte(more))
	if err != nil {
		t.Fatalf("%v in %s", err, more)
	}
	for name, text := range map[string]string{
		"App-Name": "test", "App-Version": "4.0.0", "Event-Category": category, "Event-Name": event, "Msg-ID": "1",
	} {
		m.Set(name, py.Str(text))
	}
	return m
}

func asJSON(t testing.TB, v py.Value) string {
	t.Helper()
	b, err := render.JSON(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// payloads returns what a message means, each as "type account payload".
func payloads(t testing.TB, c *hooktype.Catalogue, m hooktype.Message) []string {
	t.Helper()
	events, err := c.Events(m)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range events {
		all = append(all, e.Type.ID+" "+e.Account+" "+asJSON(t, e.Payload))
	}
	return all
}

func TestTheCatalogueHasTheTypesOfKazoo(t *testing.T) {
	c := builtin(t, hooktype.Env{})
	names := map[string]string{}
	for _, typ := range c.Types() {
		names[typ.ID] = typ.Name
		if typ.Description == "" {
			t.Errorf("%s has no description", typ.ID)
		}
	}
	if diff := cmp.Diff(map[string]string{
		"channel_create": "Channel Create", "channel_answer": "Channel Answer", "channel_bridge": "Channel Bridge",
		"channel_destroy": "Channel Destroy", "parking": "Call Parking", "object": "Object",
		"notifications": "Notifications Webhook", "sms": "SMS", "mms": "MMS",
	}, names); diff != "" {
		t.Error(diff)
	}
	if got, want := strings.Join(c.IDs(), " "), "all channel_answer channel_bridge channel_create channel_destroy mms notifications object parking sms"; got != want {
		t.Errorf("ids %s, want %s", got, want)
	}
}

func TestModifiersAreShownAsKazooShowsThem(t *testing.T) {
	c := builtin(t, hooktype.Env{ObjectTypes: []string{"user", "device"}})
	got := asJSON(t, c.Find("object").Metadata(false).Get("modifiers"))
	want := `{"type":{"type":"array","description":"Kind of document, or all","items":["all","user","device"]},` +
		`"action":{"type":"array","description":"What happened to it, or all","items":["all","doc_created","doc_edited","doc_deleted"]}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if m := c.Find("sms").Metadata(false); m.Get("modifiers") != nil {
		t.Errorf("sms has modifiers: %s", asJSON(t, m))
	}
}

func TestOnlyOperatorsAreShownTheirNotifications(t *testing.T) {
	typ := builtin(t, hooktype.Env{}).Find("notifications")
	for operator, want := range map[bool]int{false: 37, true: 39} {
		items := typ.Metadata(operator).Get("modifiers").(*py.Dict).Get("type").(*py.Dict).Get("items").(*py.Dict)
		if items.Len() != want {
			t.Errorf("operator %v is shown %d items, want %d", operator, items.Len(), want)
		}
		if shown := items.Get("webhook_disabled") != nil; shown != operator {
			t.Errorf("operator %v is shown webhook_disabled: %v", operator, shown)
		}
		var keys []string
		for name, item := range items.All() {
			keys = append(keys, string(name.(py.Str)))
			if d := item.(*py.Dict); d.Get("friendly_name") == nil || d.Get("description") == nil {
				t.Errorf("%v: %s", name, asJSON(t, d))
			}
		}
		if !slices.IsSorted(keys) {
			t.Errorf("not in order: %v", keys)
		}
	}
	m := typ.Modifiers[0]
	if !m.Allows("webhook_disabled") || !m.Allows("all") || m.Allows("voicemail_deleted") || m.Allows("") {
		t.Error("what can be chosen is not what is in the list")
	}
}

func TestSamplesAreWhatTheirTypesBuild(t *testing.T) {
	c := builtin(t, hooktype.Env{})
	counts := map[string]int{}
	for _, name := range c.SampleNames() {
		counts[name] = len(c.Samples(name))
	}
	if diff := cmp.Diff(map[string]int{
		"webhooks_channel_answer": 1, "webhooks_channel_bridge": 1, "webhooks_channel_create": 1, "webhooks_channel_destroy": 1,
		"webhooks_notifications": 36, "webhooks_object": 3, "webhooks_parking": 1,
	}, counts); diff != "" {
		t.Error(diff)
	}
	if c.Samples("webhooks_sms") != nil || c.Samples("object") != nil {
		t.Error("there are samples of what has none")
	}
	events := map[string]bool{}
	for _, s := range c.Samples("webhooks_notifications") {
		events[string(s.Get("event_name").(py.Str))] = true
	}
	if len(events) != 36 || !events["missed_call"] {
		t.Errorf("events %v", slices.Sorted(maps.Keys(events)))
	}
	if got := asJSON(t, c.Samples("webhooks_object")[1]); !strings.Contains(got, `"action":"doc_edited"`) || !strings.Contains(got, `"cluster_id"`) {
		t.Errorf("got %s", got)
	}
	if got := c.Samples("webhooks_channel_destroy")[0]; got.Get("hangup_cause") == nil || got.Get("billing_seconds") == nil {
		t.Errorf("got %s", asJSON(t, got))
	}
}

func TestEveryBindingIsOncePerPlace(t *testing.T) {
	keys := map[string]int{}
	for _, b := range builtin(t, hooktype.Env{}).Bindings() {
		keys[b.Exchange+" "+b.RoutingKey]++
	}
	for _, want := range []string{
		"callevt call.CHANNEL_CREATE.*", "callevt call.CHANNEL_DESTROY.*", "callevt call.PARK_ABANDONED.*", "configuration #",
		"notifications notifications.sip.missed_call", "notifications notifications.webhook.callflow",
		"im sms.inbound.offnet.*", "im mms.inbound.offnet.*",
	} {
		if keys[want] != 1 {
			t.Errorf("%s is there %d times", want, keys[want])
		}
	}
}

func TestCatalogueRefusesImpossibleTypes(t *testing.T) {
	build := func(hooktype.Message, hooktype.Env) ([]hooktype.Firing, error) { return nil, nil }
	for _, types := range [][]hooktype.Type{
		{{ID: "all", Name: "x", Build: build}},
		{{ID: "skel", Name: "x", Build: build}},
		{{ID: "Big", Name: "x", Build: build}},
		{{ID: "", Name: "x", Build: build}},
		{{ID: "a", Build: build}},
		{{ID: "a", Name: "x"}},
		{{ID: "a", Name: "x", Build: build}, {ID: "a", Name: "y", Build: build}},
	} {
		if _, err := hooktype.New(hooktype.Env{}, types...); err == nil {
			t.Errorf("%v is taken", types)
		}
	}
}

func TestMetadataIsJSONInTheOrderOfReading(t *testing.T) {
	var m map[string]json.RawMessage
	typ := builtin(t, hooktype.Env{}).Find("object")
	text := asJSON(t, typ.Metadata(false))
	if err := json.Unmarshal([]byte(text), &m); err != nil || !strings.HasPrefix(text, `{"id":"object","name":"Object","description":"`) {
		t.Errorf("%v: %s", err, text)
	}
}
