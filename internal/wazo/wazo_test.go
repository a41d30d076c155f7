package wazo

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/match"
	"github.com/switchhook/switchhook/internal/webhook"
)

const (
	tenant = "11111111-1111-4111-8111-111111111111"
	user   = "22222222-2222-4222-8222-222222222222"
	origin = "33333333-3333-4333-8333-333333333333"
)

// wants says whether one of the document's filters lets an event with these
// headers through, and that no more than one does.
func wants(t *testing.T, d *Document, headers map[string]any) bool {
	t.Helper()
	name, _ := headers["name"].(string)
	e := &webhook.Event{Type: EventType(name), Attributes: Attributes(headers)}
	n := 0
	for _, f := range d.Filters(false) {
		if err := match.CheckFilter(f); err != nil {
			t.Fatal(err)
		}
		if match.Wants(f, e) {
			n++
		}
	}
	if n > 1 {
		t.Errorf("%v is wanted %d times", headers, n)
	}
	return n == 1
}

func TestAllConditionsOfASubscriptionMustHoldOnTheHeaders(t *testing.T) {
	u, o := user, origin
	plainly := Document{Events: []string{"a", "b"}, OwnerTenantUUID: tenant}
	watching := Document{Events: []string{"a", globalVoicemail}, OwnerTenantUUID: tenant, EventsUserUUID: &u}
	from := Document{Events: []string{"a"}, OwnerTenantUUID: tenant, EventsWazoUUID: &o}
	starred := Document{Events: []string{"call*", "*", "a%2A"}, OwnerTenantUUID: tenant}
	for _, c := range []struct {
		about   string
		d       Document
		headers map[string]any
		want    bool
	}{
		{"its tenant's", plainly, map[string]any{"name": "b", "tenant_uuid": tenant}, true},
		{"another name", plainly, map[string]any{"name": "c", "tenant_uuid": tenant}, false},
		{"a name in another case", plainly, map[string]any{"name": "A", "tenant_uuid": tenant}, false},
		{"its user", watching, map[string]any{"name": "a", "tenant_uuid": tenant, "user_uuid:" + user: true}, true},
		{"its user by number", watching, map[string]any{"name": "a", "tenant_uuid": tenant, "user_uuid:" + user: int64(1)}, true},
		{"its user, false", watching, map[string]any{"name": "a", "tenant_uuid": tenant, "user_uuid:" + user: false}, false},
		{"its user by text", watching, map[string]any{"name": "a", "tenant_uuid": tenant, "user_uuid:" + user: "true"}, false},
		{"all users", watching, map[string]any{"name": "a", "tenant_uuid": tenant, "user_uuid:*": true}, false},
		{"no user", watching, map[string]any{"name": "a", "tenant_uuid": tenant}, false},
		{"a voicemail for all", watching, map[string]any{"name": globalVoicemail, "tenant_uuid": tenant, "user_uuid:*": true}, true},
		{"a voicemail for one", watching, map[string]any{"name": globalVoicemail, "tenant_uuid": tenant, "user_uuid:" + user: true}, false},
		{"its origin", from, map[string]any{"name": "a", "tenant_uuid": tenant, "origin_uuid": origin}, true},
		{"another origin", from, map[string]any{"name": "a", "tenant_uuid": tenant, "origin_uuid": user}, false},
		{"a star is a star", starred, map[string]any{"name": "call*", "tenant_uuid": tenant}, true},
		{"one star", starred, map[string]any{"name": "*", "tenant_uuid": tenant}, true},
		{"a star is no pattern", starred, map[string]any{"name": "call_created", "tenant_uuid": tenant}, false},
		{"what stands for a star is none", starred, map[string]any{"name": "a*", "tenant_uuid": tenant}, false},
	} {
		if got := wants(t, &c.d, c.headers); got != c.want {
			t.Errorf("%s: wanted %v", c.about, got)
		}
	}
}

