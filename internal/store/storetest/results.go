package storetest

import (
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func resultTests() []test {
	return []test{
		{"an attempt comes back as it was recorded", resultRoundTrip},
		{"a result moves its delivery", resultMoves},
		{"a result without an attempt changes the delivery alone", resultWithoutAttempt},
		{"a cancelled delivery stays cancelled and its attempt is kept", resultOfCancelled},
		{"a finished delivery does not change any more", resultOfFinished},
		{"results of one delivery take effect in their order", resultsInOrder},
		{"a result that is repeated changes nothing", resultRepeated},
		{"a result of an event that is gone disturbs nothing", resultOfNothing},
		{"what is returned untried is in the backlog", returnUntried},
		{"who does not hold a delivery any more can only say that it was delivered", resultOfAnother},
	}
}

func (w *world) fullAttempt(d webhook.Delivery, at time.Time) webhook.Attempt {
	a := w.attempt(d, at, webhook.ResultThrottled, 503)
	a.Trigger, a.NextAt = webhook.Manual, at.Add(time.Minute)
	a.Outcome = webhook.Outcome{
		Result: webhook.ResultThrottled, StatusCode: 503, Detail: "status 503 ü", Timeout: true,
		RetryAfter: 30 * time.Second, Latency: 1234567 * time.Microsecond,
		RequestHeaders: []byte("A: b\n"), ResponseHeaders: []byte("X: \xff\nY: 2\n"),
		ResponseBody: []byte("\x00\xff<html>"), Extra: []byte(`{"x": 1}`),
	}
	return a
}

func resultRoundTrip(w *world) {
	t := w.target()
	held := w.held(w.node(), t, t, t)
	w.accept(held)
	full := store.Result{Attempt: w.fullAttempt(held.Deliveries[0], w.now), Delivery: held.Deliveries[0]}
	full.Delivery.Node, full.Delivery.Attempts, full.Delivery.DueAt = 0, 1, full.Attempt.NextAt
	bare := w.finished(held.Deliveries[1], w.now, webhook.Delivered)
	odd := w.finished(held.Deliveries[2], w.now, webhook.Failed)
	odd.Attempt.StartedAt = w.ago(time.Minute) // whatever the id says
	w.record(full, bare, odd)
	for _, r := range []store.Result{full, bare, odd} {
		w.same(must(w.s.Attempt(w.ctx, held.Event.ID, r.Attempt.ID))(w), r.Attempt)
	}
	missing(w.s.Attempt(w.ctx, held.Event.ID, w.id()))(w)
	missing(w.s.Attempt(w.ctx, w.id(), full.Attempt.ID))(w)
	all := must(w.s.Attempts(w.ctx, store.AttemptQuery{
		AccountID: t.account, EventID: held.Event.ID, Bodies: true, Page: webhook.Page{Ascending: true},
	}))(w)
	w.same(all.Items, []webhook.Attempt{full.Attempt, bare.Attempt, odd.Attempt})
}

func resultMoves(w *world) {
	t := w.target()
	node := w.node()
	held := w.held(node, t, t, t)
	w.accept(held)
	delivered := w.finished(held.Deliveries[0], w.now, webhook.Delivered)
	failed := w.finished(held.Deliveries[1], w.now, webhook.Failed)
	again := w.retried(held.Deliveries[2], w.now, w.in(time.Minute))
	w.record(delivered, failed, again)
	w.same(must(w.s.Deliveries(w.ctx, held.Event.ID))(w),
		[]webhook.Delivery{delivered.Delivery, failed.Delivery, again.Delivery})
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(1))

	// An ordered endpoint's delivery keeps its place and says when it may be tried.
	again.Delivery.DueAt, again.Delivery.NotBefore = w.now, w.in(time.Hour)
	w.record(store.Result{Delivery: again.Delivery})
	w.same(w.delivery(again.Delivery.DeliveryID), again.Delivery)
}

