package storetest

import (
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func replayTests() []test {
	return []test{
		{"a redelivery is one more delivery, numbered", redeliver},
		{"a key redelivers once", redeliverOnce},
		{"an event that is gone is not redelivered", redeliverMissing},
		{"recovering adds one delivery for each event that failed and was never received", recoverFailed},
		{"recovering nothing adds nothing", recoverNothing},
		{"an expunged payload is gone and its pending deliveries are cancelled", expungePayload},
		{"an expunged response keeps its attempt", expungeResponse},
	}
}

func redeliver(w *world) {
	t, u := w.target(), w.target()
	node := w.node()
	a, b := w.held(node, t, u), w.waiting(w.now, u)
	w.accept(a, b)
	w.record(w.finished(a.Deliveries[0], w.now, webhook.Delivered))
	again := func(of webhook.Delivery, due time.Time) *webhook.Delivery {
		of.N, of.Node, of.DueAt, of.Trigger = 0, 0, due, webhook.Manual
		return &of
	}
	list := []*webhook.Delivery{
		again(a.Deliveries[0], w.now), again(b.Deliveries[0], w.in(time.Hour)), again(a.Deliveries[1], w.ago(time.Second)),
	}
	w.must(w.s.Redeliver(w.ctx, list, nil))
	w.same([]int32{list[0].N, list[1].N, list[2].N}, []int32{2, 1, 3})
	for _, d := range list {
		w.same(w.delivery(d.DeliveryID), *d)
	}
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(4))
	got := w.claimOne(node, t)
	w.same([]any{got.Delivery.DeliveryID, got.Event.ID}, []any{list[0].DeliveryID, a.Event.ID})

	last := again(a.Deliveries[0], w.now)
	w.must(w.s.Redeliver(w.ctx, []*webhook.Delivery{last}, nil))
	w.same(last.N, int32(4))
	w.must(w.s.Redeliver(w.ctx, nil, nil))
}

func redeliverOnce(w *world) {
	t := w.target()
	a := w.waiting(w.now, t)
	w.accept(a)
	count := func() int { return len(must(w.s.Deliveries(w.ctx, a.Event.ID))(w)) }
	ask := func(key string, hash byte) *store.Once {
		return &store.Once{AccountID: t.account, Key: key, Hash: [32]byte{hash}, Expires: w.in(time.Hour)}
	}
	again := func(once *store.Once) error {
		d := a.Deliveries[0]
		return w.s.Redeliver(w.ctx, []*webhook.Delivery{&d}, once)
	}
	for _, replayed := range []bool{false, true} {
		once := ask("k", 1)
		w.must(again(once))
		w.same([]any{once.Replayed, count()}, []any{replayed, 2})
	}
	w.fails(again(ask("k", 2)), webhook.CodeConflict, "idempotency-key")
	w.must(again(ask("another", 1)))
	w.same(count(), 3)
}

func redeliverMissing(w *world) {
	t := w.target()
	kept, gone := w.waiting(w.now, t), w.waiting(w.now, t)
	w.accept(kept)
	list := []*webhook.Delivery{&kept.Deliveries[0], &gone.Deliveries[0]}
	w.fails(w.s.Redeliver(w.ctx, list, nil), webhook.CodeNotFound, "")
	w.same(len(must(w.s.Deliveries(w.ctx, kept.Event.ID))(w)), 1)
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(1))
}

