package dispatch

import (
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/journal"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// cutOff is how long attempts that were told to stop may take to do so.
const cutOff = 5 * time.Second

// drain lets what is in flight end, cuts off what takes too long, and gives back
// what was never started.
func (d *Dispatcher) drain() {
	d.ending.Store(true)
	done := make(chan struct{})
	go func() {
		d.workers.busy.Wait()
		close(done)
	}()
	if !within(done, d.o.Drain) {
		d.stop()
		if !within(done, cutOff) {
			d.o.Logger.Error("attempts are still running at the end", "attempts", d.inFlight.Load())
		}
	}
	var items []item
	for _, l := range d.all() {
		l.mu.Lock()
		for l.queue.len() > 0 {
			items = append(items, l.queue.pop())
		}
		l.mu.Unlock()
	}
	d.giveBackItems(items, nil)
	d.workers.end()
	d.stop()
}

func within(done <-chan struct{}, limit time.Duration) bool {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}

// giveBack returns the queue to the store. The lane's lock is held.
func (l *lane) giveBack() {
	items := l.takeAll()
	if len(items) == 0 {
		return
	}
	l.d.memory.Add(-weight(items))
	l.giving++
	go func() {
		l.d.giveBackItems(items, l)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.giving--
	}()
}

// cancelAll marks the queue as cancelled. The lane's lock is held.
func (l *lane) cancelAll() {
	items := l.takeAll()
	if len(items) == 0 {
		return
	}
	l.d.memory.Add(-weight(items))
	go l.d.cancelItems(items)
}

func (l *lane) takeAll() (items []item) {
	for l.queue.len() > 0 {
		items = append(items, l.queue.pop())
	}
	return items
}

func weight(items []item) (bytes int64) {
	for i := range items {
		bytes += int64(items[i].bytes)
	}
	return bytes
}

// giveBackItems returns items to the backlog untried, where l's endpoint, unless it is
// nil, has something waiting then. It returns when the journal has them.
func (d *Dispatcher) giveBackItems(items []item, l *lane) {
	if len(items) == 0 {
		return
	}
	e := &journal.Entry{Returns: make([]webhook.Delivery, len(items)), Left: fresh(items)}
	due := time.Time{}
	for i := range items {
		r := &e.Returns[i]
		*r = items[i].delivery
		if r.DueAt.IsZero() {
			r.DueAt = items[i].event.CreatedAt // its place among the others
		}
		if due.IsZero() || r.DueAt.Before(due) {
			due = r.DueAt
		}
	}
	e.Done = func(err error) {
		switch {
		case err != nil:
			d.unsure.Store(true)
			d.o.Logger.Error("deliveries cannot be given back", "deliveries", len(items), "error", err)
		case l != nil:
			d.Waiting(l.endpoint, due)
		}
	}
	if err := d.o.Journal.Submit(e); err != nil {
		e.Done(err)
	}
}

// cancelItems writes that the items will not be tried: what they were for is gone.
func (d *Dispatcher) cancelItems(items []item) {
	e := &journal.Entry{Left: fresh(items)}
	for i := range items {
		dl := items[i].delivery
		dl.Status, dl.DueAt, dl.NotBefore = webhook.Cancelled, time.Time{}, time.Time{}
		e.Results = append(e.Results, store.Result{Delivery: dl, Holder: dl.Node})
		d.o.Metrics.Finished(webhook.Cancelled, time.Since(items[i].event.CreatedAt))
	}
	e.Done = func(err error) {
		if err != nil {
			d.o.Logger.Error("deliveries cannot be cancelled", "deliveries", len(items), "error", err)
		}
	}
	if err := d.o.Journal.Submit(e); err != nil {
		e.Done(err)
	}
}

// forgetItems lets go of items that other nodes have taken over.
func (d *Dispatcher) forgetItems(items []item) {
	if left := fresh(items); len(left) > 0 {
		e := &journal.Entry{Left: left}
		if err := d.o.Journal.Submit(e); err != nil {
			d.o.Logger.Error("deliveries of other nodes stay counted here", "deliveries", len(left), "error", err)
		}
	}
}

// fresh lists the events of the items that are not in the backlog.
func fresh(items []item) (events []id.ID) {
	for i := range items {
		if items[i].fresh {
			events = append(events, items[i].delivery.Event)
		}
	}
	return events
}
