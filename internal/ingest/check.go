package ingest

import (
	"context"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/webhook"
)

// maxName bounds event types, uids, channels and tags, in bytes.
const maxName = 256

// check says what is wrong with a submission, naming the field.
func (g *Ingest) check(ctx context.Context, s *Submission) error {
	if len(s.Events) == 0 {
		return webhook.Errorf(webhook.CodeInvalid, "", "there is no event")
	}
	if n := g.o.Limits.BatchEvents; len(s.Events) > n {
		return webhook.Errorf(webhook.CodeInvalid, "", "at most %d events are taken at once", n)
	}
	now := time.Now()
	for i := range s.Events {
		err := g.checkEvent(&s.Events[i], s.Checked, now)
		if err == nil && !s.Catalogue.IsZero() {
			err = g.checkSchema(ctx, s, &s.Events[i])
		}
		if err != nil {
			return at(err, i, len(s.Events))
		}
	}
	return nil
}

// at puts the place of an event in front of the field when there are several.
func at(err *webhook.Error, place, of int) error {
	if of <= 1 {
		return err
	}
	e := *err
	e.Field = strconv.Itoa(place)
	if err.Field != "" {
		e.Field += "." + err.Field
	}
	return &e
}

func (g *Ingest) checkEvent(e *webhook.Event, checked bool, now time.Time) *webhook.Error {
	l := &g.o.Limits
	if err := checkName("eventType", e.Type); err != nil {
		return err
	}
	if e.UID != "" {
		if err := checkName("eventId", e.UID); err != nil {
			return err
		}
	}
	if len(e.Payload) > l.PayloadBytes {
		return webhook.Errorf(webhook.CodeTooLarge, "payload", "the payload has %d bytes, %d are allowed", len(e.Payload), l.PayloadBytes)
	}
	if !checked && !json.Valid(e.Payload) {
		return webhook.Errorf(webhook.CodeInvalid, "payload", "the payload is not JSON")
	}
	if err := checkNames("channels", e.Channels, l.Channels); err != nil {
		return err
	}
	if err := checkNames("tags", e.Tags, l.Tags); err != nil {
		return err
	}
	if len(e.Attributes) > l.Attributes {
		return webhook.Errorf(webhook.CodeInvalid, "attributes", "at most %d are allowed", l.Attributes)
	}
	if ahead := e.DeliverAt.Sub(now); ahead > l.DeliverAhead {
		return webhook.Errorf(webhook.CodeInvalid, "deliverAt", "at most %s ahead", l.DeliverAhead)
	}
	return nil
}

func checkNames(field string, names []string, limit int) *webhook.Error {
	if len(names) > limit {
		return webhook.Errorf(webhook.CodeInvalid, field, "at most %d are allowed", limit)
	}
	for i, n := range names {
		if err := checkName(field+"."+strconv.Itoa(i), n); err != nil {
			return err
		}
	}
	return nil
}

func checkName(field, s string) *webhook.Error {
	switch {
	case s == "":
		return webhook.Errorf(webhook.CodeInvalid, field, "must not be empty")
	case len(s) > maxName:
		return webhook.Errorf(webhook.CodeInvalid, field, "at most %d bytes are allowed", maxName)
	case !utf8.ValidString(s):
		return webhook.Errorf(webhook.CodeInvalid, field, "is not UTF-8")
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f {
			return webhook.Errorf(webhook.CodeInvalid, field, "control characters are not allowed")
		}
	}
	return nil
}

// checkSchema validates the payload where the event's type asks for it.
func (g *Ingest) checkSchema(ctx context.Context, s *Submission, e *webhook.Event) *webhook.Error {
	t, err := g.o.Directory.EventType(ctx, s.Catalogue, e.Type)
	switch {
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		return nil // a type that is in no catalogue is welcome
	case err != nil:
		g.o.Logger.Error("event type cannot be read", "error", err)
		return webhook.Errorf(webhook.CodeUnavailable, "", "the event type cannot be looked up for now")
	case !t.Validate:
		return nil
	}
	if err := g.o.Directory.ValidatePayload(t, e.Payload); err != nil {
		return webhook.Errorf(webhook.CodeInvalid, "payload", "does not fit the schema of %s: %v", e.Type, err)
	}
	return nil
}
