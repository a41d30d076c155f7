package native

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

func eventTypeRoutes() []Route {
	return []Route{
		{Method: "POST", Path: "/event-type", needs: organisation, handle: (*API).createEventType},
		{Method: "GET", Path: "/event-type", needs: anyone, handle: (*API).listEventTypes},
		{Method: "GET", Path: "/event-type/{event_type_name}", needs: anyone, handle: (*API).getEventType},
		{Method: "PUT", Path: "/event-type/{event_type_name}", needs: organisation, handle: (*API).putEventType},
		{Method: "PATCH", Path: "/event-type/{event_type_name}", needs: organisation, handle: (*API).patchEventType},
		{Method: "DELETE", Path: "/event-type/{event_type_name}", needs: organisation, handle: (*API).deleteEventType},
	}
}

type eventTypeOut struct {
	Name            string          `json:"name"`
	Description     string          `json:"description"`
	Archived        bool            `json:"archived"`
	Deprecated      bool            `json:"deprecated"`
	Schemas         json.RawMessage `json:"schemas"`
	FeatureFlag     *string         `json:"featureFlag"` // the older name of the first of FeatureFlags
	FeatureFlags    []string        `json:"featureFlags,omitempty"`
	GroupName       *string         `json:"groupName,omitempty"`
	ValidatePayload bool            `json:"validatePayload"`
	CreatedAt       time.Time       `json:"createdAt"`
	UpdatedAt       time.Time       `json:"updatedAt"`
}

// typeNote is what only this API keeps with an event type.
type typeNote struct {
	FeatureFlags []string `json:"featureFlags,omitempty"`
	GroupName    string   `json:"groupName,omitempty"`
}

func noteOf(t *webhook.EventType) (n typeNote, err error) {
	if raw := t.Annotations[dialect]; raw != nil {
		if err := json.Unmarshal(raw, &n); err != nil {
			return n, fmt.Errorf("annotation of event type %s: %w", t.ID, err)
		}
	}
	if len(n.FeatureFlags) == 0 && t.FeatureFlag != "" {
		n.FeatureFlags = []string{t.FeatureFlag}
	}
	return n, nil
}

// showEventType spells a type whose annotation reads well, as all do that were
// written here.
func showEventType(t *webhook.EventType) eventTypeOut {
	n, _ := noteOf(t)
	return eventTypeOut{
		Name: t.Name, Description: t.Description, Archived: t.Archived, Deprecated: t.Deprecated,
		Schemas: t.Schemas, FeatureFlag: orNull(t.FeatureFlag), FeatureFlags: n.FeatureFlags,
		GroupName: orNull(n.GroupName), ValidatePayload: t.Validate,
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
	}
}

// eventTypeFields are what can be said about an event type.
type eventTypeFields struct {
	name        string
	description httpx.Opt[string]
	archived    httpx.Opt[bool]
	deprecated  httpx.Opt[bool]
	schemas     httpx.Opt[json.RawMessage]
	flags       httpx.Opt[[]string]
	group       httpx.Opt[string]
	validate    httpx.Opt[bool]
}

// readEventType reads an event type. known is the name where the path has it, which
// the body may repeat; else the body must have it. whole wants all else that a type
// needs to have.
func readEventType(body []byte, known string, whole bool) (*eventTypeFields, error) {
	f := &eventTypeFields{}
	o := httpx.ReadObject(body)
	for name, v := range o.Members {
		switch string(name) {
		case "name":
			if f.name = readName(v); known != "" && f.name != known {
				v.Fail("is in the path and cannot be changed")
			}
		case "description":
			f.description = httpx.Opt[string]{Set: true, V: v.Text()}
		case "archived":
			f.archived = httpx.Optional(v, httpx.Value.Bool)
		case "deprecated":
			f.deprecated = httpx.Optional(v, httpx.Value.Bool)
		case "schemas":
			f.schemas = httpx.Optional(v, readSchemas)
		case "featureFlags":
			f.flags = httpx.Optional(v, func(v httpx.Value) []string { return v.Lines(100, wrongName) })
		case "featureFlag":
			readOlder(v, &f.flags, func(v httpx.Value) []string { return []string{readName(v)} })
		case "groupName":
			f.group = httpx.Optional(v, readName)
		case "validatePayload":
			f.validate = httpx.Optional(v, httpx.Value.Bool)
		default:
			v.Unknown()
		}
	}
	if known == "" && f.name == "" {
		o.Fail("name", "must be there")
	}
	if whole && !f.description.Set {
		o.Fail("description", "must be there")
	}
	return f, o.Err()
}

func readSchemas(v httpx.Value) json.RawMessage {
	if v.Raw[0] != '{' {
		v.Fail("must be an object of versions with a JSON Schema each")
	}
	return slices.Clone(json.RawMessage(v.Raw))
}

// apply changes what is said, and with whole what is not said, too.
func (f *eventTypeFields) apply(t *webhook.EventType, whole bool) error {
	n, err := noteOf(t)
	if err != nil {
		return err
	}
	if f.description.Set {
		t.Description = f.description.V
	}
	if whole || f.archived.Set {
		t.Archived = f.archived.Or(false)
	}
	if whole || f.deprecated.Set {
		t.Deprecated = f.deprecated.Or(false)
	}
	if whole || f.schemas.Set {
		t.Schemas = f.schemas.Or(nil)
	}
	if whole || f.validate.Set {
		t.Validate = f.validate.Or(false)
	}
	if whole || f.flags.Set {
		n.FeatureFlags, t.FeatureFlag = f.flags.Or(nil), ""
		if len(n.FeatureFlags) > 0 {
			t.FeatureFlag = n.FeatureFlags[0]
		}
	}
	if whole || f.group.Set {
		n.GroupName = f.group.Or("")
	}
	return n.keep(t)
}

