package pywebhooks

import (
	"encoding/json"
	"net/http"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/webhook"
)

// triggeredOut is the record of a webhook that was triggered.
type triggeredOut struct {
	Epoch          json.Number `json:"epoch"`
	ID             string      `json:"id"`
	RegistrationID string      `json:"registration_id"`
}

func triggeredRecord(f *control.Firing) triggeredOut {
	return triggeredOut{epoch(f.At), f.ID.String(), f.EventTypeID.String()}
}

// trigger sends what a registration holds to its subscribers. Once it has answered, the
// record and the deliveries are durable; there is never one without the other.
func (a *API) trigger(c *call) (*answer, error) {
	ctx := c.r.Context()
	t, err := a.Control.Registration(ctx, parseID(c.id))
	switch {
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		return nil, refuse(http.StatusNotFound, "Registration id not found")
	case err != nil:
		return nil, err
	case t.AccountID != c.who.ID:
		return nil, refuse(http.StatusUnauthorized, "You don't have access to this registration record or it no longer exists")
	}
	self := id.NewRandom() // of the record; the event's uid, by which the native API finds it
	e := webhook.Event{Type: t.Name, UID: self.String(), Payload: t.Payload}
	if name, _ := eventHeader(registrationNoteOf(t).Event); name != "" {
		e.Attributes = map[string]string{a.EventAttribute: name}
	}
	f := control.Firing{ID: self, EventTypeID: t.ID, At: now()}
	_, err = a.Intake.Accept(ctx, ingest.Submission{
		Account: c.who, Events: []webhook.Event{e}, Firings: []control.Firing{f}, Checked: true,
	})
	if err != nil {
		return nil, err
	}
	return &answer{http.StatusCreated, triggeredRecord(&f)}, nil
}

func (a *API) listTriggered(c *call) (*answer, error) {
	all, err := a.Control.Firings(c.r.Context(), c.window)
	if err != nil {
		return nil, err
	}
	out := make([]triggeredOut, len(all))
	for i := range all {
		out[i] = triggeredRecord(&all[i])
	}
	return listing(c, "triggered_webhooks", out)
}
