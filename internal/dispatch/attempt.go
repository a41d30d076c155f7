package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/switchhook/switchhook/internal/breaker"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/journal"
	"github.com/switchhook/switchhook/internal/retry"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// attempt is one try of a delivery on its way through the steps below.
type attempt struct {
	lane     *lane
	item     item
	accepted time.Time // the event was
	ep       *webhook.Endpoint
	service  deliver.Service
	sub      *webhook.Subscription
	id       id.ID // made at the start, so that lists bounded by a time agree with what they show
	started  time.Time
	outcome  webhook.Outcome
	delivery webhook.Delivery // as it is afterwards
	nextAt   time.Time        // when it is tried again; zero is never
	health   []store.HealthChange
	verdict  breaker.Verdict
}

// attempt tries an item once, whether for the first time or again.
func (d *Dispatcher) attempt(l *lane, it item) {
	a := &attempt{lane: l, item: it, accepted: it.event.CreatedAt, delivery: it.delivery}
	defer d.memory.Add(-int64(it.bytes))
	if !d.loadAttempt(a) {
		l.unused()
		return
	}
	if !d.maySend(time.Now()) { // looked at again: the process may have slept since it was started
		l.unused()
		d.giveBackItems([]item{it}, l)
		return
	}
	d.send(a)
	if d.interrupted(a) {
		d.giveBackItems([]item{it}, nil)
		return
	}
	d.plan(a)
	if it.delivery.Node == d.Node() {
		d.judge(a)
	} // else others took over, and judge by what they see
	d.logAttempt(a)
	d.record(a)
}

// loadAttempt fetches what the attempt needs. It returns false when there is
// nothing to be tried any more; the item is taken care of then.
func (d *Dispatcher) loadAttempt(a *attempt) bool {
	l := a.lane
	l.mu.Lock()
	ok, deleted := l.load(), l.deleted
	a.ep, a.service = l.ep, l.service
	l.mu.Unlock()
	switch {
	case deleted:
		d.cancelItems([]item{a.item})
		return false
	case !ok:
		d.giveBackItems([]item{a.item}, l)
		return false
	}
	sub, err := d.o.Directory.Subscription(d.attempts, a.delivery.SubscriptionID)
	switch {
	case webhook.CodeOf(err) == webhook.CodeNotFound, a.item.event.PayloadDeleted:
		d.cancelItems([]item{a.item})
		return false
	case err != nil:
		d.o.Logger.Error("subscription cannot be read", "subscription", a.delivery.SubscriptionID, "error", err)
		d.giveBackItems([]item{a.item}, l)
		return false
	}
	a.sub = sub
	return true
}

// unused tells the breaker that an attempt it allowed was never made.
func (l *lane) unused() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.breaker.Record(webhook.Outcome{Result: webhook.ResultRejected}, time.Now())
}

// send lets the service make the attempt.
func (d *Dispatcher) send(a *attempt) {
	a.id, a.started = id.New(), time.Now()
	if a.service == nil {
		a.outcome = webhook.Outcome{Result: webhook.ResultRetry, Detail: fmt.Sprintf("there is no service %q", a.ep.Service)}
		return
	}
	defer func() {
		if p := recover(); p != nil {
			d.o.Logger.Error("service panicked", "service", a.ep.Service, "endpoint", a.ep.ID, "panic", p)
			a.outcome = webhook.Outcome{Result: webhook.ResultRetry, Detail: "internal error of the service"}
		}
		a.outcome.Latency = time.Since(a.started)
		d.o.Metrics.Attempt(a.service.Name(), a.outcome.Result, a.outcome.Latency)
	}()
	timeout := a.ep.Timeout
	if timeout <= 0 {
		timeout = d.o.Timeout
	}
	a.outcome = a.service.Deliver(d.attempts, &deliver.Job{
		Event: a.item.event, Delivery: &a.item.delivery, Endpoint: a.ep, Subscription: a.sub,
		Number: a.item.delivery.Attempts + 1, StartedAt: a.started, Timeout: timeout,
	})
}

// interrupted says whether our own end cut the attempt short. Then nobody knows
// what came of it, and it is made again.
func (d *Dispatcher) interrupted(a *attempt) bool {
	return d.attempts.Err() != nil && a.outcome.StatusCode == 0 && a.outcome.Result != webhook.ResultDelivered
}

// plan decides what becomes of the delivery.
func (d *Dispatcher) plan(a *attempt) {
	dl := &a.delivery
	place := dl.DueAt
	if place.IsZero() {
		place = a.item.event.CreatedAt
	}
	dl.Attempts++
	dl.DueAt, dl.NotBefore = time.Time{}, time.Time{}
	if a.outcome.Result == webhook.ResultDelivered {
		dl.Status = webhook.Delivered
		return
	}
	now := time.Now()
	at, again := retry.Next(a.ep.Retry, dl.Attempts, a.outcome, now, rand.Float64)
	if !again || dl.Trigger == webhook.Manual {
		dl.Status = webhook.Failed
		return
	}
	a.nextAt = at
	if a.ep.Ordering == webhook.OrderingFIFO {
		dl.DueAt, dl.NotBefore = place, at // it keeps its place, and this node keeps it
		return
	}
	dl.DueAt, dl.Node = at, 0
}