func resultWithoutAttempt(w *world) {
	t := w.target()
	held := w.held(w.node(), t)
	w.accept(held)
	r := w.finished(held.Deliveries[0], w.now, webhook.Cancelled)
	r.Attempt.ID, r.Delivery.Attempts = id.ID{}, 0
	w.record(r)
	w.same(w.delivery(r.Delivery.DeliveryID), r.Delivery)
	w.same(len(must(w.s.Attempts(w.ctx, store.AttemptQuery{AccountID: t.account, EventID: held.Event.ID}))(w).Items), 0)
}

func resultOfCancelled(w *world) {
	t, u := w.target(), w.target()
	a := w.waiting(w.now, t, t, u)
	w.accept(a)
	node := w.node()
	w.claim(node, store.Want{EndpointID: t.endpoint, Max: 2})
	w.claim(node, store.Want{EndpointID: u.endpoint, Max: 2})
	w.must(w.s.DeleteEndpoint(w.ctx, t.endpoint, w.now))
	delivered := w.finished(a.Deliveries[0], w.now, webhook.Delivered)
	again := w.retried(a.Deliveries[1], w.now, w.now)
	w.record(delivered, again, w.finished(a.Deliveries[2], w.now, webhook.Delivered))
	w.same(w.statuses(a.Event.ID), []webhook.Status{webhook.Cancelled, webhook.Cancelled, webhook.Delivered})
	w.same(must(w.s.Attempt(w.ctx, a.Event.ID, delivered.Attempt.ID))(w), delivered.Attempt)
	w.same(must(w.s.Attempt(w.ctx, a.Event.ID, again.Attempt.ID))(w), again.Attempt)
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(0))
}

func resultOfFinished(w *world) {
	t := w.target()
	held := w.held(w.node(), t)
	w.accept(held)
	first := w.finished(held.Deliveries[0], w.now, webhook.Delivered)
	w.record(first)
	late := w.retried(held.Deliveries[0], w.now, w.now)
	back := held.Deliveries[0]
	back.Node, back.DueAt = 0, w.now
	w.must(w.s.Commit(w.ctx, &store.Batch{Results: []store.Result{late}, Returns: []webhook.Delivery{back}}))
	w.same(w.delivery(first.Delivery.DeliveryID), first.Delivery)
	w.same(must(w.s.Attempt(w.ctx, held.Event.ID, late.Attempt.ID))(w), late.Attempt)
}

func resultsInOrder(w *world) {
	t := w.target()
	held := w.held(w.node(), t, t, t)
	w.accept(held)
	first := w.retried(held.Deliveries[0], w.now, w.in(time.Minute))
	second := w.finished(first.Delivery, w.now, webhook.Delivered)
	final := w.finished(held.Deliveries[1], w.now, webhook.Failed)
	late := w.retried(held.Deliveries[1], w.now, w.in(time.Minute))
	again := w.retried(held.Deliveries[2], w.now, w.in(time.Hour))
	back := again.Delivery
	back.DueAt = w.in(time.Minute)
	w.must(w.s.Commit(w.ctx, &store.Batch{
		Results: []store.Result{first, second, final, late, again}, Returns: []webhook.Delivery{back},
	}))
	w.same(must(w.s.Deliveries(w.ctx, held.Event.ID))(w), []webhook.Delivery{second.Delivery, final.Delivery, back})
	for _, r := range []store.Result{first, second, final, late, again} {
		w.same(must(w.s.Attempt(w.ctx, held.Event.ID, r.Attempt.ID))(w), r.Attempt)
	}
}

func resultRepeated(w *world) {
	t := w.target()
	held := w.held(w.node(), t, t)
	w.accept(held)
	b := &store.Batch{Results: []store.Result{
		w.finished(held.Deliveries[0], w.now, webhook.Delivered),
		w.retried(held.Deliveries[1], w.now, w.in(time.Minute)),
	}}
	w.must(w.s.Commit(w.ctx, b))
	before := must(w.s.Deliveries(w.ctx, held.Event.ID))(w)
	w.must(w.s.Commit(w.ctx, b))
	w.same(must(w.s.Deliveries(w.ctx, held.Event.ID))(w), before)
	w.same(len(must(w.s.Attempts(w.ctx, store.AttemptQuery{AccountID: t.account, EventID: held.Event.ID}))(w).Items), 2)
}

