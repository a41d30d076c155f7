package storetest

import (
	"encoding/json"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func endpointTests() []test {
	return []test{
		{"an endpoint comes back as it was stored, secrets too", endpointRoundTrip},
		{"an endpoint that does not exist is not found", endpointMissing},
		{"an endpoint's uid is unique in its account", endpointUID},
		{"endpoints are listed in pages", endpointPages},
		{"what is told of a change is stored with it", endpointTold},
		{"endpoints of a dialect are those that it annotated", endpointsOfDialect},
		{"an endpoint is edited in the transaction and its version rises", endpointUpdate},
		{"an edit that fails leaves endpoint and subscriptions alone", endpointUpdateFails},
		{"an edit changes, adds and removes subscriptions", endpointEditSubscriptions},
		{"an edit that removes a subscription cancels what is pending for it", endpointEditCancels},
		{"a deleted endpoint is gone and its uid is free", endpointDelete},
		{"a deleted endpoint's pending deliveries are cancelled, its history stays", endpointDeleteCancels},
		{"deleted endpoints are known by id, without secrets", endpointsEver},
	}
}

// exceptVersion compares endpoints whatever their number of changes.
var exceptVersion = cmpopts.IgnoreFields(webhook.Endpoint{}, "Version")

func endpointID(e webhook.Endpoint) id.ID { return e.ID }

// fullEndpoint returns an endpoint with something in every field.
func (w *world) fullEndpoint(account id.ID) webhook.Endpoint {
	return webhook.Endpoint{
		ID: w.id(), AccountID: account, UID: "my/endpoint", Description: "ü \"x\"\n",
		Service: "wazo", Config: json.RawMessage("{\"b\" : 1,\n \"a\": 1.0}"), URL: "https://u:p@receiver.example/?a=b",
		Headers: []webhook.Header{{Name: "X-b", Value: "header-secret"}, {Name: "x-A", Value: ""}, {Name: "X-b", Value: "2"}},
		Keys: []webhook.SigningKey{
			{Key: "whsec_current-secret", CreatedAt: w.now},
			{Key: "whsec_old-secret", CreatedAt: w.ago(time.Hour), ExpiresAt: w.in(time.Hour)},
		},
		TLS: &webhook.TLS{
			CertificatePEM: "cert", KeyPEM: "tls-key-secret", CAPEM: "ca", ServerName: "name", Insecure: true,
		},
		Timeout: 7 * time.Second, RateLimit: 5, MaxInFlight: 6, Ordering: webhook.OrderingFIFO,
		Retry: webhook.RetryPolicy{
			Schedule: []time.Duration{time.Second, 90 * time.Minute}, MaxAttempts: 3, Base: time.Second, Factor: 1.5,
			Jitter: 0.2, RetryOn: webhook.RetryConnectionOnly, HonourAfter: true, MaxRetryAfter: time.Hour,
		},
		Health: webhook.HealthPolicy{
			DisableOnGone: true, FailingFor: 120 * time.Hour, MinFailures: 3, MaxFailuresInRow: 250, CloseOnly: true,
			WindowFailures: 6, Window: time.Minute, Reason: "because",
		},
		Enabled: false, DisabledReason: webhook.DisabledByOwner, DisabledAt: w.ago(time.Minute),
		Metadata: map[string]string{"k": "v"}, Annotations: webhook.Annotations{"wazo.owner": json.RawMessage(`{"x":[1]}`)},
		CreatedAt: w.ago(2 * time.Hour), UpdatedAt: w.ago(time.Hour),
	}
}

// fullSubscription returns a subscription with something in every field.
func (w *world) fullSubscription(e webhook.Endpoint) webhook.Subscription {
	return webhook.Subscription{
		ID: w.id(), AccountID: e.AccountID, EndpointID: e.ID, Name: "all of it", Enabled: true,
		Filter: webhook.Filter{
			Types: []string{"order.*", "x"}, Channels: []string{"c1", "ü"}, Attributes: map[string]string{"user": "7"},
			Payload: []webhook.Condition{
				{Path: "a.b", Op: webhook.OpEqual, Value: 1.5},
				{Path: "", Op: webhook.OpIn, Value: []any{"x", true, nil, 2.0}, Optional: true},
				{Path: "c", Op: webhook.OpExists},
			},
			Scope: webhook.ScopeDescendants,
		},
		Annotations: webhook.Annotations{"kazoo.hook": json.RawMessage(`"x"`)},
		CreatedAt:   w.ago(time.Hour), UpdatedAt: w.now,
	}
}

// readEndpoint returns the endpoint alone.
func (w *world) readEndpoint(endpoint id.ID) webhook.Endpoint {
	w.Helper()
	e, _, err := w.s.Endpoint(w.ctx, endpoint)
	w.must(err)
	return e
}

// readHealth returns the endpoint's health alone.
func (w *world) readHealth(endpoint id.ID) webhook.Health {
	w.Helper()
	_, h, err := w.s.Endpoint(w.ctx, endpoint)
	w.must(err)
	return h
}

func endpointRoundTrip(w *world) {
	a := w.root()
	full, bare := w.fullEndpoint(a.ID), w.endpoint(a.ID)
	sub := w.fullSubscription(full)
	w.must(w.s.CreateEndpoint(w.ctx, &full, []webhook.Subscription{sub}, nil))
	w.must(w.s.CreateEndpoint(w.ctx, &bare, nil, nil))

	e, h, err := w.s.Endpoint(w.ctx, full.ID)
	w.must(err)
	w.same(e, full, exceptVersion)
	w.same(h, webhook.Health{EndpointID: full.ID})
	e, h, err = w.s.EndpointByUID(w.ctx, a.ID, full.UID)
	w.must(err)
	w.same(e, full, exceptVersion)
	w.same(h, webhook.Health{EndpointID: full.ID})
	w.same(must(w.s.SubscriptionsOf(w.ctx, full.ID, bare.ID))(w), []webhook.Subscription{sub})

	got := w.readEndpoint(bare.ID)
	w.same(got, bare, exceptVersion)
	if got.TLS != nil || got.Config != nil {
		w.Fatalf("nothing came back as TLS %v and configuration %q", got.TLS, got.Config)
	}
	list := must(w.s.Endpoints(w.ctx, a.ID, webhook.Page{Ascending: true}))(w).Items
	w.same(list, []webhook.Endpoint{full, bare}, exceptVersion)
}

func endpointMissing(w *world) {
	a := w.root()
	e := w.endpoint(a.ID)
	w.must(w.s.CreateEndpoint(w.ctx, &e, nil, nil))
	_, _, err := w.s.Endpoint(w.ctx, w.id())
	w.fails(err, webhook.CodeNotFound, "")
	_, _, err = w.s.EndpointByUID(w.ctx, a.ID, "x")
	w.fails(err, webhook.CodeNotFound, "")
	_, _, err = w.s.EndpointByUID(w.ctx, a.ID, "")
	w.fails(err, webhook.CodeNotFound, "")
	missing(w.s.UpdateEndpoint(w.ctx, w.id(), func(*store.EndpointEdit) error { return nil }))(w)
	w.fails(w.s.DeleteEndpoint(w.ctx, w.id(), w.now), webhook.CodeNotFound, "")
	w.same(must(w.s.SubscriptionsOf(w.ctx))(w), []webhook.Subscription(nil))
	w.same(must(w.s.SubscriptionsOf(w.ctx, w.id()))(w), []webhook.Subscription(nil))
}

func endpointUID(w *world) {
	a, b := w.root(), w.root()
	create := func(account id.ID, uid string) (webhook.Endpoint, error) {
		e := w.endpoint(account)
		e.UID = uid
		return e, w.s.CreateEndpoint(w.ctx, &e, []webhook.Subscription{w.subscription(e)}, nil)
	}
	must(create(a.ID, "u"))(w)
	refused, err := create(a.ID, "u")
	w.fails(err, webhook.CodeConflict, "uid")
	_, _, err = w.s.Endpoint(w.ctx, refused.ID)
	w.fails(err, webhook.CodeNotFound, "")
	w.same(len(must(w.s.SubscriptionsOf(w.ctx, refused.ID))(w)), 0)

	must(create(b.ID, "u"))(w)
	must(create(a.ID, ""))(w)
	none := must(create(a.ID, ""))(w)
	_, err = w.s.UpdateEndpoint(w.ctx, none.ID, func(e *store.EndpointEdit) error { e.Endpoint.UID = "u"; return nil })
	w.fails(err, webhook.CodeConflict, "uid")
	w.same(w.readEndpoint(none.ID).UID, "")
}

// told is an event with one delivery in the target's backlog.
func (w *world) told(to target) store.Told {
	a := w.waiting(w.now, to)
	a.Event.Attributes = map[string]string{"k": "v"}
	return store.Told{a}
}

func endpointTold(w *world) {
	t, to := w.target(), w.target()
	node := w.node()
	claimed := func() []id.ID {
		w.Helper()
		got := must(w.s.Claim(w.ctx, store.ClaimQuery{
			Node: node, Live: []int64{node}, Now: w.now, Wants: []store.Want{{EndpointID: to.endpoint, Max: 10}},
		}))(w)
		var events []id.ID
		for _, item := range got[0].Items {
			events = append(events, item.Event.ID)
		}
		return events
	}
	fails := webhook.Errorf(webhook.CodeInvalid, "", "no")
	lost := w.told(to)
	_, err := w.s.UpdateEndpoint(w.ctx, t.endpoint, func(edit *store.EndpointEdit) error {
		edit.Tell, edit.Delete = lost, true
		return fails
	})
	w.fails(err, webhook.CodeInvalid, "")
	missing(w.s.Event(w.ctx, to.account, lost[0].Event.ID))(w)

	changed, deleted, added := w.told(to), w.told(to), w.told(to)
	_, err = w.s.UpdateEndpoint(w.ctx, t.endpoint, func(edit *store.EndpointEdit) error {
		edit.Endpoint.Description, edit.Tell = "changed", changed
		return nil
	})
	w.must(err)
	w.same(must(w.s.Event(w.ctx, to.account, changed[0].Event.ID))(w), changed[0].Event)
	w.same(must(w.s.Deliveries(w.ctx, changed[0].Event.ID))(w), changed[0].Deliveries)

	own := w.waiting(w.now, t)
	w.accept(own)
	version := w.version()
	_, err = w.s.UpdateEndpoint(w.ctx, t.endpoint, func(edit *store.EndpointEdit) error {
		edit.Tell, edit.Delete = deleted, true
		return nil
	})
	w.must(err)
	_, _, err = w.s.Endpoint(w.ctx, t.endpoint)
	w.fails(err, webhook.CodeNotFound, "")
	w.same(w.statuses(own.Event.ID), []webhook.Status{webhook.Cancelled})
	w.shows(version, store.EndpointChanged, t.endpoint)

	b := &store.Bundle{Endpoints: []store.NewEndpoint{{Endpoint: w.endpoint(to.account)}}, Tell: added, Now: w.now}
	must(w.s.Add(w.ctx, b))(w)
	b.Tell = w.told(to)
	must(w.s.Add(w.ctx, b))(w) // is there already
	w.same(claimed(), []id.ID{changed[0].Event.ID, deleted[0].Event.ID, added[0].Event.ID})
}

func endpointsOfDialect(w *world) {
	key := func(e webhook.Endpoint) id.ID { return e.ID }
	list := func(p webhook.Page) (webhook.Slice[webhook.Endpoint], error) {
		return w.s.EndpointsOf(w.ctx, id.ID{}, "wazo", p)
	}
	pages(w, nil, key, list)
	var want []id.ID
	for _, annotations := range []webhook.Annotations{
		nil,
		{"wazo": json.RawMessage(`{"a":1}`)},
		{"wazo2": json.RawMessage(`1`)},
		{"kazoo": json.RawMessage(`1`), "wazo": json.RawMessage(`2`), "zz": json.RawMessage(`3`)},
		{"native": json.RawMessage(`{"wazo": true}`)},
		{"wazo": json.RawMessage(`{}`)},
		{"wazo": json.RawMessage(`{}`)},
	} {
		e := w.endpoint(w.root().ID)
		e.Annotations = annotations
		w.must(w.s.CreateEndpoint(w.ctx, &e, nil, nil))
		if annotations["wazo"] != nil {
			want = append(want, e.ID)
		}
	}
	pages(w, want, key, list)
	w.must(w.s.DeleteEndpoint(w.ctx, want[3], w.now))
	_, err := w.s.UpdateEndpoint(w.ctx, want[0], func(edit *store.EndpointEdit) error {
		edit.Endpoint.Annotations = nil
		return nil
	})
	w.must(err)
	pages(w, want[1:3], key, list)
	one := w.readEndpoint(want[1])
	w.same(must(w.s.EndpointsOf(w.ctx, one.AccountID, "wazo", webhook.Page{}))(w).Items, []webhook.Endpoint{one})
}

func endpointPages(w *world) {
	a, b := w.root(), w.root()
	list := func(p webhook.Page) (webhook.Slice[webhook.Endpoint], error) { return w.s.Endpoints(w.ctx, a.ID, p) }
	pages(w, nil, endpointID, list)
	var want []id.ID
	for range 6 {
		want = append(want, w.targetOf(a.ID).endpoint)
		w.targetOf(b.ID)
	}
	pages(w, want, endpointID, list)
	w.must(w.s.DeleteEndpoint(w.ctx, want[5], w.now))
	pages(w, want[:5], endpointID, list)
}

func endpointUpdate(w *world) {
	a := w.root()
	full := w.fullEndpoint(a.ID)
	w.must(w.s.CreateEndpoint(w.ctx, &full, nil, nil))
	created := w.readEndpoint(full.ID)

	want := w.endpoint(a.ID)
	want.ID, want.CreatedAt, want.UpdatedAt = full.ID, full.CreatedAt, w.in(time.Hour)
	got := must(w.s.UpdateEndpoint(w.ctx, full.ID, func(e *store.EndpointEdit) error {
		w.same(*e.Endpoint, created)
		*e.Endpoint = want
		e.Endpoint.ID, e.Endpoint.AccountID, e.Endpoint.CreatedAt = w.id(), w.id(), w.now
		return nil
	}))(w)
	w.same(got, want, exceptVersion)
	w.same(w.readEndpoint(full.ID), got)
	if got.Version <= created.Version {
		w.Fatalf("version %d follows %d", got.Version, created.Version)
	}

	// Back again, with new secrets.
	full.Keys = append([]webhook.SigningKey{{Key: "whsec_new-secret", CreatedAt: w.now}}, full.Keys...)
	again := must(w.s.UpdateEndpoint(w.ctx, full.ID, func(e *store.EndpointEdit) error { *e.Endpoint = full; return nil }))(w)
	w.same(w.readEndpoint(full.ID), again)
	w.same(again, full, exceptVersion)
	if again.Version <= got.Version {
		w.Fatalf("version %d follows %d", again.Version, got.Version)
	}
}

func endpointUpdateFails(w *world) {
	t := w.target()
	before, subs, version := w.readEndpoint(t.endpoint), must(w.s.SubscriptionsOf(w.ctx, t.endpoint))(w), w.version()
	refusal := webhook.Errorf(webhook.CodeInvalid, "url", "no")
	_, err := w.s.UpdateEndpoint(w.ctx, t.endpoint, func(e *store.EndpointEdit) error {
		e.Endpoint.URL, e.Subscriptions, e.ResetHealth = "x", nil, true
		return refusal
	})
	if err != refusal {
		w.Fatalf("the error of change came back as %v", err)
	}
	w.same(w.readEndpoint(t.endpoint), before)
	w.same(must(w.s.SubscriptionsOf(w.ctx, t.endpoint))(w), subs)
	w.same(w.readHealth(t.endpoint).Generation, int64(0))
	w.same(w.version(), version)
}

func endpointEditSubscriptions(w *world) {
	a := w.root()
	e := w.endpoint(a.ID)
	kept, changed, removed := w.fullSubscription(e), w.subscription(e), w.subscription(e)
	w.must(w.s.CreateEndpoint(w.ctx, &e, []webhook.Subscription{kept, changed, removed}, nil))
	added := w.fullSubscription(e)
	must(w.s.UpdateEndpoint(w.ctx, e.ID, func(edit *store.EndpointEdit) error {
		w.same(edit.Subscriptions, []webhook.Subscription{kept, changed, removed})
		changed.Enabled, changed.Name, changed.UpdatedAt = false, "changed", w.in(time.Minute)
		changed.Filter.Types = []string{"a", "b"}
		edit.Subscriptions[1] = changed
		edit.Subscriptions = append(edit.Subscriptions[:2], added)
		return nil
	}))(w)
	want := []webhook.Subscription{kept, changed, added}
	w.same(must(w.s.SubscriptionsOf(w.ctx, e.ID))(w), want)
	for _, sub := range want {
		w.same(must(w.s.Subscription(w.ctx, sub.ID))(w), sub)
	}
	missing(w.s.Subscription(w.ctx, removed.ID))(w)
	must(w.s.UpdateEndpoint(w.ctx, e.ID, func(edit *store.EndpointEdit) error {
		w.same(edit.Subscriptions, want)
		return nil
	}))(w)
	w.same(must(w.s.SubscriptionsOf(w.ctx, e.ID))(w), want)
}

func endpointEditCancels(w *world) {
	t := w.target()
	e := w.readEndpoint(t.endpoint)
	second := w.subscription(e)
	w.must(w.s.CreateSubscription(w.ctx, &second))
	u := target{account: t.account, endpoint: t.endpoint, subscription: second.ID}
	held, waiting, done := w.held(w.node(), t, u), w.waiting(w.now, t, u), w.waiting(w.now, t, u)
	w.accept(held, waiting, done)
	w.record(w.finished(done.Deliveries[0], w.now, webhook.Delivered))
	must(w.s.UpdateEndpoint(w.ctx, t.endpoint, func(edit *store.EndpointEdit) error {
		edit.Subscriptions = edit.Subscriptions[1:]
		return nil
	}))(w)
	gone := func(d webhook.Delivery) bool { return d.SubscriptionID == t.subscription }
	w.left(held, gone)
	w.left(waiting, gone)
	w.same(w.statuses(done.Event.ID), []webhook.Status{webhook.Delivered, webhook.Pending})
}

func endpointDelete(w *world) {
	a := w.root()
	e := w.fullEndpoint(a.ID)
	sub := w.subscription(e)
	w.must(w.s.CreateEndpoint(w.ctx, &e, []webhook.Subscription{sub}, nil))
	w.must(w.s.DeleteEndpoint(w.ctx, e.ID, w.now))

	_, _, err := w.s.Endpoint(w.ctx, e.ID)
	w.fails(err, webhook.CodeNotFound, "")
	_, _, err = w.s.EndpointByUID(w.ctx, a.ID, e.UID)
	w.fails(err, webhook.CodeNotFound, "")
	missing(w.s.Subscription(w.ctx, sub.ID))(w)
	missing(w.s.UpdateEndpoint(w.ctx, e.ID, func(*store.EndpointEdit) error { return nil }))(w)
	w.fails(w.s.DeleteEndpoint(w.ctx, e.ID, w.now), webhook.CodeNotFound, "")
	w.same(len(must(w.s.SubscriptionsOf(w.ctx, e.ID))(w)), 0)
	w.same(len(must(w.s.Subscriptions(w.ctx, a.ID, webhook.Page{}))(w).Items), 0)

	again := w.fullEndpoint(a.ID)
	w.must(w.s.CreateEndpoint(w.ctx, &again, nil, nil))
	w.same(w.readEndpoint(again.ID), again, exceptVersion)
}

func endpointDeleteCancels(w *world) {
	t := w.target()
	other := w.targetOf(t.account)
	node := w.node()
	held, waiting, claimed, done := w.held(node, t, other), w.waiting(w.in(time.Hour), t, other), w.waiting(w.now, t), w.held(node, t)
	w.accept(held, waiting, claimed, done)
	w.same(w.claimOne(node, t).Delivery.DeliveryID, claimed.Deliveries[0].DeliveryID)
	delivered := w.finished(done.Deliveries[0], w.now, webhook.Delivered)
	w.record(delivered)
	w.must(w.s.DeleteEndpoint(w.ctx, t.endpoint, w.now))

	gone := func(d webhook.Delivery) bool { return d.EndpointID == t.endpoint }
	w.left(held, gone)
	w.left(waiting, gone)
	w.left(claimed, gone)
	w.same(w.statuses(done.Event.ID), []webhook.Status{webhook.Delivered})
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(1))
	w.same(must(w.s.Attempt(w.ctx, done.Event.ID, delivered.Attempt.ID))(w), delivered.Attempt)
	must(w.s.Event(w.ctx, t.account, held.Event.ID))(w)
}

