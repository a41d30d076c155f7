// Package ingest takes in what happened: it checks events, finds who wants
// them, makes them durable together with one delivery for each subscription, and
// only then answers. What it accepts it hands to the lanes. It does not know
// where events come from: every API calls Accept, every bus AcceptEach.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Directory answers who wants an event. *directory.Directory is one.
type Directory interface {
	Match(e *webhook.Event, path []id.ID, dst []directory.Target) []directory.Target
	EventType(ctx context.Context, account id.ID, name string) (*webhook.EventType, error)
	ValidatePayload(t *webhook.EventType, payload []byte) error
}

// Journal makes intake durable. *journal.Journal is one.
type Journal interface {
	Accept(all ...*store.Intake) error
}

// Outlet takes what is accepted. *dispatch.Dispatcher is one.
type Outlet interface {
	// Room waits for a moment while healthy endpoints are far behind, and says
	// whether there is room for more.
	Room(ctx context.Context) bool
	// Reserve asks the endpoint's lane to hold one delivery fresh, and returns the
	// number that it is held under. When that is 0, the delivery goes to the backlog; when it
	// is another node's, nothing is reserved, and HandOver tells that node.
	Reserve(endpoint id.ID, bytes int) (node int64, other bool)
	// Release gives a reservation back that came to nothing.
	Release(endpoint id.ID, bytes int)
	// Hand passes on a delivery that was reserved and is now durable.
	Hand(e *webhook.Event, d *webhook.Delivery, bytes int)
	// HandOver says that a delivery that another node holds is now durable.
	HandOver(node int64)
	// Waiting says that a delivery of the endpoint went to the backlog, due at the time.
	Waiting(endpoint id.ID, at time.Time)
}

// Options configure an Ingest. Zero limits take the defaults named.
type Options struct {
	Directory Directory     // required
	Journal   Journal       // required
	Outlet    Outlet        // required
	History   store.History // required: what a replayed call answers with
	Logger    *slog.Logger
	Limits    Limits
	// PayloadKept is how long payloads are kept whose sender does not say; 0 is
	// as long as their events.
	PayloadKept time.Duration

	// Refused is told about each submission that was refused for want of
	// room, with the webhook code; may be nil.
	Refused func(webhook.Code)
}

// Limits bound a submission.
type Limits struct {
	PayloadBytes int           // of one event: 1 MiB
	BatchEvents  int           // in one submission: 1,000
	Channels     int           // of one event: 10
	Tags         int           // of one event: 10
	Attributes   int           // of one event: 10,000
	Deliveries   int           // made by one event: 10,000
	DeliverAhead time.Duration // how far DeliverAt may lie ahead: 30 days
}

// Ingest accepts events.
type Ingest struct {
	o Options

	mu       sync.Mutex
	limiters map[id.ID]*rate.Limiter // of accounts that have a rate limit
}

