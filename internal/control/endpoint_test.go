package control_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/breaker"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/retry"
	"github.com/switchhook/switchhook/internal/sign"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// reached returns the endpoints that an event of the account reaches now.
func (w *world) reached(a *webhook.Account) []id.ID {
	var found []id.ID
	for _, t := range w.d.Match(&webhook.Event{AccountID: a.ID, Type: "order.paid", Payload: []byte("{}")}, a.Path, nil) {
		found = append(found, t.EndpointID)
	}
	return found
}

func TestADraftIsANativeEndpoint(t *testing.T) {
	w := newWorld(t)
	e := w.c.DraftEndpoint(w.root.ID)
	w.same(e.Service, webhook.ServiceHTTP)
	w.same(e.Enabled, true)
	w.same(e.Retry, retry.Native())
	w.same(e.Health, breaker.Native())
	w.must(sign.CheckKey(e.Keys[0].Key.Reveal()))
	if e.Keys[0].Key == w.c.DraftEndpoint(w.root.ID).Keys[0].Key {
		t.Error("two drafts have one key")
	}
	e.Retry.Schedule[0] = 0
	w.same(w.c.DraftEndpoint(w.root.ID).Retry, retry.Native())
}

func TestDefaultsComeFromTheConfiguration(t *testing.T) {
	policy, health := webhook.RetryPolicy{MaxAttempts: 2}, webhook.HealthPolicy{MaxFailuresInRow: 3}
	w := newWorld(t, func(o *control.Options) { o.Retry, o.Health, o.Asymmetric = &policy, &health, true })
	e := w.c.DraftEndpoint(w.root.ID)
	w.same(e.Retry, policy)
	w.same(e.Health, health)
	_, err := sign.Public(e.Keys[0].Key)
	w.must(err)
}

func TestWhatIsToldOfAChangeIsKeptWithIt(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	teller, _, err := w.c.CreateEndpoint(t.Context(), w.draft(app.ID))
	w.must(err)
	made, _, err := w.c.CreateEndpoint(t.Context(), w.draft(app.ID))
	w.must(err)
	w.kicked = nil
	e := webhook.Event{ID: id.New(), AccountID: app.ID, Type: "told", Payload: []byte("{}"), CreatedAt: w.now}
	told := control.Told{{Event: e, Deliveries: []webhook.Delivery{{
		DeliveryID: webhook.DeliveryID{Event: e.ID}, AccountID: app.ID, EndpointID: teller.ID, DueAt: w.now,
	}}}}
	_, err = w.c.UpdateEndpoint(t.Context(), made.ID, id.ID{}, func(edit *control.EndpointEdit) error {
		edit.Delete, edit.Tell = true, told
		return nil
	})
	w.must(err)
	w.same(len(w.kicked), 0)
	w.c.Wake(told)
	w.same(w.kicked, []id.ID{teller.ID})
	_, err = w.c.LocateEndpoint(t.Context(), made.ID)
	w.same(webhook.CodeOf(err), webhook.CodeNotFound)
	kept, err := w.c.FindEvent(t.Context(), app.ID, e.ID, "")
	w.must(err)
	w.same(kept.Type, "told")
}

func TestServicesThatMayComeLater(t *testing.T) {
	w := newWorld(t, func(o *control.Options) {
		o.MayLack = func(e *webhook.Endpoint) bool { return e.Annotations["wazo"] != nil }
	})
	app := w.app()
	d := w.draft(app.ID)
	d.Endpoint.Service = "later"
	_, _, err := w.c.CreateEndpoint(t.Context(), d)
	w.same(webhook.CodeOf(err), webhook.CodeInvalid)
	d.Endpoint.Annotations = webhook.Annotations{"wazo": json.RawMessage(`{}`)}
	made, _, err := w.c.CreateEndpoint(t.Context(), d)
	w.must(err)
	found, err := w.c.LocateEndpoint(t.Context(), made.ID)
	w.must(err)
	w.same(found.Service, "later")
	all, err := w.c.EndpointsOf(t.Context(), app.ID, "wazo", webhook.Page{})
	w.must(err)
	w.same(len(all.Items), 1)
	_, err = w.c.UpdateEndpoint(t.Context(), made.ID, id.ID{}, func(edit *control.EndpointEdit) error {
		edit.Endpoint.Service = "even\nlater"
		return nil
	})
	w.same(webhook.CodeOf(err), webhook.CodeInvalid)
}

