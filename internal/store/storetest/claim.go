package storetest

import (
	"bytes"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func claimTests() []test {
	return []test{
		{"a claim brings what is due, with its event, and holds it", claimHolds},
		{"a claim leaves what is not due and says when it is", claimNotDue},
		{"every endpoint gets its share, whatever the others have", claimFair},
		{"the first due come first", claimOrder},
		{"a claim brings payloads up to a size, but one at least", claimBytes},
		{"what live nodes hold is theirs, what dead nodes hold is not", claimLeases},
		{"what is fresh, finished or cancelled is not claimed", claimOnlyBacklog},
		{"a delivery that is claimed and fails is claimed again when it is due", claimAgain},
		{"a delivery whose payload was deleted is claimed and says so", claimDeletedPayload},
		{"an endpoint without a backlog gets an empty answer", claimNothing},
		{"a backlog says for each endpoint when it has something to do", backlogDue},
		{"the backlog's size counts what is claimed, too", backlogCount},
	}
}

// claimAll claims for the node, which is the only one that lives, at the time now.
func (w *world) claimAll(node int64, wants ...store.Want) []store.Claimed {
	w.Helper()
	return w.claimBy(store.ClaimQuery{Node: node, Live: []int64{node}, Now: w.now, Wants: wants})
}

// claimBy claims and puts the answers into the order of the wants.
func (w *world) claimBy(q store.ClaimQuery) []store.Claimed {
	w.Helper()
	got := must(w.s.Claim(w.ctx, q))(w)
	var sorted []store.Claimed
	for _, want := range q.Wants {
		for _, c := range got {
			if c.EndpointID == want.EndpointID {
				sorted = append(sorted, c)
			}
		}
	}
	if len(got) != len(q.Wants) || len(sorted) != len(q.Wants) {
		w.Fatalf("%d wants have %d answers, %d of them about what was wanted", len(q.Wants), len(got), len(sorted))
	}
	return sorted
}

func (w *world) claim(node int64, want store.Want) store.Claimed {
	w.Helper()
	return w.claimAll(node, want)[0]
}

// claimOne claims one delivery of the target's endpoint.
func (w *world) claimOne(node int64, t target) store.ClaimedDelivery {
	w.Helper()
	c := w.claim(node, store.Want{EndpointID: t.endpoint, Max: 1})
	if len(c.Items) != 1 {
		w.Fatalf("%d deliveries were claimed, want 1", len(c.Items))
	}
	return c.Items[0]
}

// names returns which deliveries were claimed.
func names(c store.Claimed) (all []webhook.DeliveryID) {
	for _, item := range c.Items {
		all = append(all, item.Delivery.DeliveryID)
	}
	return all
}

func firsts(events ...store.Accepted) (all []webhook.DeliveryID) {
	for _, a := range events {
		all = append(all, a.Deliveries[0].DeliveryID)
	}
	return all
}

func claimHolds(w *world) {
	t := w.target()
	node := w.node()
	a := accepted(w.fullEvent(t.account, w.now), webhook.Delivery{DueAt: w.ago(time.Minute)}, []target{t, t})
	w.accept(a)
	c := w.claim(node, store.Want{EndpointID: t.endpoint, Max: 10})
	w.same(names(c), []webhook.DeliveryID{a.Deliveries[0].DeliveryID, a.Deliveries[1].DeliveryID})
	for i, item := range c.Items {
		want := a.Deliveries[i]
		want.Node = node
		w.same(item.Delivery, want)
		w.same(*item.Event, a.Event)
		w.same(w.delivery(want.DeliveryID), want)
	}
	if !c.Next.IsZero() {
		w.Errorf("nothing is left, but the next is due at %v", c.Next)
	}
	w.same(len(w.claim(node, store.Want{EndpointID: t.endpoint, Max: 10}).Items), 0)
}

func claimNotDue(w *world) {
	t := w.target()
	node := w.node()
	now, soon, later := w.waiting(w.now, t), w.waiting(w.in(time.Second), t), w.waiting(w.in(time.Minute), t)
	w.accept(later, soon, now)
	c := w.claim(node, store.Want{EndpointID: t.endpoint, Max: 10})
	w.same(names(c), firsts(now))
	w.same(c.Next, w.in(time.Second))
	w.now = w.in(time.Second)
	c = w.claim(node, store.Want{EndpointID: t.endpoint, Max: 10})
	w.same(names(c), firsts(soon))
	w.same(c.Next, later.Deliveries[0].DueAt)
}

func claimFair(w *world) {
	busy, calm, idle := w.target(), w.target(), w.target()
	node := w.node()
	var all []store.Accepted
	for i := range 300 {
		all = append(all, w.waiting(w.ago(time.Hour-time.Duration(i)*time.Second), busy))
	}
	one := w.waiting(w.now, calm)
	w.accept(append(all, one)...)
	got := w.claimAll(node, store.Want{EndpointID: busy.endpoint, Max: 7}, store.Want{EndpointID: idle.endpoint, Max: 5},
		store.Want{EndpointID: calm.endpoint, Max: 7})
	w.same(names(got[0]), firsts(all[:7]...))
	w.same(got[0].Next, all[7].Deliveries[0].DueAt)
	w.same(names(got[1]), []webhook.DeliveryID(nil))
	w.same(names(got[2]), firsts(one))
	w.same(got[2].Next, time.Time{})
}

func claimOrder(w *world) {
	t := w.target()
	node := w.node()
	late, early, tied := w.waiting(w.ago(time.Minute), t), w.waiting(w.ago(time.Hour), t), w.waiting(w.ago(time.Minute), t)
	w.accept(late, early, tied)
	w.same(names(w.claim(node, store.Want{EndpointID: t.endpoint, Max: 1})), firsts(early))
	w.same(names(w.claim(node, store.Want{EndpointID: t.endpoint, Max: 5})), firsts(late, tied))
}

func claimBytes(w *world) {
	t := w.target()
	node := w.node()
	var all []store.Accepted
	for i, size := range []int{400, 500, 4000, 100, 5000, 10} {
		a := w.waiting(w.ago(time.Hour-time.Duration(i)*time.Second), t)
		a.Event.Payload = bytes.Repeat([]byte("x"), size)
		all = append(all, a)
	}
	w.accept(all...)
	want := store.Want{EndpointID: t.endpoint, Max: 5, MaxBytes: 2000}
	for _, part := range [][]store.Accepted{all[0:2], all[2:3], all[3:4], all[4:5], all[5:]} {
		c := w.claim(node, want)
		w.same(names(c), firsts(part...))
		next := time.Time{}
		if last := part[len(part)-1]; last.Event.ID != all[5].Event.ID {
			next = last.Deliveries[0].DueAt.Add(time.Second)
		}
		w.same(c.Next, next)
	}
}

func claimLeases(w *world) {
	t := w.target()
	first, second, third := w.node(), w.node(), w.node()
	a, b := w.waiting(w.ago(2*time.Second), t), w.waiting(w.ago(time.Second), t)
	w.accept(a, b)
	want := []store.Want{{EndpointID: t.endpoint, Max: 5}}
	w.same(w.claimOne(first, t).Delivery.DeliveryID, a.Deliveries[0].DeliveryID)
	both := []int64{first, second}
	c := w.claimBy(store.ClaimQuery{Node: second, Live: both, Now: w.now, Wants: want})[0]
	w.same(names(c), firsts(b))
	c = w.claimBy(store.ClaimQuery{Node: first, Live: both, Now: w.now, Wants: want})[0]
	w.same(names(c), []webhook.DeliveryID(nil))
	w.same(c.Next, time.Time{})

	// The first has died.
	c = w.claimBy(store.ClaimQuery{Node: third, Live: []int64{second, third}, Now: w.now, Wants: want})[0]
	w.same(names(c), firsts(a))
	w.same(c.Items[0].Delivery.Node, third)
}

func claimOnlyBacklog(w *world) {
	t, gone := w.target(), w.target()
	node, other := w.node(), w.node()
	fresh, done, cancelled := w.held(other, t), w.waiting(w.now, t), w.waiting(w.now, gone)
	w.accept(fresh, done, cancelled)
	w.record(w.finished(done.Deliveries[0], w.now, webhook.Failed))
	w.must(w.s.DeleteEndpoint(w.ctx, gone.endpoint, w.now))
	for _, c := range w.claimAll(node, store.Want{EndpointID: t.endpoint, Max: 5}, store.Want{EndpointID: gone.endpoint, Max: 5}) {
		w.same(names(c), []webhook.DeliveryID(nil))
		w.same(c.Next, time.Time{})
	}
}

func claimAgain(w *world) {
	t := w.target()
	node := w.node()
	a := w.waiting(w.now, t)
	w.accept(a)
	d := w.claimOne(node, t).Delivery
	r := w.retried(d, w.now, w.in(time.Minute))
	w.record(r)
	c := w.claim(node, store.Want{EndpointID: t.endpoint, Max: 5})
	w.same(names(c), []webhook.DeliveryID(nil))
	w.same(c.Next, w.in(time.Minute))
	w.now = w.in(time.Minute)
	d = w.claimOne(node, t).Delivery
	want := r.Delivery
	want.Node = node
	w.same(d, want)
	w.record(w.finished(d, w.now, webhook.Delivered))
	w.same(names(w.claim(node, store.Want{EndpointID: t.endpoint, Max: 5})), []webhook.DeliveryID(nil))
}

func claimDeletedPayload(w *world) {
	t := w.target()
	a := w.waiting(w.now, t)
	a.Event.PayloadExpires = w.ago(time.Minute)
	w.accept(a)
	must(w.s.ExpirePayloads(w.ctx, w.now, 10))(w)
	got := w.claimOne(w.node(), t)
	w.same([]any{got.Event.ID, got.Event.PayloadDeleted, len(got.Event.Payload)}, []any{a.Event.ID, true, 0})
}

func claimNothing(w *world) {
	t := w.target()
	node := w.node()
	w.same(len(w.claimAll(node)), 0)
	w.same(w.claim(node, store.Want{EndpointID: t.endpoint, Max: 5, MaxBytes: 5}), store.Claimed{EndpointID: t.endpoint})
	unknown := w.id()
	w.same(w.claim(node, store.Want{EndpointID: unknown, Max: 5, Ordered: true}), store.Claimed{EndpointID: unknown})
}

func backlogDue(w *world) {
	t, u, v, none := w.target(), w.target(), w.target(), w.target()
	node, other := w.node(), w.node()
	w.accept(w.waiting(w.in(time.Hour), t), w.waiting(w.in(time.Minute), t), w.waiting(w.ago(time.Hour), u),
		w.waiting(w.ago(time.Second), v), w.held(node, none))
	backlog := func(live ...int64) []store.Due { return must(w.s.Backlog(w.ctx, live))(w) }
	byEndpoint := cmpopts.SortSlices(func(a, b store.Due) bool { return a.EndpointID.Compare(b.EndpointID) < 0 })
	all := []store.Due{
		{EndpointID: t.endpoint, At: w.in(time.Minute)},
		{EndpointID: u.endpoint, At: w.ago(time.Hour)},
		{EndpointID: v.endpoint, At: w.ago(time.Second)},
	}
	w.same(backlog(node, other), all, byEndpoint)
	w.claimOne(node, u)
	w.same(backlog(node, other), []store.Due{all[0], all[2]}, byEndpoint)
	w.same(backlog(other), all, byEndpoint) // the node has died
	w.same(backlog(), all, byEndpoint)
}

func backlogCount(w *world) {
	t := w.target()
	node := w.node()
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(0))
	w.accept(w.waiting(w.now, t), w.waiting(w.in(time.Hour), t, t), w.held(node, t))
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(3))
	d := w.claimOne(node, t).Delivery
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(3))
	w.record(w.finished(d, w.now, webhook.Delivered))
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(2))
}
