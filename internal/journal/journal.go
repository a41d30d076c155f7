// Package journal is the group commit: it gathers what is accepted and what was
// attempted from everywhere in the process and writes it in one transaction
// after the other. An answer waits for its transaction, never for company: while
// one transaction is being written the next one fills up by itself. The package
// decides when to write, not what.
package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Options configure a Journal. Zero fields take the defaults named.
type Options struct {
	Store  store.Queue // required
	Logger *slog.Logger

	// MinInterval is the shortest time between the starts of two commits: 2 ms.
	// A commit that comes alone starts at once.
	MinInterval time.Duration
	// ResultsWait is how long results wait for company when nothing urgent
	// comes: 5 ms.
	ResultsWait time.Duration
	// MaxRows ends a batch: 4,096 events, deliveries and results in all.
	MaxRows int
	// MaxQueue is the number of rows that may wait for a commit: 20,000.
	// Beyond it Accept refuses and Record waits.
	MaxQueue int
	// MaxBytes is the size of the payloads that may wait for a commit: 64 MiB.
	MaxBytes int

	// Committed is told about every commit that succeeded; it must not block.
	Committed func(CommitStats)
}

// CommitStats describe one commit.
type CommitStats struct {
	Events     int
	Deliveries int
	Results    int
	Took       time.Duration
}

// Entry is a piece of work that belongs into one transaction.
type Entry struct {
	Intake  []*store.Intake
	Results []store.Result
	Returns []webhook.Delivery
	Health  []store.HealthChange

	// Left counts the deliveries per event that this entry takes out of the
	// state "held fresh in memory"; see Mark.
	Left []id.ID

	// Urgent starts a commit at once. An entry with intake always does.
	Urgent bool

	// Done is called after the commit, in the order of commitment, with nil, or
	// with why nothing of the entry was written. It must not block. May be nil.
	Done func(error)

	rows  int
	bytes int
	since time.Time
}

// Journal writes entries in batches. Make one with New and let Run do the work.
type Journal struct {
	o   Options
	ids id.Source

	mu       sync.Mutex
	queue    []*Entry
	rows     int
	bytes    int
	urgent   bool
	closed   bool
	room     sync.Cond // signalled when rows went down
	fresh    marks
	doubtful marks // nobody knows whether these were written
	accepted bool  // since the last call of Quiet

	wake chan struct{}

	nodes  atomic.Int64  // that write to the database
	stride time.Duration // between the starts of two commits; of the goroutine that writes

	writing atomic.Pointer[time.Time] // since when a commit is under way; nil: none is
	failing atomic.Bool               // the last commit failed
}