func TestEndpointsAreCreatedFoundAndListed(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	d := w.draft(app.ID)
	d.Endpoint.UID, d.Endpoint.Headers = "main", []webhook.Header{{Name: "X-Key", Value: "v"}}
	d.Subscriptions = []webhook.Subscription{
		{Enabled: true, Filter: webhook.Filter{Types: []string{"order.*"}}}, {Enabled: true, Name: "second"},
	}
	made, _, err := w.c.CreateEndpoint(t.Context(), d)
	w.must(err)
	for _, find := range []func() (*control.Endpoint, error){
		func() (*control.Endpoint, error) { return w.c.FindEndpoint(t.Context(), app.ID, made.ID, "") },
		func() (*control.Endpoint, error) { return w.c.FindEndpoint(t.Context(), app.ID, id.ID{}, "main") },
	} {
		got, err := find()
		w.must(err)
		w.same(got.Endpoint, made.Endpoint)
		w.same(got.Subscriptions, made.Subscriptions)
		w.same(got.State.EndpointID, made.ID)
	}
	other := w.endpoint(app.ID)
	w.endpoint(w.root.ID)
	s, err := w.c.Endpoints(t.Context(), app.ID, webhook.Page{Ascending: true})
	w.must(err)
	w.same(len(s.Items), 2)
	w.same(s.Items[0].Subscriptions, made.Subscriptions)
	w.same(s.Items[1].Subscriptions, other.Subscriptions)
	none, err := w.c.Endpoints(t.Context(), w.app().ID, webhook.Page{})
	w.must(err)
	w.same(len(none.Items), 0)

	_, err = w.c.FindEndpoint(t.Context(), w.root.ID, made.ID, "")
	w.fails(err, webhook.CodeNotFound, "")
	_, err = w.c.FindEndpoint(t.Context(), app.ID, id.ID{}, "other")
	w.fails(err, webhook.CodeNotFound, "")
	_, err = w.c.FindEndpoint(t.Context(), app.ID, id.ID{}, "")
	w.fails(err, webhook.CodeNotFound, "")
	_, _, err = w.c.CreateEndpoint(t.Context(), d)
	w.fails(err, webhook.CodeConflict, "uid")
}

func TestAChangeIsSeenByThisNodeAtOnce(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	e := w.endpoint(app.ID)
	w.same(w.reached(app), []id.ID{e.ID})
	_, err := w.c.DisableEndpoint(t.Context(), e.ID, "")
	w.must(err)
	w.same(len(w.reached(app)), 0)
	_, err = w.c.EnableEndpoint(t.Context(), e.ID)
	w.must(err)
	w.same(w.reached(app), []id.ID{e.ID})
	w.must(w.c.DeleteSubscription(t.Context(), e.Subscriptions[0].ID))
	w.same(len(w.reached(app)), 0)
	_, err = w.c.CreateSubscription(t.Context(), webhook.Subscription{EndpointID: e.ID, Enabled: true}, id.ID{})
	w.must(err)
	w.same(w.reached(app), []id.ID{e.ID})
	w.must(w.c.DeleteEndpoint(t.Context(), e.ID))
	w.same(len(w.reached(app)), 0)
	w.fails(w.c.DeleteEndpoint(t.Context(), e.ID), webhook.CodeNotFound, "")
}

