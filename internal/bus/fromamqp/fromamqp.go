// Package fromamqp brings messages from RabbitMQ. It has a durable queue of its own,
// bound to the exchanges where events are told, and acknowledges a message when its
// handler has made it durable. While the broker or the handler is away messages wait
// in the queue. What can never be handled is set aside in a second queue, where people
// can look at it.
//
// Delivery is at least once: after a lost connection, messages that were handled and not
// yet acknowledged come again, marked as redelivered.
package fromamqp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/internal/bus"
	"github.com/switchhook/switchhook/internal/rabbit"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Options configure a Source. URL, Dial, Queue.Name and Handle are required; zero fields
// take the defaults named.
type Options struct {
	URL  webhook.Secret // as rabbit.ParseURL takes it
	Dial rabbit.Dial
	TLS  *tls.Config // for amqps; nil verifies with the system's roots
	Name string      // of the bus, in logs and in the broker's lists: "amqp"

	Exchanges []Exchange // declared where they are not there; to begin with: see SetTopology
	Queue     Queue      // declared where it is not there
	Bindings  []Binding  // to begin with: see SetBindings
	Handle    bus.Handler
	Logger    *slog.Logger
	Metrics   Metrics

	// Prefetch is how many messages may be out of the queue at a time: 500.
	Prefetch int
	// Batch is the most that the handler is given at once: half of Prefetch, so that the
	// next ones come while these are written.
	Batch int
	// BodyLimit is the largest body that is handled, in bytes; a larger one is set aside: 4 MiB.
	BodyLimit int
	// Rejected is how many messages that were set aside are kept, the newest ones: 10,000.
	Rejected int
	// Heartbeat is how often a sign of life is sent: 10 s. A broker that gave none
	// for three times as long is lost.
	Heartbeat time.Duration
	// Check is how often exchanges and bindings are declared again, since someone may
	// have deleted them: 1 min.
	Check time.Duration
	// Backoff and MaxBackoff are the first and the longest wait before connecting again,
	// and before the handler is asked again that said "not now": 250 ms and 30 s.
	Backoff    time.Duration
	MaxBackoff time.Duration
}

// Metrics are told what happens to messages. They must not block; nil ones are left out.
type Metrics struct {
	Received func(n int) // messages that came, repeated ones each time
	Accepted func(n int) // … that were handled
	Rejected func(n int) // … that were set aside
	Deferred func(n int) // … whose handler said "not now", each time
}

// Exchange is where others publish.
type Exchange struct {
	Name       string
	Kind       string // "topic", "headers", "direct", "fanout"
	Durable    bool
	AutoDelete bool
	Arguments  map[string]any // as rabbit.Table takes them
}

// Queue is where messages wait. It is durable.
type Queue struct {
	Name      string
	Arguments map[string]any // such as x-queue-type, x-max-length
}

// Binding brings what an exchange is told into the queue.
type Binding struct {
	Exchange   string
	RoutingKey string
	Arguments  map[string]any // of a headers exchange
}

// Source implements bus.Source.
type Source struct {
	o   Options
	url rabbit.URL
	up  atomic.Bool

	mu        sync.Mutex
	exchanges []Exchange
	wanted    []Binding
	conn      *rabbit.Conn // nil while the broker is away

	reconciling sync.Mutex
	bound       map[string]Binding // what this process has bound and not unbound, by key

	publishing sync.Mutex
	publisher  *rabbit.Publisher // of conn; nil until needed
}

