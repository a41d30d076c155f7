package dispatch

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/switchhook/switchhook/internal/breaker"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// How long things in a lane take that are no one's business to configure.
const (
	movingFor    = 2 * time.Second        // a lane with a prompt success this recent is healthy
	promptFor    = time.Second            // a success that took less is prompt
	longWait     = 2 * time.Second        // what has to wait longer goes back to the store
	shortPause   = 2 * time.Millisecond   // until the global limit is looked at again
	retryLoad    = time.Second            // after the database could not be read
	retryLease   = 100 * time.Millisecond // after the node might have been taken for dead
	retryClaim   = 50 * time.Millisecond  // after another node had its hand on what is due
	movingWindow = 16                     // times Options.Window is what a lane that moves claims
	idleLane     = 10 * time.Minute       // a lane with nothing to do is dropped after this long
)

// item is a delivery in memory.
type item struct {
	event    *webhook.Event
	delivery webhook.Delivery
	bytes    int
	fresh    bool // not in the backlog: if it goes back, it needs a place there
}

// lane is everything that one endpoint has to do on this node. Its lock is held
// for moments only, except while the endpoint is read from the database for the
// first time.
type lane struct {
	d        *Dispatcher
	endpoint id.ID
	shard    int

	wake      time.Time // guarded by the clock's lock, as is heapIndex
	heapIndex int

	mu       sync.Mutex
	ep       *webhook.Endpoint // nil: to be read
	service  deliver.Service   // nil: there is none of that name
	limit    breaker.Limit
	limitMax int
	breaker  breaker.Breaker
	rate     *rate.Limiter // nil: no limit
	health   webhook.Health
	saved    webhook.Health // as the store has it
	queue    queue
	reserved int       // promised to deliveries that are being committed
	inFlight int       // attempts
	giving   int       // times that something is on its way back to the store
	notUntil time.Time // the breaker lets nothing pass before
	stopped  bool      // disabled or deleted
	deleted  bool

	nextDue  time.Time // when the backlog has something; zero: it has nothing
	arrivals int       // counts what went to the backlog, to notice what a claim could not see
	overflow int       // how much of it waits there, as far as known
	claiming bool

	lastPrompt time.Time // success
	moving     bool      // had one lately and nothing against it since
	counted    int       // its share in Dispatcher.behind
	touched    time.Time
	retired    bool
}

func newLane(d *Dispatcher, endpoint id.ID) *lane {
	return &lane{
		d: d, endpoint: endpoint, shard: store.ShardOf(endpoint), heapIndex: -1, touched: time.Now(),
		breaker: breaker.New(d.o.Breaker),
		limit:   breaker.NewLimit(breaker.LimitOptions{Max: d.o.MaxInFlight}), limitMax: d.o.MaxInFlight,
	}
}

// keep says whether the lane may be used, and that it is.
func (l *lane) keep() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.retired {
		return false
	}
	l.touched = time.Now()
	return true
}

// retire marks a lane that has had nothing to do for long.
func (l *lane) retire(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count(now)
	l.retired = now.Sub(l.touched) > idleLane && l.inFlight == 0 && l.reserved == 0 &&
		l.queue.len() == 0 && !l.claiming && (l.nextDue.IsZero() || l.stopped)
	return l.retired
}

// reserve promises room for a delivery unless the backlog goes first, and returns
// the node that it will be held by; 0 is no.
func (l *lane) reserve(bytes int) (node int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	node = l.d.Node()
	switch {
	case node == 0, l.retired, !l.mine(), l.stopped, l.breaker.State() != breaker.StateClosed,
		!l.freshRoom(bytes),
		!l.nextDue.IsZero() && !l.nextDue.After(time.Now()):
		return 0
	}
	l.reserved++
	l.d.memory.Add(int64(bytes))
	return node
}

// mine says whether this node sends for the endpoint.
func (l *lane) mine() bool { return l.d.o.Cluster == nil || l.d.shards.mine[l.shard].Load() }

// leave retires a lane that this node does not send for any more, once nothing of
// it is left.
func (l *lane) leave() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count(time.Now())
	l.retired = l.inFlight == 0 && l.reserved == 0 && l.giving == 0 && l.queue.len() == 0 && !l.claiming
	return l.retired
}

// forget drops what the lane holds, and all that it knows of its endpoint: other
// nodes send for it.
func (l *lane) forget() []item {
	l.mu.Lock()
	defer l.mu.Unlock()
	items := l.takeAll()
	l.d.memory.Add(-weight(items))
	l.ep, l.stopped, l.deleted, l.notUntil = nil, false, false, time.Time{}
	l.health, l.saved = webhook.Health{}, webhook.Health{}
	l.breaker, l.rate, l.limitMax = breaker.New(l.d.o.Breaker), nil, 0
	l.nextDue, l.overflow, l.lastPrompt = time.Time{}, 0, time.Time{}
	l.count(time.Now())
	return items
}

func (l *lane) release(bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reserved--
	l.d.memory.Add(-int64(bytes))
}

// hand takes a delivery that was reserved.
func (l *lane) hand(it item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reserved--
	if it.delivery.Node != l.d.Node() { // declared dead meanwhile: it is in the backlog
		l.d.memory.Add(-int64(it.bytes))
		go l.d.forgetItems([]item{it})
		return
	}
	l.queue.push(it)
	l.advance(time.Now())
}

