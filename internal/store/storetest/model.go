package storetest

import (
	"cmp"
	"flag"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func modelTests() []test {
	return []test{{"the queue does what a list in memory does", queueModel}}
}

// modelTime is how long new sequences are begun.
const modelTime = 3 * time.Second

// queueModel runs random sequences of the queue's verbs on the store and on a
// plain list, and wants the same of both after every step.
func queueModel(w *world) {
	_ = flag.Set("rapid.nofailfile", "true") // ids differ from run to run
	end := time.Now().Add(modelTime)
	rapid.Check(w.T, func(t *rapid.T) {
		if time.Now().After(end) {
			return
		}
		q := newQueue(w, t)
		defer q.clear()
		t.Repeat(map[string]func(*rapid.T){
			"accept":    q.accept,
			"record":    q.record,
			"return":    q.giveBack,
			"claim":     q.claim,
			"redeliver": q.redeliver,
			"kill":      q.kill,
			"wait": func(t *rapid.T) {
				q.w.now = q.w.in(time.Duration(rapid.IntRange(0, 5).Draw(t, "seconds")) * time.Second)
			},
			"delete": q.deleteEndpoint,
			"":       q.check,
		})
	})
}

// queue is the model: deliveries in a list.
type queue struct {
	outer   *world
	w       world
	t       *rapid.T
	targets []target
	nodes   []int64
	gone    bool // one endpoint was deleted
	all     []*webhook.Delivery
	sizes   map[id.ID]int
}

func newQueue(w *world, t *rapid.T) *queue {
	q := &queue{
		w: world{T: w.T, ctx: w.ctx, s: w.s, now: time.Now().UTC().Truncate(time.Microsecond)}, t: t,
		outer: w, sizes: map[id.ID]int{},
	}
	q.w.seq = w.seq
	account := q.w.root().ID
	for range 3 {
		q.targets = append(q.targets, q.w.targetOf(account))
	}
	q.nodes = []int64{q.w.node(), q.w.node()}
	return q
}

// clear leaves nothing pending and no node for the next sequence.
func (q *queue) clear() {
	defer func() { q.outer.seq = q.w.seq }()
	var b store.Batch
	for _, d := range q.pending(func(*webhook.Delivery) bool { return true }) {
		d.Status, d.Node, d.DueAt, d.NotBefore = webhook.Cancelled, 0, time.Time{}, time.Time{}
		b.Results = append(b.Results, store.Result{Delivery: *d})
	}
	q.w.must(q.w.s.Commit(q.w.ctx, &b))
	for _, n := range q.nodes {
		q.w.must(q.w.s.RemoveNode(q.w.ctx, n))
	}
}

// equal wants the store's answer to be the model's.
func (q *queue) equal(t *rapid.T, got, want any) {
	t.Helper()
	if d := diff(got, want); d != "" {
		t.Fatalf("the store (+) is not the model (-):\n%s", d)
	}
}

func (q *queue) no(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

func (q *queue) time(t *rapid.T, name string) time.Time {
	return q.w.in(time.Duration(rapid.IntRange(-5, 5).Draw(t, name)) * time.Second)
}

func (q *queue) node(t *rapid.T) int64 {
	return q.nodes[rapid.IntRange(0, len(q.nodes)-1).Draw(t, "node")]
}

// pending returns the deliveries that are, and for which ok says yes.
func (q *queue) pending(ok func(*webhook.Delivery) bool) (some []*webhook.Delivery) {
	for _, d := range q.all {
		if d.Status == webhook.Pending && ok(d) {
			some = append(some, d)
		}
	}
	return some
}

func held(d *webhook.Delivery) bool { return d.Node != 0 }

func (q *queue) accept(t *rapid.T) {
	var to []target
	for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(q.targets)-1), 1, 4).Draw(t, "to") {
		to = append(to, q.targets[i])
	}
	like := webhook.Delivery{Node: q.node(t)}
	if rapid.Bool().Draw(t, "to the backlog") {
		like = webhook.Delivery{DueAt: q.time(t, "due")}
	}
	a := accepted(q.w.event(to[0].account, q.w.now), like, to)
	a.Event.Payload = make([]byte, rapid.IntRange(0, 100).Draw(t, "size"))
	in := intakeOf(nil, a)
	q.no(t, q.w.s.Commit(q.w.ctx, &store.Batch{Intake: []*store.Intake{in}}))
	q.sizes[a.Event.ID] = len(a.Event.Payload)
	for i := range a.Deliveries {
		q.all = append(q.all, &a.Deliveries[i])
	}
}

