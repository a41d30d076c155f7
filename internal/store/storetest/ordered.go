package storetest

import (
	"bytes"
	"time"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func orderedTests() []test {
	return []test{
		{"an ordered claim goes by place, whether due or not", orderedPlaces},
		{"a retry keeps its place", orderedRetry},
		{"an ordered claim is bounded in bytes, too", orderedBytes},
		{"an ordered endpoint belongs to one live node at a time", orderedOneNode},
	}
}

func orderedPlaces(w *world) {
	t := w.target()
	node := w.node()
	third, first, second := w.waiting(w.in(time.Hour), t), w.waiting(w.ago(time.Minute), t), w.waiting(w.in(time.Minute), t)
	w.accept(third, first, second)
	c := w.claim(node, store.Want{EndpointID: t.endpoint, Max: 2, Ordered: true})
	w.same(names(c), firsts(first, second))
	w.same(c.Next, w.in(time.Hour))
	c = w.claim(node, store.Want{EndpointID: t.endpoint, Max: 2, Ordered: true})
	w.same(names(c), firsts(third))
	w.same(c.Next, time.Time{})
}

func orderedRetry(w *world) {
	t := w.target()
	node := w.node()
	first, second := w.waiting(w.ago(time.Minute), t), w.waiting(w.now, t)
	w.accept(first, second)
	want := store.Want{EndpointID: t.endpoint, Max: 1, Ordered: true}
	d := w.claim(node, want).Items[0].Delivery
	r := w.retried(d, w.now, w.in(time.Hour))
	r.Delivery.DueAt, r.Delivery.NotBefore = d.DueAt, w.in(time.Hour)
	w.record(r)
	c := w.claim(node, want)
	w.same(names(c), firsts(first))
	w.same(c.Items[0].Delivery.NotBefore, w.in(time.Hour))
}

func orderedBytes(w *world) {
	t := w.target()
	node := w.node()
	var all []store.Accepted
	for i := range 3 {
		a := w.waiting(w.in(time.Duration(i)*time.Minute), t)
		a.Event.Payload = bytes.Repeat([]byte("x"), 600)
		all = append(all, a)
	}
	w.accept(all...)
	for i := range 3 {
		c := w.claim(node, store.Want{EndpointID: t.endpoint, Max: 3, MaxBytes: 1000, Ordered: true})
		w.same(names(c), firsts(all[i]))
	}
}

// Two nodes that hold parts of one order would send them at the same time.
func orderedOneNode(w *world) {
	t, u := w.target(), w.target()
	first, second := w.node(), w.node()
	a, b, other := w.waiting(w.ago(time.Minute), t), w.waiting(w.now, t), w.waiting(w.now, u)
	w.accept(a, b, other)
	claim := func(node int64, max int, t target, live ...int64) store.Claimed {
		return w.claimBy(store.ClaimQuery{
			Node: node, Live: live, Now: w.now, Wants: []store.Want{{EndpointID: t.endpoint, Max: max, Ordered: true}},
		})[0]
	}
	w.same(names(claim(first, 1, t, first, second)), firsts(a))
	w.same(names(claim(second, 5, t, first, second)), []webhook.DeliveryID(nil))
	w.same(names(claim(second, 5, u, first, second)), firsts(other))
	w.same(names(claim(first, 5, t, first, second)), firsts(b))

	// The first has died: its order goes on elsewhere.
	w.same(names(claim(second, 5, t, second)), firsts(a, b))
}
