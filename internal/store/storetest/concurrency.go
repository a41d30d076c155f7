package storetest

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func concurrencyTests() []test {
	return []test{
		{"nodes at the same time neither lose nor double a delivery", queueInParallel},
		{"edits at the same time are not lost", editsInParallel},
		{"of equal keys at the same time one is carried out", keysInParallel},
		{"of equal uids at the same time one is accepted", uidsInParallel},
		{"redeliveries at the same time get numbers of their own", redeliverInParallel},
		{"one key redelivers once, whoever uses it at the same time", redeliverOnceInParallel},
		{"a follower of the feed misses nothing", feedInParallel},
		{"deleting while events come in leaves nothing to be claimed", deleteInParallel},
		{"a store that was closed is unavailable", closedIsUnavailable},
	}
}

// parallel runs f for 0 to n-1 at the same time and wants no error.
func (w *world) parallel(n int, f func(i int) error) {
	w.Helper()
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = f(i) })
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			w.Fatalf("number %d: %v", i, err)
		}
	}
}

// queueInParallel has two nodes claim and record while others accept, edit and
// read. Every delivery must be claimed exactly once for each time it is due.
func queueInParallel(w *world) {
	const writers, batches, each = 3, 12, 10
	account := w.root().ID
	var targets []target
	for range 5 {
		targets = append(targets, w.targetOf(account))
	}
	nodes := []int64{w.node(), w.node()}
	all := make([][]store.Accepted, writers*batches)
	for i := range all {
		for range each {
			all[i] = append(all[i], w.waiting(w.now, targets...))
		}
	}
	var accepting, claimed atomic.Int64
	accepting.Store(writers)
	total := int64(writers * batches * each * len(targets))
	times := make([]map[webhook.DeliveryID]int, len(nodes))
	w.parallel(writers+len(nodes)+2, func(i int) error {
		switch {
		case i < writers:
			defer accepting.Add(-1)
			for b := range batches {
				if err := w.s.Commit(w.ctx, &store.Batch{Intake: []*store.Intake{intakeOf(nil, all[i*batches+b]...)}}); err != nil {
					return err
				}
			}
			return nil
		case i < writers+len(nodes):
			times[i-writers] = map[webhook.DeliveryID]int{}
			return claimUntil(w, nodes, nodes[i-writers], targets, times[i-writers], &claimed, 2*total)
		}
		for accepting.Load() > 0 {
			_, err := w.s.UpdateEndpoint(w.ctx, targets[i%len(targets)].endpoint, func(e *store.EndpointEdit) error {
				e.Endpoint.Description += "x"
				return nil
			})
			if err != nil {
				return err
			}
			if _, err := w.s.Backlog(w.ctx, nodes); err != nil {
				return err
			}
		}
		return nil
	})
	for _, list := range all {
		for _, a := range list {
			for _, d := range must(w.s.Deliveries(w.ctx, a.Event.ID))(w) {
				if n := times[0][d.DeliveryID] + times[1][d.DeliveryID]; n != 2 || d.Status != webhook.Delivered || d.Attempts != 2 {
					w.Fatalf("delivery %v is %v and was claimed %d times, want 2", d, d.Status, n)
				}
			}
		}
	}
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(0))
}

// claimUntil claims for a node and records what it got: the first attempt of a
// delivery fails and is due again at once, the second one succeeds.
func claimUntil(w *world, live []int64, node int64, targets []target, times map[webhook.DeliveryID]int, claimed *atomic.Int64, total int64) error {
	mine := &world{T: w.T, ctx: w.ctx, s: w.s, now: w.now, seq: uint64(node) << 32}
	for claimed.Load() < total {
		q := store.ClaimQuery{Node: node, Live: live, Now: w.now}
		for _, t := range targets {
			q.Wants = append(q.Wants, store.Want{EndpointID: t.endpoint, Max: 16, MaxBytes: 1 << 20})
		}
		got, err := w.s.Claim(w.ctx, q)
		if err != nil {
			return err
		}
		var b store.Batch
		for _, c := range got {
			for _, item := range c.Items {
				d := item.Delivery
				times[d.DeliveryID]++
				r := mine.retried(d, w.now, w.now)
				if d.Attempts > 0 {
					r = mine.finished(d, w.now, webhook.Delivered)
				}
				b.Results = append(b.Results, r)
			}
		}
		if err := w.s.Commit(w.ctx, &b); err != nil {
			return err
		}
		claimed.Add(int64(len(b.Results)))
		if w.ctx.Err() != nil {
			return fmt.Errorf("%d of %d were claimed: %w", claimed.Load(), total, w.ctx.Err())
		}
	}
	return nil
}

