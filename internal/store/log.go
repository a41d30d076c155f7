package store

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// LogOrder is what a list of attempts is ordered by. Those that are equal in it are
// in the order of their ids.
type LogOrder int8

// The orders.
const (
	ByStart  LogOrder = iota // of their ids, which are made when they start
	ByEnd                    // start and latency
	ByStatus                 // delivered, to be tried again, failed for good
	ByNumber                 // within their delivery
)

// LogQuery selects attempts of one endpoint.
type LogQuery struct {
	EndpointID id.ID
	Since      time.Time // that started at this time or later; zero is all
	Until      time.Time // and before this time; zero is all
	Order      LogOrder
	Descending bool
	Window     Window
}

// Logged is an attempt with its response and the payload of its event, which is nil
// where it was deleted.
type Logged struct {
	webhook.Attempt
	Payload []byte
}

// Log reads the attempts of an endpoint together with what they were about.
type Log interface {
	AttemptLog(ctx context.Context, q LogQuery) ([]Logged, error)
}
