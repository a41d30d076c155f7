// Package bus is the seam between the engine and the message buses that events come
// from. A Source brings messages to a Handler and takes them off the bus only when the
// handler has made them durable. What a message means is the handler's to know: each
// dialect has one.
package bus

import "context"

// Message is one message, as the bus brought it. It is read-only.
type Message struct {
	Exchange    string
	RoutingKey  string
	Headers     map[string]any
	ContentType string
	Encoding    string // of the body: "gzip"
	Body        []byte
	Redelivered bool // it was brought before, and may have been handled
}

// Handler takes messages in the order in which they came and returns a verdict on
// each, when all that it accepted is durable. nil is: take it off the bus. A *Poison is:
// set it aside, it can never be handled. Any other error is: not now, bring it again.
type Handler func(ctx context.Context, batch []Message) []error

// Poison says why a message can never be handled.
type Poison struct{ Reason string }

// Error returns the reason.
func (p *Poison) Error() string { return p.Reason }

// Source brings messages from one bus.
type Source interface {
	// Run brings messages until ctx is done, however often the bus goes away in
	// between. It returns what cannot mend itself.
	Run(ctx context.Context) error
	// Up says whether messages can come at the moment.
	Up() bool
}
