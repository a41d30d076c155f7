package control_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestEventTypesAreCreatedFoundChangedArchivedAndDeleted(t *testing.T) {
	w := newWorld(t)
	made, created, err := w.c.CreateEventType(t.Context(), webhook.EventType{
		AccountID: w.root.ID, Name: "order.paid", Description: "money\narrived", Validate: true,
		Schemas: json.RawMessage(`{"1": {"type": "object"}}`), FeatureFlag: "beta",
	}, nil)
	w.must(err)
	w.same(created, true)
	got, err := w.c.FindEventType(t.Context(), w.root.ID, "order.paid")
	w.must(err)
	w.same(got, made)

	_, _, err = w.c.CreateEventType(t.Context(), webhook.EventType{AccountID: w.root.ID, Name: "order.paid"}, nil)
	w.fails(err, webhook.CodeConflict, "name")
	_, _, err = w.c.CreateEventType(t.Context(), webhook.EventType{AccountID: w.app().ID, Name: "order.paid"}, nil)
	w.must(err)

	changed, err := w.c.UpdateEventType(t.Context(), made.ID, func(t *webhook.EventType) error {
		t.Description, t.AccountID = "other", id.New()
		return nil
	})
	w.must(err)
	w.same(changed.Description, "other")
	w.same(changed.AccountID, w.root.ID)

	w.must(w.c.ArchiveEventType(t.Context(), made.ID))
	s, err := w.c.EventTypes(t.Context(), w.root.ID, webhook.Page{})
	w.must(err)
	w.same(len(s.Items), 1)
	w.same(s.Items[0].Archived, true)

	w.must(w.c.DeleteEventType(t.Context(), made.ID))
	_, err = w.c.FindEventType(t.Context(), w.root.ID, "order.paid")
	w.fails(err, webhook.CodeNotFound, "")
	w.fails(w.c.DeleteEventType(t.Context(), made.ID), webhook.CodeNotFound, "")
}

func TestEventTypesThatAreRefused(t *testing.T) {
	w := newWorld(t, func(o *control.Options) { o.Limits.SchemaBytes = 100 })
	for _, c := range []struct {
		code  webhook.Code
		field string
		in    webhook.EventType
	}{
		{webhook.CodeInvalid, "name", webhook.EventType{}},
		{webhook.CodeInvalid, "name", webhook.EventType{Name: "a\tb"}},
		{webhook.CodeInvalid, "name", webhook.EventType{Name: strings.Repeat("ä", 129)}},
		{webhook.CodeInvalid, "description", webhook.EventType{Name: "a", Description: "\x00"}},
		{webhook.CodeInvalid, "featureFlag", webhook.EventType{Name: "a", FeatureFlag: "\n"}},
		{webhook.CodeInvalid, "schemas", webhook.EventType{Name: "a", Schemas: json.RawMessage(`{"1": {"type": "strin"}}`)}},
		{webhook.CodeInvalid, "schemas", webhook.EventType{Name: "a", Schemas: json.RawMessage(`{"1": {"$ref": "http://x.example/"}}`)}},
		{webhook.CodeInvalid, "schemas", webhook.EventType{Name: "a", Validate: true}},
		{webhook.CodeTooLarge, "schemas", webhook.EventType{Name: "a", Schemas: json.RawMessage(`{"1": {"title": "` + strings.Repeat("x", 100) + `"}}`)}},
		{webhook.CodeTooLarge, "payload", webhook.EventType{Name: "a", Payload: json.RawMessage(`"` + strings.Repeat("x", 100) + `"`)}},
		{webhook.CodeInvalid, "payload", webhook.EventType{Name: "a", Payload: json.RawMessage("{")}},
		{webhook.CodeInvalid, "annotations.x", webhook.EventType{Name: "a", Annotations: webhook.Annotations{"x": nil}}},
	} {
		c.in.AccountID = w.root.ID
		_, _, err := w.c.CreateEventType(t.Context(), c.in, nil)
		if e, ok := errors.AsType[*webhook.Error](err); !ok || e.Code != c.code || e.Field != c.field {
			t.Errorf("%+v: %v, want %s with field %q", c.in, err, c.code, c.field)
		}
	}
	_, _, err := w.c.CreateEventType(t.Context(), webhook.EventType{AccountID: id.New(), Name: "a"}, nil)
	w.fails(err, webhook.CodeNotFound, "")
}
