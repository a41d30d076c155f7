package storetest

import (
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func upkeepTests() []test {
	return []test{
		{"a store that works can be pinged", upkeepPing},
		{"payloads are deleted when their time has come, a few at a time", upkeepPayloads},
		{"history is deleted a few events at a time, whole", upkeepHistory},
		{"what is pending keeps its event, and hides nothing behind it", upkeepPending},
		{"the uid of a deleted event is free", upkeepUID},
		{"expired keys are deleted a few at a time", upkeepKeys},
	}
}

func upkeepPing(w *world) {
	w.must(w.s.Ping(w.ctx))
}

func upkeepPayloads(w *world) {
	t := w.target()
	var expired []webhook.Event
	for i := range 7 {
		a := w.waiting(w.in(time.Hour), t)
		a.Event.PayloadExpires = w.ago(time.Duration(i) * time.Minute)
		w.accept(a)
		expired = append(expired, a.Event)
	}
	later, never := w.waiting(w.now, t), w.waiting(w.now, t)
	later.Event.PayloadExpires = w.in(time.Second)
	w.accept(later, never)

	var done []int
	for range 4 {
		done = append(done, must(w.s.ExpirePayloads(w.ctx, w.now, 3))(w))
	}
	w.same(done, []int{3, 3, 1, 0})
	for _, e := range expired {
		got := must(w.s.Event(w.ctx, t.account, e.ID))(w)
		e.Payload, e.PayloadDeleted = nil, true
		got.PayloadExpires, e.PayloadExpires = time.Time{}, time.Time{}
		w.same(got, e)
		w.same(w.statuses(e.ID), []webhook.Status{webhook.Pending})
	}
	w.same(must(w.s.Event(w.ctx, t.account, later.Event.ID))(w), later.Event)
	w.same(must(w.s.Event(w.ctx, t.account, never.Event.ID))(w), never.Event)
}

func upkeepHistory(w *world) {
	t := w.target()
	var all []webhook.Event
	for i := range 8 {
		e := w.event(t.account, w.ago(time.Hour-time.Duration(i)*time.Minute))
		tried(w, e, i%2, t, t) // received or given up
		all = append(all, e)
	}
	silent := w.event(t.account, w.ago(time.Hour)) // nobody wanted it
	w.accept(store.Accepted{Event: silent})

	before := all[6].CreatedAt
	w.same(must(w.s.DeleteHistory(w.ctx, w.ago(3*time.Hour), 10))(w), 0)
	var done []int
	for range 4 {
		done = append(done, must(w.s.DeleteHistory(w.ctx, before, 3))(w))
	}
	w.same(done, []int{3, 3, 1, 0})
	for _, e := range append(all[:6:6], silent) {
		missing(w.s.Event(w.ctx, t.account, e.ID))(w)
		w.same(len(must(w.s.Deliveries(w.ctx, e.ID))(w)), 0)
	}
	pages(w, []id.ID{all[6].ID, all[7].ID}, eventID, w.events(store.EventQuery{AccountID: t.account}))
	left := must(w.s.Attempts(w.ctx, store.AttemptQuery{AccountID: t.account, EndpointID: t.endpoint}))(w).Items
	w.same(len(left), 4)
	w.same(w.statuses(all[6].ID), []webhook.Status{webhook.Delivered, webhook.Delivered})
}

func upkeepPending(w *world) {
	t := w.target()
	node := w.node()
	old := func(like webhook.Delivery) store.Accepted {
		return accepted(w.event(t.account, w.ago(time.Hour)), like, []target{t, t})
	}
	var kept, gone []store.Accepted
	for range 20 {
		kept = append(kept, old(webhook.Delivery{DueAt: w.now}), old(webhook.Delivery{Node: node}))
	}
	w.accept(kept...)
	for _, a := range kept {
		w.record(w.finished(a.Deliveries[1], w.now, webhook.Delivered))
	}
	for range 5 {
		gone = append(gone, old(webhook.Delivery{Node: node}))
	}
	w.accept(gone...)
	for _, a := range gone {
		w.record(w.finished(a.Deliveries[0], w.now, webhook.Failed), w.finished(a.Deliveries[1], w.now, webhook.Delivered))
	}
	total := 0
	for {
		n := must(w.s.DeleteHistory(w.ctx, w.now, 3))(w)
		if n == 0 {
			break
		}
		total += n
	}
	w.same(total, 5)
	for _, a := range kept {
		w.same(w.statuses(a.Event.ID), []webhook.Status{webhook.Pending, webhook.Delivered})
	}
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(20))
}

func upkeepUID(w *world) {
	a := w.root()
	e := w.event(a.ID, w.ago(time.Hour))
	e.UID = "u"
	w.accept(store.Accepted{Event: e})
	w.same(must(w.s.DeleteHistory(w.ctx, w.now, 10))(w), 1)
	missing(w.s.EventByUID(w.ctx, a.ID, "u"))(w)
	again := w.event(a.ID, w.now)
	again.UID = "u"
	in := intakeOf(nil, store.Accepted{Event: again})
	w.commit(in)
	w.stored(in)
}

func upkeepKeys(w *world) {
	a := w.root()
	for i := range 7 {
		o := w.once(a.ID, w.name("key"), "r")
		o.Expires = w.in(time.Duration(i) * time.Minute)
		w.commit(intakeOf(o, store.Accepted{Event: w.event(a.ID, w.now)}))
	}
	var done []int
	for range 4 {
		done = append(done, must(w.s.DeleteExpired(w.ctx, w.in(4*time.Minute+time.Second), 1000*time.Hour, 2))(w))
	}
	w.same(done, []int{2, 2, 1, 0})
}
