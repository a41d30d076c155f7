package storetest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func crashTests() []test {
	return []test{
		{"what was answered is there after a crash", crashBetween},
		{"of what was in flight in a crash every intake is there whole or not at all", crashInFlight},
		{"a new node takes over what the crashed one held", crashTakeover},
		{"a store is opened again after it was closed", closeAndOpen},
	}
}

// picture is everything that the seam shows of a few things.
type picture struct {
	Accounts   []webhook.Account
	Keys       []webhook.Credential
	Types      []webhook.EventType
	Endpoints  []webhook.Endpoint
	Health     []webhook.Health
	Subs       []webhook.Subscription
	Events     []webhook.Event
	Deliveries []webhook.Delivery
	Attempts   []webhook.Attempt
	Nodes      []store.Node
	Changes    []store.Change
	Version    int64
	Pending    int64
	Backlog    []store.Due
}

func (w *world) picture(root id.ID) (p picture) {
	w.Helper()
	page := webhook.Page{Limit: 1000, Ascending: true}
	p.Accounts = append(must(w.s.Accounts(w.ctx, root, page))(w).Items, must(w.s.Account(w.ctx, root))(w))
	for _, a := range p.Accounts {
		p.Keys = append(p.Keys, must(w.s.Credentials(w.ctx, a.ID))(w)...)
		p.Types = append(p.Types, must(w.s.EventTypes(w.ctx, a.ID, page))(w).Items...)
		p.Endpoints = append(p.Endpoints, must(w.s.Endpoints(w.ctx, a.ID, page))(w).Items...)
		p.Subs = append(p.Subs, must(w.s.Subscriptions(w.ctx, a.ID, page))(w).Items...)
		p.Events = append(p.Events, must(w.s.Events(w.ctx, store.EventQuery{AccountID: a.ID, Payload: true, Page: page}))(w).Items...)
	}
	for _, e := range p.Endpoints {
		p.Health = append(p.Health, w.readHealth(e.ID))
	}
	for _, e := range p.Events {
		p.Deliveries = append(p.Deliveries, must(w.s.Deliveries(w.ctx, e.ID))(w)...)
		p.Attempts = append(p.Attempts, must(w.s.Attempts(w.ctx, store.AttemptQuery{
			AccountID: e.AccountID, EventID: e.ID, Bodies: true, Page: page,
		}))(w).Items...)
	}
	p.Nodes = must(w.s.Nodes(w.ctx))(w)
	p.Changes = must(w.s.Changes(w.ctx, 0, 1000))(w)
	p.Version, p.Pending = w.version(), must(w.s.PendingCount(w.ctx))(w)
	p.Backlog = must(w.s.Backlog(w.ctx, nil))(w)
	slices.SortFunc(p.Backlog, func(a, b store.Due) int { return cmp.Or(a.EndpointID.Compare(b.EndpointID), a.At.Compare(b.At)) })
	return p
}

