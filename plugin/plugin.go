// Package plugin is for programs that deliver events for a Switchhook server: it
// speaks the line protocol of docs/plugins.md, so that a plug-in is one function.
//
//	func main() {
//		plugin.Main(plugin.Service{Name: "example", Deliver: deliver})
//	}
//
// The types of the protocol are here, too; the server uses the same ones. The package
// needs nothing but the standard library.
package plugin

import (
	"context"
	"encoding/json"
	"time"
)

// Protocol is the version of the protocol that this package speaks.
const Protocol = 1

// The types of lines.
const (
	TypeHello    = "hello"    // the plug-in's first line
	TypeDelivery = "delivery" // to the plug-in
	TypeAnswer   = "answer"   // from the plug-in; may be left out
)

// Hello is the first line of a plug-in.
type Hello struct {
	Type     string `json:"type"`     // TypeHello
	Protocol int    `json:"protocol"` // Protocol
	Name     string `json:"name"`     // of the service, as plugin.yaml says it
	Version  string `json:"version,omitempty"`
	// Concurrency is how many deliveries the process takes at a time; 0 is 1.
	Concurrency int `json:"concurrency,omitempty"`
	// ConfigSchema is a JSON Schema of options; configurations that do not fit are refused
	// when they are saved. Nil takes any object.
	ConfigSchema json.RawMessage `json:"config_schema,omitempty"`
}

// Delivery is one attempt to deliver one event.
type Delivery struct {
	Type        string    `json:"type"`         // TypeDelivery
	ID          string    `json:"id"`           // of this line; the answer repeats it
	Delivery    string    `json:"delivery"`     // the same for all attempts of one delivery
	Attempt     int       `json:"attempt"`      // 1 is the first
	MaxAttempts int       `json:"max_attempts"` // of the endpoint's plan
	Deadline    time.Time `json:"deadline"`     // answers that come later are not looked at

	Options      json.RawMessage `json:"options"`      // the endpoint's configuration, an object
	Event        json.RawMessage `json:"event"`        // what happened
	Subscription json.RawMessage `json:"subscription"` // who wanted to know, an object
}

// Result is what came of a delivery.
type Result string

// The results.
const (
	Delivered Result = "delivered" // done
	Retry     Result = "retry"     // failed; try again later
	Rejected  Result = "rejected"  // failed for good
)

// Answer is what a plug-in says of a delivery.
type Answer struct {
	Type   string `json:"type,omitempty"`
	ID     string `json:"id"`
	Result Result `json:"result"`
	// Error says in one line why it failed.
	Error string `json:"error,omitempty"`
	// Detail is an object that is kept with the attempt, for people.
	Detail json.RawMessage `json:"detail,omitempty"`
	// RetryAfter is how many seconds to wait at least, with Retry.
	RetryAfter float64 `json:"retry_after,omitempty"`
}

// Service is a plug-in in Go.
type Service struct {
	Name         string          // required
	Version      string          // for people
	Concurrency  int             // calls of Deliver at a time; 0 is 1
	ConfigSchema json.RawMessage // of options; nil takes any object

	// Deliver makes one attempt. ctx ends with the attempt's deadline. What it returns is
	// kept with the attempt: an object, or anything that JSON makes one of; nil
	// is an empty one. An error of Try or Reject says what becomes of the delivery;
	// after any other, and after a panic, it is tried again.
	Deliver func(ctx context.Context, d *Delivery) (detail any, err error)
}

// Failure is an error that says what becomes of the delivery.
type Failure struct {
	Result Result // Retry or Rejected
	Reason string
	After  time.Duration // wait at least that long; with Retry
}

// Error returns the reason.
func (f *Failure) Error() string { return f.Reason }

// Try returns an error after which the delivery is tried again, when the endpoint's plan
// says so, but not before after has passed.
func Try(reason string, after time.Duration) error {
	return &Failure{Result: Retry, Reason: reason, After: after}
}

// Reject returns an error after which the delivery is given up.
func Reject(reason string) error { return &Failure{Result: Rejected, Reason: reason} }
