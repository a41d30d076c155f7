package webhook

import (
	"encoding/json"
	"time"

	"github.com/switchhook/switchhook/internal/id"
)

// EventType is a named kind of event. It belongs to the account whose catalogue
// it is in: the root or another account that acts for others, or the account
// that registered it for itself.
type EventType struct {
	ID          id.ID
	AccountID   id.ID
	Name        string // unique in its account unless Annotations say that its dialect does not care
	Description string

	Schemas     json.RawMessage // version to JSON Schema, as given; nil is none
	Validate    bool            // refuse events whose payload does not fit the newest schema
	FeatureFlag string          // hides the type from portal keys that lack the flag
	Archived    bool
	Deprecated  bool

	Payload     json.RawMessage // the fixed payload of a registration; nil elsewhere
	Annotations Annotations

	CreatedAt time.Time
	UpdatedAt time.Time
}

// TypeEndpointDisabled is the type of the event by which Switchhook itself tells an
// account that one of its endpoints was switched off. It can be subscribed to
// without being in a catalogue.
const TypeEndpointDisabled = "endpoint.disabled"