// New checks the options and returns a Source. Nothing is connected before Run.
func New(o Options) (*Source, error) {
	u, err := rabbit.ParseURL(o.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("fromamqp: the URL %w", err)
	case o.Dial == nil || o.Handle == nil:
		return nil, errors.New("fromamqp: dial and handle are required")
	case o.Queue.Name == "" || len(o.Queue.Name) > maxQueueName:
		return nil, fmt.Errorf("fromamqp: the queue needs a name of at most %d bytes", maxQueueName)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Name == "" {
		o.Name = "amqp"
	}
	setDefault(&o.Prefetch, 500)
	o.Prefetch = min(o.Prefetch, 1<<16-1)
	setDefault(&o.Batch, max(o.Prefetch/2, 1))
	o.Batch = min(o.Batch, o.Prefetch)
	setDefault(&o.BodyLimit, 4<<20)
	setDefault(&o.Rejected, 10_000)
	setDefault(&o.Check, time.Minute)
	setDefault(&o.Backoff, 250*time.Millisecond)
	setDefault(&o.MaxBackoff, 30*time.Second)
	for _, count := range []*func(int){&o.Metrics.Received, &o.Metrics.Accepted, &o.Metrics.Rejected, &o.Metrics.Deferred} {
		if *count == nil {
			*count = func(int) {}
		}
	}
	s := &Source{o: o, url: u, bound: map[string]Binding{}}
	if _, err := rabbit.Table(o.Queue.Arguments); err != nil {
		return nil, fmt.Errorf("fromamqp: queue: %w", err)
	}
	if s.exchanges, err = checkExchanges(o.Exchanges); err != nil {
		return nil, err
	}
	s.wanted, err = checkBindings(o.Bindings)
	return s, err
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Up says whether the broker is connected and messages are consumed.
func (s *Source) Up() bool { return s.up.Load() }

// Run brings messages until ctx is done, and returns nil. It connects again for as long
// as it takes.
func (s *Source) Run(ctx context.Context) error {
	wait := backoff{first: s.o.Backoff, longest: s.o.MaxBackoff}
	said := "" // what was logged last about the broker that is away
	for ctx.Err() == nil {
		wasUp, err := s.session(ctx, func() {
			s.o.Logger.Info("bus connected", "bus", s.o.Name, "broker", s.url)
			wait.reset()
		})
		if ctx.Err() != nil {
			break
		}
		if wasUp {
			said = ""
		}
		if said == "" || refused(err) && said != err.Error() {
			said = err.Error()
			s.o.Logger.Warn("bus away, connecting again", "bus", s.o.Name, "broker", s.url, "error", err)
		} else {
			s.o.Logger.Debug("bus still away", "bus", s.o.Name, "error", err)
		}
		wait.pause(ctx, nil)
	}
	return nil
}

// SetBindings says what the queue is to be bound to from now on. It returns nil when the
// broker has it so. On an error, one that says that the broker is away included, it is still
// wanted, and is made so when the broker is back. Bindings of an earlier process that
// are wanted no longer stay: AMQP has no way to list them; the handler ignores what comes by them.
func (s *Source) SetBindings(ctx context.Context, b []Binding) error {
	wanted, err := checkBindings(b)
	if err != nil {
		return err
	}
	return s.become(ctx, func() { s.wanted = wanted }, false)
}

// SetTopology is SetBindings that also says which exchanges are declared from now on.
// Those that are wanted no longer stay.
func (s *Source) SetTopology(ctx context.Context, e []Exchange, b []Binding) error {
	exchanges, err := checkExchanges(e)
	if err != nil {
		return err
	}
	wanted, err := checkBindings(b)
	if err != nil {
		return err
	}
	return s.become(ctx, func() { s.exchanges, s.wanted = exchanges, wanted }, true)
}

// become changes what is wanted, and makes the broker have it so: all of it again, or
// what differs.
func (s *Source) become(ctx context.Context, change func(), all bool) error {
	s.mu.Lock()
	change()
	conn := s.conn
	s.mu.Unlock()
	if conn == nil {
		return away()
	}
	done := make(chan error, 1)
	go func() { done <- s.reconcile(conn, all) }() // ends with the connection at the latest
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func checkExchanges(e []Exchange) ([]Exchange, error) {
	list := slices.Clone(e)
	for i := range list {
		if _, err := rabbit.Table(list[i].Arguments); err != nil {
			return nil, fmt.Errorf("fromamqp: exchange %s: %w", list[i].Name, err)
		}
		list[i].Arguments = maps.Clone(list[i].Arguments)
	}
	return list, nil
}

func checkBindings(b []Binding) ([]Binding, error) {
	list := make([]Binding, len(b))
	for i, binding := range b {
		if _, err := rabbit.Table(binding.Arguments); err != nil {
			return nil, fmt.Errorf("fromamqp: binding to %s: %w", binding.Exchange, err)
		}
		binding.Arguments = maps.Clone(binding.Arguments)
		list[i] = binding
	}
	return list, nil
}
