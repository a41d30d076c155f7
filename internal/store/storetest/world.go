package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// world is one test with its store and what it needs to fill it.
type world struct {
	*testing.T
	ctx   context.Context
	s     store.Store
	crash func() store.Store

	now time.Time // whole microseconds; all times of a test hang on it
	ids id.Source
	seq uint64
}

func newWorld(ctx context.Context, t *testing.T, open Opener) *world {
	s, crash := open(t)
	return &world{T: t, ctx: ctx, s: s, crash: crash, now: time.Now().UTC().Truncate(time.Microsecond)}
}

// ago returns a time before now.
func (w *world) ago(d time.Duration) time.Time { return w.now.Add(-d) }

// in returns a time after now.
func (w *world) in(d time.Duration) time.Time { return w.now.Add(d) }

// id returns an id that is greater than every one before.
func (w *world) id() id.ID { return w.ids.New() }

// idAt returns an id of the time t. Of one time, later ones are greater.
func (w *world) idAt(t time.Time) id.ID {
	v := id.Since(t)
	w.seq += 16 // none is next to another
	binary.BigEndian.PutUint64(v[8:], w.seq|1<<63)
	return v
}

// name returns a text that no call before returned.
func (w *world) name(kind string) string {
	w.seq++
	return fmt.Sprintf("%s-%d", kind, w.seq)
}

// must takes an answer apart: must(f())(w).
func must[T any](v T, err error) func(w *world) T {
	return func(w *world) T {
		w.Helper()
		w.must(err)
		return v
	}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("unexpected error: %v", err)
	}
}

// fails wants a *webhook.Error with the code and the field.
func (w *world) fails(err error, code webhook.Code, field string) {
	w.Helper()
	if err == nil {
		w.Fatalf("no error, want %s", code)
	}
	if webhook.CodeOf(err) != code {
		w.Fatalf("error is %v, want %s", err, code)
	}
	if e, _ := errors.AsType[*webhook.Error](err); field != "" && e.Field != field {
		w.Fatalf("the field of %v is %q, want %q", err, e.Field, field)
	}
}

// missing wants CodeNotFound of a call with an answer: missing(f())(w).
func missing[T any](_ T, err error) func(w *world) {
	return func(w *world) {
		w.Helper()
		w.fails(err, webhook.CodeNotFound, "")
	}
}

// same wants both to be equal; empty and nil are.
func (w *world) same(got, want any, options ...cmp.Option) {
	w.Helper()
	if d := diff(got, want, options...); d != "" {
		w.Fatalf("got (+) is not what was wanted (-):\n%s", d)
	}
}

func diff(got, want any, options ...cmp.Option) string {
	return cmp.Diff(want, got, append(options, cmpopts.EquateEmpty())...)
}

// target is an account with an endpoint and its subscription.
type target struct{ account, endpoint, subscription id.ID }

// root creates an account without a parent.
func (w *world) root() webhook.Account {
	w.Helper()
	return w.account(webhook.Account{})
}

// account creates a child of parent; a zero parent makes a root.
func (w *world) account(parent webhook.Account) webhook.Account {
	w.Helper()
	a := webhook.Account{ID: w.id(), Name: "an account", CreatedAt: w.now, UpdatedAt: w.now}
	if !parent.ID.IsZero() {
		a.ParentID = parent.ID
		a.Path = append(slices.Clone(parent.Path), parent.ID)
	}
	w.must(w.s.CreateAccount(w.ctx, &a, nil))
	return a
}

// endpoint returns one that is not stored yet.
func (w *world) endpoint(account id.ID) webhook.Endpoint {
	return webhook.Endpoint{
		ID: w.id(), AccountID: account, Service: webhook.ServiceHTTP, URL: "https://receiver.example/hook",
		Enabled: true, CreatedAt: w.now, UpdatedAt: w.now,
	}
}

// subscription returns one that is not stored yet.
func (w *world) subscription(e webhook.Endpoint) webhook.Subscription {
	return webhook.Subscription{
		ID: w.id(), AccountID: e.AccountID, EndpointID: e.ID, Enabled: true, CreatedAt: w.now, UpdatedAt: w.now,
	}
}

// target creates an account with an endpoint that has one subscription.
func (w *world) target() target {
	w.Helper()
	return w.targetOf(w.root().ID)
}

// targetOf creates an endpoint that has one subscription.
func (w *world) targetOf(account id.ID) target {
	w.Helper()
	e := w.endpoint(account)
	sub := w.subscription(e)
	w.must(w.s.CreateEndpoint(w.ctx, &e, []webhook.Subscription{sub}, nil))
	return target{account: account, endpoint: e.ID, subscription: sub.ID}
}

// node registers a node whose mark is below every event of the test.
func (w *world) node() int64 {
	w.Helper()
	return must(w.s.RegisterNode(w.ctx, w.name("node"), id.From(w.ago(1000*time.Hour)), w.now))(w)
}

// dead returns the nodes that are known and not live.
func (w *world) dead(live ...int64) []store.Node {
	w.Helper()
	return slices.DeleteFunc(must(w.s.Nodes(w.ctx))(w), func(n store.Node) bool { return slices.Contains(live, n.Number) })
}

// reclaim takes over from all nodes but the live ones and returns how much.
func (w *world) reclaim(live ...int64) int {
	w.Helper()
	return must(w.s.Reclaim(w.ctx, w.dead(live...), w.now))(w)
}

// event returns an event of the account, accepted at the time.
func (w *world) event(account id.ID, at time.Time) webhook.Event {
	return webhook.Event{
		ID: w.idAt(at), AccountID: account, Type: "order.paid", Payload: []byte(`{"total": 1}`), CreatedAt: at,
	}
}

