package cli

import (
	"encoding/json"
	"net/url"
	"os"

	"github.com/switchhook/switchhook/internal/cli/client"
)

type eventTypeVerbs struct {
	List   eventTypeList   `cmd:"" help:"List event types."`
	Get    eventTypeGet    `cmd:"" help:"Show one event type."`
	Create eventTypeCreate `cmd:"" help:"Create an event type."`
	Update eventTypeUpdate `cmd:"" help:"Change what is given and leave the rest."`
	Delete eventTypeDelete `cmd:"" help:"Archive an event type, or remove it for good."`
}

func eventTypes(c *client.Client) client.Resource[client.EventType] { return c.EventTypes() }

func eventTypeView() view[client.EventType] {
	return view[client.EventType]{"NAME DESCRIPTION STATE CREATED", func(t client.EventType) []string {
		state := "-"
		switch {
		case t.Archived:
			state = "archived"
		case t.Deprecated:
			state = "deprecated"
		}
		return []string{t.Name, orDash(t.Description), state, when(t.CreatedAt)}
	}}
}

type eventTypeList struct {
	remote
	paging
	Archived bool `help:"Archived ones, too."`
}

// Run lists event types.
func (v *eventTypeList) Run(s *session) error {
	q := url.Values{}
	if v.Archived {
		q.Set("include_archived", "true")
	}
	return showList(s, &v.remote, eventTypeView(), eventTypes, v.page(q))
}

type eventTypeGet struct {
	remote
	Name string `arg:"" help:"Name of the event type."`
}

// Run shows one event type.
func (v *eventTypeGet) Run(s *session) error {
	return showOne(s, &v.remote, eventTypeView(), func(c *client.Client) (client.Answer[client.EventType], error) {
		return c.EventTypes().Get(s.ctx, v.Name, nil)
	})
}

// eventTypeFields are what can be said about an event type.
type eventTypeFields struct {
	Description *string `help:"A line for people."`
	Schema      string  `type:"existingfile" help:"File with the JSON Schema of the payload." placeholder:"FILE"`
	Deprecated  *bool   `negatable:"" help:"Say that it should not be used any more."`
}

func (e *eventTypeFields) fields() (fields, error) {
	f := fields{}
	give(f, "description", e.Description)
	give(f, "deprecated", e.Deprecated)
	if e.Schema != "" {
		text, err := os.ReadFile(e.Schema)
		if err != nil {
			return nil, err
		}
		if !json.Valid(text) {
			return nil, usagef("--schema: %s is not JSON", e.Schema)
		}
		f["schemas"] = map[string]json.RawMessage{"1": text}
	}
	return f, nil
}

type eventTypeCreate struct {
	remote
	eventTypeFields
	Name string `arg:"" help:"Name of the event type, for example order.created."`
}

// Run creates an event type.
func (v *eventTypeCreate) Run(s *session) error {
	f, err := v.fields()
	if err != nil {
		return err
	}
	f["name"] = v.Name
	if _, ok := f["description"]; !ok {
		f["description"] = "" // which the wire asks for
	}
	return showOne(s, &v.remote, eventTypeView(), func(c *client.Client) (client.Answer[client.EventType], error) {
		return c.EventTypes().Create(s.ctx, f)
	})
}

type eventTypeUpdate struct {
	remote
	eventTypeFields
	Name     string `arg:"" help:"Name of the event type."`
	Archived *bool  `negatable:"" help:"Hide it from lists; --no-archived brings it back."`
}

// Run changes an event type.
func (v *eventTypeUpdate) Run(s *session) error {
	f, err := v.fields()
	if err != nil {
		return err
	}
	give(f, "archived", v.Archived)
	return showOne(s, &v.remote, eventTypeView(), func(c *client.Client) (client.Answer[client.EventType], error) {
		return c.EventTypes().Update(s.ctx, v.Name, f)
	})
}

type eventTypeDelete struct {
	remote
	Name    string `arg:"" help:"Name of the event type."`
	Expunge bool   `help:"Remove it for good instead of archiving it."`
}

// Run archives or removes an event type.
func (v *eventTypeDelete) Run(s *session) error {
	q, done := url.Values{}, "Archived."
	if v.Expunge {
		q.Set("expunge", "true")
		done = "Removed."
	}
	return tell(s, &v.remote, done, func(c *client.Client) error { return c.EventTypes().Delete(s.ctx, v.Name, q) })
}
