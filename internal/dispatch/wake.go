package dispatch

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// clock wakes lanes at their times: one timer for all of them.
type clock struct {
	mu   sync.Mutex
	heap wakes
	wake chan struct{}
}

// wakeAt asks for l.pump at the time, or sooner if it was asked for sooner.
func (c *clock) wakeAt(l *lane, at time.Time) {
	c.mu.Lock()
	switch {
	case l.heapIndex < 0:
		l.wake = at
		heap.Push(&c.heap, l)
	case at.Before(l.wake):
		l.wake = at
		heap.Fix(&c.heap, l.heapIndex)
	default:
		c.mu.Unlock()
		return
	}
	first := c.heap[0] == l
	c.mu.Unlock()
	if first {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// due takes the lanes whose time has come, and says how long until the next.
func (c *clock) due(now time.Time) (lanes []*lane, next time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.heap) > 0 && !c.heap[0].wake.After(now) {
		lanes = append(lanes, heap.Pop(&c.heap).(*lane))
	}
	if len(c.heap) == 0 {
		return lanes, time.Hour
	}
	return lanes, c.heap[0].wake.Sub(now)
}

func (d *Dispatcher) runClock(ctx context.Context) error {
	t := time.NewTimer(time.Hour)
	defer t.Stop()
	for {
		lanes, next := d.clock.due(time.Now())
		for _, l := range lanes {
			l.pump()
		}
		t.Reset(next)
		select {
		case <-ctx.Done():
			return nil
		case <-d.clock.wake:
		case <-t.C:
		}
	}
}

// wakes is a heap of lanes by their wake time. Guarded by the clock's lock.
type wakes []*lane

func (w wakes) Len() int           { return len(w) }
func (w wakes) Less(i, j int) bool { return w[i].wake.Before(w[j].wake) }
func (w wakes) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].heapIndex, w[j].heapIndex = i, j
}

func (w *wakes) Push(x any) {
	l := x.(*lane)
	l.heapIndex = len(*w)
	*w = append(*w, l)
}

func (w *wakes) Pop() any {
	n := len(*w) - 1
	l := (*w)[n]
	(*w)[n] = nil
	*w = (*w)[:n]
	l.heapIndex = -1
	return l
}
