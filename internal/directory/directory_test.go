package directory_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

var orders = webhook.Filter{Types: []string{"order.*"}}

func TestWhatThereWasBeforeTheStartIsMatched(t *testing.T) {
	w := newWorld(t)
	app := w.account(w.root, "")
	e := w.endpoint(app.ID, orders)
	w.d = w.directory(directory.Options{Store: w.s})
	w.reaches(app, "order.paid", e)
	w.reaches(app, "user.made")
	w.reaches(w.root, "order.paid")
}

func TestAChangeIsMatchedAfterRefresh(t *testing.T) {
	w := newWorld(t)
	e := w.endpoint(w.root.ID, orders)
	w.reaches(w.root, "order.paid")
	w.refresh()
	w.reaches(w.root, "order.paid", e)

	change := func(f func(*store.EndpointEdit)) {
		t.Helper()
		_, err := w.s.UpdateEndpoint(t.Context(), e, func(edit *store.EndpointEdit) error {
			f(edit)
			return nil
		})
		w.must(err)
		w.refresh()
	}
	change(func(edit *store.EndpointEdit) { edit.Endpoint.Enabled = false })
	w.reaches(w.root, "order.paid")
	change(func(edit *store.EndpointEdit) { edit.Endpoint.Enabled = true })
	w.reaches(w.root, "order.paid", e)
	change(func(edit *store.EndpointEdit) { edit.Subscriptions[0].Enabled = false })
	w.reaches(w.root, "order.paid")
	change(func(edit *store.EndpointEdit) {
		edit.Subscriptions[0].Enabled = true
		edit.Subscriptions[0].Filter.Types = []string{"user.made"}
	})
	w.reaches(w.root, "order.paid")
	w.reaches(w.root, "user.made", e)
	change(func(edit *store.EndpointEdit) { edit.Subscriptions = nil })
	w.reaches(w.root, "user.made")
}

func TestAnEndpointThatIsClosedOrDisabledByItsHealthIsNotMatched(t *testing.T) {
	w := newWorld(t)
	closed, disabled := w.endpoint(w.root.ID, orders), w.endpoint(w.root.ID, orders)
	w.refresh()
	w.reaches(w.root, "order.paid", closed, disabled)
	w.toldNow()
	w.must(w.s.Commit(t.Context(), &store.Batch{Health: []store.HealthChange{
		{Health: webhook.Health{EndpointID: closed, FailuresInRow: 300, Closed: true}, At: now()},
		{Health: webhook.Health{EndpointID: disabled}, Disable: true, Reason: webhook.DisabledByGone, At: now()},
	}}))
	w.refresh()
	w.reaches(w.root, "order.paid")
	told := w.toldNow()
	for _, e := range []id.ID{closed, disabled} {
		if !slices.Contains(told, e) {
			t.Errorf("nobody was told of %s", e)
		}
	}
	_, err := w.s.UpdateEndpoint(t.Context(), closed, func(edit *store.EndpointEdit) error {
		edit.ResetHealth = true
		return nil
	})
	w.must(err)
	w.refresh()
	w.reaches(w.root, "order.paid", closed)
	w.same(w.toldNow(), []id.ID{closed})
}

func TestWhatIsDeletedIsNotMatched(t *testing.T) {
	w := newWorld(t)
	parent := w.account(w.root, "")
	child := w.account(parent, "")
	gone, kept := w.endpoint(child.ID, orders), w.endpoint(w.root.ID, webhook.Filter{Scope: webhook.ScopeDescendants})
	lone := w.endpoint(child.ID, orders)
	w.refresh()
	w.reaches(child, "order.paid", gone, kept, lone)

	w.must(w.s.DeleteEndpoint(t.Context(), lone, now()))
	w.refresh()
	w.reaches(child, "order.paid", gone, kept)

	w.toldNow()
	w.must(w.s.DeleteAccount(t.Context(), parent.ID, now()))
	w.refresh()
	w.reaches(child, "order.paid", kept)
	w.same(w.toldNow(), []id.ID{gone})
	w.same(w.d.EndpointCount(child.ID), 0)
}

func TestTargetsNameTheEndpointsAccountAndOrder(t *testing.T) {
	w := newWorld(t)
	app := w.account(w.root, "")
	plain := w.endpoint(app.ID, orders)
	ordered := w.endpointLike(webhook.Endpoint{AccountID: app.ID, Ordering: webhook.OrderingFIFO}, orders)
	foreign := w.endpoint(w.root.ID)
	s := webhook.Subscription{
		ID: id.New(), AccountID: app.ID, EndpointID: foreign, Filter: orders, Enabled: true,
		CreatedAt: now(), UpdatedAt: now(),
	}
	w.must(w.s.CreateSubscription(t.Context(), &s))
	w.refresh()

	got := map[id.ID]directory.Target{}
	for _, target := range w.d.Match(&webhook.Event{AccountID: app.ID, Type: "order.paid"}, app.Path, nil) {
		got[target.EndpointID] = target
	}
	if len(got) != 3 {
		t.Fatalf("%d targets, want 3", len(got))
	}
	w.same(got[plain].AccountID, app.ID)
	w.same(got[plain].Ordered, false)
	w.same(got[ordered].Ordered, true)
	w.same(got[foreign], directory.Target{SubscriptionID: s.ID, EndpointID: foreign, AccountID: w.root.ID})
}

