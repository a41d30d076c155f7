// Package dispatch sends what is due: every endpoint with something to do has a
// lane, which holds a window of its deliveries and starts attempts as its limits
// allow; the rest stays in the store and is claimed when there is room. What comes of
// an attempt is judged, planned and recorded here, in one path for first tries
// and retries. The package knows no protocol: that is a deliver.Service's.
//
// A reader finds: attempt.go one attempt from beginning to end; lane.go what
// waits and what may start; claim.go how the backlog comes back; wake.go the clock;
// health.go when an endpoint is given up; node.go the node; lease.go, shard.go, word.go
// and handed.go how several nodes share the work; drain.go the end.
package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/switchhook/switchhook/internal/breaker"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/journal"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Directory tells what is configured. *directory.Directory is one.
type Directory interface {
	Endpoint(ctx context.Context, endpoint id.ID) (*webhook.Endpoint, webhook.Health, error)
	Subscription(ctx context.Context, subscription id.ID) (*webhook.Subscription, error)
	OnEndpointChange(func(endpoint id.ID))
	Refresh(ctx context.Context) error
	Version() int64
}

// Store is what the lanes need of the database.
type Store interface {
	store.Queue
	store.Nodes
}

// Journal makes outcomes durable. *journal.Journal is one.
type Journal interface {
	Submit(e *journal.Entry) error
	Mark() id.ID
	Quiet() bool
	Held() int
	Queued() int
	Late() bool
	Hold(event id.ID)
	Doubtful() bool
	ForgetDoubtful()
	Share(nodes int)
}

// Notice prepares the event that tells an endpoint's owner that it was
// disabled. The intake is committed with the change itself; pass is called with
// the commit's error. A nil intake tells nobody.
type Notice func(ctx context.Context, e *webhook.Endpoint, h webhook.Health, reason string) (in *store.Intake, pass func(error))

// Options configure a Dispatcher. Zero fields take the defaults named.
type Options struct {
	Store     Store     // required
	Journal   Journal   // required
	Directory Directory // required
	Services  map[string]deliver.Service
	Notice    Notice
	Logger    *slog.Logger
	Metrics   Metrics

	NodeName string
	About    store.NodeState // what this node tells of itself: version and roles
	// Cluster is the store where several nodes may use it; nil when this one is alone.
	Cluster store.Cluster
	// Predecessor is the number of a node that is known to be dead, because this one has what
	// was that one's alone; 0 is none. Joined is told this node's numbers.
	Predecessor int64
	Joined      func(node int64)
	Lease       time.Duration // within this time others go on with the work of a node that died: 15 s

	Window      int           // deliveries that a lane holds in memory: 256. While it moves it claims 16 times as many, and keeps what is accepted up to Pending
	Memory      int           // bytes that all lanes hold in memory, beyond which deliveries stay in the store: 64 MiB
	Attempts    int           // attempts in flight in all: 4,096
	MaxInFlight int           // attempts in flight to one endpoint: 64
	Pending     int           // deliveries that healthy endpoints may be behind before intake is slowed: 20,000
	Patience    time.Duration // how long intake waits for them before it is refused: 500 ms
	Timeout     time.Duration // of an attempt where the endpoint names none: 15 s
	Drain       time.Duration // how long what is in flight may take at the end: 20 s
	Breaker     breaker.Options
}

// Metrics are told what happens; they must not block. Nil fields are skipped.
type Metrics struct {
	Attempt  func(service string, r webhook.Result, took time.Duration)
	Finished func(s webhook.Status, sinceAccepted time.Duration)
}

// Dispatcher owns the lanes of one node. Make one with New, Join the store, then
// Run.
type Dispatcher struct {
	o    Options
	node atomic.Int64
	live atomic.Pointer[[]int64]

	mu    sync.RWMutex
	lanes map[id.ID]*lane

	lease        lease
	watch        watch       // of whoever looks around
	former       int64       // a node that is known to be dead, because this one has its place; owned by whoever looks around
	unsure       atomic.Bool // something may be held in the store under the present number that nobody here knows of
	shards       shards
	untold       untold
	handing      handing
	look         chan struct{} // holds a token when there is a reason to look around
	follow       chan struct{} // or to follow the change feed
	othersBehind atomic.Int64  // the most that another node is behind
	background   sync.WaitGroup

	behind   atomic.Int64 // deliveries that wait in healthy lanes
	memory   atomic.Int64 // bytes held by all lanes
	inFlight atomic.Int64
	ending   atomic.Bool

	workers workers
	clock   clock
	claims  claims

	attempts context.Context // cancelled when the drain's time is over
	stop     context.CancelFunc
}

