package dispatch

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// A delivery of an endpoint that another node sends for is handed to that node: it is
// stored as held fresh by it, with a note for it in the same commit. The node is told, takes the
// notes and what they speak of, and finds them by itself where word is lost. What its
// lanes have no room for it puts into the backlog, and tells the others that for a while
// they had better do so themselves.

const (
	handedAtOnce = 256                   // events that are taken in one transaction
	handedBytes  = 64 << 10              // a larger payload goes through the backlog, so that memory is bounded
	handedEvery  = 20 * time.Millisecond // the shortest time between two looks at what was handed
	fullFor      = 2 * time.Second       // for as long nothing is handed over for an endpoint that is full
	maxFull      = 20_000                // endpoints that are known to be full; for others it is tried again
)

// handing is what a node knows of those that it hands deliveries to, and of what is handed to it.
type handing struct {
	takers [store.Shards]atomic.Int64 // who takes what is handed, by shard; 0 is nobody

	mu   sync.RWMutex
	full map[id.ID]time.Time // endpoints whose lanes have no room, and until when that is believed

	// marking is held while the mark is stored or what was handed is taken: a mark that was read
	// before must not be stored after.
	marking sync.Mutex
	wake    chan struct{}
}

// to returns the node that a delivery of the endpoint is handed to; 0 is none.
func (h *handing) to(endpoint id.ID, bytes int) int64 {
	node := h.takers[store.ShardOf(endpoint)].Load()
	if node == 0 || bytes > handedBytes {
		return 0
	}
	h.mu.RLock()
	until, full := h.full[endpoint]
	h.mu.RUnlock()
	if full && time.Now().Before(until) {
		return 0
	}
	return node
}

// refuse notes that nothing is to be handed over for the endpoints for a while.
func (h *handing) refuse(arrivals []store.Arrival) {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.full)+len(arrivals) > maxFull {
		clear(h.full)
	}
	if h.full == nil {
		h.full = map[id.ID]time.Time{}
	}
	for _, a := range arrivals {
		h.full[a.EndpointID] = now.Add(fullFor)
	}
}

// runTakeHanded takes what other nodes hand to this one when it hears of it.
func (d *Dispatcher) runTakeHanded(ctx context.Context) error {
	return onSignal(ctx, d.handing.wake, handedEvery, func(ctx context.Context) {
		for ctx.Err() == nil && d.takeHanded(ctx) {
		}
	})
}

// takeHanded takes a portion of what was handed to this node, and says whether there may
// be more.
func (d *Dispatcher) takeHanded(ctx context.Context) (more bool) {
	got, err := d.hold(ctx)
	if err != nil {
		if store.IsUnsure(err) || webhook.CodeOf(err) == "" {
			d.unsure.Store(true)
		}
		if !isGone(err) { // else it joins again soon, and what it was handed is in the backlog
			d.o.Logger.Error("what other nodes handed over cannot be taken yet", "error", err)
		}
		return false
	}
	shares := map[id.ID]int{} // deliveries that share an event's payload
	for _, h := range got {
		shares[h.Event.ID]++
	}
	back := map[id.ID][]item{} // by endpoint
	for _, h := range got {
		it := item{
			event: h.Event, delivery: h.Delivery, fresh: true,
			bytes: h.Event.Weight(shares[h.Event.ID]),
		}
		endpoint := h.Delivery.EndpointID
		if node, other := d.Reserve(endpoint, it.bytes); node == 0 || other {
			back[endpoint] = append(back[endpoint], it)
		} else {
			d.lane(endpoint).hand(it)
		}
	}
	d.giveBackHanded(ctx, back)
	return len(shares) == handedAtOnce
}

// hold makes this node the one that knows of what it was handed.
func (d *Dispatcher) hold(ctx context.Context) ([]store.ClaimedDelivery, error) {
	node := d.Node()
	if node == 0 {
		return nil, nil
	}
	d.handing.marking.Lock()
	defer d.handing.marking.Unlock()
	// What is begun is finished, so that it is known what is held.
	got, err := d.o.Cluster.TakeHanded(context.WithoutCancel(ctx), node, handedAtOnce)
	for _, h := range got {
		d.o.Journal.Hold(h.Event.ID)
	}
	return got, err
}

// giveBackHanded puts what the lanes have no room for into the backlog, and asks the others
// to do so themselves for a while.
func (d *Dispatcher) giveBackHanded(ctx context.Context, back map[id.ID][]item) {
	if len(back) == 0 {
		return
	}
	w := store.Word{Kind: store.WordFull}
	for endpoint, items := range back {
		d.giveBackItems(items, d.lane(endpoint))
		if len(w.Arrivals) < store.MaxWordArrivals {
			w.Arrivals = append(w.Arrivals, store.Arrival{EndpointID: endpoint})
		}
	}
	if err := d.o.Cluster.Tell(ctx, w); err != nil && ctx.Err() == nil {
		d.o.Logger.Warn("other nodes cannot be told that lanes are full", "error", err)
	}
}