// held returns an event, accepted now, with one delivery for each target, held fresh by the node.
func (w *world) held(node int64, to ...target) store.Accepted {
	return accepted(w.event(to[0].account, w.now), webhook.Delivery{Node: node}, to)
}

// waiting returns an event, accepted now, with one delivery for each target in the backlog.
func (w *world) waiting(due time.Time, to ...target) store.Accepted {
	return accepted(w.event(to[0].account, w.now), webhook.Delivery{DueAt: due}, to)
}

func accepted(e webhook.Event, like webhook.Delivery, to []target) store.Accepted {
	a := store.Accepted{Event: e}
	for n, t := range to {
		d := like
		d.DeliveryID = webhook.DeliveryID{Event: e.ID, N: int32(n)}
		d.AccountID, d.EndpointID, d.SubscriptionID = t.account, t.endpoint, t.subscription
		a.Deliveries = append(a.Deliveries, d)
	}
	return a
}

// accept commits each event as an intake of its own, in one batch.
func (w *world) accept(events ...store.Accepted) {
	w.Helper()
	var b store.Batch
	for _, a := range events {
		b.Intake = append(b.Intake, &store.Intake{Accepted: []store.Accepted{a}})
	}
	w.must(w.s.Commit(w.ctx, &b))
	for _, in := range b.Intake {
		if in.Err != nil {
			w.Fatalf("an intake was refused: %v", in.Err)
		}
	}
}

// attempt returns an attempt of the delivery with that outcome.
func (w *world) attempt(d webhook.Delivery, at time.Time, result webhook.Result, code int) webhook.Attempt {
	return webhook.Attempt{
		ID: w.idAt(at), Delivery: d.DeliveryID, AccountID: d.AccountID, EndpointID: d.EndpointID,
		Number: d.Attempts + 1, Trigger: d.Trigger, URL: "https://receiver.example/hook", StartedAt: at,
		Outcome: webhook.Outcome{Result: result, StatusCode: code, Latency: 12 * time.Millisecond},
	}
}

// finished is an attempt after which the delivery has the status.
func (w *world) finished(d webhook.Delivery, at time.Time, status webhook.Status) store.Result {
	result, code := webhook.ResultDelivered, 200
	if status != webhook.Delivered {
		result, code = webhook.ResultRejected, 400
	}
	r := store.Result{Attempt: w.attempt(d, at, result, code), Delivery: d}
	r.Delivery.Status, r.Delivery.Attempts = status, d.Attempts+1
	r.Delivery.Node, r.Delivery.DueAt, r.Delivery.NotBefore = 0, time.Time{}, time.Time{}
	return r
}

// retried is a failed attempt after which the delivery waits until next.
func (w *world) retried(d webhook.Delivery, at, next time.Time) store.Result {
	r := store.Result{Attempt: w.attempt(d, at, webhook.ResultRetry, 500), Delivery: d}
	r.Attempt.NextAt = next
	r.Attempt.Outcome.Detail = "status 500"
	r.Delivery.Attempts, r.Delivery.Node, r.Delivery.DueAt = d.Attempts+1, 0, next
	return r
}

// record commits results.
func (w *world) record(results ...store.Result) {
	w.Helper()
	w.must(w.s.Commit(w.ctx, &store.Batch{Results: results}))
}

// delivery reads one delivery.
func (w *world) delivery(d webhook.DeliveryID) webhook.Delivery {
	w.Helper()
	for _, got := range must(w.s.Deliveries(w.ctx, d.Event))(w) {
		if got.N == d.N {
			return got
		}
	}
	w.Fatalf("delivery %v is not there", d)
	return webhook.Delivery{}
}

// left wants the deliveries of an event to be cancelled where what they were for
// was deleted, and pending elsewhere. What a node holds fresh may be either: the
// store need not find it, the node cancels it when it learns of the change.
func (w *world) left(a store.Accepted, gone func(webhook.Delivery) bool) {
	w.Helper()
	for i, d := range must(w.s.Deliveries(w.ctx, a.Event.ID))(w) {
		was := a.Deliveries[i]
		switch {
		case !gone(was) && d.Status != webhook.Pending:
			w.Errorf("delivery %d was for something that is still there, but is %v", i, d.Status)
		case gone(was) && d.Status != webhook.Cancelled && (was.Node == 0 || d.Status != webhook.Pending):
			w.Errorf("delivery %d was for something that is gone, but is %v", i, d.Status)
		}
	}
}

// statuses reads the states of an event's deliveries.
func (w *world) statuses(event id.ID) (all []webhook.Status) {
	w.Helper()
	for _, d := range must(w.s.Deliveries(w.ctx, event))(w) {
		all = append(all, d.Status)
	}
	return all
}

// changesSince returns the feed after the version, as kind and id.
func (w *world) changesSince(version int64) (all []store.Change) {
	w.Helper()
	for _, c := range must(w.s.Changes(w.ctx, version, 1000))(w) {
		c.Version = 0
		all = append(all, c)
	}
	return all
}

// version returns the newest version of the feed.
func (w *world) version() int64 {
	w.Helper()
	return must(w.s.Version(w.ctx))(w)
}

// shows wants the change in the feed after the version.
func (w *world) shows(version int64, kind store.ChangeKind, about id.ID) {
	w.Helper()
	if all := w.changesSince(version); !slices.Contains(all, store.Change{Kind: kind, ID: about}) {
		w.Fatalf("change of kind %d about %s is not in the feed: %v", kind, about, all)
	}
}
