package storetest

import (
	"bytes"
	"context"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func intakeTests() []test {
	return []test{
		{"an empty batch is nothing", intakeEmpty},
		{"events and deliveries come back as they were committed", intakeRoundTrip},
		{"payloads of any size and any bytes are kept", intakePayloads},
		{"an intake is accepted whole or not at all", intakeWhole},
		{"a uid that is taken is a conflict of its intake alone", intakeUID},
		{"a uid that occurs twice in a batch is a conflict", intakeUIDInBatch},
		{"a key replays against the store and within a batch", intakeReplay},
		{"a key of an intake that was refused is free within the batch", intakeRefusedKey},
		{"a batch of every kind is one transaction", intakeEverything},
		{"a batch that is repeated after an error is decided anew", intakeRepeated},
		{"large batches are committed", intakeLarge},
	}
}

// commit commits intakes in one batch.
func (w *world) commit(all ...*store.Intake) {
	w.Helper()
	w.must(w.s.Commit(w.ctx, &store.Batch{Intake: all}))
}

func intakeOf(o *store.Once, events ...store.Accepted) *store.Intake {
	return &store.Intake{Once: o, Accepted: events}
}

// refused wants the intake to be in conflict about the event at the index.
func (w *world) refused(in *store.Intake, field string, index int) {
	w.Helper()
	if in.Err == nil {
		w.Fatal("the intake was not refused")
	}
	w.same([]any{in.Err.Code, in.Err.Field}, []any{webhook.CodeConflict, field})
	if field == "uid" {
		w.same(in.Index, index)
	}
	for _, a := range in.Accepted {
		missing(w.s.Event(w.ctx, a.Event.AccountID, a.Event.ID))(w)
		w.same(len(must(w.s.Deliveries(w.ctx, a.Event.ID))(w)), 0)
	}
}

// stored wants the intake to have been accepted.
func (w *world) stored(in *store.Intake) {
	w.Helper()
	if in.Err != nil {
		w.Fatalf("the intake was refused: %v", in.Err)
	}
	for _, a := range in.Accepted {
		w.same(must(w.s.Event(w.ctx, a.Event.AccountID, a.Event.ID))(w), a.Event)
		w.same(must(w.s.Deliveries(w.ctx, a.Event.ID))(w), a.Deliveries)
	}
}

func intakeEmpty(w *world) {
	w.must(w.s.Commit(w.ctx, &store.Batch{}))
	in := &store.Intake{}
	w.commit(in)
	if in.Err != nil {
		w.Fatalf("an intake without events was refused: %v", in.Err)
	}
}

func (w *world) fullEvent(account id.ID, at time.Time) webhook.Event {
	e := w.event(account, at)
	e.UID, e.Type, e.Payload = w.name("uid/ü"), "a.b/ü", []byte("{\"x\" :\n1.0}")
	e.Channels, e.Tags = []string{"c2", "c1", "ü,\"x\""}, []string{"t"}
	e.Attributes = map[string]string{"user": "7", "": "'"}
	e.DeliverAt, e.PayloadExpires = at.Add(time.Hour), at.Add(24*time.Hour)
	return e
}

func intakeRoundTrip(w *world) {
	t, u := w.target(), w.target()
	node := w.node()
	full := accepted(w.fullEvent(t.account, w.now), webhook.Delivery{DueAt: w.in(time.Hour)}, []target{t, u})
	full.Deliveries[1].NotBefore, full.Deliveries[1].DueAt = w.in(2*time.Hour), w.in(time.Minute)
	held := w.held(node, u, t)
	nobody := store.Accepted{Event: w.event(t.account, w.now)}
	odd := nobody
	odd.Event = w.event(t.account, w.now)
	odd.Event.CreatedAt = w.ago(time.Hour) // whatever the id says
	in := intakeOf(nil, full, held, nobody, odd)
	w.commit(in)
	w.stored(in)
	w.same(must(w.s.EventByUID(w.ctx, t.account, full.Event.UID))(w), full.Event)
}

func intakePayloads(w *world) {
	t := w.target()
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	var all []store.Accepted
	for _, payload := range [][]byte{
		nil, []byte(" "), []byte("null"), every, bytes.Repeat([]byte("ab\x00\xff"), 1<<18), bytes.Repeat(every, 20),
	} {
		a := w.waiting(w.now, t)
		a.Event.Payload = payload
		all = append(all, a)
	}
	in := intakeOf(nil, all...)
	w.commit(in)
	w.stored(in)
	for i, c := range w.claim(w.node(), store.Want{EndpointID: t.endpoint, Max: 10}).Items {
		if !bytes.Equal(c.Event.Payload, all[i].Event.Payload) {
			w.Errorf("payload %d was claimed as %d bytes of %d", i, len(c.Event.Payload), len(all[i].Event.Payload))
		}
	}
}

func intakeWhole(w *world) {
	t := w.target()
	taken := w.waiting(w.now, t)
	taken.Event.UID = "u"
	w.accept(taken)
	again := w.waiting(w.now, t)
	again.Event.UID = "u"
	bad := intakeOf(w.once(t.account, "k", "r"), w.waiting(w.now, t), w.held(w.node(), t), again, w.waiting(w.now, t))
	good := intakeOf(nil, w.waiting(w.now, t))
	w.commit(intakeOf(nil, w.waiting(w.now, t)), bad, good)
	w.refused(bad, "uid", 2)
	w.stored(good)
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(3))
}