// New returns a Journal that writes to o.Store.
func New(o Options) (*Journal, error) {
	if o.Store == nil {
		return nil, errors.New("journal: no store")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	setDefault(&o.MinInterval, 2*time.Millisecond)
	setDefault(&o.ResultsWait, 5*time.Millisecond)
	setDefault(&o.MaxRows, 4096)
	setDefault(&o.MaxQueue, 20_000)
	setDefault(&o.MaxBytes, 64<<20)
	j := &Journal{o: o, wake: make(chan struct{}, 1), fresh: marks{}, doubtful: marks{}}
	j.room.L = &j.mu
	j.Share(1)
	return j, nil
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Accept makes the intake durable, all of it in one transaction, and returns when it is.
// It gives every event its ID, in the order given, and every delivery its event and number.
// When one intake itself conflicts, its Err says so and Accept returns nil; an error means
// that nothing was accepted: CodeBusy when too much is waiting, CodeUnavailable
// when the database cannot write.
func (j *Journal) Accept(all ...*store.Intake) error {
	done := make(chan error, 1)
	e := &Entry{Intake: all, Done: func(err error) { done <- err }}
	if err := j.submit(e, false); err != nil {
		return err
	}
	return <-done
}

// Submit queues an entry and returns before it is written; Done tells when it
// is. It waits while too much is queued, so that attempts slow down with the
// database. After Run has ended it returns CodeUnavailable.
func (j *Journal) Submit(e *Entry) error { return j.submit(e, true) }

func (j *Journal) submit(e *Entry, wait bool) error {
	e.measure()
	j.mu.Lock()
	defer j.mu.Unlock()
	for !j.closed && j.rows > 0 && (j.rows+e.rows > j.o.MaxQueue || j.bytes+e.bytes > j.o.MaxBytes) {
		if !wait {
			return j.full()
		}
		j.room.Wait()
	}
	if j.closed {
		return webhook.Errorf(webhook.CodeUnavailable, "", "the server is shutting down")
	}
	j.stamp(e)
	e.since = time.Now()
	j.queue = append(j.queue, e)
	j.rows += e.rows
	j.bytes += e.bytes
	if e.Urgent || len(e.Intake) > 0 {
		j.urgent = true
	}
	if j.urgent || len(j.queue) == 1 || j.rows >= j.o.MaxRows {
		select {
		case j.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// full says why there is no room: senders are too fast, or the database is away and
// the results of attempts wait for it.
func (j *Journal) full() error {
	e := &webhook.Error{Code: webhook.CodeBusy, Message: "too many events are waiting to be written", RetryAfter: time.Second}
	if j.Late() {
		e.Code, e.Message = webhook.CodeUnavailable, "the database does not answer, and too much is waiting to be written"
	}
	return e
}

// How commits keep apart under load, when many wait for each: one takes at most a
// quarter of the time. Each has a price, whatever is in it, and what waits a little longer
// pays less of it. Several nodes pay it several times, so each takes longer strides.
const (
	loaded      = 64                    // rows in a commit
	idleBetween = 4                     // times what the commit took lies between its start and the next one's
	longest     = 15 * time.Millisecond // between those, times the number of nodes,
	longestEver = 30 * time.Millisecond // up to this
)

// strideAfter returns the time from the start of a commit to the start of the next.
func (j *Journal) strideAfter(batch []*Entry, took time.Duration) time.Duration {
	rows := 0
	for _, e := range batch {
		rows += e.rows
	}
	nodes := time.Duration(j.nodes.Load())
	least := j.o.MinInterval
	if nodes > 1 {
		least = max(min(least*3*nodes/2, longest), least)
	}
	if rows < loaded {
		return least
	}
	return max(min(idleBetween*took, longest*nodes, longestEver), least)
}

// Share says how many nodes write to the database. A commit that comes alone starts at once
// all the same.
func (j *Journal) Share(nodes int) { j.nodes.Store(int64(max(nodes, 1))) }

// Queued counts the rows that wait to be written.
func (j *Journal) Queued() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.rows
}

// lateAfter is how long a commit takes that is late.
const lateAfter = time.Second

// Late says that what is given now will not be written soon: the last commit failed, or
// the present one does not come to an end.
func (j *Journal) Late() bool {
	begin := j.writing.Load()
	return j.failing.Load() || begin != nil && time.Since(*begin) > lateAfter
}

func (e *Entry) measure() {
	e.rows = len(e.Results) + len(e.Returns) + len(e.Health)
	for _, in := range e.Intake {
		for i := range in.Accepted {
			e.rows += 1 + len(in.Accepted[i].Deliveries)
			e.bytes += len(in.Accepted[i].Event.Payload)
		}
		e.rows += len(in.Firings)
	}
	for i := range e.Results {
		e.bytes += len(e.Results[i].Attempt.Outcome.ResponseBody)
	}
}

// stamp gives the events their ids and times under the lock, so that ids are in the order
// of acceptance and no id that is given later is below an earlier Mark.
func (j *Journal) stamp(e *Entry) {
	for _, in := range e.Intake {
		j.accepted = true
		for i := range in.Accepted {
			a := &in.Accepted[i]
			a.Event.ID = j.ids.New()
			// One moment, so that lists bounded by a time agree with what they show.
			a.Event.CreatedAt = a.Event.ID.Time().Truncate(time.Microsecond)
			for n := range a.Deliveries {
				a.Deliveries[n].DeliveryID = webhook.DeliveryID{Event: a.Event.ID, N: int32(n)}
			}
			j.fresh.add(a.Event.ID, held(a))
		}
	}
}

// Run writes until ctx is done, then writes what is queued and returns. After
// that nothing is accepted any more.
func (j *Journal) Run(ctx context.Context) error {
	var last time.Time
	var failing time.Duration // the present back-off while the store fails
	for {
		batch := j.next(ctx, last, failing)
		if batch == nil {
			return nil
		}
		last = time.Now()
		left, err := j.commit(ctx, batch)
		j.stride = j.strideAfter(batch, time.Since(last))
		j.failing.Store(err != nil)
		if err == nil {
			failing = 0
			continue
		}
		if ctx.Err() != nil && failing > 0 {
			j.settle(left, err)
			continue
		}
		failing = min(max(2*failing, 50*time.Millisecond), 2*time.Second)
		j.o.Logger.Error("commit failed", "error", err, "retry_in", failing, "results_waiting", len(left))
		j.putBack(left)
	}
}

// next waits for something to write and for its moment, and takes it. It returns
// nil when ctx is done and nothing is left; from then on nothing comes in.
func (j *Journal) next(ctx context.Context, last time.Time, failing time.Duration) []*Entry {
	for {
		wait, ok := j.due(ctx.Err() != nil, last, failing)
		if ok && wait <= 0 {
			return j.take()
		}
		if !ok && ctx.Err() != nil {
			if j.close() {
				return nil
			}
			continue
		}
		if !ok {
			select {
			case <-j.wake:
			case <-ctx.Done():
			}
			continue
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-j.wake:
		case <-ctx.Done():
			if failing > 0 {
				<-t.C // one more try after the pause, then what cannot be written is given up
			}
		}
		t.Stop()
	}
}

// due says whether something is queued and how long to wait before it is written.
func (j *Journal) due(ending bool, last time.Time, failing time.Duration) (time.Duration, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.queue) == 0 {
		return 0, false
	}
	now := time.Now()
	switch {
	case failing > 0:
		return last.Add(failing).Sub(now), true
	case ending, j.rows >= j.o.MaxRows:
		return 0, true
	case j.urgent:
		return last.Add(j.stride).Sub(now), true
	default:
		return max(j.queue[0].since.Add(j.o.ResultsWait).Sub(now), last.Add(j.stride).Sub(now)), true
	}
}

// take removes up to MaxRows rows, whole entries, from the front of the queue.
func (j *Journal) take() []*Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	rows, n := 0, 0
	for n < len(j.queue) && (n == 0 || rows+j.queue[n].rows <= j.o.MaxRows) {
		rows += j.queue[n].rows
		n++
	}
	batch := j.queue[:n:n]
	if n == len(j.queue) {
		j.queue, j.urgent = nil, false
	} else {
		j.queue = j.queue[n:]
	}
	return batch
}

// putBack puts entries that could not be written in front of the queue.
func (j *Journal) putBack(entries []*Entry) {
	if len(entries) == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.queue = append(entries, j.queue...)
}

func (j *Journal) close() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.queue) > 0 {
		return false
	}
	j.closed = true
	j.room.Broadcast()
	return true
}