func TestSwitchingAnEndpointOffAndOnTellsWhyAndStartsAfresh(t *testing.T) {
	w := newWorld(t)
	e := w.endpoint(w.app().ID)
	w.must(w.s.Commit(t.Context(), &store.Batch{Health: []store.HealthChange{
		{Health: webhook.Health{EndpointID: e.ID, FailuresInRow: 9}, Disable: true, Reason: webhook.DisabledByGone, At: w.now},
	}}))
	got, err := w.c.FindEndpoint(t.Context(), e.AccountID, e.ID, "")
	w.must(err)
	w.same(got.DisabledReason, webhook.DisabledByGone)
	w.same(got.State.FailuresInRow, 9)

	// A change that leaves it off keeps the reason, and the failures.
	_, err = w.c.UpdateEndpoint(t.Context(), e.ID, id.ID{}, func(edit *control.EndpointEdit) error {
		edit.Endpoint.Description = "still off"
		return nil
	})
	w.must(err)
	got, err = w.c.FindEndpoint(t.Context(), e.AccountID, e.ID, "")
	w.must(err)
	w.same(got.DisabledReason, webhook.DisabledByGone)
	w.same(got.State.FailuresInRow, 9)
	w.same(len(w.kicked), 0)

	_, err = w.c.UpdateEndpoint(t.Context(), e.ID, id.ID{}, func(edit *control.EndpointEdit) error {
		edit.Endpoint.Enabled = true
		return nil
	})
	w.must(err)
	got, err = w.c.FindEndpoint(t.Context(), e.AccountID, e.ID, "")
	w.must(err)
	w.same(got.DisabledReason, "")
	w.same(got.DisabledAt, time.Time{})
	w.same(got.State.FailuresInRow, 0)
	w.same(w.kicked, []id.ID{e.ID})

	w.now = w.now.Add(time.Hour)
	got, err = w.c.DisableEndpoint(t.Context(), e.ID, "")
	w.must(err)
	w.same(got.DisabledReason, webhook.DisabledByOwner)
	w.same(got.DisabledAt, w.now)
	w.same(len(w.kicked), 1)
}

func TestAnEndpointCanBeMadeSwitchedOff(t *testing.T) {
	w := newWorld(t)
	d := w.draft(w.root.ID)
	d.Endpoint.Enabled = false
	e, _, err := w.c.CreateEndpoint(t.Context(), d)
	w.must(err)
	w.same(e.DisabledReason, webhook.DisabledByOwner)
	w.same(e.DisabledAt, w.now)
	w.same(len(w.reached(w.root)), 0)
}

func TestSubscriptionsChangeWithTheirEndpoint(t *testing.T) {
	w := newWorld(t)
	e := w.endpoint(w.app().ID)
	first := e.Subscriptions[0].ID
	changed, err := w.c.UpdateEndpoint(t.Context(), e.ID, id.ID{}, func(edit *control.EndpointEdit) error {
		edit.Subscriptions[0].Filter.Types = []string{"a"}
		edit.Subscriptions = append(edit.Subscriptions, webhook.Subscription{Enabled: true, Name: "new"})
		return nil
	})
	w.must(err)
	w.same(len(changed.Subscriptions), 2)
	w.same(changed.Subscriptions[0].ID, first)
	got, err := w.c.FindEndpoint(t.Context(), e.AccountID, e.ID, "")
	w.must(err)
	w.same(got.Subscriptions, changed.Subscriptions)
	w.now = w.now.Add(time.Hour)
	_, err = w.c.UpdateEndpoint(t.Context(), e.ID, id.ID{}, func(edit *control.EndpointEdit) error {
		edit.Subscriptions[1].Name = "renamed"
		return nil
	})
	w.must(err)
	got, err = w.c.FindEndpoint(t.Context(), e.AccountID, e.ID, "")
	w.must(err)
	w.same(got.Subscriptions[0].UpdatedAt, w.now.Add(-time.Hour))
	w.same(got.Subscriptions[1].UpdatedAt, w.now)
	if got.Version <= e.Version {
		t.Error("the version did not grow")
	}
	_, err = w.c.UpdateEndpoint(t.Context(), e.ID, id.ID{}, func(edit *control.EndpointEdit) error {
		edit.Subscriptions = slices.Delete(edit.Subscriptions, 0, 1)
		return nil
	})
	w.must(err)
	_, err = w.c.FindSubscription(t.Context(), e.AccountID, first)
	w.fails(err, webhook.CodeNotFound, "")
}

