package webhook

import (
	"time"

	"github.com/switchhook/switchhook/internal/id"
)

// Event is something that happened.
type Event struct {
	ID        id.ID // given when the event is accepted, so that ids are in the order of acceptance
	AccountID id.ID
	UID       string // the sender's own id for it, unique in its account while the event is kept; may be empty
	Type      string
	Payload   []byte // as received, byte for byte; nil once expired

	Channels   []string
	Tags       []string
	Attributes map[string]string // for filters: what a bus or dialect knows about the event beside its payload

	CreatedAt      time.Time
	DeliverAt      time.Time // not before this; zero is at once
	PayloadExpires time.Time // when the payload is deleted
	PayloadDeleted bool      // it was, by time or by hand
}

// Weight is what a delivery of the event takes in memory, in bytes, where so many of
// them share its payload.
func (e *Event) Weight(deliveries int) int {
	return 512 + len(e.Payload)/max(deliveries, 1)
}
