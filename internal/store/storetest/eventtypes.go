package storetest

import (
	"encoding/json"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

func eventTypeTests() []test {
	return []test{
		{"an event type comes back as it was stored", eventTypeRoundTrip},
		{"an event type that does not exist is not found", eventTypeMissing},
		{"an event type's name is unique in its account", eventTypeName},
		{"event types are listed in pages, archived ones too", eventTypePages},
		{"an event type is edited in the transaction", eventTypeUpdate},
		{"a deleted event type frees its name", eventTypeDelete},
	}
}

func (w *world) eventType(account id.ID, name string) *webhook.EventType {
	return &webhook.EventType{ID: w.id(), AccountID: account, Name: name, CreatedAt: w.now, UpdatedAt: w.now}
}

func eventTypeRoundTrip(w *world) {
	a := w.root()
	full := w.eventType(a.ID, "order.paid")
	full.Description, full.FeatureFlag, full.Annotations = "paid", "beta", webhook.Annotations{"kazoo.m": json.RawMessage(`{"x":[1]}`)}
	full.Schemas = json.RawMessage("{\"1\" : {\"type\": \"object\",  \"z\":1,\"a\":1.0}}\n")
	full.Payload = json.RawMessage(`{"b": 1, "a": 1e2}`)
	full.Validate, full.Archived, full.Deprecated = true, true, true
	full.UpdatedAt = w.in(time.Second)
	w.must(w.s.CreateEventType(w.ctx, full, nil))
	w.same(must(w.s.EventType(w.ctx, a.ID, full.Name))(w), *full)

	bare := w.eventType(a.ID, "order.refunded")
	w.must(w.s.CreateEventType(w.ctx, bare, nil))
	got := must(w.s.EventType(w.ctx, a.ID, bare.Name))(w)
	w.same(got, *bare)
	if got.Schemas != nil || got.Payload != nil {
		w.Fatalf("no schema and no payload came back as %q and %q", got.Schemas, got.Payload)
	}
}

func eventTypeMissing(w *world) {
	a := w.root()
	w.must(w.s.CreateEventType(w.ctx, w.eventType(a.ID, "x"), nil))
	missing(w.s.EventType(w.ctx, a.ID, "y"))(w)
	missing(w.s.EventType(w.ctx, w.id(), "x"))(w)
	missing(w.s.UpdateEventType(w.ctx, w.id(), func(*webhook.EventType) error { return nil }))(w)
	w.fails(w.s.DeleteEventType(w.ctx, w.id()), webhook.CodeNotFound, "")
}

func eventTypeName(w *world) {
	a, b := w.root(), w.root()
	w.must(w.s.CreateEventType(w.ctx, w.eventType(a.ID, "x"), nil))
	w.fails(w.s.CreateEventType(w.ctx, w.eventType(a.ID, "x"), nil), webhook.CodeConflict, "name")
	w.must(w.s.CreateEventType(w.ctx, w.eventType(b.ID, "x"), nil))
	other := w.eventType(a.ID, "y")
	w.must(w.s.CreateEventType(w.ctx, other, nil))
	_, err := w.s.UpdateEventType(w.ctx, other.ID, func(t *webhook.EventType) error { t.Name = "x"; return nil })
	w.fails(err, webhook.CodeConflict, "name")
	w.same(must(w.s.EventType(w.ctx, a.ID, "y"))(w), *other)
}

func eventTypePages(w *world) {
	a, b := w.root(), w.root()
	var want []id.ID
	for i := range 6 {
		t := w.eventType(a.ID, w.name("type"))
		t.Archived = i%2 == 0
		w.must(w.s.CreateEventType(w.ctx, t, nil))
		w.must(w.s.CreateEventType(w.ctx, w.eventType(b.ID, t.Name), nil))
		want = append(want, t.ID)
	}
	key := func(t webhook.EventType) id.ID { return t.ID }
	list := func(p webhook.Page) (webhook.Slice[webhook.EventType], error) { return w.s.EventTypes(w.ctx, a.ID, p) }
	pages(w, want, key, list)
	w.must(w.s.DeleteEventType(w.ctx, want[0]))
	pages(w, want[1:], key, list)
}

func eventTypeUpdate(w *world) {
	a := w.root()
	t := w.eventType(a.ID, "x")
	w.must(w.s.CreateEventType(w.ctx, t, nil))
	want := *t
	want.Name, want.Description, want.UpdatedAt = "y", "d", w.in(time.Hour)
	want.Schemas, want.Validate, want.Archived = json.RawMessage(`{"1":true}`), true, true
	got := must(w.s.UpdateEventType(w.ctx, t.ID, func(e *webhook.EventType) error {
		w.same(*e, *t)
		*e = want
		return nil
	}))(w)
	w.same(got, want)
	w.same(must(w.s.EventType(w.ctx, a.ID, "y"))(w), want)
	missing(w.s.EventType(w.ctx, a.ID, "x"))(w)

	refusal := webhook.Errorf(webhook.CodeInvalid, "", "no")
	_, err := w.s.UpdateEventType(w.ctx, t.ID, func(e *webhook.EventType) error { e.Name = "z"; return refusal })
	if err != refusal {
		w.Fatalf("the error of change came back as %v", err)
	}
	must(w.s.EventType(w.ctx, a.ID, "y"))(w)
}

func eventTypeDelete(w *world) {
	a := w.root()
	t := w.eventType(a.ID, "x")
	w.must(w.s.CreateEventType(w.ctx, t, nil))
	w.must(w.s.DeleteEventType(w.ctx, t.ID))
	missing(w.s.EventType(w.ctx, a.ID, "x"))(w)
	again := w.eventType(a.ID, "x")
	w.must(w.s.CreateEventType(w.ctx, again, nil))
	w.same(must(w.s.EventType(w.ctx, a.ID, "x"))(w), *again)
}
