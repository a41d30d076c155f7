package native

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// resend delivers a message to an endpoint once more. A body is not read: the
// published API knows none.
func (a *API) resend(c *call) error {
	e, err := a.event(c)
	if err != nil {
		return err
	}
	to, err := a.endpoint(c)
	if err != nil {
		return err
	}
	if e.PayloadDeleted {
		return badRequest("missing_payload", "The payload of this message is gone, so it cannot be sent again.")
	}
	once, err := a.once(c, "resend", nil)
	if err != nil {
		return err
	}
	if _, err := a.Control.Resend(c.ctx(), c.app.ID, e.ID, to.ID, once); err != nil {
		return err
	}
	httpx.WriteJSON(c.w, http.StatusAccepted, []byte("{}"))
	return nil
}

type recoverOut struct {
	ID        string    `json:"id"`
	Status    string    `json:"status"`
	Task      string    `json:"task"`
	UpdatedAt time.Time `json:"updatedAt"`
	Recovered int       `json:"recovered"` // messages that are sent again; ours
}

func readRecover(body []byte) (since, until time.Time, err error) {
	o := httpx.ReadObject(body)
	for name, v := range o.Members {
		switch string(name) {
		case "since":
			since = v.Time()
		case "until":
			until = httpx.Optional(v, httpx.Value.Time).V
		default:
			v.Unknown()
		}
	}
	if since.IsZero() {
		o.Fail("since", "must be there")
	}
	return since, until, o.Err()
}

// recoverEndpoint sends again what an endpoint missed. It is done when it answers.
func (a *API) recoverEndpoint(c *call) error {
	body, err := a.body(c)
	if err != nil {
		return err
	}
	since, until, err := readRecover(body)
	if err != nil {
		return err
	}
	e, err := a.endpoint(c)
	if err != nil {
		return err
	}
	now := a.Now()
	earliest := now.Add(-control.MaxRecoverAge + time.Second)
	if since.Before(earliest) && !since.Before(earliest.Add(-slack)) {
		since = earliest
	}
	n, err := a.Control.Recover(c.ctx(), c.app.ID, e.ID, since, until)
	if err != nil {
		return err
	}
	return c.json(http.StatusAccepted, recoverOut{
		ID: id.New().Prefixed(taskPrefix), Status: "finished", Task: "endpoint.recover", UpdatedAt: now.UTC(), Recovered: n,
	})
}

// The example that every endpoint can be sent. Both are wire strings.
const (
	pingType    = "svix.ping"
	pingPayload = `{"success":true}`
)

type exampleIn struct {
	eventType string
	index     int
}

func readExample(body []byte) (exampleIn, error) {
	var in exampleIn
	o := httpx.ReadObject(body)
	for name, v := range o.Members {
		switch string(name) {
		case "eventType":
			in.eventType = readName(v)
		case "exampleIndex":
			in.index = httpx.Optional(v, func(v httpx.Value) int { return v.Int(0, 1000) }).V
		default:
			v.Unknown()
		}
	}
	if in.eventType == "" {
		o.Fail("eventType", "must be there")
	}
	return in, o.Err()
}

// sendExample sends an event type's example to one endpoint alone.
func (a *API) sendExample(c *call) error {
	body, err := a.body(c)
	if err != nil {
		return err
	}
	in, err := readExample(body)
	if err != nil {
		return err
	}
	to, err := a.endpoint(c)
	if err != nil {
		return err
	}
	payload := []byte(pingPayload)
	if in.eventType != pingType {
		t, err := a.Control.FindEventType(c.ctx(), typesFor(c.app), in.eventType)
		if err != nil {
			return err
		}
		if payload, err = exampleOf(t, in.index); err != nil {
			return badRequest("invalid_scheme", err.Error())
		}
	}
	e, err := a.Control.SendTo(c.ctx(), to.ID, webhook.Event{Type: in.eventType, Payload: payload})
	if err != nil {
		return err
	}
	httpx.WriteJSON(c.w, http.StatusOK, rawMessage(false)(e))
	return nil
}

// exampleOf returns an example of the type's schema of version 1. An index beyond
// them is the first one.
func exampleOf(t *webhook.EventType, index int) ([]byte, error) {
	var schemas map[string]struct {
		Examples []json.RawMessage `json:"examples"`
	}
	if len(t.Schemas) > 0 && json.Unmarshal(t.Schemas, &schemas) != nil {
		return nil, errors.New("the schema of this event type has no list of examples")
	}
	examples := schemas["1"].Examples
	if len(examples) == 0 {
		return nil, errors.New("the schema of this event type has no examples")
	}
	if index >= len(examples) {
		index = 0
	}
	if !httpx.IsObject(examples[index]) {
		return nil, errors.New("the example in the schema of this event type is no object")
	}
	return examples[index], nil
}
