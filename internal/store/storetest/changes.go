package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func changeTests() []test {
	return []test{
		{"the feed of an empty store is empty", changesNone},
		{"everything configured shows in the feed when it changes", changesShown},
		{"what fails does not show in the feed", changesOfFailures},
		{"the feed is read oldest first, in portions", changesInPortions},
		{"a feed that was trimmed says so and goes on", changesTrimmed},
		{"the index reads what is configured", configuredAll},
		{"the index asks for single endpoints", configuredSome},
	}
}

// configured returns the endpoints that the index sees.
func configured(w *world, only ...id.ID) (all []id.ID) {
	w.Helper()
	w.must(w.s.Configured(w.ctx, func(c store.Configured) error { all = append(all, c.EndpointID); return nil }, only...))
	slices.SortFunc(all, id.ID.Compare)
	return all
}

func changesNone(w *world) {
	w.same(len(must(w.s.Changes(w.ctx, w.version(), 10))(w)), 0)
	w.same(configured(w), []id.ID(nil))
}

func changesShown(w *world) {
	root := w.root()
	version := w.version()
	step := func(kind store.ChangeKind, about id.ID) {
		w.Helper()
		w.shows(version, kind, about)
		version = w.version()
	}
	a := w.account(root)
	version = w.version()
	must(w.s.UpdateAccount(w.ctx, a.ID, func(e *webhook.Account) error { e.Name = "x"; return nil }))(w)
	step(store.AccountChanged, a.ID)

	key := w.apiKey(a.ID)
	w.must(w.s.CreateCredential(w.ctx, key))
	step(store.CredentialChanged, key.ID)
	must(w.s.UpdateCredential(w.ctx, key.ID, func(c *webhook.Credential) error { c.RevokedAt = w.now; return nil }))(w)
	step(store.CredentialChanged, key.ID)

	kind := w.eventType(a.ID, "x")
	w.must(w.s.CreateEventType(w.ctx, kind, nil))
	step(store.EventTypeChanged, a.ID)
	must(w.s.UpdateEventType(w.ctx, kind.ID, func(t *webhook.EventType) error { t.Archived = true; return nil }))(w)
	step(store.EventTypeChanged, a.ID)
	w.must(w.s.DeleteEventType(w.ctx, kind.ID))
	step(store.EventTypeChanged, a.ID)

	t := w.targetOf(a.ID)
	step(store.EndpointChanged, t.endpoint)
	sub := w.subscription(w.readEndpoint(t.endpoint))
	w.must(w.s.CreateSubscription(w.ctx, &sub))
	step(store.EndpointChanged, t.endpoint)
	w.must(w.s.DeleteSubscription(w.ctx, sub.ID, w.now))
	step(store.EndpointChanged, t.endpoint)
	must(w.s.UpdateEndpoint(w.ctx, t.endpoint, func(*store.EndpointEdit) error { return nil }))(w)
	step(store.EndpointChanged, t.endpoint)
	w.must(w.s.DeleteEndpoint(w.ctx, t.endpoint, w.now))
	step(store.EndpointChanged, t.endpoint)
	w.must(w.s.DeleteAccount(w.ctx, a.ID, w.now))
	step(store.AccountChanged, a.ID)
}

func changesOfFailures(w *world) {
	t := w.target()
	version := w.version()
	w.fails(w.s.DeleteEndpoint(w.ctx, w.id(), w.now), webhook.CodeNotFound, "")
	w.fails(w.s.DeleteAccount(w.ctx, w.id(), w.now), webhook.CodeNotFound, "")
	_, err := w.s.UpdateAccount(w.ctx, t.account, func(*webhook.Account) error { return errors.New("no") })
	if err == nil {
		w.Fatal("no error")
	}
	w.accept(w.held(w.node(), t), w.waiting(w.now, t))
	w.same(w.version(), version)
}

func changesInPortions(w *world) {
	var want []id.ID
	for range 7 {
		want = append(want, w.root().ID)
	}
	start := w.version()
	for _, account := range want {
		w.must(w.s.CreateEventType(w.ctx, w.eventType(account, "x"), nil))
	}
	var got []id.ID
	at := start
	for range 4 {
		list := must(w.s.Changes(w.ctx, at, 2))(w)
		for _, c := range list {
			if c.Version <= at {
				w.Fatalf("version %d follows %d", c.Version, at)
			}
			at = c.Version
			got = append(got, c.ID)
		}
	}
	w.same(got, want)
	w.same(at, w.version())
	w.same(len(must(w.s.Changes(w.ctx, at, 2))(w)), 0)
}