func TestWhoIsToldOfAChangeSeesItInTheIndex(t *testing.T) {
	w := newWorld(t)
	var seen int
	d, err := directory.New(directory.Options{Store: w.s})
	w.must(err)
	d.OnEndpointChange(func(id.ID) {
		seen = len(d.Match(&webhook.Event{AccountID: w.root.ID, Type: "order.paid"}, nil, nil))
	})
	w.must(d.Load(t.Context()))
	w.endpoint(w.root.ID, orders)
	w.must(d.Refresh(t.Context()))
	w.same(seen, 1)
}

func TestEndpointsAreCounted(t *testing.T) {
	w := newWorld(t)
	app := w.account(w.root, "")
	w.endpoint(app.ID)
	w.endpoint(app.ID, orders, orders)
	w.endpoint(w.root.ID)
	w.refresh()
	w.same(w.d.EndpointCount(app.ID), 2)
	w.same(w.d.EndpointCount(w.root.ID), 1)
	w.same(w.d.EndpointCount(id.New()), 0)
}

func TestAFeedThatWasTrimmedIsMadeUpForByLoading(t *testing.T) {
	w := newWorld(t)
	before := w.endpoint(w.root.ID, orders)
	app := w.account(w.root, "app")
	w.refresh()
	_, err := w.d.AccountByUID(t.Context(), w.root.ID, "app")
	w.must(err)
	w.toldNow()

	w.must(w.s.DeleteEndpoint(t.Context(), before, now()))
	w.must(w.s.DeleteAccount(t.Context(), app.ID, now()))
	after := w.endpoint(w.root.ID, orders)
	for {
		n, err := w.s.DeleteExpired(t.Context(), now().Add(time.Hour), time.Minute, 100)
		w.must(err)
		if n == 0 {
			break
		}
	}
	w.refresh()
	w.reaches(w.root, "order.paid", after)
	_, err = w.d.AccountByUID(t.Context(), w.root.ID, "app")
	w.missing(err)
	told := w.toldNow()
	slices.SortFunc(told, id.ID.Compare)
	w.same(told, []id.ID{before, after})

	next := w.endpoint(w.root.ID, orders)
	w.refresh()
	w.reaches(w.root, "order.paid", after, next)
}

func TestAnotherNodesChangesAreSeenByPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.d = w.directory(directory.Options{Store: w.s, PollEvery: time.Second})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.d.Run(ctx) }()
		synctest.Wait()
		e := w.endpoint(w.root.ID, orders)
		w.reaches(w.root, "order.paid")
		time.Sleep(1100 * time.Millisecond) // of the bubble's clock
		synctest.Wait()
		w.reaches(w.root, "order.paid", e)
		stop()
		w.must(<-done)
		w.must(w.s.Close())
	})
}

// lame is a store whose feed fails so many times.
type lame struct {
	directory.Store
	mu    sync.Mutex
	fails int
}

func (l *lame) Changes(ctx context.Context, after int64, limit int) ([]store.Change, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fails > 0 {
		l.fails--
		return nil, webhook.Errorf(webhook.CodeUnavailable, "", "the database is gone")
	}
	return l.Store.Changes(ctx, after, limit)
}

func TestARefreshThatFailedIsMadeUpForByRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.d = w.directory(directory.Options{Store: &lame{Store: w.s, fails: 3}})
		e := w.endpoint(w.root.ID, orders)
		if err := w.d.Refresh(t.Context()); webhook.CodeOf(err) != webhook.CodeUnavailable {
			t.Fatalf("error is %v, want unavailable", err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.d.Run(ctx) }()
		time.Sleep(10 * time.Second) // of the bubble's clock
		synctest.Wait()
		w.reaches(w.root, "order.paid", e)
		stop()
		w.must(<-done)
		w.must(w.s.Close())
	})
}

func TestRefreshEndsWithItsCallerButNotForOthers(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.d.Refresh(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	e := w.endpoint(w.root.ID, orders)
	w.refresh()
	w.reaches(w.root, "order.paid", e)
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]directory.Options{
		"no store":       {},
		"negative poll":  {Store: &sqliteNothing{}, PollEvery: -1},
		"negative cache": {Store: &sqliteNothing{}, CacheSize: -1},
	} {
		if _, err := directory.New(o); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}

type sqliteNothing struct{ directory.Store }