func editsInParallel(w *world) {
	const n, each = 4, 8
	t := w.target()
	count := func(text string) string { v, _ := strconv.Atoi(text); return strconv.Itoa(v + 1) }
	w.parallel(n, func(int) error {
		for range each {
			_, err := w.s.UpdateEndpoint(w.ctx, t.endpoint, func(e *store.EndpointEdit) error {
				e.Endpoint.Description = count(e.Endpoint.Description)
				e.Subscriptions[0].Name = count(e.Subscriptions[0].Name)
				return nil
			})
			if err != nil {
				return err
			}
			_, err = w.s.UpdateAccount(w.ctx, t.account, func(a *webhook.Account) error { a.Name = count(a.Name); return nil })
			if err != nil {
				return err
			}
			// Health is written while others edit the same endpoint.
			err = w.s.Commit(w.ctx, &store.Batch{Health: []store.HealthChange{
				{Health: webhook.Health{EndpointID: t.endpoint, Closed: true}, At: w.now},
				{Health: webhook.Health{EndpointID: t.endpoint}, At: w.now},
			}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	want := strconv.Itoa(n * each)
	w.same(w.readEndpoint(t.endpoint).Description, want)
	w.same(must(w.s.Subscription(w.ctx, t.subscription))(w).Name, want)
	w.same(must(w.s.Account(w.ctx, t.account))(w).Name, want)
}

func keysInParallel(w *world) {
	const n = 6
	t := w.target()
	for round := range 5 {
		key := strconv.Itoa(round)
		intakes := make([]*store.Intake, n)
		for i := range intakes {
			a := w.waiting(w.now, t)
			a.Event.UID = key
			intakes[i] = intakeOf(w.once(t.account, key, "r"), a)
		}
		w.parallel(n, func(i int) error {
			return w.s.Commit(w.ctx, &store.Batch{Intake: []*store.Intake{intakes[i]}})
		})
		var first []id.ID
		for _, in := range intakes {
			if in.Err != nil {
				w.Fatalf("an intake was refused: %v", in.Err)
			}
			if !in.Once.Replayed {
				first = append(first, in.Accepted[0].Event.ID)
			}
		}
		if len(first) != 1 {
			w.Fatalf("%d intakes were carried out", len(first))
		}
		for _, in := range intakes {
			if in.Once.Replayed {
				w.same(in.Once.Refs, first)
			}
		}
	}
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(5))
}

func uidsInParallel(w *world) {
	const n, uids = 6, 8
	t := w.target()
	intakes := make([][]*store.Intake, n)
	for i := range intakes {
		for u := range uids {
			// Each in another order, and with something that is free.
			a, free := w.waiting(w.now, t), w.waiting(w.now, t)
			a.Event.UID = strconv.Itoa((u + 3*i) % uids)
			intakes[i] = append(intakes[i], intakeOf(nil, a), intakeOf(nil, free))
		}
	}
	w.parallel(n, func(i int) error { return w.s.Commit(w.ctx, &store.Batch{Intake: intakes[i]}) })
	accepted := map[string]int{}
	for _, list := range intakes {
		for _, in := range list {
			switch uid := in.Accepted[0].Event.UID; {
			case in.Err == nil:
				accepted[uid]++
				w.stored(in)
			case uid == "":
				w.Fatalf("an intake without a uid was refused: %v", in.Err)
			default:
				w.refused(in, "uid", 0)
			}
		}
	}
	w.same(accepted[""], n*uids)
	for u := range uids {
		w.same(accepted[strconv.Itoa(u)], 1)
	}
}

func redeliverInParallel(w *world) {
	const n = 8
	t := w.target()
	a := w.waiting(w.now, t)
	w.accept(a)
	w.parallel(n, func(int) error {
		d, e := a.Deliveries[0], a.Deliveries[0]
		return w.s.Redeliver(w.ctx, []*webhook.Delivery{&d, &e}, nil)
	})
	w.same(len(must(w.s.Deliveries(w.ctx, a.Event.ID))(w)), 1+2*n)
	w.same(len(w.claim(w.node(), store.Want{EndpointID: t.endpoint, Max: 100}).Items), 1+2*n)
}

func redeliverOnceInParallel(w *world) {
	t := w.target()
	a := w.waiting(w.now, t)
	w.accept(a)
	w.parallel(8, func(int) error {
		d := a.Deliveries[0]
		return w.s.Redeliver(w.ctx, []*webhook.Delivery{&d}, &store.Once{AccountID: t.account, Key: "k", Expires: w.in(time.Hour)})
	})
	w.same(len(must(w.s.Deliveries(w.ctx, a.Event.ID))(w)), 2)
}

func feedInParallel(w *world) {
	const n, each = 3, 8
	account := w.root().ID
	start := w.version()
	var writing atomic.Int64
	writing.Store(n)
	made := make([][]id.ID, n)
	endpoints := make([][]webhook.Endpoint, n)
	for i := range endpoints {
		for range each {
			endpoints[i] = append(endpoints[i], w.endpoint(account))
		}
	}
	seen := map[id.ID]bool{}
	follow := func(at int64) (int64, error) {
		list, err := w.s.Changes(w.ctx, at, 5)
		for _, c := range list {
			if c.Version <= at {
				return at, fmt.Errorf("version %d follows %d", c.Version, at)
			}
			at = c.Version
			seen[c.ID] = true
		}
		return at, err
	}
	w.parallel(n+1, func(i int) error {
		if i < n {
			defer writing.Add(-1)
			for k := range endpoints[i] {
				if err := w.s.CreateEndpoint(w.ctx, &endpoints[i][k], nil, nil); err != nil {
					return err
				}
				made[i] = append(made[i], endpoints[i][k].ID)
			}
			return nil
		}
		at := start
		for {
			last := writing.Load() == 0
			next, err := follow(at)
			if err != nil || last && next == at {
				return err
			}
			at = next
		}
	})
	for _, endpoint := range slices.Concat(made...) {
		if !seen[endpoint] {
			w.Errorf("the follower did not see endpoint %s", endpoint)
		}
	}
}

// deleteInParallel deletes endpoints while their deliveries are accepted,
// claimed and recorded. Whatever the order, no call fails and the feed says so.
func deleteInParallel(w *world) {
	const n = 6
	account := w.root().ID
	node := w.node()
	var targets []target
	var events [][]store.Accepted
	for range n {
		t := w.targetOf(account)
		targets = append(targets, t)
		events = append(events, []store.Accepted{w.waiting(w.now, t, t), w.held(node, t)})
	}
	version := w.version()
	w.parallel(3*n, func(i int) error {
		t, list := targets[i%n], events[i%n]
		switch i / n {
		case 0:
			return w.s.Commit(w.ctx, &store.Batch{Intake: []*store.Intake{intakeOf(nil, list...)}})
		case 1:
			return w.s.DeleteEndpoint(w.ctx, t.endpoint, w.now)
		}
		mine := &world{T: w.T, ctx: w.ctx, s: w.s, now: w.now, seq: uint64(i) << 32}
		got, err := w.s.Claim(w.ctx, store.ClaimQuery{
			Node: node, Live: []int64{node}, Now: w.now, Wants: []store.Want{{EndpointID: t.endpoint, Max: 5}},
		})
		if err != nil {
			return err
		}
		var b store.Batch
		for _, item := range got[0].Items {
			b.Results = append(b.Results, mine.retried(item.Delivery, w.now, w.in(time.Hour)))
		}
		b.Health = []store.HealthChange{{Health: webhook.Health{EndpointID: t.endpoint, FailuresInRow: 1}, Disable: true, At: w.now}}
		return w.s.Commit(w.ctx, &b)
	})
	for _, t := range targets {
		w.shows(version, store.EndpointChanged, t.endpoint)
		_, _, err := w.s.Endpoint(w.ctx, t.endpoint)
		w.fails(err, webhook.CodeNotFound, "")
	}
	w.same(configured(w), []id.ID(nil))
}

func closedIsUnavailable(w *world) {
	t := w.target()
	const n = 4
	events := make([][]store.Accepted, n)
	for i := range events {
		for range 200 {
			events[i] = append(events[i], w.waiting(w.now, t))
		}
	}
	begun := make(chan struct{}, n*200)
	w.parallel(n+1, func(i int) error {
		if i == n {
			<-begun
			return w.s.Close()
		}
		for _, a := range events[i] {
			begun <- struct{}{}
			err := w.s.Commit(w.ctx, &store.Batch{Intake: []*store.Intake{intakeOf(nil, a)}})
			if err != nil && webhook.CodeOf(err) != webhook.CodeUnavailable {
				return err
			}
		}
		return nil
	})
	_, err := w.s.Version(w.ctx)
	w.fails(err, webhook.CodeUnavailable, "")
	w.fails(w.s.Ping(w.ctx), webhook.CodeUnavailable, "")
	_, err = w.s.UpdateAccount(w.ctx, t.account, func(*webhook.Account) error { return nil })
	w.fails(err, webhook.CodeUnavailable, "")
	w.fails(w.s.Commit(w.ctx, &store.Batch{Intake: []*store.Intake{intakeOf(nil, w.waiting(w.now, t))}}), webhook.CodeUnavailable, "")
}