func TestASubscriptionForOneEventTypeReachesNoFurther(t *testing.T) {
	w := newWorld(t)
	e, other := w.endpoint(w.app().ID), w.app()
	s, err := w.c.CreateSubscription(t.Context(), webhook.Subscription{
		ID: id.NewRandom(), EndpointID: e.ID, AccountID: other.ID, EventTypeID: id.NewRandom(), Enabled: true,
		Filter: webhook.Filter{Types: []string{"a"}},
	}, id.ID{})
	w.must(err)
	edit := func(change func(*webhook.Subscription)) error {
		_, err := w.c.UpdateEndpoint(t.Context(), e.ID, id.ID{}, func(edit *control.EndpointEdit) error {
			for i := range edit.Subscriptions {
				if edit.Subscriptions[i].ID == s.ID {
					change(&edit.Subscriptions[i])
				}
			}
			return nil
		})
		return err
	}
	for _, change := range []func(*webhook.Subscription){
		func(s *webhook.Subscription) { s.Filter.Types = nil },
		func(s *webhook.Subscription) { s.Filter.Types[0] = "*" },
		func(s *webhook.Subscription) { s.Filter.Scope = webhook.ScopeDescendants },
		func(s *webhook.Subscription) { s.AccountID = w.root.ID },
	} {
		if err := edit(change); webhook.CodeOf(err) != webhook.CodeInvalid {
			t.Errorf("got %v", err)
		}
	}
	w.must(edit(func(s *webhook.Subscription) { s.Enabled = false }))
}

func TestSubscriptionsAreKeptOnTheirOwn(t *testing.T) {
	w := newWorld(t, func(o *control.Options) { o.Limits.Subscriptions = 3 })
	app := w.app()
	e := w.endpoint(app.ID)
	s, err := w.c.CreateSubscription(t.Context(), webhook.Subscription{
		EndpointID: e.ID, AccountID: w.root.ID, Name: "of other events", Enabled: true,
	}, id.ID{})
	w.must(err)
	got, err := w.c.FindSubscription(t.Context(), w.root.ID, s.ID)
	w.must(err)
	w.same(got, s)
	_, err = w.c.FindSubscription(t.Context(), app.ID, s.ID)
	w.fails(err, webhook.CodeNotFound, "")
	list, err := w.c.Subscriptions(t.Context(), w.root.ID, webhook.Page{})
	w.must(err)
	w.same(list.Items, []webhook.Subscription{*s})
	w.same(w.reached(w.root), []id.ID{e.ID})

	_, err = w.c.CreateSubscription(t.Context(), webhook.Subscription{EndpointID: id.New()}, id.ID{})
	w.fails(err, webhook.CodeNotFound, "")
	_, err = w.c.CreateSubscription(t.Context(), webhook.Subscription{
		EndpointID: e.ID, Filter: webhook.Filter{Types: []string{"*a"}},
	}, id.ID{})
	w.fails(err, webhook.CodeInvalid, "filter.types.0")
	_, err = w.c.CreateSubscription(t.Context(), webhook.Subscription{EndpointID: e.ID}, id.ID{})
	w.must(err)
	_, err = w.c.CreateSubscription(t.Context(), webhook.Subscription{EndpointID: e.ID}, id.ID{})
	w.fails(err, webhook.CodeLimit, "")
	w.fails(w.c.DeleteSubscription(t.Context(), id.New()), webhook.CodeNotFound, "")
}

