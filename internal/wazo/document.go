package wazo

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/switchhook/switchhook/internal/match"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Document is a subscription as Wazo's API, its services and its plug-ins see it:
// always these ten members.
type Document struct {
	UUID            string             `json:"uuid"` // the endpoint's id
	Name            string             `json:"name"`
	Service         string             `json:"service"` // Wazo's name for it
	Events          []string           `json:"events"`
	Config          json.RawMessage    `json:"config"`   // an object
	Metadata        map[string]*string `json:"metadata"` // nil is null
	EventsUserUUID  *string            `json:"events_user_uuid"`
	EventsWazoUUID  *string            `json:"events_wazo_uuid"`
	OwnerUserUUID   *string            `json:"owner_user_uuid"`
	OwnerTenantUUID string             `json:"owner_tenant_uuid"`
}

// errNoDocument is what an endpoint of another dialect comes to.
var errNoDocument = errors.New("the endpoint is not a subscription of Wazo")

// DocumentOf returns the document that an endpoint stands for. Its configuration is
// the endpoint's own, which is encrypted at rest; the rest is an annotation.
func DocumentOf(e *webhook.Endpoint) (*Document, error) {
	text := e.Annotations[Annotation]
	if text == nil {
		return nil, errNoDocument
	}
	var d Document
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("document of endpoint %s: %w", e.ID, err)
	}
	r, err := recall(e.Config)
	if err != nil {
		return nil, fmt.Errorf("document of endpoint %s: %w", e.ID, err)
	}
	d.UUID, d.Config = e.ID.String(), r.Config
	if d.Config == nil {
		d.Config = json.RawMessage("{}")
	}
	if d.Metadata == nil {
		d.Metadata = map[string]*string{}
	}
	return &d, nil
}

// Onto writes the document to an endpoint: its annotation and its configuration. See
// Replace for one that was a subscription before.
func (d *Document) Onto(e *webhook.Endpoint) error {
	kept := *d
	kept.UUID, kept.Config = "", nil
	text, err := json.Marshal(&kept)
	if err != nil {
		return fmt.Errorf("document of a subscription: %w", err)
	}
	if e.Annotations == nil {
		e.Annotations = webhook.Annotations{}
	}
	e.Annotations[Annotation] = text
	e.Config, err = remembering{Config: d.Config}.text()
	return err
}

// globalVoicemail is the event for all users, whatever user a subscription asks for.
const globalVoicemail = "global_voicemail_message_created"

// Filters returns what the subscription wants, in filters that overlap in nothing;
// none when it wants no event. master says that its tenant is the master tenant,
// which receives the events of all. The others receive those of their own account,
// in which the events of the bus with their tenant_uuid are; an event that came
// another way, without attributes, is one without user and origin.
func (d *Document) Filters(master bool) []webhook.Filter {
	base := webhook.Filter{Attributes: map[string]string{}}
	if master {
		base.Scope = webhook.ScopeDescendants
	}
	if d.EventsWazoUUID != nil {
		base.Attributes[AttributeOrigin] = plain(*d.EventsWazoUUID)
	}
	if d.EventsUserUUID == nil {
		return narrowed(base, d.types(func(string) bool { return true }), "")
	}
	return slices.Concat(
		narrowed(base, d.types(func(name string) bool { return name != globalVoicemail }), userMark(*d.EventsUserUUID)),
		narrowed(base, d.types(func(name string) bool { return name == globalVoicemail }), allUsers),
	)
}

// types returns the types of some of the events. Names that no event can have are
// left out.
func (d *Document) types(some func(name string) bool) []string {
	var types []string
	for _, name := range d.Events {
		if t := EventType(name); some(name) && t != "" && len(t) <= match.MaxName {
			types = append(types, t)
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// narrowed returns base for the types, and for a user unless it is empty, in filters
// that are not too long.
func narrowed(base webhook.Filter, types []string, user string) []webhook.Filter {
	var filters []webhook.Filter
	for part := range slices.Chunk(types, match.MaxTypes) {
		f := base
		f.Types = slices.Clone(part)
		f.Attributes = maps.Clone(base.Attributes)
		if user != "" {
			f.Attributes[AttributeUser+user] = True
		}
		filters = append(filters, f)
	}
	return filters
}

// Detail is what an attempt of one of Wazo's services leaves in its outcome for the
// log of deliveries. It must come to a JSON object.
func Detail(detail any) []byte {
	text, err := json.Marshal(map[string]any{"detail": detail})
	if err != nil {
		return []byte(`{"detail":{}}`)
	}
	return text
}