// New returns a Dispatcher.
func New(o Options) (*Dispatcher, error) {
	if o.Store == nil || o.Journal == nil || o.Directory == nil {
		return nil, errors.New("dispatch: store, journal and directory are required")
	}
	o.setDefaults()
	d := &Dispatcher{o: o, lanes: map[id.ID]*lane{}}
	d.attempts, d.stop = context.WithCancel(context.Background())
	d.clock.wake = make(chan struct{}, 1)
	d.claims.wake = make(chan struct{}, 1)
	d.untold.wake = make(chan struct{}, 1)
	d.handing.wake = make(chan struct{}, 1)
	d.look, d.follow = make(chan struct{}, 1), make(chan struct{}, 1)
	d.former = o.Predecessor
	o.Directory.OnEndpointChange(d.changed)
	return d, nil
}

func (o *Options) setDefaults() {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		v   *int
		def int
	}{
		{&o.Window, 256},
		{&o.Memory, 64 << 20},
		{&o.Attempts, 4096},
		{&o.MaxInFlight, 64},
		{&o.Pending, 20_000},
	} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{
		{&o.Lease, 15 * time.Second},
		{&o.Patience, 500 * time.Millisecond},
		{&o.Timeout, 15 * time.Second},
		{&o.Drain, 20 * time.Second},
	} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	if o.Joined == nil {
		o.Joined = func(int64) {}
	}
	if o.Metrics.Attempt == nil {
		o.Metrics.Attempt = func(string, webhook.Result, time.Duration) {}
	}
	if o.Metrics.Finished == nil {
		o.Metrics.Finished = func(webhook.Status, time.Duration) {}
	}
}

// Run sends until ctx is done, then drains: it starts nothing new, waits for
// what is in flight, and gives the rest back to the store. The journal must outlive it.
func (d *Dispatcher) Run(ctx context.Context) error {
	if d.Node() == 0 {
		return errors.New("dispatch: Run before Join")
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.runClock(ctx) })
	g.Go(func() error { return d.runClaims(ctx) })
	g.Go(func() error { return d.runSweep(ctx) })
	if d.o.Cluster == nil {
		g.Go(func() error { return d.runBeat(ctx) })
	} else {
		g.Go(func() error { return d.runCluster(ctx) })
		g.Go(func() error { return d.runListen(ctx) })
		g.Go(func() error { return d.runFollow(ctx) })
		g.Go(func() error { return d.runTell(ctx) })
		g.Go(func() error { return d.runTakeHanded(ctx) })
	}
	if err := d.findBacklog(ctx); err != nil && ctx.Err() == nil {
		// The sweep looks again.
		d.o.Logger.Error("backlog cannot be read yet", "error", err)
	}
	err := g.Wait()
	d.background.Wait()
	d.drain()
	return err
}

// findBacklog makes a lane for every endpoint of this node that has something in the store.
func (d *Dispatcher) findBacklog(ctx context.Context) error {
	due, err := d.o.Store.Backlog(ctx, *d.live.Load())
	if err != nil {
		return fmt.Errorf("read backlog: %w", err)
	}
	for _, b := range due {
		if d.mine(b.EndpointID) {
			d.lane(b.EndpointID).waiting(b.At, 1)
		}
	}
	return nil
}

// Kick says that something of the endpoint may be due now: it was enabled again,
// or a delivery was asked for.
func (d *Dispatcher) Kick(endpoint id.ID) { d.Waiting(endpoint, time.Now()) }

// Node is the number that this node's deliveries are held under.
func (d *Dispatcher) Node() int64 { return d.node.Load() }

// Room says whether healthy endpoints are near enough to their intake for more.
// It waits for up to Options.Patience for that. What dead, slow or limited endpoints have
// waiting does not count: it costs disk, not others' time.
func (d *Dispatcher) Room(ctx context.Context) bool {
	if d.inStep() {
		return true
	}
	t := time.NewTicker(5 * time.Millisecond)
	defer t.Stop()
	for deadline := time.Now().Add(d.o.Patience); time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return false
		case <-t.C:
		}
		if d.inStep() {
			return true
		}
	}
	return false
}