func TestFiltersNameTypesOfTheCatalogue(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	paid, _, err := w.c.CreateEventType(t.Context(), webhook.EventType{AccountID: w.root.ID, Name: "order.paid"}, nil)
	w.must(err)
	d := w.draft(app.ID)
	d.Catalogue = w.root.ID
	d.Subscriptions[0].Filter.Types = []string{"order.paid", "user.*", webhook.TypeEndpointDisabled, "order.lost"}
	_, _, err = w.c.CreateEndpoint(t.Context(), d)
	w.fails(err, webhook.CodeInvalid, "subscriptions.0.filter.types.3")
	d.Subscriptions[0].Filter.Types = d.Subscriptions[0].Filter.Types[:3]
	e, _, err := w.c.CreateEndpoint(t.Context(), d)
	w.must(err)

	// A type that is gone meanwhile stays in the filters that have it.
	w.must(w.c.DeleteEventType(t.Context(), paid.ID))
	set := func(types ...string) error {
		_, err := w.c.UpdateEndpoint(t.Context(), e.ID, w.root.ID, func(edit *control.EndpointEdit) error {
			edit.Subscriptions[0].Filter.Types = types
			return nil
		})
		return err
	}
	w.must(set("order.paid"))
	w.fails(set("order.paid", "order.sent"), webhook.CodeInvalid, "subscriptions.0.filter.types.1")
	w.must(set("user.*"))
	w.fails(set("order.paid"), webhook.CodeInvalid, "subscriptions.0.filter.types.0")
	_, err = w.c.CreateSubscription(t.Context(), webhook.Subscription{
		EndpointID: e.ID, Filter: webhook.Filter{Types: []string{"order.paid"}},
	}, w.root.ID)
	w.fails(err, webhook.CodeInvalid, "subscriptions.0.filter.types.0")
}

