package webhook

import (
	"time"

	"github.com/switchhook/switchhook/internal/id"
)

// Attempt is one try of a delivery, with its outcome.
type Attempt struct {
	ID         id.ID
	Delivery   DeliveryID
	AccountID  id.ID // of the endpoint
	EndpointID id.ID
	Number     int32 // 1 is the first try of its delivery
	Trigger    Trigger
	URL        string // where it went, without credentials
	StartedAt  time.Time
	NextAt     time.Time // when the delivery is tried again; zero is never
	Outcome    Outcome
}