func TestTheMasterTenantWantsTheEventsOfAll(t *testing.T) {
	d := Document{Events: []string{"a"}, OwnerTenantUUID: tenant}
	for master, want := range map[bool]webhook.FilterScope{true: webhook.ScopeDescendants, false: webhook.ScopeOwn} {
		if f := d.Filters(master); len(f) != 1 || f[0].Scope != want {
			t.Errorf("master %v: %+v", master, f)
		}
	}
}

func TestAnEventOfNoBusIsOneWithoutUserAndOrigin(t *testing.T) {
	u, o := user, origin
	for _, c := range []struct {
		d    Document
		want bool
	}{
		{Document{Events: []string{"a"}, OwnerTenantUUID: tenant}, true},
		{Document{Events: []string{"a"}, OwnerTenantUUID: tenant, EventsUserUUID: &u}, false},
		{Document{Events: []string{"a"}, OwnerTenantUUID: tenant, EventsWazoUUID: &o}, false},
	} {
		for _, f := range c.d.Filters(true) {
			if got := match.Wants(f, &webhook.Event{Type: "a"}); got != c.want {
				t.Errorf("%+v: wanted %v", c.d, got)
			}
		}
	}
}

func TestNoEventsIsNoFilter(t *testing.T) {
	for _, events := range [][]string{nil, {}, {""}, {string(make([]byte, 128))}} {
		d := Document{Events: events, OwnerTenantUUID: tenant}
		if f := d.Filters(true); len(f) != 0 {
			t.Errorf("%q comes to %d filters", events, len(f))
		}
	}
}

func TestManyEventsAreSplit(t *testing.T) {
	var d Document
	for n := range 2500 {
		d.Events = append(d.Events, "event_"+string(rune('a'+n%26))+id.New().Hex(), "twice")
	}
	n := 0
	for _, f := range d.Filters(true) {
		if err := match.CheckFilter(f); err != nil {
			t.Error(err)
		}
		n += len(f.Types)
	}
	if n != 2501 {
		t.Errorf("%d types", n)
	}
}

func TestDocumentOutlivesItsEndpoint(t *testing.T) {
	u, v := user, "yes"
	d := Document{
		UUID: tenant, Name: "n", Service: "http", Events: []string{"a"}, Config: json.RawMessage(`{"url":"https://user:pw@host/"}`),
		Metadata: map[string]*string{"k": &v, "none": nil}, EventsUserUUID: &u, OwnerTenantUUID: tenant,
	}
	self, err := id.Parse(tenant)
	if err != nil {
		t.Fatal(err)
	}
	e := webhook.Endpoint{ID: self}
	if err := d.Onto(&e); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(e.Annotations[Annotation]), "pw@") || string(e.Config) != string(d.Config) {
		t.Errorf("kept as %s and %s", e.Annotations[Annotation], e.Config)
	}
	got, err := DocumentOf(&e)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&d, got); diff != "" {
		t.Error(diff)
	}
	if _, err := DocumentOf(&webhook.Endpoint{}); err == nil {
		t.Error("an endpoint of another dialect has a document")
	}
}

func TestRetryCountsWholeSeconds(t *testing.T) {
	for _, c := range []struct {
		attempts int
		factor   float64
		want     []time.Duration
	}{
		{1, 2, nil},
		{5, 2, []time.Duration{1, 2, 4, 8}},
		{5, 1.5, []time.Duration{1, 1, 2, 3}},
		{3, 0.5, []time.Duration{1, 0}},
		{3, 1e9, []time.Duration{1, 30 * 24 * 3600}},
	} {
		p := Retry(c.attempts, c.factor)
		for i := range c.want {
			c.want[i] *= time.Second
		}
		if diff := cmp.Diff(c.want, p.Schedule); diff != "" || Attempts(p) != c.attempts {
			t.Errorf("%d attempts by %v: %s", c.attempts, c.factor, diff)
		}
	}
}
