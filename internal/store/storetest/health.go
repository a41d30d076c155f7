package storetest

import (
	"time"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func healthTests() []test {
	return []test{
		{"health comes back as it was written", healthRoundTrip},
		{"a reset forgets all failures and fences what comes late", healthReset},
		{"of several changes the last one counts", healthLast},
		{"disabling takes the endpoint out and shows in the feed", healthDisable},
		{"closing and opening show in the feed, other health does not", healthClosed},
		{"health of a deleted endpoint disturbs nothing", healthOfDeleted},
	}
}

func (w *world) health(changes ...store.HealthChange) {
	w.Helper()
	w.must(w.s.Commit(w.ctx, &store.Batch{Health: changes}))
}

func (w *world) fullHealth(t target) webhook.Health {
	return webhook.Health{
		EndpointID: t.endpoint, FailuresInRow: 7, FailingSince: w.ago(time.Hour), LastSuccessAt: w.ago(2 * time.Hour),
		LastFailureAt: w.now, RecentFailures: []time.Time{w.ago(time.Minute), w.now}, Closed: true,
	}
}

func healthRoundTrip(w *world) {
	t := w.target()
	h := w.fullHealth(t)
	w.health(store.HealthChange{Health: h, At: w.now})
	w.same(w.readHealth(t.endpoint), h)
	good := webhook.Health{EndpointID: t.endpoint, LastSuccessAt: w.now}
	w.health(store.HealthChange{Health: good, At: w.now})
	w.same(w.readHealth(t.endpoint), good)

	// An edit of the endpoint leaves its health alone.
	must(w.s.UpdateEndpoint(w.ctx, t.endpoint, func(e *store.EndpointEdit) error { e.Endpoint.URL = "https://x.example"; return nil }))(w)
	w.same(w.readHealth(t.endpoint), good)
}

func healthReset(w *world) {
	t := w.target()
	late := w.fullHealth(t)
	w.health(store.HealthChange{Health: late, At: w.now})
	must(w.s.UpdateEndpoint(w.ctx, t.endpoint, func(e *store.EndpointEdit) error { e.ResetHealth = true; return nil }))(w)
	reset := w.readHealth(t.endpoint)
	w.same([]any{reset.FailuresInRow, reset.FailingSince.IsZero(), len(reset.RecentFailures), reset.Closed},
		[]any{0, true, 0, false})
	if reset.Generation <= late.Generation {
		w.Fatalf("generation %d follows %d", reset.Generation, late.Generation)
	}

	before := w.version()
	w.health(store.HealthChange{Health: late, Disable: true, Reason: webhook.DisabledByFailing, At: w.now})
	w.same(w.readHealth(t.endpoint), reset)
	w.same(w.readEndpoint(t.endpoint).Enabled, true)
	w.same(len(w.changesSince(before)), 0)

	late.Generation = reset.Generation
	w.health(store.HealthChange{Health: late, At: w.now})
	w.same(w.readHealth(t.endpoint), late)
}

func healthLast(w *world) {
	t, u := w.target(), w.target()
	first, last := w.fullHealth(t), w.fullHealth(t)
	last.FailuresInRow, last.Closed = 8, false
	w.health(store.HealthChange{Health: first, At: w.now}, store.HealthChange{Health: w.fullHealth(u), At: w.now},
		store.HealthChange{Health: last, At: w.now})
	w.same(w.readHealth(t.endpoint), last)
	w.same(w.readHealth(u.endpoint), w.fullHealth(u))

	// A change that disables is not lost among those behind it.
	w.health(store.HealthChange{Health: first, Disable: true, Reason: webhook.DisabledByGone, At: w.now},
		store.HealthChange{Health: last, At: w.now})
	w.same(w.readEndpoint(t.endpoint).Enabled, false)
	w.same(w.readHealth(t.endpoint), last)
}

func healthDisable(w *world) {
	t := w.target()
	was, version := w.readEndpoint(t.endpoint), w.version()
	h := w.fullHealth(t)
	w.health(store.HealthChange{Health: h, Disable: true, Reason: webhook.DisabledByGone, At: w.in(time.Minute)})
	got := w.readEndpoint(t.endpoint)
	want := was
	want.Enabled, want.DisabledReason, want.DisabledAt, want.UpdatedAt = false, webhook.DisabledByGone, w.in(time.Minute), got.UpdatedAt
	w.same(got, want, exceptVersion)
	if got.Version <= was.Version {
		w.Errorf("version %d follows %d", got.Version, was.Version)
	}
	w.same(w.readHealth(t.endpoint), h)
	w.shows(version, store.EndpointChanged, t.endpoint)
}

func healthClosed(w *world) {
	t := w.target()
	version := w.version()
	h := webhook.Health{EndpointID: t.endpoint, FailuresInRow: 1, FailingSince: w.now}
	w.health(store.HealthChange{Health: h, At: w.now})
	h.FailuresInRow = 2
	w.health(store.HealthChange{Health: h, At: w.now})
	w.same(len(w.changesSince(version)), 0)

	h.Closed = true
	w.health(store.HealthChange{Health: h, At: w.now})
	w.shows(version, store.EndpointChanged, t.endpoint)
	version = w.version()
	h.FailuresInRow = 3
	w.health(store.HealthChange{Health: h, At: w.now})
	w.same(len(w.changesSince(version)), 0)
	h.Closed = false
	w.health(store.HealthChange{Health: h, At: w.now})
	w.shows(version, store.EndpointChanged, t.endpoint)
}

func healthOfDeleted(w *world) {
	t, u := w.target(), w.target()
	w.must(w.s.DeleteEndpoint(w.ctx, t.endpoint, w.now))
	h := w.fullHealth(t)
	w.health(store.HealthChange{Health: h, Disable: true, Reason: "x", At: w.now},
		store.HealthChange{Health: w.fullHealth(u), At: w.now})
	w.same(w.readHealth(u.endpoint), w.fullHealth(u))
	_, _, err := w.s.Endpoint(w.ctx, t.endpoint)
	w.fails(err, webhook.CodeNotFound, "")
}