// New returns an Ingest.
func New(o Options) (*Ingest, error) {
	if o.Directory == nil || o.Journal == nil || o.Outlet == nil || o.History == nil {
		return nil, errors.New("ingest: directory, journal, outlet and history are required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Refused == nil {
		o.Refused = func(webhook.Code) {}
	}
	l := &o.Limits
	for _, d := range []struct {
		v   *int
		def int
	}{
		{&l.PayloadBytes, 1 << 20},
		{&l.BatchEvents, 1000},
		{&l.Channels, 10},
		{&l.Tags, 10},
		{&l.Attributes, 10_000},
		{&l.Deliveries, 10_000},
	} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	if l.DeliverAhead <= 0 {
		l.DeliverAhead = 30 * 24 * time.Hour
	}
	return &Ingest{o: o, limiters: map[id.ID]*rate.Limiter{}}, nil
}

// Submission is a group of events of one account, accepted whole or not at all.
type Submission struct {
	Account *webhook.Account
	// Events have Type and Payload set, and UID, Channels, Tags, Attributes,
	// DeliverAt and PayloadExpires as the sender wishes. The payload's
	// bytes are kept as they are and not changed afterwards.
	Events []webhook.Event
	Once   *store.Once // nil is none
	// Firings are kept in the same commit.
	Firings []store.Firing
	// Catalogue is the account whose event types are asked whether they want
	// payloads checked; zero asks nobody.
	Catalogue id.ID
	// Checked says that the caller has looked at the payloads: they are JSON, or
	// need not be.
	Checked bool
}

// Receipt says what was accepted.
type Receipt struct {
	Events   []webhook.Event // with their ids
	Replayed bool            // an earlier call with the same key made them
}

// Accept makes the events and their deliveries durable and passes them on. Once
// it has returned nil they are never lost. Errors are *webhook.Error: CodeInvalid
// and CodeTooLarge name the field, with the event's place in front when there are
// several ("3.payload"); CodeConflict has Field "uid" or "idempotency-key";
// CodeBusy and CodeUnavailable mean that nothing was accepted for now.
func (g *Ingest) Accept(ctx context.Context, s Submission) (Receipt, error) {
	in, err := g.ready(ctx, &s)
	if err != nil {
		return Receipt{}, err
	}
	if err := g.o.Journal.Accept(in); err != nil {
		g.refuse(err, in)
		return Receipt{}, err
	}
	if err := g.conclude(&s, in); err != nil {
		return Receipt{}, err
	}
	return g.receipt(ctx, &s, in)
}

// ready checks and admits a submission and plans what is to be written for it.
func (g *Ingest) ready(ctx context.Context, s *Submission) (*store.Intake, error) {
	if err := g.check(ctx, s); err != nil {
		return nil, err
	}
	if err := g.admit(ctx, s); err != nil {
		g.o.Refused(webhook.CodeOf(err))
		return nil, err
	}
	return g.prepare(s), nil
}

// refuse gives back what was planned and not written.
func (g *Ingest) refuse(err error, in *store.Intake) {
	g.release(in)
	g.o.Refused(webhook.CodeOf(err))
}

// admit applies the account's rate limit and the back-pressure of the lanes.
func (g *Ingest) admit(ctx context.Context, s *Submission) error {
	if limit := s.Account.RateLimit; limit > 0 {
		if wait := g.limiter(s.Account.ID, limit).take(len(s.Events)); wait > 0 {
			return &webhook.Error{
				Code: webhook.CodeBusy, RetryAfter: wait,
				Message: fmt.Sprintf("the account may send %d events a second", limit),
			}
		}
	}
	if !g.o.Outlet.Room(ctx) {
		return &webhook.Error{
			Code: webhook.CodeBusy, RetryAfter: time.Second,
			Message: "deliveries are far behind, send again a little later",
		}
	}
	return nil
}

type limiter struct{ *rate.Limiter }

// take takes n tokens and returns zero, or takes none and says how long to wait.
// A burst that is larger than the bucket is let through when the bucket is full.
func (l limiter) take(n int) time.Duration {
	r := l.ReserveN(time.Now(), min(n, l.Burst()))
	if d := r.Delay(); d > 0 {
		r.Cancel()
		return d
	}
	return 0
}

func (g *Ingest) limiter(account id.ID, limit int) limiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.limiters[account]
	if l == nil {
		if len(g.limiters) >= 10_000 { // a bound on memory; a fresh bucket is a full one
			clear(g.limiters)
		}
		l = rate.NewLimiter(rate.Limit(limit), limit)
		g.limiters[account] = l
	}
	if l.Burst() != limit {
		l.SetLimit(rate.Limit(limit))
		l.SetBurst(limit)
	}
	return limiter{l}
}