// keep writes the note onto the type.
func (n typeNote) keep(t *webhook.EventType) error {
	if len(n.FeatureFlags) < 2 {
		n.FeatureFlags = nil // the type itself has it
	}
	delete(t.Annotations, dialect)
	if len(n.FeatureFlags) == 0 && n.GroupName == "" {
		return nil
	}
	raw, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if t.Annotations == nil {
		t.Annotations = webhook.Annotations{}
	}
	t.Annotations[dialect] = raw
	return nil
}

// createEventType makes a type, or takes one that was archived back into use.
func (a *API) createEventType(c *call) error {
	body, err := a.body(c)
	if err != nil {
		return err
	}
	in, err := readEventType(body, "", true)
	if err != nil {
		return err
	}
	once, err := a.once(c, "event-type", body)
	if err != nil {
		return err
	}
	t := webhook.EventType{AccountID: c.catalogue(), Name: in.name}
	if err := in.apply(&t, true); err != nil {
		return err
	}
	made, _, err := a.Control.CreateEventType(c.ctx(), t, once)
	if webhook.CodeOf(err) == webhook.CodeConflict && fieldOf(err) == "name" {
		return a.unarchive(c, in)
	}
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, showEventType(made))
}

func (a *API) unarchive(c *call, in *eventTypeFields) error {
	t, err := a.Control.FindEventType(c.ctx(), c.catalogue(), in.name)
	if err != nil {
		return err
	}
	if !t.Archived {
		return &refusal{status: http.StatusConflict, code: "event_type_exists", detail: "There is an event type of this name already."}
	}
	return a.changeEventType(c, t.ID, in, true, http.StatusCreated)
}

func (a *API) changeEventType(c *call, eventType id.ID, in *eventTypeFields, whole bool, status int) error {
	t, err := a.Control.UpdateEventType(c.ctx(), eventType, func(t *webhook.EventType) error { return in.apply(t, whole) })
	if err != nil {
		return err
	}
	return c.json(status, showEventType(t))
}

// catalogue is the account whose event types the caller uses: an organisation's
// own, and for an application those of its organisation.
func (c *call) catalogue() id.ID {
	if c.who.Organisation() || c.who.Account.IsRoot() {
		return c.who.Account.ID
	}
	return c.who.Account.ParentID
}

// listEventTypes hides what is archived, and what is behind a feature flag.
func (a *API) listEventTypes(c *call) error {
	q := c.query()
	p := q.page(eventTypePrefix, true)
	archived, content := q.flag("include_archived", false), q.flag("with_content", false)
	if q.err != nil {
		return q.err
	}
	read := func(p webhook.Page) (webhook.Slice[webhook.EventType], error) {
		return a.Control.EventTypes(c.ctx(), c.catalogue(), p)
	}
	s, err := sift(p, read, func(t *webhook.EventType) id.ID { return t.ID }, func(t *webhook.EventType) bool {
		return (archived || !t.Archived) && c.shown(t)
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, listOf(s, func(t *webhook.EventType) string { return t.ID.Prefixed(eventTypePrefix) },
		func(t *webhook.EventType) eventTypeOut {
			out := showEventType(t)
			if !content {
				out.Schemas = nil
			}
			return out
		}))
}

func (c *call) shown(t *webhook.EventType) bool {
	n, err := noteOf(t)
	return err == nil && c.who.sees(n.FeatureFlags)
}

// eventType returns the type of the path.
func (a *API) eventType(ctx context.Context, c *call) (*webhook.EventType, error) {
	t, err := a.Control.FindEventType(ctx, c.catalogue(), c.r.PathValue("event_type_name"))
	if err == nil && !c.shown(t) {
		return nil, notFound()
	}
	return t, err
}

func (a *API) getEventType(c *call) error {
	t, err := a.eventType(c.ctx(), c)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, showEventType(t))
}

// putEventType changes all of a type, or makes it.
func (a *API) putEventType(c *call) error {
	body, err := a.body(c)
	if err != nil {
		return err
	}
	in, err := readEventType(body, c.r.PathValue("event_type_name"), true)
	if err != nil {
		return err
	}
	t, err := a.eventType(c.ctx(), c)
	if webhook.CodeOf(err) != webhook.CodeNotFound {
		if err != nil {
			return err
		}
		return a.changeEventType(c, t.ID, in, true, http.StatusOK)
	}
	name := c.r.PathValue("event_type_name")
	if wrong := wrongName(name); wrong != "" {
		return invalidAt(valueError, wrong, "path", "event_type_name")
	}
	made := webhook.EventType{AccountID: c.catalogue(), Name: name}
	if err := in.apply(&made, true); err != nil {
		return err
	}
	t, _, err = a.Control.CreateEventType(c.ctx(), made, nil)
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, showEventType(t))
}

func (a *API) patchEventType(c *call) error {
	body, err := a.body(c)
	if err != nil {
		return err
	}
	in, err := readEventType(body, c.r.PathValue("event_type_name"), false)
	if err != nil {
		return err
	}
	t, err := a.eventType(c.ctx(), c)
	if err != nil {
		return err
	}
	return a.changeEventType(c, t.ID, in, false, http.StatusOK)
}

// deleteEventType archives a type, or removes it for good.
func (a *API) deleteEventType(c *call) error {
	q := c.query()
	expunge := q.flag("expunge", false)
	if q.err != nil {
		return q.err
	}
	t, err := a.eventType(c.ctx(), c)
	if err != nil {
		return err
	}
	remove := a.Control.ArchiveEventType
	if expunge {
		remove = a.Control.DeleteEventType
	}
	if err := remove(c.ctx(), t.ID); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