// commit writes the batch. When the database cannot write for now, intake is
// refused and the other entries come back to be written later. When the batch
// is poisoned, its entries are written one by one, so that only the culprit fails.
func (j *Journal) commit(ctx context.Context, batch []*Entry) (left []*Entry, err error) {
	err = j.write(ctx, batch)
	switch {
	case err == nil:
		j.settle(batch, nil)
		return nil, nil
	case webhook.CodeOf(err) == webhook.CodeUnavailable:
		var refused []*Entry
		for _, e := range batch {
			if len(e.Intake) > 0 && len(e.Results) == 0 {
				refused = append(refused, e)
			} else {
				left = append(left, e)
			}
		}
		j.settle(refused, err)
		return left, err
	case len(batch) == 1:
		j.o.Logger.Error("an entry cannot be written", "error", err)
		j.settle(batch, fmt.Errorf("commit: %w", err))
		return nil, nil
	}
	j.o.Logger.Error("a batch cannot be written whole, writing its entries alone", "error", err, "entries", len(batch))
	for i, e := range batch {
		if _, err := j.commit(ctx, []*Entry{e}); err != nil {
			rest := batch[i+1:]
			if len(e.Results) > 0 || len(e.Intake) == 0 {
				rest = batch[i:]
			}
			return rest, err
		}
	}
	return nil, nil
}

func (j *Journal) write(ctx context.Context, batch []*Entry) error {
	var b store.Batch
	var s CommitStats
	for _, e := range batch {
		b.Intake = append(b.Intake, e.Intake...)
		b.Results = append(b.Results, e.Results...)
		b.Returns = append(b.Returns, e.Returns...)
		b.Health = append(b.Health, e.Health...)
	}
	begin := time.Now()
	j.writing.Store(&begin)
	defer j.writing.Store(nil)
	// What was begun is finished: cancelling in the middle would only make the
	// outcome unknown.
	if err := j.o.Store.Commit(context.WithoutCancel(ctx), &b); err != nil {
		return err
	}
	if j.o.Committed == nil {
		return nil
	}
	s.Took, s.Results = time.Since(begin), len(b.Results)
	for _, in := range b.Intake {
		if in.Err != nil || in.Once != nil && in.Once.Replayed {
			continue
		}
		s.Events += len(in.Accepted)
		for i := range in.Accepted {
			s.Deliveries += len(in.Accepted[i].Deliveries)
		}
	}
	j.o.Committed(s)
	return nil
}

// settle frees the queue's room and tells the entries what became of them.
func (j *Journal) settle(entries []*Entry, err error) {
	if len(entries) == 0 {
		return
	}
	j.mu.Lock()
	for _, e := range entries {
		j.rows -= e.rows
		j.bytes -= e.bytes
		j.unmark(e, err)
	}
	j.mu.Unlock()
	j.room.Broadcast()
	for _, e := range entries {
		if e.Done != nil {
			e.Done(err)
		}
	}
}
