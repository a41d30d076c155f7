package janitor_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/janitor"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlite"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/webhook"
)

// work is a store that notes the calls and answers from what there is to do.
type work struct {
	store.Upkeep
	mu    sync.Mutex
	todo  map[janitor.What]int
	fails int
	takes time.Duration
	calls []call
}

type call struct {
	what janitor.What
	at   time.Time
	done int
}

func (w *work) take(what janitor.What, limit int) (int, error) {
	time.Sleep(w.takes) // of the bubble's clock
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fails > 0 {
		w.fails--
		return 0, errors.New("broken")
	}
	n := min(limit, w.todo[what])
	if n > 0 {
		w.todo[what] -= n
	}
	w.calls = append(w.calls, call{what, time.Now(), n})
	return n, nil
}

func (w *work) ExpirePayloads(_ context.Context, _ time.Time, limit int) (int, error) {
	return w.take(janitor.Payloads, limit)
}

func (w *work) DeleteHistory(_ context.Context, _ time.Time, limit int) (int, error) {
	return w.take(janitor.History, limit)
}

func (w *work) DeleteExpired(_ context.Context, _ time.Time, _ time.Duration, limit int) (int, error) {
	return w.take(janitor.Leftover, limit)
}

// run runs a janitor for a while of the bubble's clock.
func run(t *testing.T, o janitor.Options, d time.Duration) {
	t.Helper()
	j, err := janitor.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	if err := j.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestBatchesAreSmallAndHavePausesBetweenThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &work{takes: 10 * time.Millisecond, todo: map[janitor.What]int{
			janitor.Payloads: 25, janitor.History: 100, janitor.Leftover: 5,
		}}
		deleted := map[janitor.What]int{}
		run(t, janitor.Options{
			Store: w, Batch: 10, Every: time.Minute,
			Metrics: janitor.Metrics{Deleted: func(what janitor.What, n int) { deleted[what] += n }},
		}, 2*time.Minute) // the first round begins at any time of the first minute
		want := map[janitor.What]int{janitor.Payloads: 25, janitor.History: 100, janitor.Leftover: 5}
		if d := cmp.Diff(want, deleted); d != "" {
			t.Error(d)
		}
		for i, c := range w.calls {
			if c.done > 10 {
				t.Errorf("%d at a time", c.done)
			}
			if i > 0 {
				if idle := c.at.Sub(w.calls[i-1].at) - w.takes; idle < 40*time.Millisecond {
					t.Errorf("batch %d came after %v", i, idle)
				}
			}
		}
		// What takes longest does not keep the others waiting.
		for i, want := range []janitor.What{janitor.Payloads, janitor.Leftover, janitor.History, janitor.Payloads, janitor.History} {
			if w.calls[i].what != want {
				t.Errorf("batch %d was of %s, want %s", i, w.calls[i].what, want)
			}
		}
	})
}

func TestRoundsComeAgainAtUnevenTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &work{}
		run(t, janitor.Options{Store: w, Every: time.Minute}, time.Hour)
		var rounds []time.Time
		for _, c := range w.calls {
			if c.what == janitor.Payloads {
				rounds = append(rounds, c.at)
			}
		}
		if len(rounds) < 50 || len(rounds) > 75 {
			t.Fatalf("%d rounds in an hour, want one a minute", len(rounds))
		}
		uneven := map[time.Duration]bool{}
		for i := 1; i < len(rounds); i++ {
			d := rounds[i].Sub(rounds[i-1])
			uneven[d] = true
			if d < 48*time.Second || d > 73*time.Second {
				t.Errorf("%v between rounds", d)
			}
		}
		if len(uneven) < 10 {
			t.Error("the rounds come like clockwork")
		}
	})
}

