package storetest

import (
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func nodeTests() []test {
	return []test{
		{"a node's number is never used again", nodeNumbers},
		{"a node that beats is known with its mark", nodeBeat},
		{"what dead nodes held fresh moves to the backlog", reclaimFresh},
		{"reclaiming leaves live nodes, finished and cancelled deliveries alone", reclaimOnlyDead},
		{"reclaiming starts from the mark that was stored last", reclaimMark},
		{"reclaiming with nobody dead moves nothing", reclaimNothing},
		{"a node that has beaten since is not dead", reclaimNotAlive},
		{"large numbers of fresh deliveries are reclaimed", reclaimLarge},
	}
}

func nodeNumbers(w *world) {
	seen := map[int64]bool{0: true}
	for range 3 {
		n := w.node()
		if seen[n] || n < 0 {
			w.Fatalf("number %d was given again", n)
		}
		seen[n] = true
		w.must(w.s.RemoveNode(w.ctx, n))
	}
	last := w.node()
	w.reclaim()
	if n := w.node(); seen[n] || n == last {
		w.Fatalf("number %d was given again", n)
	}
	w.same(len(must(w.s.Nodes(w.ctx))(w)), 1)
}

func nodeBeat(w *world) {
	mark, next := w.idAt(w.ago(time.Hour)), w.idAt(w.ago(time.Minute))
	first := must(w.s.RegisterNode(w.ctx, "first", mark, w.ago(time.Minute)))(w)
	second := must(w.s.RegisterNode(w.ctx, "second", mark, w.now))(w)
	state := store.NodeState{Version: "1.2", Roles: []string{"api", "deliver"}, Lanes: 3, Held: 4, InFlight: 5, Behind: 6, Queued: 7, Change: 8}
	w.must(w.s.Beat(w.ctx, first, next, state, w.in(time.Second)))
	want := []store.Node{
		{Number: first, Name: "first", StartedAt: w.ago(time.Minute), BeatAt: w.in(time.Second), Mark: next, State: state},
		{Number: second, Name: "second", StartedAt: w.now, BeatAt: w.now, Mark: mark},
	}
	w.same(must(w.s.Nodes(w.ctx))(w), want)
	w.must(w.s.RemoveNode(w.ctx, first))
	w.same(must(w.s.Nodes(w.ctx))(w), want[1:])
	w.fails(w.s.Beat(w.ctx, first, next, store.NodeState{}, w.now), webhook.CodeNotFound, "")
}

func reclaimFresh(w *world) {
	t, u := w.target(), w.target()
	dead, alive := w.node(), w.node()
	a, b := w.held(dead, t, u), w.held(dead, u)
	w.accept(a, b)
	w.same(w.reclaim(alive), 3)
	for _, d := range append(a.Deliveries, b.Deliveries...) {
		want := d
		want.Node, want.DueAt = 0, w.now
		w.same(w.delivery(d.DeliveryID), want)
	}
	w.fails(w.s.Beat(w.ctx, dead, id.ID{}, store.NodeState{}, w.now), webhook.CodeNotFound, "")
	w.must(w.s.Beat(w.ctx, alive, w.id(), store.NodeState{}, w.now))
	w.same(len(must(w.s.Nodes(w.ctx))(w)), 1)
	w.same(names(w.claim(alive, store.Want{EndpointID: u.endpoint, Max: 5})),
		[]webhook.DeliveryID{a.Deliveries[1].DeliveryID, b.Deliveries[0].DeliveryID})
	w.same(w.reclaim(alive), 0)
}

func reclaimOnlyDead(w *world) {
	t := w.target()
	dead, alive := w.node(), w.node()
	mixed, theirs, waiting := w.held(dead, t, t, t, t), w.held(alive, t), w.waiting(w.in(time.Hour), t)
	w.accept(mixed, theirs, waiting)
	delivered := w.finished(mixed.Deliveries[0], w.now, webhook.Delivered)
	again := w.retried(mixed.Deliveries[1], w.now, w.in(time.Hour))
	w.record(delivered, again, w.finished(mixed.Deliveries[3], w.now, webhook.Cancelled))
	w.same(w.reclaim(alive), 1)
	w.same(w.statuses(mixed.Event.ID), []webhook.Status{webhook.Delivered, webhook.Pending, webhook.Pending, webhook.Cancelled})
	w.same(w.delivery(delivered.Delivery.DeliveryID), delivered.Delivery)
	w.same(w.delivery(again.Delivery.DeliveryID), again.Delivery)
	w.same(w.delivery(mixed.Deliveries[2].DeliveryID).DueAt, w.now)
	w.same(must(w.s.Deliveries(w.ctx, theirs.Event.ID))(w), theirs.Deliveries)
	w.same(must(w.s.Deliveries(w.ctx, waiting.Event.ID))(w), waiting.Deliveries)
}

func reclaimMark(w *world) {
	t := w.target()
	first := must(w.s.RegisterNode(w.ctx, "first", id.From(w.ago(time.Hour)), w.now))(w)
	second := must(w.s.RegisterNode(w.ctx, "second", id.From(w.ago(time.Hour)), w.now))(w)
	at := func(node int64, ago time.Duration) store.Accepted {
		return accepted(w.event(t.account, w.ago(ago)), webhook.Delivery{Node: node}, []target{t})
	}
	oldest, old, recent := at(second, 50*time.Minute), at(first, 40*time.Minute), at(first, 10*time.Minute)
	w.accept(oldest, old, recent)
	w.record(w.finished(old.Deliveries[0], w.now, webhook.Delivered))
	w.must(w.s.Beat(w.ctx, first, recent.Event.ID, store.NodeState{}, w.now))
	w.same(w.reclaim(), 2)
	w.same(w.delivery(oldest.Deliveries[0].DeliveryID).DueAt, w.now)
	w.same(w.delivery(recent.Deliveries[0].DeliveryID).DueAt, w.now)
	w.same(len(must(w.s.Nodes(w.ctx))(w)), 0)
}

func reclaimNothing(w *world) {
	t := w.target()
	w.same(w.reclaim(), 0)
	a, b := w.node(), w.node()
	w.accept(w.held(a, t), w.held(b, t))
	w.same(w.reclaim(a, b), 0)
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(0))
	w.same(len(must(w.s.Nodes(w.ctx))(w)), 2)
}

// Who judged a node by its last beat may have slept since.
func reclaimNotAlive(w *world) {
	t := w.target()
	node := w.node()
	held := w.held(node, t)
	w.accept(held)
	seen := w.dead()
	w.must(w.s.Beat(w.ctx, node, id.From(w.ago(time.Hour)), store.NodeState{}, w.in(time.Second)))
	w.same(must(w.s.Reclaim(w.ctx, seen, w.now))(w), 0)
	w.same(must(w.s.Deliveries(w.ctx, held.Event.ID))(w), held.Deliveries)
	w.must(w.s.Beat(w.ctx, node, id.From(w.ago(time.Hour)), store.NodeState{}, w.in(2*time.Second)))
}

func reclaimLarge(w *world) {
	t := w.target()
	dead := w.node()
	var all []store.Accepted
	for range 2500 {
		all = append(all, w.held(dead, t, t))
	}
	w.accept(all...)
	w.same(w.reclaim(), 5000)
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(5000))
}