func intakeUID(w *world) {
	t, u := w.target(), w.target()
	of := func(t target, uid string) *store.Intake {
		a := w.waiting(w.now, t)
		a.Event.UID = uid
		return intakeOf(nil, a)
	}
	w.commit(of(t, "u"))
	bad, elsewhere, spelled, none := of(t, "u"), of(u, "u"), of(t, "U"), of(t, "")
	w.commit(bad, elsewhere, spelled, none)
	w.refused(bad, "uid", 0)
	w.stored(elsewhere)
	w.stored(spelled)
	w.stored(none)
	again := of(t, "")
	w.commit(again)
	w.stored(again)
}

func intakeUIDInBatch(w *world) {
	t := w.target()
	event := func(uid string) store.Accepted {
		a := w.waiting(w.now, t)
		a.Event.UID = uid
		return a
	}
	first, second := intakeOf(nil, event("a"), event("b")), intakeOf(nil, event("c"), event("b"))
	itself, third := intakeOf(nil, event("d"), event("d")), intakeOf(nil, event("c"), event("d"))
	w.commit(first, second, itself, third)
	w.stored(first)
	w.refused(second, "uid", 1)
	w.refused(itself, "uid", 1)
	w.stored(third) // those before it that had its uids were refused
}

func intakeReplay(w *world) {
	t := w.target()
	event := func() store.Accepted {
		a := w.waiting(w.now, t)
		a.Event.UID = "u"
		return a
	}
	other := func() store.Accepted { return w.waiting(w.now, t) }
	once := func(request string) *store.Once { return w.once(t.account, "k", request) }
	first, second, conflict := intakeOf(once("r"), event(), other()), intakeOf(once("r"), event(), other()), intakeOf(once("x"), other())
	w.commit(first, second, conflict)
	later, late := intakeOf(once("r"), event(), other()), intakeOf(once("x"), other())
	w.commit(later, late)

	w.stored(first)
	want := []id.ID{first.Accepted[0].Event.ID, first.Accepted[1].Event.ID}
	w.same(first.Once.Replayed, false)
	for _, in := range []*store.Intake{second, later} {
		if in.Err != nil {
			w.Fatalf("a replay was refused: %v", in.Err)
		}
		w.same([]any{in.Once.Replayed, in.Once.Refs}, []any{true, want})
		missing(w.s.Event(w.ctx, t.account, in.Accepted[0].Event.ID))(w)
	}
	w.refused(conflict, "idempotency-key", 0)
	w.refused(late, "idempotency-key", 0)
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(2))
}