func TestEndpointsThatAreRefused(t *testing.T) {
	w := newWorld(t, func(o *control.Options) { o.Limits.Subscriptions = 2 })
	for _, c := range []struct {
		code  webhook.Code
		field string
		edit  func(*webhook.Endpoint)
	}{
		{webhook.CodeInvalid, "url", func(e *webhook.Endpoint) { e.URL = "http://plain.example" }},
		{webhook.CodeInvalid, "url", func(e *webhook.Endpoint) { e.URL = "https://x.example/\x00" }},
		{webhook.CodeInvalid, "uid", func(e *webhook.Endpoint) { e.UID = "a b" }},
		{webhook.CodeInvalid, "service", func(e *webhook.Endpoint) { e.Service = "pigeon" }},
		{webhook.CodeInvalid, "description", func(e *webhook.Endpoint) { e.Description = strings.Repeat("x", 9000) }},
		{webhook.CodeInvalid, "metadata", func(e *webhook.Endpoint) { e.Metadata = map[string]string{"": ""} }},
		{webhook.CodeInvalid, "config", func(e *webhook.Endpoint) { e.Config = json.RawMessage("{") }},
		{webhook.CodeTooLarge, "config", func(e *webhook.Endpoint) { e.Config = json.RawMessage(`"` + strings.Repeat("x", 70_000) + `"`) }},
		{webhook.CodeInvalid, "config", func(e *webhook.Endpoint) { e.Service = "queue" }},
		{webhook.CodeInvalid, "config", func(e *webhook.Endpoint) { e.Service, e.Config = "queue", json.RawMessage(`{"topic": 1}`) }},
		{webhook.CodeInvalid, "headers", func(e *webhook.Endpoint) { e.Headers = make([]webhook.Header, 51) }},
		{webhook.CodeInvalid, "headers", func(e *webhook.Endpoint) { e.Headers = []webhook.Header{{Name: "", Value: "v"}} }},
		{webhook.CodeInvalid, "headers.x-a", func(e *webhook.Endpoint) { e.Headers = []webhook.Header{{Name: "X-A"}, {Name: "x-a"}} }},
		{webhook.CodeTooLarge, "headers", func(e *webhook.Endpoint) {
			e.Headers = []webhook.Header{{Name: "X-A", Value: strings.Repeat("v", 17_000)}}
		}},
		{webhook.CodeInvalid, "keys.0", func(e *webhook.Endpoint) { e.Keys[0].Key = "whsec_short" }},
		{webhook.CodeInvalid, "keys.0", func(e *webhook.Endpoint) { e.Keys[0].Key = "plain text" }},
		{webhook.CodeInvalid, "keys.0", func(e *webhook.Endpoint) { e.Keys[0].Key = "" }},
		{webhook.CodeTooLarge, "tls", func(e *webhook.Endpoint) { e.TLS = &webhook.TLS{CAPEM: strings.Repeat("x", 70_000)} }},
		{webhook.CodeInvalid, "timeout", func(e *webhook.Endpoint) { e.Timeout = -1 }},
		{webhook.CodeInvalid, "timeout", func(e *webhook.Endpoint) { e.Timeout = time.Hour }},
		{webhook.CodeInvalid, "rateLimit", func(e *webhook.Endpoint) { e.RateLimit = -1 }},
		{webhook.CodeInvalid, "maxInFlight", func(e *webhook.Endpoint) { e.MaxInFlight = 20_000 }},
		{webhook.CodeInvalid, "ordering", func(e *webhook.Endpoint) { e.Ordering = "lifo" }},
		{webhook.CodeInvalid, "retry.schedule.0", func(e *webhook.Endpoint) { e.Retry.Schedule = []time.Duration{-1} }},
		{webhook.CodeInvalid, "health", func(e *webhook.Endpoint) { e.Health.WindowFailures = 5000 }},
		{webhook.CodeInvalid, "health", func(e *webhook.Endpoint) { e.Health.FailingFor = -1 }},
		{webhook.CodeInvalid, "health", func(e *webhook.Endpoint) { e.Health.MaxFailuresInRow = -1 }},
	} {
		d := w.draft(w.root.ID)
		c.edit(&d.Endpoint)
		_, _, err := w.c.CreateEndpoint(t.Context(), d)
		if e, ok := errors.AsType[*webhook.Error](err); !ok || e.Code != c.code || e.Field != c.field {
			t.Errorf("%v, want %s with field %q", err, c.code, c.field)
		}
	}
	d := w.draft(w.root.ID)
	d.Subscriptions = make([]webhook.Subscription, 3)
	_, _, err := w.c.CreateEndpoint(t.Context(), d)
	w.fails(err, webhook.CodeLimit, "subscriptions")
	d = w.draft(w.root.ID)
	d.Subscriptions[0].Filter.Channels = []string{"\n"}
	_, _, err = w.c.CreateEndpoint(t.Context(), d)
	w.fails(err, webhook.CodeInvalid, "subscriptions.0.filter.channels.0")
	_, _, err = w.c.CreateEndpoint(t.Context(), w.draft(id.New()))
	w.fails(err, webhook.CodeNotFound, "")
	w.same(w.d.EndpointCount(w.root.ID), 0)
}

func TestAnAccountHasOnlySoManyEndpoints(t *testing.T) {
	w := newWorld(t, func(o *control.Options) { o.Limits.Endpoints = 2 })
	app := w.app()
	e := w.endpoint(app.ID)
	w.endpoint(app.ID)
	_, _, err := w.c.CreateEndpoint(t.Context(), w.draft(app.ID))
	w.fails(err, webhook.CodeLimit, "")
	w.endpoint(w.root.ID)
	w.must(w.c.DeleteEndpoint(t.Context(), e.ID))
	w.endpoint(app.ID)
}

