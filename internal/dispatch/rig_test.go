package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/dispatch"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/journal"
	"github.com/switchhook/switchhook/internal/seal"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlite"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a whole engine on a real database, with a service that the test plays.
type rig struct {
	t       *testing.T
	file    string
	store   store.Store
	journal *journal.Journal
	dir     *directory.Directory
	ingest  *ingest.Ingest
	lanes   *dispatch.Dispatcher
	account *webhook.Account
	service *played
	stop    func()
}

// played is a deliver.Service that answers as the test says and remembers.
type played struct {
	mu     sync.Mutex
	calls  []call
	answer func(ctx context.Context, job *deliver.Job) webhook.Outcome
}

type call struct {
	endpoint id.ID
	event    id.ID
	payload  string
	number   int32
	at       time.Time
	ordered  bool
}

func (p *played) Name() string                     { return "http" }
func (p *played) Validate(*webhook.Endpoint) error { return nil }

func (p *played) Deliver(ctx context.Context, job *deliver.Job) webhook.Outcome {
	p.mu.Lock()
	p.calls = append(p.calls, call{job.Endpoint.ID, job.Event.ID, string(job.Event.Payload), job.Number, time.Now(), job.Endpoint.Ordering == webhook.OrderingFIFO})
	answer := p.answer
	p.mu.Unlock()
	if answer == nil {
		return delivered
	}
	return answer(ctx, job)
}

func (p *played) seen() []call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]call(nil), p.calls...)
}

func (p *played) play(answer func(ctx context.Context, job *deliver.Job) webhook.Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

var (
	delivered = webhook.Outcome{StatusCode: 200}
	refused   = webhook.Outcome{Result: webhook.ResultRetry, Detail: "connection refused"}
	broken    = webhook.Outcome{Result: webhook.ResultRetry, StatusCode: 500}
)

// engine runs the test in a bubble with a fresh engine.
func engine(t *testing.T, o dispatch.Options, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, file: filepath.Join(t.TempDir(), "test.db"), service: &played{}}
		r.start(o)
		r.account = &webhook.Account{ID: id.New(), Name: "root", CreatedAt: time.Now(), UpdatedAt: time.Now()}
		if err := r.store.CreateAccount(t.Context(), r.account, nil); err != nil {
			t.Fatal(err)
		}
		test(r)
		r.end()
	})
}

// start brings the engine up on the rig's file, as a process would.
func (r *rig) start(o dispatch.Options) {
	r.t.Helper()
	box, err := seal.New(make([]byte, 32))
	r.must(err)
	r.store, err = sqlite.Open(r.t.Context(), sqlite.Options{Path: r.file, Box: box})
	r.must(err)
	r.run(o)
}

// run brings the engine up on the rig's store.
func (r *rig) run(o dispatch.Options) {
	r.t.Helper()
	var err error
	r.journal, err = journal.New(journal.Options{Store: r.store})
	r.must(err)
	r.dir, err = directory.New(directory.Options{Store: r.store})
	r.must(err)
	o.Store, o.Journal, o.Directory = r.store, r.journal, r.dir
	o.Services = map[string]deliver.Service{"http": r.service}
	r.lanes, err = dispatch.New(o)
	r.must(err)
	r.ingest, err = ingest.New(ingest.Options{Directory: r.dir, Journal: r.journal, Outlet: r.lanes, History: r.store})
	r.must(err)
	r.must(r.dir.Load(r.t.Context()))
	r.must(r.lanes.Join(r.t.Context()))

	jctx, jstop := context.WithCancel(context.WithoutCancel(r.t.Context()))
	dctx, dstop := context.WithCancel(jctx)
	var writing, sending sync.WaitGroup
	writing.Go(func() { r.must(r.journal.Run(jctx)) })
	sending.Go(func() { r.must(r.lanes.Run(dctx)) })
	r.stop = func() {
		dstop()
		sending.Wait()
		jstop()
		writing.Wait()
	}
}

// end stops everything in order.
func (r *rig) end() {
	r.t.Helper()
	r.stop()
	r.must(r.lanes.Leave(r.t.Context()))
	r.must(r.store.Close())
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil && !errors.Is(err, context.Canceled) {
		r.t.Fatal(err)
	}
}

// endpoint makes one that wants everything, changed as the test likes.
func (r *rig) endpoint(change func(*webhook.Endpoint)) *webhook.Endpoint {
	r.t.Helper()
	now := time.Now()
	e := &webhook.Endpoint{
		ID: id.New(), AccountID: r.account.ID, Service: "http", URL: "https://example.com/", Enabled: true,
		Retry:     webhook.RetryPolicy{Schedule: []time.Duration{time.Second, time.Minute}},
		CreatedAt: now, UpdatedAt: now,
	}
	if change != nil {
		change(e)
	}
	sub := webhook.Subscription{ID: id.New(), AccountID: r.account.ID, EndpointID: e.ID, Enabled: true, CreatedAt: now, UpdatedAt: now}
	r.must(r.store.CreateEndpoint(r.t.Context(), e, []webhook.Subscription{sub}, nil))
	r.must(r.dir.Refresh(r.t.Context()))
	return e
}

// change edits an endpoint as a person would.
func (r *rig) change(e *webhook.Endpoint, edit func(*store.EndpointEdit)) {
	r.t.Helper()
	_, err := r.store.UpdateEndpoint(r.t.Context(), e.ID, func(x *store.EndpointEdit) error { edit(x); return nil })
	r.must(err)
	r.must(r.dir.Refresh(r.t.Context()))
}

// send accepts n events whose payloads are numbers from first on.
func (r *rig) send(first, n int) (events []id.ID) {
	r.t.Helper()
	for i := range n {
		events = append(events, r.accept(fmt.Appendf(nil, "%d", first+i)))
	}
	return events
}

// accept accepts one event.
func (r *rig) accept(payload []byte) id.ID {
	r.t.Helper()
	got, err := r.ingest.Accept(r.t.Context(), ingest.Submission{
		Account: r.account, Events: []webhook.Event{{Type: "a", Payload: payload}},
	})
	r.must(err)
	return got.Events[0].ID
}

// statuses waits until nothing moves and returns what the store says of the
// events' first deliveries.
func (r *rig) statuses(events []id.ID) (got []webhook.Status) {
	r.t.Helper()
	for _, e := range events {
		d, err := r.store.Deliveries(r.t.Context(), e)
		r.must(err)
		if len(d) == 0 {
			r.t.Fatalf("event %v has no delivery", e)
		}
		got = append(got, d[0].Status)
	}
	return got
}

func (r *rig) all(events []id.ID, want webhook.Status) {
	r.t.Helper()
	for i, s := range r.statuses(events) {
		if s != want {
			r.t.Errorf("event %d is %v, want %v", i, s, want)
		}
	}
}

func one(a *webhook.Account, n int) ingest.Submission {
	return ingest.Submission{Account: a, Events: []webhook.Event{{Type: "a", Payload: fmt.Appendf(nil, "%d", n)}}}
}

func later(a *webhook.Account, at time.Time) ingest.Submission {
	s := one(a, 0)
	s.Events[0].DeliverAt = at
	return s
}
