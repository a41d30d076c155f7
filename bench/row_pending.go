package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// pendingEndpoints is how many endpoints share a backlog: half of them close every
// connection, half hang.
const pendingEndpoints = 100

// pending fills the backlog, looks at the memory, fills in a quarter more, kills the
// server and starts it again with receivers that are well.
func pending(ctx context.Context, b *bench, store string) ([]figure, error) {
	r, err := b.newRig(ctx, store, false)
	if err != nil {
		return nil, err
	}
	defer r.close()
	path, err := b.sickAccount(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := b.reset(); err != nil {
		return nil, err
	}
	watch := watchMemory(ctx, r.server)
	wanted := int64(either(b, 100_000, 1_000_000))
	begin := time.Now()
	if err := b.fill(ctx, r, path, wanted); err != nil {
		return nil, err
	}
	took := time.Since(begin)
	pause(ctx, either(b, time.Second, max(5*time.Second, hangTime+5*time.Second-took))) // what hung is answered by then
	full := watch.peak()
	if err := r.profile(doHeap, "pending.heap"); err != nil {
		return nil, err
	}
	if err := b.fill(ctx, r, path, wanted/4); err != nil {
		return nil, err
	}
	pause(ctx, either(b, time.Second, 5*time.Second))
	more := watch.peak()
	now := watch.end()
	figures := []figure{
		{
			What: fmt.Sprintf("memory, %d pending, at most", wanted), Value: mebibytes(full), Unit: "MiB", Max: 256,
			Detail: fmt.Sprintf("accepted in %.0f s, %.0f events/s; at the end %.0f MiB", took.Seconds(), float64(wanted)/took.Seconds(), mebibytes(now)),
		},
		{What: "memory, a quarter more pending / before", Value: float64(more) / float64(max(full, 1)), Max: 1.1, Detail: fmt.Sprintf("at most %.0f MiB", mebibytes(more))},
	}
	restart, err := b.restart(ctx, r)
	return append(figures, restart), err
}

// sickAccount makes an account with the endpoints that nothing can be delivered to.
func (b *bench) sickAccount(ctx context.Context, r *rig) (string, error) {
	if err := r.eventTypes(ctx, pendingEndpoints); err != nil {
		return "", err
	}
	if err := b.set("closes", modeClose); err != nil {
		return "", err
	}
	if err := b.set("hangs", modeHang); err != nil {
		return "", err
	}
	var list []endpoint
	for i := range pendingEndpoints {
		list = append(list, endpoint{group: []string{"closes", "hangs"}[i%2], types: []string{eventType(i)}})
	}
	return r.app(ctx, "bench", list...)
}

// fill posts batches until n events are accepted.
func (b *bench) fill(ctx context.Context, r *rig, path string, n int64) error {
	l := r.load(path+"/batch", 8, func(int) *message {
		return newBatch(500, func(i int) string { return eventType(i % pendingEndpoints) })
	})
	t, err := l.saturate(ctx, 3*time.Minute, n)
	if err == nil && t.events < n {
		err = fmt.Errorf("%d of %d events were accepted in time", t.events, n)
	}
	return err
}

// restart kills the server and measures until the first delivery of the backlog.
func (b *bench) restart(ctx context.Context, r *rig) (figure, error) {
	r.server.kill()
	for _, group := range []string{"closes", "hangs"} {
		if err := b.set(group, modeOK); err != nil {
			return figure{}, err
		}
	}
	pause(ctx, 200*time.Millisecond) // what the dead server sent has come by now
	if err := b.reset(); err != nil {
		return figure{}, err
	}
	begin := time.Now()
	if err := r.start(ctx); err != nil {
		return figure{}, err
	}
	ready := time.Since(begin)
	if _, err := b.await(ctx, "closes", 1, time.Minute); err != nil {
		return figure{}, err
	}
	pause(ctx, either(b, time.Second, 5*time.Second))
	closes, err := b.received("closes")
	if err != nil {
		return figure{}, err
	}
	hangs, err := b.received("hangs")
	first := closes.First.Sub(begin)
	n := closes.Count + hangs.Count
	return figure{
		What: "start with it to first delivery", Value: first.Seconds(), Unit: "s", Max: 2,
		Detail: fmt.Sprintf("listening after %.2f s; then %.0f deliveries/s", ready.Seconds(), float64(n)/(time.Since(begin)-first).Seconds()),
	}, err
}

// memoryWatch looks at the memory of a process again and again.
type memoryWatch struct {
	stop context.CancelFunc
	done chan struct{}

	mu   sync.Mutex
	last int64
	most int64 // since the last call of peak
}

func watchMemory(ctx context.Context, c *child) *memoryWatch {
	ctx, cancel := context.WithCancel(ctx)
	w := &memoryWatch{stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for pause(ctx, 100*time.Millisecond) {
			r, err := c.ask(order{Do: doUsage})
			if err != nil {
				return
			}
			w.mu.Lock()
			w.last = r.Usage.Resident
			w.most = max(w.most, w.last)
			w.mu.Unlock()
		}
	}()
	return w
}

// peak returns the most that was seen since it was last called.
func (w *memoryWatch) peak() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	most := w.most
	w.most = w.last
	return most
}

// end stops watching and returns what was seen last.
func (w *memoryWatch) end() int64 {
	w.stop()
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}