// inStep says whether no node is too far behind.
func (d *Dispatcher) inStep() bool {
	return max(d.behind.Load(), d.othersBehind.Load()) < int64(d.o.Pending)
}

// Reserve asks the endpoint's lane to hold one delivery of that weight in memory. It
// returns the node that the delivery is held by, or 0 when there is no room for it. Where
// that is another node, nothing is reserved here, and the node is told with HandOver.
func (d *Dispatcher) Reserve(endpoint id.ID, bytes int) (node int64, other bool) {
	if !d.mine(endpoint) {
		node = d.handing.to(endpoint, bytes)
		return node, node != 0
	}
	if d.ending.Load() {
		return 0, false
	}
	return d.lane(endpoint).reserve(bytes), false
}

// Release gives a reservation back.
func (d *Dispatcher) Release(endpoint id.ID, bytes int) { d.lane(endpoint).release(bytes) }

// Hand passes on a delivery that was reserved and is durable by now.
func (d *Dispatcher) Hand(e *webhook.Event, dl *webhook.Delivery, bytes int) {
	d.lane(dl.EndpointID).hand(item{event: e, delivery: *dl, bytes: bytes, fresh: true})
}

// HandOver tells another node, which Reserve named, that a delivery is durable by now.
func (d *Dispatcher) HandOver(node int64) { d.untold.addNode(node) }

// Waiting says that one more delivery of the endpoint is in the backlog, due at the
// time. Where another node sends for the endpoint, it is told.
func (d *Dispatcher) Waiting(endpoint id.ID, at time.Time) {
	if d.mine(endpoint) {
		d.lane(endpoint).waiting(at, 1)
	} else {
		d.untold.add(store.Arrival{EndpointID: endpoint, At: at, Count: 1})
	}
}

// LaneState describes an endpoint's lane for people.
type LaneState struct {
	Breaker  breaker.State
	InFlight int
	Limit    int
	Held     int // deliveries in memory
	Health   webhook.Health
}

// Lane describes the endpoint's lane; ok is false when it has none, which means
// that nothing was due lately.
func (d *Dispatcher) Lane(endpoint id.ID) (s LaneState, ok bool) {
	d.mu.RLock()
	l := d.lanes[endpoint]
	d.mu.RUnlock()
	if l == nil {
		return LaneState{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return LaneState{
		Breaker: l.breaker.State(), InFlight: l.inFlight, Limit: l.limit.Current(),
		Held: l.queue.len() + l.reserved, Health: l.health,
	}, true
}

// Stats count lanes for metrics.
type Stats struct {
	Lanes    int
	Open     int // lanes whose breaker is not closed
	Held     int // deliveries in memory
	InFlight int
	Behind   int
	Memory   int // bytes
}

// Stats returns the present counts.
func (d *Dispatcher) Stats() Stats {
	s := Stats{InFlight: int(d.inFlight.Load()), Behind: int(d.behind.Load()), Memory: int(d.memory.Load())}
	for _, l := range d.all() {
		l.mu.Lock()
		s.Lanes++
		s.Held += l.queue.len() + l.reserved
		if l.breaker.State() != breaker.StateClosed {
			s.Open++
		}
		l.mu.Unlock()
	}
	return s
}

func (d *Dispatcher) all() []*lane {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := make([]*lane, 0, len(d.lanes))
	for _, l := range d.lanes {
		all = append(all, l)
	}
	return all
}

// lane returns the endpoint's lane, a new one if it has none.
func (d *Dispatcher) lane(endpoint id.ID) *lane {
	d.mu.RLock()
	l := d.lanes[endpoint]
	d.mu.RUnlock()
	if l != nil && l.keep() {
		return l
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if l = d.lanes[endpoint]; l == nil || !l.keep() {
		l = newLane(d, endpoint)
		d.lanes[endpoint] = l
	}
	return l
}

// changed is called when the endpoint or its subscriptions changed.
func (d *Dispatcher) changed(endpoint id.ID) {
	d.mu.RLock()
	l := d.lanes[endpoint]
	d.mu.RUnlock()
	if l != nil {
		l.reload()
	}
}
