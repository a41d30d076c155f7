package ingest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// world plays everything around an Ingest and counts what it is asked.
type world struct {
	store.History // only Event is called

	targets    []directory.Target
	types      map[string]*webhook.EventType
	full       map[id.ID]bool  // lanes without room
	elsewhere  map[id.ID]int64 // endpoints that other nodes send for
	noRoom     bool
	commit     func(in *store.Intake) error
	commits    []int // how many submissions each had
	reserved   int
	handed     []webhook.Delivery
	handedOver []int64
	waiting    []id.ID
	ids        id.Source
}

func (w *world) Match(_ *webhook.Event, _ []id.ID, dst []directory.Target) []directory.Target {
	return append(dst, w.targets...)
}

func (w *world) EventType(_ context.Context, _ id.ID, name string) (*webhook.EventType, error) {
	if t := w.types[name]; t != nil {
		return t, nil
	}
	return nil, webhook.Errorf(webhook.CodeNotFound, "", "no such type")
}

func (w *world) ValidatePayload(_ *webhook.EventType, payload []byte) error {
	if strings.Contains(string(payload), "wrong") {
		return errors.New("is wrong")
	}
	return nil
}

func (w *world) Accept(all ...*store.Intake) error {
	w.commits = append(w.commits, len(all))
	for _, in := range all {
		for i := range in.Accepted {
			in.Accepted[i].Event.ID = w.ids.New()
		}
		if w.commit != nil {
			if err := w.commit(in); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *world) Room(context.Context) bool { return !w.noRoom }

func (w *world) Reserve(endpoint id.ID, _ int) (node int64, other bool) {
	switch {
	case w.full[endpoint]:
		return 0, false
	case w.elsewhere[endpoint] != 0:
		return w.elsewhere[endpoint], true
	}
	w.reserved++
	return 7, false
}

func (w *world) HandOver(node int64) { w.handedOver = append(w.handedOver, node) }

func (w *world) Release(id.ID, int) { w.reserved-- }

func (w *world) Hand(_ *webhook.Event, d *webhook.Delivery, _ int) {
	w.reserved--
	w.handed = append(w.handed, *d)
}

func (w *world) Waiting(endpoint id.ID, _ time.Time) { w.waiting = append(w.waiting, endpoint) }

func (w *world) Event(_ context.Context, account, event id.ID) (webhook.Event, error) {
	return webhook.Event{ID: event, AccountID: account}, nil
}

func (w *world) ingest(t *testing.T, l ingest.Limits) *ingest.Ingest {
	t.Helper()
	g, err := ingest.New(ingest.Options{Directory: w, Journal: w, Outlet: w, History: w, Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func submit(events ...webhook.Event) ingest.Submission {
	return ingest.Submission{Account: &webhook.Account{ID: id.ID{1}}, Events: events}
}

func event(payload string) webhook.Event { return webhook.Event{Type: "a.b", Payload: []byte(payload)} }

func TestWhereThereIsRoomADeliveryIsHeldFreshElseItWaits(t *testing.T) {
	roomy, full, ordered := id.ID{1}, id.ID{2}, id.ID{3}
	w := &world{
		targets: []directory.Target{{EndpointID: roomy}, {EndpointID: full}, {EndpointID: ordered, Ordered: true}},
		full:    map[id.ID]bool{full: true},
	}
	if _, err := w.ingest(t, ingest.Limits{}).Accept(t.Context(), submit(event(`{}`))); err != nil {
		t.Fatal(err)
	}
	if len(w.handed) != 1 || w.handed[0].EndpointID != roomy || w.handed[0].Node != 7 {
		t.Errorf("handed %+v", w.handed)
	}
	if diff := cmp.Diff([]id.ID{full, ordered}, w.waiting); diff != "" {
		t.Error(diff)
	}
	if w.reserved != 0 {
		t.Errorf("%d reservations left", w.reserved)
	}
}

func TestWhatAnotherNodeSendsForIsHandedOver(t *testing.T) {
	here, there, full := id.ID{1}, id.ID{2}, id.ID{3}
	var stored *store.Intake
	w := &world{
		targets:   []directory.Target{{EndpointID: there}, {EndpointID: here}, {EndpointID: full}, {EndpointID: there}},
		full:      map[id.ID]bool{full: true},
		elsewhere: map[id.ID]int64{there: 8},
		commit:    func(in *store.Intake) error { stored = in; return nil },
	}
	if _, err := w.ingest(t, ingest.Limits{}).Accept(t.Context(), submit(event(`{}`))); err != nil {
		t.Fatal(err)
	}
	a := stored.Accepted[0]
	if diff := cmp.Diff([]int32{0, 3}, a.Handed); diff != "" || a.Deliveries[0].Node != 8 || !a.Deliveries[0].DueAt.IsZero() {
		t.Errorf("stored %+v: %s", a.Deliveries, diff)
	}
	if len(w.handed) != 1 || w.handed[0].EndpointID != here || len(w.handedOver) != 2 || w.handedOver[0] != 8 {
		t.Errorf("kept %+v, handed over to %v", w.handed, w.handedOver)
	}
	w.commit = func(*store.Intake) error { return webhook.Errorf(webhook.CodeUnavailable, "", "gone") }
	_, _ = w.ingest(t, ingest.Limits{}).Accept(t.Context(), submit(event(`{}`)))
	if w.reserved != 0 || len(w.handedOver) != 2 {
		t.Errorf("%d reservations left, told %v", w.reserved, w.handedOver)
	}
}

func TestReservationsComeBackWhenNothingIsStored(t *testing.T) {
	conflict := webhook.Errorf(webhook.CodeConflict, "uid", "taken")
	for name, commit := range map[string]func(*store.Intake) error{
		"database gone": func(*store.Intake) error { return webhook.Errorf(webhook.CodeUnavailable, "", "gone") },
		"conflict":      func(in *store.Intake) error { in.Err = conflict; return nil },
		"replay": func(in *store.Intake) error {
			in.Once.Replayed, in.Once.Refs = true, []id.ID{{9}}
			return nil
		},
	} {
		w := &world{targets: []directory.Target{{EndpointID: id.ID{1}}}, commit: commit}
		s := submit(event(`{}`))
		s.Once = &store.Once{Key: "k"}
		_, _ = w.ingest(t, ingest.Limits{}).Accept(t.Context(), s)
		if w.reserved != 0 || len(w.handed) != 0 {
			t.Errorf("%s: %d reserved, %d handed", name, w.reserved, len(w.handed))
		}
	}
}

func TestAReplayAnswersWithTheFirstCallsEvents(t *testing.T) {
	w := &world{commit: func(in *store.Intake) error {
		in.Once.Replayed, in.Once.Refs = true, []id.ID{{9}}
		return nil
	}}
	s := submit(event(`{}`))
	s.Once = &store.Once{Key: "k"}
	got, err := w.ingest(t, ingest.Limits{}).Accept(t.Context(), s)
	if err != nil || !got.Replayed || len(got.Events) != 1 || got.Events[0].ID != (id.ID{9}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestBadEventsAreRefusedWithTheirField(t *testing.T) {
	w := &world{types: map[string]*webhook.EventType{"strict": {Validate: true}}}
	limits := ingest.Limits{PayloadBytes: 100, Channels: 2, Tags: 1, Attributes: 1, DeliverAhead: time.Hour}
	g := w.ingest(t, limits)
	good := event(`{}`)
	for _, c := range []struct {
		field string
		code  webhook.Code
		edit  func(*webhook.Event)
	}{
		{"eventType", webhook.CodeInvalid, func(e *webhook.Event) { e.Type = "" }},
		{"eventType", webhook.CodeInvalid, func(e *webhook.Event) { e.Type = "a\x00b" }},
		{"eventType", webhook.CodeInvalid, func(e *webhook.Event) { e.Type = "a\xffb" }},
		{"eventType", webhook.CodeInvalid, func(e *webhook.Event) { e.Type = strings.Repeat("a", 257) }},
		{"eventId", webhook.CodeInvalid, func(e *webhook.Event) { e.UID = "a\nb" }},
		{"payload", webhook.CodeInvalid, func(e *webhook.Event) { e.Payload = []byte(`{`) }},
		{"payload", webhook.CodeTooLarge, func(e *webhook.Event) { e.Payload = []byte(`"` + strings.Repeat("a", 100) + `"`) }},
		{"channels", webhook.CodeInvalid, func(e *webhook.Event) { e.Channels = []string{"a", "b", "c"} }},
		{"channels.1", webhook.CodeInvalid, func(e *webhook.Event) { e.Channels = []string{"a", ""} }},
		{"tags", webhook.CodeInvalid, func(e *webhook.Event) { e.Tags = []string{"a", "b"} }},
		{"attributes", webhook.CodeInvalid, func(e *webhook.Event) { e.Attributes = map[string]string{"a": "", "b": ""} }},
		{"deliverAt", webhook.CodeInvalid, func(e *webhook.Event) { e.DeliverAt = time.Now().Add(2 * time.Hour) }},
		{"payload", webhook.CodeInvalid, func(e *webhook.Event) { e.Type, e.Payload = "strict", []byte(`"wrong"`) }},
	} {
		bad := good
		c.edit(&bad)
		for prefix, s := range map[string]ingest.Submission{"": submit(bad), "1.": submit(good, bad)} {
			s.Catalogue = id.ID{1}
			_, err := g.Accept(t.Context(), s)
			var e *webhook.Error
			if !errors.As(err, &e) || e.Code != c.code || e.Field != prefix+c.field {
				t.Errorf("%s%s: %v", prefix, c.field, err)
			}
		}
	}
	if _, err := g.Accept(t.Context(), submit()); webhook.CodeOf(err) != webhook.CodeInvalid {
		t.Errorf("no event: %v", err)
	}
}

func TestAnAccountsRateLimitSaysWhenToComeBack(t *testing.T) {
	w := &world{}
	g := w.ingest(t, ingest.Limits{})
	s := submit(event(`{}`))
	s.Account.RateLimit = 2
	var last error
	for range 4 {
		_, last = g.Accept(t.Context(), s)
	}
	var e *webhook.Error
	if !errors.As(last, &e) || e.Code != webhook.CodeBusy || e.RetryAfter <= 0 || e.RetryAfter > time.Second {
		t.Errorf("%v", last)
	}
}

func TestIntakeIsRefusedWithoutRoom(t *testing.T) {
	w := &world{noRoom: true}
	_, err := w.ingest(t, ingest.Limits{}).Accept(t.Context(), submit(event(`{}`)))
	if webhook.CodeOf(err) != webhook.CodeBusy {
		t.Errorf("%v", err)
	}
}

func TestAnEventOfOurOwnGoesThroughTheTransactionOfItsCause(t *testing.T) {
	w := &world{targets: []directory.Target{{EndpointID: id.ID{1}}}}
	g := w.ingest(t, ingest.Limits{})
	in, pass := g.Prepare(&webhook.Account{ID: id.ID{1}}, event(`{}`))
	if len(in.Accepted) != 1 || w.reserved != 1 {
		t.Fatalf("%+v", in)
	}
	pass(nil)
	if w.reserved != 0 || len(w.handed) != 1 {
		t.Errorf("%d reserved, %d handed", w.reserved, len(w.handed))
	}
	in, pass = g.Prepare(&webhook.Account{ID: id.ID{1}}, event(`{}`))
	_ = in
	pass(errors.New("not written"))
	if w.reserved != 0 || len(w.handed) != 1 {
		t.Errorf("after a failure %d reserved, %d handed", w.reserved, len(w.handed))
	}
}

func TestPayloadsAreKeptAsLongAsTheSenderSaysElseAsLongAsWeSay(t *testing.T) {
	w := &world{}
	g, err := ingest.New(ingest.Options{Directory: w, Journal: w, Outlet: w, History: w, PayloadKept: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	own := event(`{}`)
	own.PayloadExpires = time.Unix(1e9, 0)
	r, err := g.Accept(t.Context(), submit(event(`{}`), own))
	if err != nil {
		t.Fatal(err)
	}
	if kept := r.Events[0].PayloadExpires.Sub(r.Events[0].CreatedAt); kept != time.Hour {
		t.Errorf("kept for %s", kept)
	}
	if !r.Events[1].PayloadExpires.Equal(own.PayloadExpires) {
		t.Errorf("the sender's wish became %s", r.Events[1].PayloadExpires)
	}
}
