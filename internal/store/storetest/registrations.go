package storetest

import (
	"encoding/json"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func registrationTests() []test {
	return []test{
		{"a registration is an event type with a payload of its own", registrationByID},
		{"registrations are listed by age", registrationsByAge},
		{"subscriptions to registrations are listed by age", registeredByAge},
		{"accounts are listed by age", accountsByAge},
		{"firings are kept once and listed by age", firings},
		{"firings are stored with their events or not at all", firingsWithEvents},
		{"an event type takes the subscriptions to it along", registrationDelete},
		{"a deleted account takes others' subscriptions to its registrations along", registrationAccount},
		{"a bundle is stored whole, and once", bundleAdd},
		{"an endpoint of a bundle is stored once", bundleEndpoint},
		{"a bundle in conflict is not stored at all", bundleConflict},
		{"a bundle may replace accounts", bundleReplaces},
		{"cleared accounts leave registrations and subscriptions to them", clearAccounts},
		{"cleared registrations leave the subscriptions to them", clearRegistrations},
		{"cleared subscriptions leave the registrations", clearRegistered},
	}
}

// registration returns an event type with a payload that is not stored yet.
func (w *world) registration(account id.ID, at time.Time) *webhook.EventType {
	t := w.eventType(account, w.name("registered"))
	t.Payload, t.CreatedAt = json.RawMessage(`{"a":1}`), at
	return t
}

// registered creates an event type with a payload and returns its id.
func (w *world) registered(account id.ID, at time.Time) id.ID {
	w.Helper()
	t := w.registration(account, at)
	w.must(w.s.CreateEventType(w.ctx, t, nil))
	return t.ID
}

// subscribe subscribes the target's endpoint to a registration.
func (w *world) subscribe(t target, registration id.ID, at time.Time) webhook.Subscription {
	w.Helper()
	s := w.subscription(w.readEndpoint(t.endpoint))
	s.EventTypeID, s.CreatedAt = registration, at
	w.must(w.s.CreateSubscription(w.ctx, &s))
	return s
}

// windows wants list to hold exactly these, in this order, in windows of every size.
func windows[T any](w *world, want []id.ID, key func(T) id.ID, list func(store.Window) ([]T, error)) {
	w.Helper()
	for limit := 1; limit <= len(want)+1; limit++ {
		var got []id.ID
		for {
			part := must(list(store.Window{Start: len(got), Limit: limit}))(w)
			for _, v := range part {
				got = append(got, key(v))
			}
			if len(part) < limit {
				break
			}
		}
		w.same(got, want)
	}
	w.same(len(must(list(store.Window{Start: len(want) + 5, Limit: 10}))(w)), 0)
}

func eventTypeID(t webhook.EventType) id.ID { return t.ID }

func subscriptionID(s webhook.Subscription) id.ID { return s.ID }

func registrationByID(w *world) {
	a := w.root()
	r, plain := w.registration(a.ID, w.now), w.eventType(a.ID, "plain")
	w.must(w.s.CreateEventType(w.ctx, r, nil))
	w.must(w.s.CreateEventType(w.ctx, plain, nil))
	w.same(must(w.s.Registration(w.ctx, r.ID))(w), *r)
	missing(w.s.Registration(w.ctx, plain.ID))(w)
	missing(w.s.Registration(w.ctx, w.id()))(w)

	// It is one for as long as it has a payload.
	set := func(t id.ID, payload json.RawMessage) {
		must(w.s.UpdateEventType(w.ctx, t, func(e *webhook.EventType) error { e.Payload = payload; return nil }))(w)
	}
	set(r.ID, nil)
	set(plain.ID, json.RawMessage(`null`))
	missing(w.s.Registration(w.ctx, r.ID))(w)
	w.same(must(w.s.Registration(w.ctx, plain.ID))(w).ID, plain.ID)
	w.must(w.s.DeleteEventType(w.ctx, plain.ID))
	missing(w.s.Registration(w.ctx, plain.ID))(w)
}

func registrationsByAge(w *world) {
	a, b := w.root(), w.root()
	w.must(w.s.CreateEventType(w.ctx, w.eventType(a.ID, "plain"), nil))
	third, second := w.registered(a.ID, w.now), w.registered(b.ID, w.ago(time.Minute))
	first, last := w.registered(a.ID, w.ago(time.Hour)), w.registered(a.ID, w.now) // as old as the third
	list := func(account id.ID) func(store.Window) ([]webhook.EventType, error) {
		return func(p store.Window) ([]webhook.EventType, error) { return w.s.Registrations(w.ctx, account, p) }
	}
	windows(w, []id.ID{first, second, third, last}, eventTypeID, list(id.ID{}))
	windows(w, []id.ID{first, third, last}, eventTypeID, list(a.ID))
	windows(w, nil, eventTypeID, list(w.id()))
}

func registeredByAge(w *world) {
	t, u := w.target(), w.target() // whose own subscriptions are for no single event type
	r := w.registered(t.account, w.now)
	third, second := w.subscribe(t, r, w.now), w.subscribe(u, r, w.ago(time.Minute))
	first := w.subscribe(t, r, w.ago(time.Hour))
	list := func(endpoint id.ID) func(store.Window) ([]webhook.Subscription, error) {
		return func(p store.Window) ([]webhook.Subscription, error) { return w.s.Registered(w.ctx, endpoint, p) }
	}
	windows(w, []id.ID{first.ID, second.ID, third.ID}, subscriptionID, list(id.ID{}))
	windows(w, []id.ID{first.ID, third.ID}, subscriptionID, list(t.endpoint))
	w.same(must(w.s.Subscription(w.ctx, second.ID))(w), second)

	// An edit does not turn it into another kind.
	must(w.s.UpdateEndpoint(w.ctx, u.endpoint, func(e *store.EndpointEdit) error {
		for i := range e.Subscriptions {
			e.Subscriptions[i].EventTypeID = id.ID{}
		}
		return nil
	}))(w)
	w.same(must(w.s.Subscription(w.ctx, second.ID))(w), second)
}

func accountsByAge(w *world) {
	root, other := w.root(), w.root()
	create := func(parent webhook.Account, at time.Time) id.ID {
		a := webhook.Account{ID: w.id(), ParentID: parent.ID, Path: []id.ID{parent.ID}, CreatedAt: at, UpdatedAt: w.now}
		w.must(w.s.CreateAccount(w.ctx, &a, nil))
		return a.ID
	}
	second, first := create(root, w.now), create(root, w.ago(time.Hour))
	create(other, w.now)
	gone := create(root, w.now)
	w.must(w.s.DeleteAccount(w.ctx, gone, w.now))
	windows(w, []id.ID{first, second}, accountID,
		func(p store.Window) ([]webhook.Account, error) { return w.s.AccountsByAge(w.ctx, root.ID, p) })
}

// fire commits firings.
func (w *world) fire(all ...store.Firing) {
	w.Helper()
	w.commit(&store.Intake{Firings: all})
}

func firings(w *world) {
	var all []store.Firing
	for i := range 4 {
		all = append(all, store.Firing{ID: w.id(), EventTypeID: w.id(), At: w.ago(time.Duration(i/2) * time.Minute)})
	}
	w.fire(all...)
	w.fire(all[1], all[2])
	must(w.s.Add(w.ctx, &store.Bundle{Firings: all[1:3], Now: w.now}))(w)
	want := []store.Firing{all[2], all[3], all[0], all[1]}
	w.same(must(w.s.Firings(w.ctx, store.Window{Limit: 10}))(w), want)
	windows(w, []id.ID{want[0].ID, want[1].ID, want[2].ID, want[3].ID}, func(f store.Firing) id.ID { return f.ID },
		func(p store.Window) ([]store.Firing, error) { return w.s.Firings(w.ctx, p) })
}

func firingsWithEvents(w *world) {
	t := w.target()
	of := func(uid string) *store.Intake {
		a := w.waiting(w.now, t)
		a.Event.UID = uid
		return &store.Intake{
			Accepted: []store.Accepted{a},
			Firings:  []store.Firing{{ID: w.id(), EventTypeID: w.id(), At: w.now}},
		}
	}
	uid := w.name("uid")
	good, bad := of(uid), of(uid)
	w.commit(good, bad)
	w.stored(good)
	w.refused(bad, "uid", 0)
	w.same(must(w.s.Firings(w.ctx, store.Window{Limit: 10}))(w), good.Firings)
}

// dueFor commits a delivery for the subscription that is in the backlog.
func (w *world) dueFor(t target, s webhook.Subscription) store.Accepted {
	w.Helper()
	a := w.waiting(w.now, target{account: t.account, endpoint: t.endpoint, subscription: s.ID})
	w.accept(a)
	return a
}

func registrationDelete(w *world) {
	t, u := w.target(), w.target()
	r, kept := w.registered(t.account, w.now), w.registered(t.account, w.now)
	gone, other, stays := w.subscribe(t, r, w.now), w.subscribe(u, r, w.now), w.subscribe(u, kept, w.now)
	a, b, c := w.dueFor(t, gone), w.dueFor(u, other), w.dueFor(u, stays)
	version := w.version()
	w.must(w.s.DeleteEventType(w.ctx, r))
	w.shows(version, store.EndpointChanged, t.endpoint)
	w.shows(version, store.EndpointChanged, u.endpoint)
	missing(w.s.Subscription(w.ctx, gone.ID))(w)
	missing(w.s.Subscription(w.ctx, other.ID))(w)
	w.same(must(w.s.Subscription(w.ctx, stays.ID))(w), stays)
	for event, want := range map[id.ID]webhook.Status{
		a.Event.ID: webhook.Cancelled, b.Event.ID: webhook.Cancelled, c.Event.ID: webhook.Pending,
	} {
		w.same(w.statuses(event), []webhook.Status{want})
	}
}

func registrationAccount(w *world) {
	t, u := w.target(), w.target()
	r := w.registered(t.account, w.now)
	theirs := w.subscribe(u, r, w.now)
	a := w.dueFor(u, theirs)
	w.must(w.s.DeleteAccount(w.ctx, t.account, w.now))
	missing(w.s.Registration(w.ctx, r))(w)
	missing(w.s.Subscription(w.ctx, theirs.ID))(w)
	w.same(w.statuses(a.Event.ID), []webhook.Status{webhook.Cancelled})
	w.same(w.readEndpoint(u.endpoint).Enabled, true)
}

// bundle returns a bundle with one of everything, below the parent.
func (w *world) bundle(parent webhook.Account) *store.Bundle {
	a := webhook.Account{
		ID: w.id(), ParentID: parent.ID, Path: []id.ID{parent.ID}, UID: w.name("uid"), CreatedAt: w.ago(time.Hour), UpdatedAt: w.now,
	}
	r := w.registration(a.ID, w.ago(time.Minute))
	e := w.fullEndpoint(a.ID)
	s := w.fullSubscription(e)
	s.EventTypeID = r.ID
	return &store.Bundle{
		Accounts: []webhook.Account{a}, Credentials: []webhook.Credential{*w.user(a.ID, "ann")},
		EventTypes: []webhook.EventType{*r},
		Endpoints: []store.NewEndpoint{{Endpoint: e, Health: webhook.Health{
			EndpointID: e.ID, FailuresInRow: 3, FailingSince: w.ago(time.Hour), LastFailureAt: w.now, Closed: true,
		}}},
		Subscriptions: []webhook.Subscription{s}, Firings: []store.Firing{{ID: w.id(), EventTypeID: r.ID, At: w.now}}, Now: w.now,
	}
}

func bundleAdd(w *world) {
	root := w.root()
	b := w.bundle(root)
	version := w.version()
	one := store.Added{Accounts: 1, EventTypes: 1, Endpoints: 1, Subscriptions: 1, Firings: 1}
	w.same(must(w.s.Add(w.ctx, b))(w), one)
	a, e := b.Accounts[0], b.Endpoints[0]
	w.same(must(w.s.Account(w.ctx, a.ID))(w), a)
	w.same(must(w.s.CredentialByUsername(w.ctx, a.ID, "ann"))(w), b.Credentials[0])
	w.same(must(w.s.Registration(w.ctx, b.EventTypes[0].ID))(w), b.EventTypes[0])
	w.same(w.readEndpoint(e.Endpoint.ID), e.Endpoint, exceptVersion)
	w.same(w.readHealth(e.Endpoint.ID), e.Health)
	w.same(must(w.s.SubscriptionsOf(w.ctx, e.Endpoint.ID))(w), b.Subscriptions)
	w.same(must(w.s.Firings(w.ctx, store.Window{Limit: 10}))(w), b.Firings)
	w.shows(version, store.AccountChanged, a.ID)
	w.shows(version, store.EventTypeChanged, a.ID)
	w.shows(version, store.EndpointChanged, e.Endpoint.ID)

	w.same(must(w.s.Add(w.ctx, b))(w), store.Added{})
	w.same(len(must(w.s.Credentials(w.ctx, a.ID))(w)), 1)

	// What was there once does not come back.
	w.must(w.s.DeleteAccount(w.ctx, a.ID, w.now))
	b.EventTypes, b.Subscriptions, b.Firings = nil, nil, nil
	w.same(must(w.s.Add(w.ctx, b))(w), store.Added{})
	missing(w.s.Account(w.ctx, a.ID))(w)
}

func bundleEndpoint(w *world) {
	t := w.target()
	bundle := func(e webhook.Endpoint) *store.Bundle {
		return &store.Bundle{
			Endpoints: []store.NewEndpoint{{Endpoint: e}}, Subscriptions: []webhook.Subscription{w.subscription(e)}, Now: w.now,
		}
	}
	fresh := w.endpoint(t.account)
	w.same(must(w.s.Add(w.ctx, bundle(fresh)))(w), store.Added{Endpoints: 1, Subscriptions: 1})
	w.same(must(w.s.Add(w.ctx, bundle(fresh)))(w), store.Added{})
	w.same(len(must(w.s.SubscriptionsOf(w.ctx, fresh.ID))(w)), 1)
	w.must(w.s.DeleteEndpoint(w.ctx, fresh.ID, w.now))
	w.same(must(w.s.Add(w.ctx, bundle(fresh)))(w), store.Added{})
	_, _, err := w.s.Endpoint(w.ctx, fresh.ID)
	w.fails(err, webhook.CodeNotFound, "")
}

func bundleConflict(w *world) {
	root := w.root()
	first, second := w.bundle(root), w.bundle(root)
	must(w.s.Add(w.ctx, first))(w)
	fine := w.bundle(root)
	second.Accounts[0].UID = first.Accounts[0].UID
	fine.Accounts = append(fine.Accounts, second.Accounts...)
	version := w.version()
	_, err := w.s.Add(w.ctx, fine)
	w.fails(err, webhook.CodeConflict, "accounts.1.uid")
	missing(w.s.Account(w.ctx, fine.Accounts[0].ID))(w)
	w.same(w.version(), version)

	taken := w.bundle(root)
	taken.Credentials = append(taken.Credentials, *w.user(taken.Accounts[0].ID, "ann"))
	_, err = w.s.Add(w.ctx, taken)
	w.fails(err, webhook.CodeConflict, "credentials.1.username")
	missing(w.s.Account(w.ctx, taken.Accounts[0].ID))(w)
}

func bundleReplaces(w *world) {
	root := w.root()
	t := w.targetOf(w.account(root).ID)
	b := w.bundle(root)
	b.Replaces = []id.ID{t.account}
	must(w.s.Add(w.ctx, b))(w)
	missing(w.s.Account(w.ctx, t.account))(w)
	_, _, err := w.s.Endpoint(w.ctx, t.endpoint)
	w.fails(err, webhook.CodeNotFound, "")
	must(w.s.Account(w.ctx, b.Accounts[0].ID))(w)
}

func clearAccounts(w *world) {
	root := w.root()
	t, u := w.targetOf(w.account(root).ID), w.targetOf(w.account(root).ID)
	r := w.registered(t.account, w.now)
	mine, theirs := w.subscribe(t, r, w.now), w.subscribe(u, r, w.now)
	key := w.apiKey(t.account)
	w.must(w.s.CreateCredential(w.ctx, key))
	a, b := w.dueFor(t, mine), w.dueFor(u, theirs)
	version := w.version()
	w.same(must(w.s.ClearAccounts(w.ctx, []id.ID{t.account, w.id()}, w.now))(w), 1)

	w.shows(version, store.AccountChanged, t.account)
	missing(w.s.Account(w.ctx, t.account))(w)
	_, _, err := w.s.Endpoint(w.ctx, t.endpoint)
	w.fails(err, webhook.CodeNotFound, "")
	missing(w.s.CredentialByKey(w.ctx, key.KeyHash))(w)
	missing(w.s.Subscription(w.ctx, t.subscription))(w)
	w.same(must(w.s.Registration(w.ctx, r))(w).ID, r)
	var left []id.ID
	for _, s := range must(w.s.Registered(w.ctx, id.ID{}, store.Window{Limit: 10}))(w) {
		left = append(left, s.ID)
	}
	w.same(left, []id.ID{mine.ID, theirs.ID})
	w.same(w.statuses(a.Event.ID), []webhook.Status{webhook.Cancelled})
	w.same(w.statuses(b.Event.ID), []webhook.Status{webhook.Pending})
	w.same(configured(w), []id.ID{u.endpoint})
	w.same(must(w.s.ClearAccounts(w.ctx, []id.ID{t.account}, w.now))(w), 0)
}

func clearRegistrations(w *world) {
	t, u := w.target(), w.target()
	plain := w.eventType(t.account, "plain")
	w.must(w.s.CreateEventType(w.ctx, plain, nil))
	r, s := w.registered(t.account, w.now), w.registered(u.account, w.now)
	mine, theirs := w.subscribe(t, r, w.now), w.subscribe(u, s, w.now)
	a, b := w.dueFor(t, mine), w.dueFor(u, theirs)
	c := w.dueFor(t, webhook.Subscription{ID: t.subscription})
	version := w.version()
	w.same(must(w.s.ClearRegistrations(w.ctx, w.now))(w), 2)
	w.shows(version, store.EventTypeChanged, t.account)
	w.shows(version, store.EventTypeChanged, u.account)
	w.same(len(must(w.s.Registrations(w.ctx, id.ID{}, store.Window{Limit: 10}))(w)), 0)
	must(w.s.EventType(w.ctx, t.account, "plain"))(w)
	w.same(len(must(w.s.Registered(w.ctx, id.ID{}, store.Window{Limit: 10}))(w)), 2)
	for _, gone := range []store.Accepted{a, b} {
		w.same(w.statuses(gone.Event.ID), []webhook.Status{webhook.Cancelled})
	}
	w.same(w.statuses(c.Event.ID), []webhook.Status{webhook.Pending})
	w.same(must(w.s.ClearRegistrations(w.ctx, w.now))(w), 0)
}

func clearRegistered(w *world) {
	t, u := w.target(), w.target()
	r := w.registered(t.account, w.now)
	mine, theirs := w.subscribe(t, r, w.now), w.subscribe(u, r, w.now)
	a, b := w.dueFor(t, mine), w.dueFor(u, theirs)
	c := w.dueFor(t, webhook.Subscription{ID: t.subscription})
	version := w.version()
	w.same(must(w.s.ClearRegistered(w.ctx, w.now))(w), 2)
	for _, endpoint := range []id.ID{t.endpoint, u.endpoint} {
		w.shows(version, store.EndpointChanged, endpoint)
	}
	w.same(len(must(w.s.Registered(w.ctx, id.ID{}, store.Window{Limit: 10}))(w)), 0)
	must(w.s.Registration(w.ctx, r))(w)
	var left []id.ID
	for _, s := range must(w.s.SubscriptionsOf(w.ctx, t.endpoint, u.endpoint))(w) {
		left = append(left, s.ID)
	}
	w.same(left, []id.ID{t.subscription, u.subscription})
	for _, gone := range []store.Accepted{a, b} {
		w.same(w.statuses(gone.Event.ID), []webhook.Status{webhook.Cancelled})
	}
	w.same(w.statuses(c.Event.ID), []webhook.Status{webhook.Pending})
}
