package pywebhooks

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/render"
	"github.com/switchhook/switchhook/internal/webhook"
)

// registrationOut is a registration's record.
type registrationOut struct {
	AccountID   string          `json:"account_id"`
	Description json.RawMessage `json:"description"`
	Epoch       json.Number     `json:"epoch"`
	Event       json.RawMessage `json:"event"`
	EventData   json.RawMessage `json:"event_data"`
	ID          string          `json:"id"`
}

// registrationNote is what only this API knows of a registration. Both may be any JSON
// value, as they were given.
type registrationNote struct {
	Event       json.RawMessage `json:"event"`
	Description json.RawMessage `json:"description"`
}

func registrationNoteOf(t *webhook.EventType) (n registrationNote) {
	_ = json.Unmarshal(t.Annotations[dialect], &n) // written here alone
	return n
}

// stored is how JSON is kept: as PyWebhooks' database gives it back, which has members in
// the order of their names and one kind of number.
func stored(raw json.RawMessage) (json.RawMessage, error) {
	return render.PythonJSON(raw, render.JSONStyle{SortKeys: true, WholeNumbers: true})
}

// newRegistration makes a registration. Its name is its id: events may have the same
// name, and registrations of one account, too.
func newRegistration(self, account id.ID, event, description, data json.RawMessage) (webhook.EventType, error) {
	t := webhook.EventType{ID: self, AccountID: account, Name: self.String()}
	if _, ok := eventHeader(event); !ok {
		return t, refuse(http.StatusBadRequest, "event must be a text that can be sent in a header")
	}
	var err error
	if t.Payload, err = stored(data); err != nil {
		return t, err
	}
	t.Annotations, err = note(registrationNote{event, description})
	return t, err
}

// maxEvent is how long the header "event" may be.
const maxEvent = 4096

// eventHeader returns what the header "event" says: "" is no header, as for everything
// that Python holds for nothing. It is not ok for what cannot be sent as a header.
func eventHeader(event json.RawMessage) (text string, ok bool) {
	switch normal, err := stored(event); {
	case err != nil:
		return "", false
	case normal[0] != '"':
		switch string(normal) {
		case "null", "false", "0", "-0.0", "[]", "{}":
			return "", true
		}
		return "", false
	}
	text = textOf(event)
	beyond := func(r rune) bool { return r > 0xff || r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 }
	return text, len(text) <= maxEvent && !strings.ContainsFunc(text, beyond) && strings.TrimSpace(text) == text
}

func registrationRecord(t *webhook.EventType) registrationOut {
	n := registrationNoteOf(t)
	return registrationOut{t.AccountID.String(), n.Description, epoch(t.CreatedAt), n.Event, t.Payload, t.ID.String()}
}

func (a *API) createRegistration(c *call) (*answer, error) {
	members, err := a.object(c)
	if err != nil {
		return nil, err
	}
	var values [3]json.RawMessage
	for i, name := range []string{"event", "description", "event_data"} {
		if values[i], err = required(members, name); err != nil {
			return nil, err
		}
	}
	t, err := newRegistration(id.NewRandom(), c.who.ID, values[0], values[1], values[2])
	if err != nil {
		return nil, err
	}
	made, _, err := a.Control.CreateEventType(c.r.Context(), t, nil)
	if err != nil {
		return nil, err
	}
	return &answer{http.StatusCreated, registrationRecord(made)}, nil
}

// ownRegistration returns a registration that the caller may change: an owner, or an
// admin, for whom one that is not there is nil.
func (a *API) ownRegistration(c *call) (*webhook.EventType, error) {
	t, err := a.Control.Registration(c.r.Context(), parseID(c.id))
	switch admin := noteOf(c.who).Admin; {
	case webhook.CodeOf(err) == webhook.CodeNotFound && admin:
		return nil, nil
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		return nil, notAuthorized()
	case err == nil && t.AccountID != c.who.ID && !admin:
		return nil, notAuthorized()
	}
	return t, err
}

// describeRegistration changes the description, the one thing that can be changed.
func (a *API) describeRegistration(c *call) (*answer, error) {
	t, err := a.ownRegistration(c)
	if err != nil {
		return nil, err
	}
	members, err := a.object(c)
	if err != nil {
		return nil, err
	}
	to, ok := members["description"]
	if !ok {
		return nil, refuse(http.StatusBadRequest, "Description field missing")
	}
	if t == nil {
		return summary(summaryOut{Skipped: 1})
	}
	changed, err := a.describe(c.r.Context(), t, to)
	if err != nil {
		return nil, err
	}
	return updated(changed)
}

func (a *API) describe(ctx context.Context, t *webhook.EventType, to json.RawMessage) (changed bool, err error) {
	is, err := stored(registrationNoteOf(t).Description)
	if err != nil {
		return false, err
	}
	wanted, err := stored(to)
	if err != nil || bytes.Equal(is, wanted) {
		return false, err
	}
	_, err = a.Control.UpdateEventType(ctx, t.ID, func(t *webhook.EventType) error {
		n := registrationNoteOf(t)
		n.Description = to
		t.Annotations, err = note(n)
		return err
	})
	return true, err
}

func (a *API) deleteRegistration(c *call) (*answer, error) {
	t, err := a.ownRegistration(c)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return summary(summaryOut{})
	}
	if err := a.Control.DeleteEventType(c.r.Context(), t.ID); err != nil {
		return nil, err
	}
	return summary(summaryOut{Deleted: 1})
}

func (a *API) listOwnRegistrations(c *call) (*answer, error) { return a.registrations(c, c.who.ID) }

func (a *API) listRegistrations(c *call) (*answer, error) { return a.registrations(c, id.ID{}) }

// registrations lists those of an account, or everybody's.
func (a *API) registrations(c *call, account id.ID) (*answer, error) {
	all, err := a.Control.Registrations(c.r.Context(), account, c.window)
	if err != nil {
		return nil, err
	}
	out := make([]registrationOut, len(all))
	for i := range all {
		out[i] = registrationRecord(&all[i])
	}
	return listing(c, "registrations", out)
}

func (a *API) clearRegistrations(c *call) (*answer, error) {
	n, err := a.Control.ClearRegistrations(c.r.Context())
	if err != nil {
		return nil, err
	}
	return summary(summaryOut{Deleted: n})
}