func (q *queue) record(t *rapid.T) {
	candidates := q.all // a late result of anything is allowed
	if some := q.pending(held); len(some) > 0 && rapid.IntRange(0, 9).Draw(t, "late") > 0 {
		candidates = some
	}
	if len(candidates) == 0 {
		return
	}
	var results []store.Result
	for range rapid.IntRange(1, 4).Draw(t, "results") {
		d := candidates[rapid.IntRange(0, len(candidates)-1).Draw(t, "delivery")]
		r := q.w.retried(*d, q.w.now, q.time(t, "next"))
		if s := rapid.SampledFrom([]webhook.Status{webhook.Pending, webhook.Delivered, webhook.Failed}).Draw(t, "status"); s != webhook.Pending {
			r = q.w.finished(*d, q.w.now, s)
		}
		results = append(results, r)
		if d.Status == webhook.Pending {
			*d = r.Delivery
		}
	}
	q.no(t, q.w.s.Commit(q.w.ctx, &store.Batch{Results: results}))
}

func (q *queue) giveBack(t *rapid.T) {
	some := q.pending(held)
	if len(some) == 0 {
		return
	}
	d := some[rapid.IntRange(0, len(some)-1).Draw(t, "delivery")]
	d.Node, d.DueAt = 0, q.time(t, "due")
	q.no(t, q.w.s.Commit(q.w.ctx, &store.Batch{Returns: []webhook.Delivery{*d}}))
}

// free returns the endpoint's backlog that no live node holds, in order of place.
func (q *queue) free(endpoint id.ID, live []int64) []*webhook.Delivery {
	some := q.pending(func(d *webhook.Delivery) bool {
		return d.EndpointID == endpoint && !d.DueAt.IsZero() && !slices.Contains(live, d.Node)
	})
	slices.SortFunc(some, func(a, b *webhook.Delivery) int {
		return cmp.Or(a.DueAt.Compare(b.DueAt), a.Event.Compare(b.Event), cmp.Compare(a.N, b.N))
	})
	return some
}

func (q *queue) claim(t *rapid.T) {
	ask := store.ClaimQuery{Node: q.node(t), Live: q.nodes, Now: q.w.now}
	var want []store.Claimed
	for _, i := range rapid.Permutation([]int{0, 1, 2}).Draw(t, "endpoints")[:rapid.IntRange(1, 3).Draw(t, "wants")] {
		one := store.Want{
			EndpointID: q.targets[i].endpoint, Max: rapid.IntRange(1, 4).Draw(t, "max"), Ordered: rapid.Bool().Draw(t, "ordered"),
			MaxBytes: rapid.SampledFrom([]int{0, 700, 1500}).Draw(t, "max bytes"),
		}
		ask.Wants = append(ask.Wants, one)
		want = append(want, q.claimOne(ask, one))
	}
	got, err := q.w.s.Claim(q.w.ctx, ask)
	q.no(t, err)
	for i := range got {
		for j := range got[i].Items {
			if e := got[i].Items[j].Event; e == nil || e.ID != got[i].Items[j].Delivery.Event || len(e.Payload) != q.sizes[e.ID] {
				t.Fatalf("a delivery was claimed with the wrong event %v", e)
			}
			got[i].Items[j].Event = nil
		}
	}
	byEndpoint := func(a, b store.Claimed) int { return a.EndpointID.Compare(b.EndpointID) }
	slices.SortFunc(got, byEndpoint)
	slices.SortFunc(want, byEndpoint)
	q.equal(t, got, want)
}

