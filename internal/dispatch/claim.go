package dispatch

import (
	"context"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/breaker"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// A claim serves some lanes, each with its own share, so that no backlog hides another.
const (
	claimLanes = 64
	claimRows  = 2048 // of all lanes together: they wait until all are read, and so do commits
)

// claims is the list of lanes that have room and something due.
type claims struct {
	mu    sync.Mutex
	lanes []*lane
	wake  chan struct{}
}

// ask puts the lane on the list. Its claiming flag keeps it from being there twice.
func (c *claims) ask(l *lane) {
	c.mu.Lock()
	c.lanes = append(c.lanes, l)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *claims) take() []*lane {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.lanes), claimLanes)
	taken := c.lanes[:n:n]
	if c.lanes = c.lanes[n:]; len(c.lanes) == 0 {
		c.lanes = nil
	}
	return taken
}

// claimEvery is the shortest time between two claims of one of several nodes, to which
// others' deliveries come a few at a time: it is cheaper to take more at once.
const claimEvery = 10 * time.Millisecond

// runClaims brings what is due from the store into the lanes.
func (d *Dispatcher) runClaims(ctx context.Context) error {
	t := time.NewTimer(0)
	defer t.Stop()
	var last time.Time
	for {
		if wait := time.Until(last.Add(claimEvery)); d.severalLive() && wait > 0 {
			t.Reset(wait)
			select {
			case <-ctx.Done():
				return nil
			case <-t.C:
			}
		}
		lanes := d.claims.take()
		if len(lanes) == 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-d.claims.wake:
			}
			continue
		}
		last = time.Now()
		d.claim(ctx, lanes)
		if ctx.Err() != nil {
			return nil
		}
	}
}

// severalLive says whether this node is one of several.
func (d *Dispatcher) severalLive() bool { return len(*d.live.Load()) > 1 }

// claim asks the store for what the lanes have room for.
func (d *Dispatcher) claim(ctx context.Context, lanes []*lane) {
	node := d.Node()
	if node == 0 { // until it joins again there is nothing to be claimed
		for _, l := range lanes {
			l.claimFailed()
		}
		return
	}
	q := store.ClaimQuery{Node: node, Live: *d.live.Load(), Now: time.Now()}
	seen := make([]int, len(lanes))
	for i, l := range lanes {
		var w store.Want
		w, seen[i] = l.want(len(lanes))
		q.Wants = append(q.Wants, w)
	}
	// A claim that is under way is finished, so that it is known what is held.
	got, err := d.o.Store.Claim(context.WithoutCancel(ctx), q)
	if err != nil {
		d.o.Logger.Error("claim failed", "error", err)
		if store.IsUnsure(err) || webhook.CodeOf(err) == "" {
			d.unsure.Store(true)
		}
		for _, l := range lanes {
			l.claimFailed()
		}
		return
	}
	for i, l := range lanes {
		var c store.Claimed
		for j := range got {
			if got[j].EndpointID == l.endpoint {
				c = got[j]
			}
		}
		l.claimed(c, seen[i])
	}
}

// want says what the lane has room for, sharing the memory that is left with
// the other lanes of the claim.
func (l *lane) want(lanes int) (w store.Want, seen int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w = store.Want{
		EndpointID: l.endpoint,
		Max:        max(min(l.room(), claimRows/lanes), 1),
		MaxBytes:   max(l.freeMemory()/lanes, 1),
	}
	if l.breaker.State() != breaker.StateClosed {
		w.Max = 1 // a probe
	}
	if l.ep != nil {
		w.Ordered = l.ep.Ordering == webhook.OrderingFIFO
	}
	return w, l.arrivals
}

func (l *lane) claimFailed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claiming = false
	if again := time.Now().Add(retryLoad); again.After(l.notUntil) {
		l.notUntil = again
	}
	l.d.clock.wakeAt(l, l.notUntil)
}

// claimed takes what was claimed. seen is the number of arrivals that the claim
// could have seen: with more by now, something may be left that it does not speak of.
func (l *lane) claimed(c store.Claimed, seen int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.claiming = false
	for _, it := range c.Items {
		if it.Delivery.Node != l.d.Node() {
			continue // the node was declared dead meanwhile: it is anybody's
		}
		bytes := it.Event.Weight(1)
		l.d.memory.Add(int64(bytes))
		l.queue.push(item{event: it.Event, delivery: it.Delivery, bytes: bytes})
	}
	l.nextDue = c.Next
	l.overflow = max(l.overflow-len(c.Items), 0)
	switch {
	case l.arrivals != seen:
		l.nextDue = now
	case c.Next.IsZero() || c.Next.After(now):
		l.overflow = 0
	case len(c.Items) == 0:
		l.nextDue = now.Add(retryClaim)
	}
	l.advance(now)
}