func TestAServiceWithASchemaGetsAConfigurationThatFits(t *testing.T) {
	w := newWorld(t)
	d := w.draft(w.root.ID)
	d.Endpoint.Service, d.Endpoint.Config = "queue", json.RawMessage(`{"topic": "orders"}`)
	d.Endpoint.Keys = []webhook.SigningKey{{Key: "a dialect's own"}}
	e, _, err := w.c.CreateEndpoint(t.Context(), d)
	w.must(err)
	_, err = w.c.UpdateEndpoint(t.Context(), e.ID, id.ID{}, func(edit *control.EndpointEdit) error {
		edit.Endpoint.Config = json.RawMessage(`{}`)
		return nil
	})
	w.fails(err, webhook.CodeInvalid, "config")
}

func TestAnEndpointWhoseServiceIsGoneCanStillBeSwitchedOff(t *testing.T) {
	w := newWorld(t)
	e := w.endpoint(w.app().ID)
	elsewhere := w.another() // knows no service at all
	_, err := elsewhere.DisableEndpoint(t.Context(), e.ID, "")
	w.must(err)
	_, err = elsewhere.SetHeaders(t.Context(), e.ID, []webhook.Header{{Name: "X-A", Value: "1"}})
	w.fails(err, webhook.CodeInvalid, "service")
}

func TestHeadersAreSetAndPatched(t *testing.T) {
	w := newWorld(t)
	e := w.endpoint(w.app().ID)
	_, err := w.c.SetHeaders(t.Context(), e.ID, []webhook.Header{{Name: "X-One", Value: "1"}, {Name: "X-Two", Value: "2"}})
	w.must(err)
	got, err := w.c.PatchHeaders(t.Context(), e.ID, []control.HeaderChange{
		{Header: webhook.Header{Name: "x-one"}, Remove: true},
		{Header: webhook.Header{Name: "x-missing"}, Remove: true},
		{Header: webhook.Header{Name: "x-TWO", Value: "two"}},
		{Header: webhook.Header{Name: "X-Three", Value: "3"}},
	})
	w.must(err)
	want := []webhook.Header{{Name: "x-TWO", Value: "two"}, {Name: "X-Three", Value: "3"}}
	w.same(got.Headers, want)
	found, err := w.c.FindEndpoint(t.Context(), e.AccountID, e.ID, "")
	w.must(err)
	w.same(found.Headers, want)
}

func TestWhoChecksAConfigurationIsKnown(t *testing.T) {
	w := newWorld(t)
	d, err := directory.New(directory.Options{Store: w.s})
	w.must(err)
	knows := true
	c, err := control.New(control.Options{Store: w.s, Directory: d, Services: map[string]deliver.Service{
		"plain": service{"plain"}, "schema": queue{service{"schema"}}, "asked": asked{service{"asked"}, &knows},
	}})
	w.must(err)
	for name, want := range map[string]bool{"plain": false, "schema": true, "asked": true, "none": false} {
		if got := c.ChecksConfig(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if knows = false; c.ChecksConfig("asked") {
		t.Error("what a service says may not change")
	}
}

// asked is a service that finds out whether it checks configurations.
type asked struct {
	service
	knows *bool
}

func (a asked) ChecksConfig() bool { return *a.knows }

func TestControlNeedsWhatItCannotDoWithout(t *testing.T) {
	w := newWorld(t)
	d, err := directory.New(directory.Options{Store: w.s})
	w.must(err)
	services := map[string]deliver.Service{}
	for name, o := range map[string]control.Options{
		"no store":       {Directory: d, Services: services},
		"no directory":   {Store: w.s, Services: services},
		"no services":    {Store: w.s, Directory: d},
		"a wrong policy": {Store: w.s, Directory: d, Services: services, Retry: &webhook.RetryPolicy{Jitter: 2}},
		"a wrong schema": {Store: w.s, Directory: d, Services: map[string]deliver.Service{"x": broken{}}},
	} {
		if _, err := control.New(o); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}

type broken struct{ service }

func (broken) ConfigSchema() json.RawMessage { return json.RawMessage(`{"type": "strin"}`) }