func (q *queue) claimOne(ask store.ClaimQuery, want store.Want) store.Claimed {
	c := store.Claimed{EndpointID: want.EndpointID}
	if want.Ordered && len(q.pending(func(d *webhook.Delivery) bool {
		return d.EndpointID == want.EndpointID && !d.DueAt.IsZero() && d.Node != ask.Node && slices.Contains(ask.Live, d.Node)
	})) > 0 {
		return c
	}
	size := 0
	for _, d := range q.free(want.EndpointID, ask.Live) {
		size += (&webhook.Event{Payload: make([]byte, q.sizes[d.Event])}).Weight(1)
		if len(c.Items) == want.Max || !want.Ordered && d.DueAt.After(ask.Now) ||
			want.MaxBytes > 0 && size > want.MaxBytes && len(c.Items) > 0 {
			c.Next = d.DueAt
			break
		}
		d.Node = ask.Node
		c.Items = append(c.Items, store.ClaimedDelivery{Delivery: *d})
	}
	return c
}

func (q *queue) redeliver(t *rapid.T) {
	if len(q.all) == 0 {
		return
	}
	d := *q.all[rapid.IntRange(0, len(q.all)-1).Draw(t, "delivery")]
	d.Status, d.Trigger, d.Attempts, d.Node, d.DueAt = webhook.Pending, webhook.Manual, 0, 0, q.time(t, "due")
	d.NotBefore = time.Time{}
	for _, other := range q.all {
		if other.Event == d.Event {
			d.N = max(d.N, other.N+1)
		}
	}
	n := d.N
	q.no(t, q.w.s.Redeliver(q.w.ctx, []*webhook.Delivery{&d}, nil))
	q.equal(t, d.N, n)
	q.all = append(q.all, &d)
}

// kill lets a node die and another one begin.
func (q *queue) kill(t *rapid.T) {
	i := rapid.IntRange(0, len(q.nodes)-1).Draw(t, "node")
	dead := q.nodes[i]
	q.nodes = slices.Delete(slices.Clone(q.nodes), i, i+1)
	moved := 0
	for _, d := range q.pending(func(d *webhook.Delivery) bool { return d.Node == dead && d.DueAt.IsZero() }) {
		d.Node, d.DueAt = 0, q.w.now
		moved++
	}
	n, err := q.w.s.Reclaim(q.w.ctx, q.w.dead(q.nodes...), q.w.now)
	q.no(t, err)
	q.equal(t, n, moved)
	q.nodes = append(q.nodes, q.w.node())
}

func (q *queue) deleteEndpoint(t *rapid.T) {
	if q.gone || rapid.IntRange(0, 4).Draw(t, "really") > 0 {
		return
	}
	endpoint := q.targets[rapid.IntRange(0, len(q.targets)-1).Draw(t, "endpoint")].endpoint
	q.no(t, q.w.s.DeleteEndpoint(q.w.ctx, endpoint, q.w.now))
	q.gone = true
	for _, d := range q.pending(func(d *webhook.Delivery) bool { return d.EndpointID == endpoint && !d.DueAt.IsZero() }) {
		d.Status = webhook.Cancelled
	}
}

// check compares what the store shows of the queue.
func (q *queue) check(t *rapid.T) {
	n, err := q.w.s.PendingCount(q.w.ctx)
	q.no(t, err)
	q.equal(t, n, int64(len(q.pending(func(d *webhook.Delivery) bool { return !d.DueAt.IsZero() }))))

	due, err := q.w.s.Backlog(q.w.ctx, q.nodes)
	q.no(t, err)
	var want []store.Due
	for _, to := range q.targets {
		if free := q.free(to.endpoint, q.nodes); len(free) > 0 {
			want = append(want, store.Due{EndpointID: to.endpoint, At: free[0].DueAt})
		}
	}
	slices.SortFunc(due, func(a, b store.Due) int { return a.EndpointID.Compare(b.EndpointID) })
	q.equal(t, due, want)

	events := map[id.ID][]webhook.Delivery{}
	for _, d := range q.all {
		events[d.Event] = append(events[d.Event], *d)
	}
	for event, list := range events {
		got, err := q.w.s.Deliveries(q.w.ctx, event)
		q.no(t, err)
		q.equal(t, plain(got), plain(list))
	}
}

// plain leaves out what nobody asks of a delivery that was cancelled.
func plain(list []webhook.Delivery) []webhook.Delivery {
	list = slices.Clone(list)
	for i := range list {
		if list[i].Status == webhook.Cancelled {
			list[i].Node, list[i].DueAt, list[i].NotBefore = 0, time.Time{}, time.Time{}
		}
	}
	return list
}
