package native

import (
	"encoding/json"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

type disabledNotice struct {
	Type      string       `json:"type"`
	Timestamp time.Time    `json:"timestamp"`
	Data      disabledData `json:"data"`
}

type disabledData struct {
	AppID        string     `json:"appId"`
	EndpointID   string     `json:"endpointId"`
	EndpointUID  string     `json:"endpointUid,omitempty"`
	Reason       string     `json:"reason"`
	FailingSince *time.Time `json:"failingSince,omitempty"`
}

// EndpointDisabled returns the event that tells the account of an endpoint that it
// was switched off.
func EndpointDisabled(e *webhook.Endpoint, h webhook.Health, reason string, now time.Time) webhook.Event {
	n := disabledNotice{webhook.TypeEndpointDisabled, now, disabledData{
		AppID: e.AccountID.Prefixed(appPrefix), EndpointID: e.ID.Prefixed(endpointPrefix), EndpointUID: e.UID, Reason: reason,
	}}
	if !h.FailingSince.IsZero() {
		n.Data.FailingSince = &h.FailingSince
	}
	payload, _ := json.Marshal(n) // texts and times cannot fail
	return webhook.Event{Type: webhook.TypeEndpointDisabled, Payload: payload}
}