func intakeRefusedKey(w *world) {
	t := w.target()
	taken := w.waiting(w.now, t)
	taken.Event.UID = "u"
	w.accept(taken)
	bad := intakeOf(w.once(t.account, "k", "r"), w.waiting(w.now, t))
	bad.Accepted[0].Event.UID = "u"
	next := intakeOf(w.once(t.account, "k", "other"), w.waiting(w.now, t))
	w.commit(bad, next)
	w.refused(bad, "uid", 0)
	w.stored(next)
	w.same(next.Once.Replayed, false)
}

func intakeEverything(w *world) {
	t := w.target()
	node := w.node()
	done, back := w.held(node, t), w.held(node, t)
	w.accept(done, back)
	result := w.finished(done.Deliveries[0], w.now, webhook.Delivered)
	returned := back.Deliveries[0]
	returned.Node, returned.DueAt = 0, w.now
	health := webhook.Health{EndpointID: t.endpoint, LastSuccessAt: w.now}
	in := intakeOf(nil, w.held(node, t))
	w.must(w.s.Commit(w.ctx, &store.Batch{
		Intake: []*store.Intake{in}, Results: []store.Result{result}, Returns: []webhook.Delivery{returned},
		Health: []store.HealthChange{{Health: health, At: w.now}},
	}))
	w.stored(in)
	w.same(w.statuses(done.Event.ID), []webhook.Status{webhook.Delivered})
	w.same(w.delivery(returned.DeliveryID), returned)
	w.same(w.readHealth(t.endpoint), health)
}

func intakeRepeated(w *world) {
	t := w.target()
	node := w.node()
	held := w.held(node, t)
	w.accept(held)
	b := store.Batch{
		Intake:  []*store.Intake{intakeOf(w.once(t.account, "k", "r"), w.waiting(w.now, t))},
		Results: []store.Result{w.finished(held.Deliveries[0], w.now, webhook.Delivered)},
	}
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	if err := w.s.Commit(ctx, &b); err == nil {
		w.Fatal("a commit went through a context that was cancelled before")
	}
	w.same(w.statuses(held.Event.ID), []webhook.Status{webhook.Pending})
	missing(w.s.Event(w.ctx, t.account, b.Intake[0].Accepted[0].Event.ID))(w)
	w.must(w.s.Commit(w.ctx, &b))
	w.stored(b.Intake[0])
	w.same(b.Intake[0].Once.Replayed, false)
	w.same(w.statuses(held.Event.ID), []webhook.Status{webhook.Delivered})
}

func intakeLarge(w *world) {
	t := w.target()
	node := w.node()
	var b, results store.Batch
	for range 700 {
		a := w.held(node, t, t, t)
		a.Event.UID = w.name("uid")
		b.Intake = append(b.Intake, intakeOf(w.once(t.account, a.Event.UID, "r"), a))
		for _, d := range a.Deliveries {
			results.Results = append(results.Results, w.finished(d, w.now, webhook.Delivered))
		}
	}
	w.must(w.s.Commit(w.ctx, &b))
	w.must(w.s.Commit(w.ctx, &results))
	for _, in := range []*store.Intake{b.Intake[0], b.Intake[511], b.Intake[699]} {
		if in.Err != nil {
			w.Fatal(in.Err)
		}
		w.same(w.statuses(in.Accepted[0].Event.ID), []webhook.Status{webhook.Delivered, webhook.Delivered, webhook.Delivered})
	}
	counts := must(w.s.AttemptCounts(w.ctx, t.endpoint, w.ago(time.Hour), w.in(time.Hour)))(w)
	w.same(counts, store.AttemptCounts{Delivered: 2100})
}
