package dispatch

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
)

// How word between nodes is timed.
const (
	listenAgain = time.Second           // after the connection broke
	tellEvery   = 20 * time.Millisecond // what other nodes are to hear is gathered for this long, after the first word
	maxUntold   = 20_000                // endpoints; what comes beyond it the owner finds by itself
)

// untold is what other nodes are to hear of.
type untold struct {
	mu       sync.Mutex
	arrivals map[id.ID]store.Arrival
	nodes    map[int64]bool // to which something was handed
	wake     chan struct{}
}

// addNode notes that something was handed to the node.
func (u *untold) addNode(node int64) {
	u.mu.Lock()
	if u.nodes == nil {
		u.nodes = map[int64]bool{}
	}
	u.nodes[node] = true
	u.mu.Unlock()
	signal(u.wake)
}

func (u *untold) add(a store.Arrival) {
	u.mu.Lock()
	if was, ok := u.arrivals[a.EndpointID]; ok {
		a.Count += was.Count
		if was.At.Before(a.At) {
			a.At = was.At
		}
	}
	if u.arrivals == nil {
		u.arrivals = map[id.ID]store.Arrival{}
	}
	if len(u.arrivals) < maxUntold {
		u.arrivals[a.EndpointID] = a
	}
	u.mu.Unlock()
	signal(u.wake)
}

func (u *untold) take() (w store.Word, more bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.nodes) > 0 {
		w.Kind = store.WordHanded
		for node := range u.nodes {
			if len(w.Nodes) < store.MaxWordNodes {
				w.Nodes = append(w.Nodes, node)
				delete(u.nodes, node)
			}
		}
		return w, true
	}
	w.Kind = store.WordBacklogged
	for endpoint, a := range u.arrivals {
		if len(w.Arrivals) == store.MaxWordArrivals {
			return w, true
		}
		w.Arrivals = append(w.Arrivals, a)
		delete(u.arrivals, endpoint)
	}
	return w, false
}

// signal wakes who waits on c, now or when it waits next.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// runTell tells the nodes that send for them of deliveries that came here.
func (d *Dispatcher) runTell(ctx context.Context) error {
	return onSignal(ctx, d.untold.wake, tellEvery, d.tell)
}

func (d *Dispatcher) tell(ctx context.Context) {
	for more := true; more; {
		var w store.Word
		if w, more = d.untold.take(); len(w.Arrivals)+len(w.Nodes) == 0 {
			break
		}
		if err := d.o.Cluster.Tell(ctx, w); err != nil && ctx.Err() == nil {
			// Who sends for them finds them when it looks around.
			d.o.Logger.Warn("other nodes cannot be told of deliveries", "error", err)
		}
	}
}

// onSignal calls f when it is signalled on c, and not again before a time after f has
// returned, until ctx is done.
func onSignal(ctx context.Context, c <-chan struct{}, every time.Duration, f func(context.Context)) error {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c:
		}
		f(ctx)
		t.Reset(every)
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// runListen hears word of other nodes. Whenever it may have missed some it looks at
// everything that it would have heard of.
func (d *Dispatcher) runListen(ctx context.Context) error {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		err := d.o.Cluster.Listen(ctx, d.hear)
		if ctx.Err() != nil {
			return nil
		}
		d.o.Logger.Warn("word of other nodes is not heard, trying again", "error", err)
		t.Reset(listenAgain)
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

func (d *Dispatcher) hear(w store.Word) {
	switch w.Kind {
	case store.WordListening:
		signal(d.look)
		signal(d.follow)
	case store.WordNodes:
		signal(d.look)
	case store.WordChanged:
		signal(d.follow)
	case store.WordBacklogged:
		for _, a := range w.Arrivals {
			if d.mine(a.EndpointID) {
				d.lane(a.EndpointID).waiting(a.At, a.Count)
			}
		}
	case store.WordHanded:
		if slices.Contains(w.Nodes, d.Node()) {
			signal(d.handing.wake)
		}
	case store.WordFull:
		d.handing.refuse(w.Arrivals)
	}
}

// runFollow lets the directory follow changes as soon as they are heard of.
func (d *Dispatcher) runFollow(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.follow:
			d.refresh()
		}
	}
}
