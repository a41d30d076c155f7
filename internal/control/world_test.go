package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlite"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/webhook"
)

// world is a control over a database of its own, with the root account.
type world struct {
	*testing.T
	s      *sqlite.Store
	d      *directory.Directory
	c      *control.Control
	root   *webhook.Account
	key    string // of the root
	now    time.Time
	kicked []id.ID
	ids    id.Source
}

// newWorld returns a world; edit may change the options.
func newWorld(t *testing.T, edit ...func(*control.Options)) *world {
	t.Helper()
	w := &world{T: t, s: rig.OpenStore(t), now: time.Now().UTC().Truncate(time.Microsecond)}
	var err error
	w.d, err = directory.New(directory.Options{Store: w.s})
	w.must(err)
	w.must(w.d.Load(t.Context()))
	o := control.Options{
		Store: w.s, Directory: w.d,
		Services: map[string]deliver.Service{
			webhook.ServiceHTTP: service{name: webhook.ServiceHTTP}, "queue": queue{service{name: "queue"}},
		},
		Kick: func(endpoint id.ID) { w.kicked = append(w.kicked, endpoint) },
		Now:  func() time.Time { return w.now },
	}
	for _, f := range edit {
		f(&o)
	}
	w.c, err = control.New(o)
	w.must(err)
	w.root, w.key, err = w.c.EnsureRoot(t.Context())
	w.must(err)
	return w
}

// service wants URLs that begin with https.
type service struct{ name string }

func (s service) Name() string { return s.name }

func (s service) Validate(e *webhook.Endpoint) error {
	if !strings.HasPrefix(e.URL, "https://") {
		return webhook.Errorf(webhook.CodeInvalid, "url", "must begin with https://")
	}
	return nil
}

func (s service) Deliver(context.Context, *deliver.Job) webhook.Outcome { return webhook.Outcome{} }

// queue is a service with a schema for its configuration.
type queue struct{ service }

func (queue) ConfigSchema() json.RawMessage {
	return json.RawMessage(`{"type": "object", "required": ["topic"], "properties": {"topic": {"type": "string"}}}`)
}

func (w *world) must(err error) { w.Helper(); rig.Must(w, err) }

// fails wants a *webhook.Error with the code and the field.
func (w *world) fails(err error, code webhook.Code, field string) {
	w.Helper()
	if webhook.CodeOf(err) != code {
		w.Fatalf("error is %v, want %s", err, code)
	}
	if e, _ := errors.AsType[*webhook.Error](err); e.Field != field {
		w.Fatalf("the field of %v is %q, want %q", err, e.Field, field)
	}
}

func (w *world) same(got, want any) {
	w.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		w.Fatalf("got (+) is not what was wanted (-):\n%s", d)
	}
}

// app creates an account below the root.
func (w *world) app() *webhook.Account {
	w.Helper()
	a, _, err := w.c.CreateAccount(w.Context(), webhook.Account{ParentID: w.root.ID, Name: "an app"}, nil)
	w.must(err)
	return a
}

// draft is an endpoint that can be created, with one subscription to everything.
func (w *world) draft(account id.ID) control.NewEndpoint {
	e := w.c.DraftEndpoint(account)
	e.URL = "https://receiver.example/hook"
	return control.NewEndpoint{Endpoint: e, Subscriptions: []webhook.Subscription{{Enabled: true}}}
}

func (w *world) endpoint(account id.ID) *control.Endpoint {
	w.Helper()
	e, created, err := w.c.CreateEndpoint(w.Context(), w.draft(account))
	w.must(err)
	if !created {
		w.Fatal("not created")
	}
	return e
}

// event stores an event with a delivery to each endpoint, in the backlog.
func (w *world) event(account id.ID, to ...*control.Endpoint) webhook.Event {
	w.Helper()
	e := webhook.Event{
		ID: w.ids.New(), AccountID: account, Type: "order.paid", Payload: []byte(`{"total": 1}`), CreatedAt: w.now,
	}
	a := store.Accepted{Event: e}
	for n, ep := range to {
		a.Deliveries = append(a.Deliveries, webhook.Delivery{
			DeliveryID: webhook.DeliveryID{Event: e.ID, N: int32(n)}, AccountID: ep.AccountID, EndpointID: ep.ID,
			SubscriptionID: ep.Subscriptions[0].ID, DueAt: w.now,
		})
	}
	in := &store.Intake{Accepted: []store.Accepted{a}}
	w.must(w.s.Commit(w.Context(), &store.Batch{Intake: []*store.Intake{in}}))
	if in.Err != nil {
		w.Fatal(in.Err)
	}
	return e
}

// attempted records an attempt after which the delivery has the status.
func (w *world) attempted(d webhook.Delivery, status webhook.Status) webhook.Attempt {
	w.Helper()
	d.Status, d.Attempts, d.DueAt, d.Node = status, d.Attempts+1, time.Time{}, 0
	o := webhook.Outcome{Result: webhook.ResultDelivered, StatusCode: 200, ResponseBody: []byte("thanks")}
	if status == webhook.Failed {
		o = webhook.Outcome{Result: webhook.ResultRetry, StatusCode: 500, Detail: "status 500"}
	}
	a := webhook.Attempt{
		ID: w.ids.New(), Delivery: d.DeliveryID, AccountID: d.AccountID, EndpointID: d.EndpointID,
		Number: d.Attempts, StartedAt: w.now, Outcome: o,
	}
	w.must(w.s.Commit(w.Context(), &store.Batch{Results: []store.Result{{Attempt: a, Delivery: d}}}))
	return a
}

func (w *world) deliveries(event id.ID) []webhook.Delivery {
	w.Helper()
	all, err := w.c.Deliveries(w.Context(), event)
	w.must(err)
	return all
}