func endpointsEver(w *world) {
	a := w.root()
	gone, kept := w.fullEndpoint(a.ID), w.endpoint(a.ID)
	w.must(w.s.CreateEndpoint(w.ctx, &gone, nil, nil))
	w.must(w.s.CreateEndpoint(w.ctx, &kept, nil, nil))
	w.must(w.s.DeleteEndpoint(w.ctx, gone.ID, w.now))
	got := must(w.s.EndpointsEver(w.ctx, []id.ID{gone.ID, kept.ID, w.id()}))(w)
	w.same(len(got), 2)
	gone.URL = "https://receiver.example/?a=b" // without user and password
	for _, want := range []webhook.Endpoint{gone, kept} {
		e := got[want.ID]
		w.same([]any{e.ID, e.AccountID, e.Description, e.URL, e.Service, e.CreatedAt},
			[]any{want.ID, want.AccountID, want.Description, want.URL, want.Service, want.CreatedAt})
		if e.TLS != nil && e.TLS.KeyPEM != "" {
			w.Errorf("the private key of endpoint %s came along", e.ID)
		}
		for _, k := range e.Keys {
			if k.Key != "" {
				w.Errorf("a signing key of endpoint %s came along", e.ID)
			}
		}
		for _, h := range e.Headers {
			if h.Value != "" {
				w.Errorf("a header of endpoint %s came along", e.ID)
			}
		}
	}
	w.same(len(must(w.s.EndpointsEver(w.ctx, nil))(w)), 0)
}
