package client

import (
	"encoding/json"
	"time"
)

// List is a page of a list.
type List[T any] struct {
	Data     []T    `json:"data"`
	Iterator string `json:"iterator"`
	Done     bool   `json:"done"`
}

// App is an account, under its name on the wire.
type App struct {
	ID        string            `json:"id"`
	UID       string            `json:"uid"`
	Name      string            `json:"name"`
	RateLimit int               `json:"throttleRate"`
	Metadata  map[string]string `json:"metadata"`
	CreatedAt time.Time         `json:"createdAt"`
}

// Endpoint is where deliveries go.
type Endpoint struct {
	ID          string            `json:"id"`
	UID         string            `json:"uid"`
	URL         string            `json:"url"`
	Description string            `json:"description"`
	Disabled    bool              `json:"disabled"`
	EventTypes  []string          `json:"eventTypes"`
	Channels    []string          `json:"channels"`
	RateLimit   int               `json:"throttleRate"`
	Metadata    map[string]string `json:"metadata"`
	CreatedAt   time.Time         `json:"createdAt"`
	Health      struct {
		State          string     `json:"state"`
		FailingSince   *time.Time `json:"failingSince"`
		LastSuccess    *time.Time `json:"lastSuccess"`
		DisabledReason string     `json:"disabledReason"`
	} `json:"health"`
}

// EventType is a kind of event in the catalogue.
type EventType struct {
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Archived    bool      `json:"archived"`
	Deprecated  bool      `json:"deprecated"`
	CreatedAt   time.Time `json:"createdAt"`
}

// Message is an event, under its name on the wire.
type Message struct {
	ID        string          `json:"id"`
	EventID   string          `json:"eventId"`
	EventType string          `json:"eventType"`
	Payload   json.RawMessage `json:"payload"`
	Channels  []string        `json:"channels"`
	Tags      []string        `json:"tags"`
	Timestamp time.Time       `json:"timestamp"`
}

// Attempt is one try of a delivery.
type Attempt struct {
	ID                 string    `json:"id"`
	MsgID              string    `json:"msgId"`
	EndpointID         string    `json:"endpointId"`
	URL                string    `json:"url"`
	Response           string    `json:"response"`
	ResponseStatusCode int       `json:"responseStatusCode"`
	ResponseDurationMs int       `json:"responseDurationMs"`
	StatusText         string    `json:"statusText"`
	TriggerType        int       `json:"triggerType"`
	Timestamp          time.Time `json:"timestamp"`

	Outcome         string     `json:"outcome"`
	Detail          string     `json:"detail"`
	NextAttempt     *time.Time `json:"nextAttempt"`
	RequestHeaders  []string   `json:"requestHeaders"`
	ResponseHeaders []string   `json:"responseHeaders"`
}

// Key is an API key; the key itself is there only when it was just made.
type Key struct {
	ID        string     `json:"id"`
	Key       string     `json:"key"`
	Hint      string     `json:"hint"`
	Name      string     `json:"name"`
	Scope     string     `json:"scope"`
	AppID     string     `json:"appId"`
	CreatedAt time.Time  `json:"createdAt"`
	ExpiresAt *time.Time `json:"expiresAt"`
}

// Recovery says how many messages are delivered again.
type Recovery struct {
	Recovered int `json:"recovered"`
}

// Nothing is the value of an answer that has no body, or none of interest.
type Nothing struct{}
