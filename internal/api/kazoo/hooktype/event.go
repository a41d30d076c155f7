package hooktype

import (
	"strconv"

	"github.com/switchhook/switchhook/internal/render"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Event is what a message means for the hooks of one type.
type Event struct {
	Type *Type
	Firing
}

// TypeOneOff is the type of events for a hook that came with its message. No hook that
// is configured gets them.
const TypeOneOff = "kazoo-one-off"

// Webhook returns the event as the engine takes it: with the payload as it is before a
// hook's custom data joins it, and the attributes that filters look at.
func (e *Event) Webhook() (webhook.Event, error) {
	payload, err := render.JSON(e.Payload)
	if err != nil {
		return webhook.Event{}, err
	}
	if e.Hook != nil {
		return webhook.Event{Type: TypeOneOff, Payload: payload}, nil
	}
	attributes := map[string]string{attributeInternal: strconv.FormatBool(e.Internal)}
	for _, m := range e.Type.Modifiers {
		if value := textOf(e.Payload.Get(m.Member)); value != "" {
			attributes[attributeModifier+m.Key] = value
		}
	}
	return webhook.Event{Type: EventPrefix + e.Type.ID, Payload: payload, Attributes: attributes}, nil
}