// judge lets the outcome change the lane's limits and the endpoint's health.
func (d *Dispatcher) judge(a *attempt) {
	l := a.lane
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limit.Record(a.outcome, now)
	l.breaker.Record(a.outcome, now)
	if a.outcome.Result == webhook.ResultDelivered && a.outcome.Latency < promptFor {
		l.lastPrompt = now
	}
	a.health, a.verdict = l.applyHealth(a.ep, a.outcome, now)
	if a.ep.Ordering == webhook.OrderingFIFO && a.delivery.Status == webhook.Pending {
		again := a.item
		again.delivery, again.fresh = a.delivery, false
		d.memory.Add(int64(again.bytes))
		l.queue.unshift(again)
	}
}

// logAttempt writes the one line that an attempt gets.
func (d *Dispatcher) logAttempt(a *attempt) {
	level := slog.LevelDebug
	if a.delivery.Status == webhook.Failed {
		level = slog.LevelInfo
	}
	if !d.o.Logger.Enabled(d.attempts, level) {
		return
	}
	d.o.Logger.LogAttrs(d.attempts, level, "attempt",
		slog.String("event", a.delivery.Event.String()), slog.String("endpoint", a.ep.ID.String()),
		slog.String("service", a.ep.Service), slog.Int("number", int(a.delivery.Attempts)),
		slog.String("result", a.outcome.Result.String()), slog.Int("status_code", a.outcome.StatusCode),
		slog.String("detail", a.outcome.Detail), slog.Duration("latency", a.outcome.Latency),
		slog.String("delivery", a.delivery.Status.String()))
}

// record hands everything to the journal. An ordered endpoint's lane waits until
// it is durable, so that the next delivery never overtakes this one.
func (d *Dispatcher) record(a *attempt) {
	e := &journal.Entry{Health: a.health, Results: []store.Result{{
		Attempt: webhook.Attempt{
			ID: a.id, Delivery: a.delivery.DeliveryID, AccountID: a.ep.AccountID, EndpointID: a.ep.ID,
			Number: a.delivery.Attempts, Trigger: a.delivery.Trigger, URL: a.ep.URL,
			StartedAt: a.id.Time().Truncate(time.Microsecond), NextAt: a.nextAt, Outcome: a.outcome,
		},
		Delivery: a.delivery, Holder: a.item.delivery.Node,
	}}}
	if a.item.fresh {
		e.Left = []id.ID{a.delivery.Event}
	}
	var told func(error)
	if a.verdict.Action == breaker.Disable && d.o.Notice != nil {
		var in *store.Intake
		if in, told = d.o.Notice(d.attempts, a.ep, a.health[len(a.health)-1].Health, a.verdict.Reason); in != nil {
			e.Intake = []*store.Intake{in}
		}
	}
	a.item.event = nil // the payload is counted no more while the outcome waits
	ordered := a.ep.Ordering == webhook.OrderingFIFO
	written := make(chan struct{})
	e.Urgent = ordered
	e.Done = func(err error) {
		d.recorded(a, err)
		if told != nil {
			go told(err) // hands on deliveries, which takes lanes' locks
		}
		close(written)
	}
	if err := d.o.Journal.Submit(e); err != nil {
		e.Done(err)
	}
	if ordered {
		<-written
	}
}

// recorded is called when the outcome is durable.
func (d *Dispatcher) recorded(a *attempt, err error) {
	if err != nil {
		// The delivery stays held under this node's number; when that is gone it is
		// tried again.
		d.unsure.Store(true)
		d.o.Logger.Error("outcome of an attempt is not recorded", "event", a.delivery.Event, "endpoint", a.ep.ID, "error", err)
		return
	}
	if a.delivery.Status == webhook.Pending {
		if a.ep.Ordering != webhook.OrderingFIFO {
			d.Waiting(a.lane.endpoint, a.nextAt)
		}
	} else {
		d.o.Metrics.Finished(a.delivery.Status, time.Since(a.accepted))
	}
	if a.verdict.Action != breaker.Keep {
		go d.refresh()
	}
}

// refresh lets the directory see what this node changed.
func (d *Dispatcher) refresh() {
	ctx, cancel := context.WithTimeout(d.attempts, 10*time.Second)
	defer cancel()
	if err := d.o.Directory.Refresh(ctx); err != nil && d.attempts.Err() == nil {
		d.o.Logger.Error("directory cannot follow a change yet", "error", err)
	}
}