func changesTrimmed(w *world) {
	first := w.version()
	w.target()
	newest := w.version()
	w.same(must(w.s.DeleteExpired(w.ctx, w.now, time.Hour, 1000))(w), 0)
	w.same(len(w.changesSince(first)) > 0, true)
	for must(w.s.DeleteExpired(w.ctx, w.in(2*time.Hour), time.Hour, 1))(w) > 0 {
		w.same(w.version(), newest)
	}
	missing(w.s.Changes(w.ctx, first, 10))(w)
	w.same(len(must(w.s.Changes(w.ctx, newest, 10))(w)), 0)
	w.same(w.version(), newest)

	w.s = w.crash()
	w.same(w.version(), newest)
	missing(w.s.Changes(w.ctx, first, 10))(w)
	t := w.target()
	w.shows(newest, store.EndpointChanged, t.endpoint)
	missing(w.s.Changes(w.ctx, first, 10))(w)
}

func configuredAll(w *world) {
	a, b := w.root(), w.root()
	plain, rich, off, gone, closed := w.endpoint(a.ID), w.fullEndpoint(a.ID), w.endpoint(b.ID), w.endpoint(a.ID), w.endpoint(b.ID)
	rich.Enabled, off.Enabled = true, false
	full, disabled, ofOff := w.fullSubscription(rich), w.subscription(rich), w.fullSubscription(off)
	disabled.Enabled = false
	w.must(w.s.CreateEndpoint(w.ctx, &plain, nil, nil))
	w.must(w.s.CreateEndpoint(w.ctx, &rich, []webhook.Subscription{full, disabled}, nil))
	w.must(w.s.CreateEndpoint(w.ctx, &off, []webhook.Subscription{ofOff}, nil))
	w.must(w.s.CreateEndpoint(w.ctx, &gone, []webhook.Subscription{w.subscription(gone)}, nil))
	w.must(w.s.CreateEndpoint(w.ctx, &closed, nil, nil))
	w.must(w.s.DeleteEndpoint(w.ctx, gone.ID, w.now))
	w.health(store.HealthChange{Health: webhook.Health{EndpointID: closed.ID, Closed: true}, At: w.now})

	var got []store.Configured
	w.must(w.s.Configured(w.ctx, func(c store.Configured) error { got = append(got, c); return nil }))
	w.same(got, []store.Configured{
		{EndpointID: plain.ID, AccountID: a.ID, Enabled: true},
		{EndpointID: rich.ID, AccountID: a.ID, Enabled: true, Ordered: true, Subscriptions: []webhook.Subscription{full}},
		{EndpointID: off.ID, AccountID: b.ID, Subscriptions: []webhook.Subscription{ofOff}},
		{EndpointID: closed.ID, AccountID: b.ID, Enabled: true, Closed: true},
	}, cmpopts.SortSlices(func(a, b store.Configured) bool { return a.EndpointID.Compare(b.EndpointID) < 0 }))

	stop := errors.New("enough")
	n := 0
	if err := w.s.Configured(w.ctx, func(store.Configured) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		w.Fatalf("visit stopped after %d with %v", n, err)
	}
}

func configuredSome(w *world) {
	account := w.root().ID
	var all, asked []id.ID
	for range 12 {
		all = append(all, w.targetOf(account).endpoint)
	}
	w.must(w.s.DeleteEndpoint(w.ctx, all[1], w.now))
	w.same(configured(w, all[0], all[1], all[2], w.id()), []id.ID{all[0], all[2]})
	w.same(configured(w, all[1]), []id.ID(nil))
	all = append(all[:1], all[2:]...)
	for i := range 1100 { // more than a statement may list
		asked = append(asked, w.id())
		if i%100 == 7 {
			asked = append(asked, all[i/100])
		}
	}
	w.same(configured(w, asked...), all)
	w.same(configured(w), all)
}