// prepare matches each event and plans its deliveries: fresh where the lane has
// room, into the backlog otherwise.
func (g *Ingest) prepare(s *Submission) *store.Intake {
	in := &store.Intake{Once: s.Once, Firings: s.Firings, Accepted: make([]store.Accepted, len(s.Events))}
	now := time.Now().UTC()
	var targets []directory.Target
	for i := range s.Events {
		a := &in.Accepted[i]
		a.Event = s.Events[i]
		a.Event.AccountID, a.Event.CreatedAt = s.Account.ID, now
		if a.Event.PayloadExpires.IsZero() && g.o.PayloadKept > 0 {
			a.Event.PayloadExpires = now.Add(g.o.PayloadKept)
		}
		targets = g.o.Directory.Match(&a.Event, s.Account.Path, targets[:0])
		if len(targets) > g.o.Limits.Deliveries {
			g.o.Logger.Error("event wanted by too many subscriptions, the rest is left out",
				"account", s.Account.ID, "event_type", a.Event.Type, "subscriptions", len(targets))
			targets = targets[:g.o.Limits.Deliveries]
		}
		a.Deliveries = make([]webhook.Delivery, len(targets))
		for n, t := range targets {
			d := &a.Deliveries[n]
			if other := g.plan(&a.Event, t, d, now, a.Event.Weight(len(targets))); other {
				a.Handed = append(a.Handed, int32(n))
			}
			if t.Ordered && d.DueAt.Equal(now) {
				a.Ordered = append(a.Ordered, int32(n))
			}
		}
	}
	return in
}

// plan says where a delivery waits, and whether it is handed to another node.
func (g *Ingest) plan(e *webhook.Event, t directory.Target, d *webhook.Delivery, now time.Time, bytes int) (other bool) {
	*d = webhook.Delivery{AccountID: t.AccountID, EndpointID: t.EndpointID, SubscriptionID: t.SubscriptionID}
	if e.DeliverAt.After(now) {
		d.DueAt = e.DeliverAt
		return false
	}
	// What is ordered always takes its place in the store, so that order never
	// depends on who is woken first.
	if !t.Ordered {
		d.Node, other = g.o.Outlet.Reserve(t.EndpointID, bytes)
	}
	if d.Node == 0 {
		d.DueAt = now
	}
	return other
}

// release gives reservations back after nothing was stored.
func (g *Ingest) release(in *store.Intake) {
	for i := range in.Accepted {
		a := &in.Accepted[i]
		for d := range a.Fresh() {
			g.o.Outlet.Release(d.EndpointID, a.Event.Weight(len(a.Deliveries)))
		}
	}
}

// conclude reads the verdict of the store: passes on what was stored, or says why it
// was not.
func (g *Ingest) conclude(s *Submission, in *store.Intake) error {
	switch {
	case in.Err != nil:
		g.release(in)
		return at(in.Err, in.Index, len(s.Events))
	case replayed(in):
		g.release(in)
	default:
		g.pass(in)
	}
	return nil
}

func replayed(in *store.Intake) bool { return in.Once != nil && in.Once.Replayed }

// receipt tells what was stored, now or by an earlier call.
func (g *Ingest) receipt(ctx context.Context, s *Submission, in *store.Intake) (Receipt, error) {
	if replayed(in) {
		return g.replay(ctx, s.Account.ID, in.Once.Refs)
	}
	r := Receipt{Events: make([]webhook.Event, len(in.Accepted))}
	for i := range in.Accepted {
		r.Events[i] = in.Accepted[i].Event
	}
	return r, nil
}

// pass hands what was stored to the lanes.
func (g *Ingest) pass(in *store.Intake) {
	for i := range in.Accepted {
		a := &in.Accepted[i]
		for d := range a.Fresh() {
			g.o.Outlet.Hand(&a.Event, d, a.Event.Weight(len(a.Deliveries)))
		}
		for _, n := range a.Handed {
			g.o.Outlet.HandOver(a.Deliveries[n].Node)
		}
		for n := range a.Deliveries {
			if d := &a.Deliveries[n]; !d.DueAt.IsZero() {
				g.o.Outlet.Waiting(d.EndpointID, d.DueAt)
			}
		}
	}
}

func (g *Ingest) replay(ctx context.Context, account id.ID, refs []id.ID) (Receipt, error) {
	r := Receipt{Replayed: true}
	for _, ref := range refs {
		e, err := g.o.History.Event(ctx, account, ref)
		if err != nil {
			return Receipt{}, fmt.Errorf("load event of an earlier call: %w", err)
		}
		r.Events = append(r.Events, e)
	}
	return r, nil
}