func TestWhatFailsIsTriedAgainAndDisturbsNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &work{fails: 1, todo: map[janitor.What]int{janitor.Payloads: 5, janitor.History: 5}}
		failed := map[janitor.What]int{}
		run(t, janitor.Options{
			Store: w, Every: time.Minute,
			Metrics: janitor.Metrics{Failed: func(what janitor.What) { failed[what]++ }},
		}, 5*time.Minute)
		if d := cmp.Diff(map[janitor.What]int{janitor.Payloads: 1}, failed); d != "" {
			t.Error(d)
		}
		if w.todo[janitor.Payloads] != 0 || w.todo[janitor.History] != 0 {
			t.Errorf("left: %v", w.todo)
		}
	})
}

func TestHistoryCanBeKeptForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &work{todo: map[janitor.What]int{janitor.History: 5}}
		run(t, janitor.Options{Store: w, HistoryKept: -1}, time.Hour)
		if w.todo[janitor.History] != 5 {
			t.Error("was deleted")
		}
	})
}

func TestRunEndsInTheMiddleOfARound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &work{takes: time.Second, todo: map[janitor.What]int{janitor.Payloads: 1_000_000}}
		start := time.Now()
		run(t, janitor.Options{Store: w, Batch: 1, Every: time.Second}, time.Minute)
		if took := time.Since(start); took > time.Minute+2*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]janitor.Options{
		"no store":            {},
		"a negative batch":    {Store: &work{}, Batch: -1},
		"a negative pause":    {Store: &work{}, Pause: -1},
		"a negative interval": {Store: &work{}, Every: -1},
		"negative changes":    {Store: &work{}, ChangesKept: -1},
	} {
		if _, err := janitor.New(o); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}

func TestARealDatabaseIsCleanedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := rig.OpenStore(t)
		day := 24 * time.Hour
		old := accepted(t, s, time.Now(), time.Time{})
		time.Sleep(25 * day) // of the bubble's clock
		expiring := accepted(t, s, time.Now(), time.Now().Add(day))
		time.Sleep(4*day + 23*time.Hour)
		fresh := accepted(t, s, time.Now(), time.Time{})
		version, err := s.Version(t.Context())
		if err != nil || version == 0 {
			t.Fatal(version, err)
		}

		run(t, janitor.Options{Store: s, Batch: 2}, 2*time.Hour)
		if _, err := s.Event(t.Context(), old.AccountID, old.ID); webhook.CodeOf(err) != webhook.CodeNotFound {
			t.Errorf("the old event: %v", err)
		}
		got, err := s.Event(t.Context(), expiring.AccountID, expiring.ID)
		if err != nil || !got.PayloadDeleted || got.Payload != nil {
			t.Errorf("the event with a term: %+v, %v", got, err)
		}
		got, err = s.Event(t.Context(), fresh.AccountID, fresh.ID)
		if err != nil || got.PayloadDeleted {
			t.Errorf("the fresh event: %+v, %v", got, err)
		}
		if _, err := s.Changes(t.Context(), 0, 10); webhook.CodeOf(err) != webhook.CodeNotFound {
			t.Errorf("the feed still reaches back: %v", err)
		}
		if now, err := s.Version(t.Context()); err != nil || now != version {
			t.Errorf("the newest version is %d, want %d (%v)", now, version, err)
		}
	})
}

// accepted stores an event of an account of its own, and many like it.
func accepted(t *testing.T, s *sqlite.Store, at, payloadExpires time.Time) webhook.Event {
	t.Helper()
	a := webhook.Account{ID: id.New(), Name: "a", CreatedAt: at, UpdatedAt: at}
	if err := s.CreateAccount(t.Context(), &a, nil); err != nil {
		t.Fatal(err)
	}
	in := &store.Intake{}
	for range 5 {
		in.Accepted = append(in.Accepted, store.Accepted{Event: webhook.Event{
			ID: id.New(), AccountID: a.ID, Type: "order.paid", Payload: []byte("{}"),
			CreatedAt: at, PayloadExpires: payloadExpires,
		}})
	}
	if err := s.Commit(t.Context(), &store.Batch{Intake: []*store.Intake{in}}); err != nil || in.Err != nil {
		t.Fatal(err, in.Err)
	}
	return in.Accepted[4].Event
}