func crashBetween(w *world) {
	root := w.root()
	child := w.account(root)
	node := w.node()
	t, gone := w.targetOf(root.ID), w.targetOf(child.ID)
	full := w.fullEndpoint(root.ID)
	held, waiting, lost := w.held(node, t, t, t), w.waiting(w.now, t, t), w.waiting(w.now, gone)
	for _, step := range []func(){
		func() {
			w.must(w.s.CreateEndpoint(w.ctx, &full, []webhook.Subscription{w.fullSubscription(full)}, nil))
		},
		func() { w.must(w.s.CreateCredential(w.ctx, w.apiKey(root.ID))) },
		func() { w.must(w.s.CreateEventType(w.ctx, w.eventType(root.ID, "x"), w.once(root.ID, "k", "r"))) },
		func() { w.accept(held, waiting, lost) },
		func() { w.same(w.claimOne(node, t).Delivery.DeliveryID, waiting.Deliveries[0].DeliveryID) },
		func() {
			w.must(w.s.Commit(w.ctx, &store.Batch{
				Results: []store.Result{
					w.finished(held.Deliveries[0], w.now, webhook.Delivered),
					w.retried(held.Deliveries[1], w.now, w.in(time.Hour)),
				},
				Health: []store.HealthChange{{Health: w.fullHealth(t), Disable: true, Reason: "x", At: w.now}},
			}))
		},
		func() { w.must(w.s.DeleteEndpoint(w.ctx, gone.endpoint, w.now)) },
		func() { w.must(w.s.Redeliver(w.ctx, []*webhook.Delivery{&waiting.Deliveries[1]}, nil)) },
		func() { w.must(w.s.Beat(w.ctx, node, held.Event.ID, store.NodeState{}, w.in(time.Minute))) },
		func() { w.must(w.s.ExpungePayload(w.ctx, root.ID, waiting.Event.ID, w.now)) },
		func() { w.same(w.reclaim(), 1) },
		func() { w.must(w.s.DeleteAccount(w.ctx, child.ID, w.now)) },
	} {
		step()
		before := w.picture(root.ID)
		w.s = w.crash()
		w.same(w.picture(root.ID), before)
	}
	o := w.once(root.ID, "k", "r")
	w.must(w.s.CreateEventType(w.ctx, w.eventType(root.ID, "y"), o))
	w.same(o.Replayed, true)
	if n := w.node(); n <= node {
		w.Errorf("number %d was given after %d", n, node)
	}
}

// crashInFlight crashes while commits are under way.
func crashInFlight(w *world) {
	const n = 4
	t := w.target()
	node := w.node()
	intakes := make([][]*store.Intake, n)
	for i := range intakes {
		for range 300 {
			intakes[i] = append(intakes[i], intakeOf(nil, w.waiting(w.now, t, t), w.held(node, t)))
		}
	}
	answered := make([]int, n)
	first := make(chan struct{}, n)
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	var all sync.WaitGroup
	s := w.s
	for i := range n {
		all.Go(func() {
			for k, in := range intakes[i] {
				if s.Commit(ctx, &store.Batch{Intake: []*store.Intake{in}}) != nil {
					return
				}
				if answered[i] = k + 1; k == 5 {
					first <- struct{}{}
				}
			}
		})
	}
	for range n {
		select {
		case <-first:
		case <-ctx.Done():
			w.Fatal(ctx.Err())
		}
	}
	w.s = w.crash()
	cancel()
	all.Wait()
	for i := range n {
		for k, in := range intakes[i] {
			var there int
			for _, a := range in.Accepted {
				there += len(must(w.s.Deliveries(w.ctx, a.Event.ID))(w))
				if _, err := w.s.Event(w.ctx, t.account, a.Event.ID); err == nil {
					there += 100
				}
			}
			if k < answered[i] && there != 203 || there != 0 && there != 203 {
				w.Fatalf("of intake %d, answered %v, a part is there: %d", k, k < answered[i], there)
			}
			if there == 0 && k > answered[i]+1 {
				break
			}
		}
	}
}

func crashTakeover(w *world) {
	t := w.target()
	dead := w.node()
	held, waiting, done := w.held(dead, t), w.waiting(w.now, t), w.held(dead, t)
	w.accept(held, waiting, done)
	w.claimOne(dead, t)
	w.record(w.finished(done.Deliveries[0], w.now, webhook.Delivered))
	w.s = w.crash()
	node := w.node()
	w.same(w.reclaim(node), 1)
	w.same(must(w.s.Backlog(w.ctx, []int64{node}))(w), []store.Due{{EndpointID: t.endpoint, At: w.now}})
	c := w.claim(node, store.Want{EndpointID: t.endpoint, Max: 10})
	w.same(names(c), firsts(held, waiting))
}

func closeAndOpen(w *world) {
	t := w.target()
	w.accept(w.held(w.node(), t), w.waiting(w.now, t))
	before := w.picture(t.account)
	w.must(w.s.Close())
	w.s = w.crash()
	w.same(w.picture(t.account), before)
}