func resultOfNothing(w *world) {
	t := w.target()
	node := w.node()
	gone, held := w.held(node, t), w.held(node, t)
	w.accept(held)
	back := gone.Deliveries[0]
	back.Node, back.DueAt = 0, w.now
	w.must(w.s.Commit(w.ctx, &store.Batch{
		Results: []store.Result{
			w.finished(gone.Deliveries[0], w.now, webhook.Delivered),
			w.finished(held.Deliveries[0], w.now, webhook.Delivered),
		},
		Returns: []webhook.Delivery{back},
		Health:  []store.HealthChange{{Health: webhook.Health{EndpointID: w.id(), FailuresInRow: 1}, Disable: true, At: w.now}},
	}))
	w.same(w.statuses(held.Event.ID), []webhook.Status{webhook.Delivered})
	w.same(len(must(w.s.Deliveries(w.ctx, gone.Event.ID))(w)), 0)
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(0))
}

func returnUntried(w *world) {
	t := w.target()
	node := w.node()
	held := w.held(node, t, t)
	w.accept(held)
	back := held.Deliveries[0]
	back.Node, back.DueAt, back.NotBefore = 0, w.in(time.Minute), w.in(time.Hour)
	w.must(w.s.Commit(w.ctx, &store.Batch{Returns: []webhook.Delivery{back}}))
	w.same(must(w.s.Deliveries(w.ctx, held.Event.ID))(w), []webhook.Delivery{back, held.Deliveries[1]})

	// What was claimed goes back the same way.
	waiting := w.waiting(w.now, t)
	w.accept(waiting)
	claimed := w.claimOne(node, t).Delivery
	claimed.Node = 0
	w.must(w.s.Commit(w.ctx, &store.Batch{Returns: []webhook.Delivery{claimed}}))
	w.same(w.delivery(claimed.DeliveryID), waiting.Deliveries[0])
	w.same(w.claimOne(node, t).Delivery.DeliveryID, claimed.DeliveryID)
}

// A node was taken for dead and comes back: others hold what it held.
func resultOfAnother(w *world) {
	t := w.target()
	before, now := w.node(), w.node()
	a := w.held(before, t, t, t, t)
	w.accept(a)
	w.reclaim(now)
	claimed := w.claim(now, store.Want{EndpointID: t.endpoint, Max: 5}).Items
	by := func(holder int64, r store.Result) store.Result {
		r.Holder = holder
		return r
	}
	delivered := w.finished(a.Deliveries[0], w.now, webhook.Delivered)
	again := w.retried(a.Deliveries[1], w.now, w.in(time.Hour))
	failed := w.finished(a.Deliveries[2], w.now, webhook.Failed)
	back := a.Deliveries[3]
	back.DueAt = w.in(time.Hour) // its Node is who gives it back
	w.must(w.s.Commit(w.ctx, &store.Batch{
		Results: []store.Result{by(before, delivered), by(before, again), by(before, failed)}, Returns: []webhook.Delivery{back},
	}))
	w.same(must(w.s.Deliveries(w.ctx, a.Event.ID))(w), []webhook.Delivery{
		delivered.Delivery, claimed[1].Delivery, claimed[2].Delivery, claimed[3].Delivery,
	})
	w.same(must(w.s.Attempt(w.ctx, a.Event.ID, again.Attempt.ID))(w), again.Attempt)

	// Who holds it may say everything.
	again, failed = w.retried(claimed[1].Delivery, w.now, w.in(time.Minute)), w.finished(claimed[2].Delivery, w.now, webhook.Failed)
	back = claimed[3].Delivery
	back.DueAt = w.in(time.Minute)
	w.must(w.s.Commit(w.ctx, &store.Batch{
		Results: []store.Result{by(now, again), by(now, failed)}, Returns: []webhook.Delivery{back},
	}))
	back.Node = 0
	w.same(must(w.s.Deliveries(w.ctx, a.Event.ID))(w), []webhook.Delivery{
		delivered.Delivery, again.Delivery, failed.Delivery, back,
	})
}
