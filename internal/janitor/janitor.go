// Package janitor is what the clock does: it deletes what has been kept long
// enough, in small steps with pauses, so that nobody who is at work waits for it.
// Nodes that died are not its business: package dispatch looks after those.
package janitor

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/switchhook/switchhook/internal/store"
)

// Options configure a Janitor. Zero fields take the defaults named.
type Options struct {
	Store   store.Upkeep // required
	Logger  *slog.Logger
	Metrics Metrics

	// HistoryKept is how long events are kept after they were accepted, with
	// their deliveries and attempts: 30 days. What is pending is kept longer.
	// Negative is for ever. Payloads end at their own time, at the latest with
	// their event.
	HistoryKept time.Duration
	// ChangesKept is how long the change feed reaches back: 24 h. A node that
	// was away for longer loads everything anew.
	ChangesKept time.Duration

	Every time.Duration // between two rounds: 1 min, varied by a fifth either way
	Batch int           // rows at a time: 500
	// Pause is the shortest time between two batches: 20 ms. A batch that took
	// long is followed by a pause of four times as long.
	Pause time.Duration
}

// Metrics are told what was done; they must not block. Nil fields are skipped.
type Metrics struct {
	Deleted func(what What, count int)
	Failed  func(what What)
}

// What is something that is deleted.
type What string

// What is deleted.
const (
	Payloads What = "payloads" // of events, at their own time
	History  What = "history"  // events with their deliveries and attempts
	Leftover What = "leftover" // idempotency keys that expired, and old changes
)

// Janitor deletes what has been kept long enough. Several nodes may run one each.
type Janitor struct {
	o      Options
	chores []chore
}

// chore deletes one kind of thing, at most limit at a time, and says how many.
type chore struct {
	what What
	do   func(ctx context.Context, now time.Time, limit int) (int, error)
}

// pauseFactor is how much longer than a batch the pause behind it is.
const pauseFactor = 4

// New returns a Janitor.
func New(o Options) (*Janitor, error) {
	if o.Store == nil {
		return nil, errors.New("janitor: a store is required")
	}
	if o.ChangesKept < 0 || o.Every < 0 || o.Batch < 0 || o.Pause < 0 {
		return nil, errors.New("janitor: only HistoryKept may be negative")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Batch == 0 {
		o.Batch = 500
	}
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{
		{&o.HistoryKept, 30 * 24 * time.Hour},
		{&o.ChangesKept, 24 * time.Hour},
		{&o.Every, time.Minute},
		{&o.Pause, 20 * time.Millisecond},
	} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	if o.Metrics.Deleted == nil {
		o.Metrics.Deleted = func(What, int) {}
	}
	if o.Metrics.Failed == nil {
		o.Metrics.Failed = func(What) {}
	}
	j := &Janitor{o: o}
	j.chores = []chore{{Payloads, o.Store.ExpirePayloads}, {Leftover, j.deleteExpired}}
	if o.HistoryKept > 0 {
		j.chores = append(j.chores, chore{History, j.deleteHistory})
	}
	return j, nil
}

func (j *Janitor) deleteHistory(ctx context.Context, now time.Time, limit int) (int, error) {
	return j.o.Store.DeleteHistory(ctx, now.Add(-j.o.HistoryKept), limit)
}

func (j *Janitor) deleteExpired(ctx context.Context, now time.Time, limit int) (int, error) {
	return j.o.Store.DeleteExpired(ctx, now, j.o.ChangesKept, limit)
}

// Run makes its rounds until ctx is done, and returns nil. What fails is tried
// again in the next round.
func (j *Janitor) Run(ctx context.Context) error {
	// Nodes that start together do not clean up together.
	for wait := fraction(j.o.Every); pause(ctx, wait); wait = j.o.Every + fraction(2*j.o.Every/5) - j.o.Every/5 {
		j.round(ctx)
	}
	return nil
}

// round does every chore until there is nothing left of it, batch by batch in turn.
func (j *Janitor) round(ctx context.Context) {
	deleted := map[What]int{}
	todo := append([]chore(nil), j.chores...)
	for len(todo) > 0 && ctx.Err() == nil {
		var again []chore
		for _, c := range todo {
			more, ok := j.batch(ctx, c, deleted)
			if !ok {
				break
			}
			if more {
				again = append(again, c)
			}
		}
		todo = again
	}
	for what, n := range deleted {
		j.o.Logger.Info("deleted what was kept long enough", "what", string(what), "count", n)
	}
}

// batch does one batch of a chore and pauses. It says whether more may be left,
// and false when ctx is done.
func (j *Janitor) batch(ctx context.Context, c chore, deleted map[What]int) (more, ok bool) {
	start := time.Now()
	n, err := c.do(ctx, start.UTC(), j.o.Batch)
	if err != nil {
		if ctx.Err() == nil {
			j.o.Metrics.Failed(c.what)
			j.o.Logger.Error("cannot delete what was kept long enough", "what", string(c.what), "error", err)
		}
		return false, ctx.Err() == nil
	}
	if n > 0 {
		deleted[c.what] += n
		j.o.Metrics.Deleted(c.what, n)
	}
	return n >= j.o.Batch, pause(ctx, max(j.o.Pause, pauseFactor*time.Since(start)))
}

// pause waits, and says whether it waited to the end.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// fraction returns a random part of d.
func fraction(d time.Duration) time.Duration { return time.Duration(rand.Float64() * float64(d)) }