func recoverFailed(w *world) {
	t, u := w.target(), w.target()
	var all []webhook.Event
	accept := func(age time.Duration, statuses ...webhook.Status) {
		e := w.event(t.account, w.ago(age))
		var to []target
		for range statuses {
			to = append(to, t)
		}
		a := accepted(e, webhook.Delivery{DueAt: w.in(time.Hour)}, append(to, u))
		w.accept(a)
		for i, s := range statuses {
			if s != webhook.Pending {
				w.record(w.finished(a.Deliveries[i], w.ago(age), s))
			}
		}
		w.record(w.finished(a.Deliveries[len(statuses)], w.ago(age), webhook.Failed)) // at u
		all = append(all, e)
	}
	accept(5*time.Hour, webhook.Failed)                                    // 0: too old
	accept(4*time.Hour, webhook.Failed)                                    // 1: the first within
	accept(3*time.Hour, webhook.Delivered)                                 // 2: received
	accept(3*time.Hour, webhook.Failed, webhook.Delivered)                 // 3: received the second time
	accept(3*time.Hour, webhook.Delivered, webhook.Failed)                 // 4: received the first time
	accept(2*time.Hour, webhook.Failed, webhook.Failed, webhook.Cancelled) // 5: failed three times over
	accept(2*time.Hour, webhook.Pending)                                   // 6: not tried yet
	accept(time.Hour, webhook.Failed)                                      // 7: too late
	pending := must(w.s.PendingCount(w.ctx))(w)

	for _, n := range []int{2, 0} { // and once more, as a client does that got no answer
		w.same(must(w.s.Recover(w.ctx, t.endpoint, w.ago(4*time.Hour), w.ago(time.Hour), w.now))(w), n)
	}
	w.same(must(w.s.PendingCount(w.ctx))(w), pending+2)
	for i, n := range map[int]int{0: 2, 1: 3, 2: 2, 3: 3, 4: 3, 5: 5, 6: 2, 7: 2} {
		list := must(w.s.Deliveries(w.ctx, all[i].ID))(w)
		if len(list) != n {
			w.Fatalf("event %d has %d deliveries, want %d", i, len(list), n)
		}
		if i == 1 || i == 5 {
			w.same(list[n-1], webhook.Delivery{
				DeliveryID: webhook.DeliveryID{Event: all[i].ID, N: int32(n - 1)}, AccountID: t.account, EndpointID: t.endpoint,
				SubscriptionID: t.subscription, Trigger: webhook.Manual, DueAt: w.now,
			})
		}
	}
	c := w.claim(w.node(), store.Want{EndpointID: t.endpoint, Max: 10})
	w.same([]id.ID{c.Items[0].Event.ID, c.Items[1].Event.ID}, []id.ID{all[1].ID, all[5].ID})
}

func recoverNothing(w *world) {
	t := w.target()
	w.same(must(w.s.Recover(w.ctx, t.endpoint, w.ago(time.Hour), w.now, w.now))(w), 0)
	a := w.held(w.node(), t)
	w.accept(a)
	w.record(w.finished(a.Deliveries[0], w.now, webhook.Delivered))
	w.same(must(w.s.Recover(w.ctx, t.endpoint, w.ago(time.Hour), w.in(time.Hour), w.now))(w), 0)
	w.same(len(must(w.s.Deliveries(w.ctx, a.Event.ID))(w)), 1)
}

func expungePayload(w *world) {
	t, u := w.target(), w.target()
	node := w.node()
	full := accepted(w.fullEvent(t.account, w.now), webhook.Delivery{DueAt: w.now}, []target{t, u})
	held := w.held(node, t, t)
	w.accept(full, held)
	w.record(w.finished(full.Deliveries[1], w.now, webhook.Delivered))
	w.record(w.finished(held.Deliveries[0], w.now, webhook.Failed))
	for _, e := range []webhook.Event{full.Event, held.Event} {
		w.must(w.s.ExpungePayload(w.ctx, t.account, e.ID, w.now))
		want := e
		want.Payload, want.PayloadDeleted = nil, true
		got := must(w.s.Event(w.ctx, t.account, e.ID))(w)
		got.PayloadExpires, want.PayloadExpires = time.Time{}, time.Time{}
		w.same(got, want)
	}
	w.same(w.statuses(full.Event.ID), []webhook.Status{webhook.Cancelled, webhook.Delivered})
	w.same(w.statuses(held.Event.ID), []webhook.Status{webhook.Failed, webhook.Cancelled})
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(0))

	w.fails(w.s.ExpungePayload(w.ctx, u.account, full.Event.ID, w.now), webhook.CodeNotFound, "")
	w.fails(w.s.ExpungePayload(w.ctx, t.account, w.id(), w.now), webhook.CodeNotFound, "")
}

func expungeResponse(w *world) {
	t := w.target()
	held := w.held(w.node(), t, t)
	w.accept(held)
	first := store.Result{Attempt: w.fullAttempt(held.Deliveries[0], w.now), Delivery: held.Deliveries[0]}
	second := store.Result{Attempt: w.fullAttempt(held.Deliveries[1], w.now), Delivery: held.Deliveries[1]}
	w.record(first, second)
	w.must(w.s.ExpungeResponse(w.ctx, held.Event.ID, first.Attempt.ID))
	want := first.Attempt
	want.Outcome.ResponseBody, want.Outcome.ResponseExpunged = nil, true
	w.same(must(w.s.Attempt(w.ctx, held.Event.ID, first.Attempt.ID))(w), want)
	w.same(must(w.s.Attempt(w.ctx, held.Event.ID, second.Attempt.ID))(w), second.Attempt)
	w.fails(w.s.ExpungeResponse(w.ctx, held.Event.ID, w.id()), webhook.CodeNotFound, "")
	w.fails(w.s.ExpungeResponse(w.ctx, w.id(), first.Attempt.ID), webhook.CodeNotFound, "")
}