// waiting notes that the backlog has n more that are due from the time on.
func (l *lane) waiting(at time.Time, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.arrivals++
	if !at.After(now) {
		l.overflow += n
	}
	if l.nextDue.IsZero() || at.Before(l.nextDue) {
		l.nextDue = at
	}
	l.advance(now)
}

// reload reads the endpoint anew: it changed, or its health was reset, or what
// it waits for may be gone.
func (l *lane) reload() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ep, l.stopped, l.deleted, l.notUntil = nil, false, false, time.Time{}
	if l.nextDue.IsZero() {
		l.nextDue = time.Now() // it may have been disabled with a backlog
	}
	l.advance(time.Now())
}

// pump does what can be done now.
func (l *lane) pump() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance(time.Now())
}

// advance starts what may start and asks for more. The lock is held.
func (l *lane) advance(now time.Time) {
	if l.d.ending.Load() {
		return
	}
	if !l.mine() {
		l.nextDue, l.overflow = time.Time{}, 0
		l.giveBack()
		l.count(now)
		return
	}
	for l.queue.len() > 0 && l.may(now) {
		l.d.workers.do(run{lane: l, item: l.begin()})
	}
	l.refill(now)
	l.count(now)
}

// begin takes the first item out for an attempt. The lock is held.
func (l *lane) begin() item {
	l.inFlight++
	l.d.inFlight.Add(1)
	return l.queue.pop()
}

// turn makes one attempt and returns the item that its goroutine goes on with.
func (l *lane) turn(it item) (next item, more bool) {
	l.d.attempt(l, it)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	l.d.inFlight.Add(-1)
	now := time.Now()
	if !l.d.ending.Load() && l.queue.len() > 0 && l.may(now) {
		next, more = l.begin(), true
	}
	l.advance(now)
	return next, more
}

// may says whether an attempt may start now; if only time is missing, it asks
// to be woken then. The lock is held, and there is something in the queue.
func (l *lane) may(now time.Time) bool {
	if !l.mine() {
		return false
	}
	if !l.d.maySend(now) {
		l.d.clock.wakeAt(l, now.Add(retryLease))
		return false
	}
	if !l.load() {
		return false
	}
	limit := l.limit.Current()
	if l.ep.Ordering == webhook.OrderingFIFO {
		limit = 1
		if at := l.queue.first().delivery.NotBefore; at.After(now) {
			l.pause(at, now)
			return false
		}
	}
	if l.inFlight >= limit {
		return false // the attempt that ends next comes back here
	}
	if int(l.d.inFlight.Load()) >= l.d.o.Attempts {
		l.d.clock.wakeAt(l, now.Add(shortPause))
		return false
	}
	var token *rate.Reservation
	if l.rate != nil {
		token = l.rate.ReserveN(now, 1)
		if wait := token.DelayFrom(now); wait > 0 {
			token.CancelAt(now)
			l.d.clock.wakeAt(l, now.Add(wait))
			return false
		}
	}
	if l.ep.Health.NoBreaker {
		return true
	}
	ok, wait := l.breaker.Allow(now)
	if !ok {
		if token != nil {
			token.CancelAt(now)
		}
		l.notUntil = now.Add(wait)
		l.pause(l.notUntil, now)
	}
	return ok
}

// pause waits until a time; what would wait long goes back to the store. The lock is held.
func (l *lane) pause(until, now time.Time) {
	l.d.clock.wakeAt(l, until)
	if until.Sub(now) > longWait && l.inFlight == 0 {
		l.notUntil = until
		l.giveBack()
	}
}

// load makes sure that the endpoint is known and may be sent to. The lock is held.
func (l *lane) load() bool {
	if l.stopped {
		l.clear()
		return false
	}
	if l.ep != nil {
		return true
	}
	ep, h, err := l.d.o.Directory.Endpoint(l.d.attempts, l.endpoint)
	switch {
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		l.stopped, l.deleted = true, true
		l.nextDue, l.overflow = time.Time{}, 0
		l.clear()
		return false
	case err != nil:
		l.d.o.Logger.Error("endpoint cannot be read", "endpoint", l.endpoint, "error", err)
		l.d.clock.wakeAt(l, time.Now().Add(retryLoad))
		return false
	}
	l.adopt(ep, h)
	if !ep.Enabled {
		l.stopped = true
		l.clear()
		return false
	}
	return true
}

// clear empties the queue of a lane that is stopped. The lock is held.
func (l *lane) clear() {
	if l.deleted {
		l.cancelAll()
	} else {
		l.giveBack()
	}
}

// adopt takes over an endpoint's settings. The lock is held.
func (l *lane) adopt(ep *webhook.Endpoint, h webhook.Health) {
	l.ep, l.service = ep, l.d.o.Services[ep.Service]
	if l.health.EndpointID.IsZero() || h.Generation > l.health.Generation {
		l.health, l.saved = h, h
		l.health.EndpointID = ep.ID
		l.breaker = breaker.New(l.d.o.Breaker)
	}
	most := ep.MaxInFlight
	if most <= 0 {
		most = l.d.o.MaxInFlight
	}
	if most != l.limitMax {
		l.limit, l.limitMax = breaker.NewLimit(breaker.LimitOptions{Max: most}), most
	}
	switch {
	case ep.RateLimit <= 0:
		l.rate = nil
	case l.rate == nil:
		l.rate = rate.NewLimiter(rate.Limit(ep.RateLimit), ep.RateLimit)
	case l.rate.Burst() != ep.RateLimit:
		l.rate.SetLimit(rate.Limit(ep.RateLimit))
		l.rate.SetBurst(ep.RateLimit)
	}
}
