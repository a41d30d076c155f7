// Package rabbit connects to RabbitMQ: URLs, TLS, the handshake within a deadline,
// ends that do not hang, and header tables. It knows nothing of events: the way in is
// bus/fromamqp, the way out is deliver/viaamqp. It does not reconnect either: what has
// to be declared again is its users' to know.
package rabbit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rabbitmq/amqp091-go"
)

// Dial connects to "host:port".
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Options configure Connect. Dial is required.
type Options struct {
	Dial Dial
	// TLS is for amqps URLs; nil verifies with the system's roots. Its ServerName is
	// the URL's host when it is empty.
	TLS *tls.Config
	// Name is shown for the connection in the broker's own lists.
	Name string
	// Timeout bounds connecting as a whole: 15 s.
	Timeout time.Duration
	// Heartbeat is the silence after which each side asks the other for a sign of life:
	// 10 s. Without one for three times as long the connection ends. Whole seconds.
	Heartbeat time.Duration
	// Channels is the most that may be open at a time; 0 is what the broker allows.
	Channels uint16
	// Guarded bounds what the broker may send, for one that is not the operator's own.
	// Nothing can be consumed then.
	Guarded bool
}

// Conn is a connection to a broker.
type Conn struct {
	*amqp091.Connection
	socket net.Conn
	guard  *guard // nil where there is none
}

// HandshakeError says that TLS was not agreed upon.
type HandshakeError struct{ Err error }

// Error returns the cause.
func (e *HandshakeError) Error() string { return "TLS: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *HandshakeError) Unwrap() error { return e.Err }

// Connect opens a connection. It returns soon after ctx is done.
func Connect(ctx context.Context, u URL, o Options) (*Conn, error) {
	if o.Dial == nil {
		return nil, errors.New("rabbit: no way to dial")
	}
	ctx, cancel := context.WithTimeout(ctx, orDefault(o.Timeout, 15*time.Second))
	defer cancel()
	socket, err := o.Dial(ctx, "tcp", u.addr)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	// Whatever blocks from here on ends when the socket is closed.
	stop := context.AfterFunc(ctx, func() { _ = socket.Close() })
	c, err := handshake(ctx, u, o, socket)
	if !stop() && err == nil {
		c.Close()
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = socket.Close()
		if ctx.Err() != nil {
			err = ctx.Err() // and not that the socket was closed, which is what it does
		}
		return nil, fmt.Errorf("connect: %w", err)
	}
	return c, nil
}

func handshake(ctx context.Context, u URL, o Options, socket net.Conn) (*Conn, error) {
	if u.tls {
		config := &tls.Config{MinVersion: tls.VersionTLS12}
		if o.TLS != nil {
			config = o.TLS.Clone()
		}
		if config.ServerName == "" {
			config.ServerName = u.host
		}
		secured := tls.Client(socket, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, &HandshakeError{err}
		}
		socket = secured
	}
	var watched *guard
	if o.Guarded {
		watched = newGuard(socket)
		socket = watched
	}
	properties := amqp091.NewConnectionProperties()
	if o.Name != "" {
		properties.SetClientConnectionName(o.Name)
	}
	conn, err := amqp091.Open(socket, amqp091.Config{
		SASL:       []amqp091.Authentication{&amqp091.PlainAuth{Username: u.user, Password: u.password}},
		Vhost:      u.vhost,
		Heartbeat:  max(orDefault(o.Heartbeat, 10*time.Second), time.Second),
		ChannelMax: o.Channels,
		FrameSize:  maxFrame,
		Locale:     "en_US",
		Properties: properties,
	})
	if err != nil {
		return nil, err
	}
	return &Conn{conn, socket, watched}, nil
}

// closing bounds how long a broker may take to say goodbye.
const closing = 2 * time.Second

// Close ends the connection: politely where the broker listens, in any case soon.
func (c *Conn) Close() {
	stop := time.AfterFunc(closing, func() { _ = c.socket.Close() })
	defer stop.Stop()
	_ = c.Connection.CloseDeadline(time.Now().Add(closing))
	_ = c.socket.Close()
}

// Closed says whether an error is the end of a channel or a connection that the
// broker gave this code for (AMQP 0-9-1, "Constants").
func Closed(err error, code int) bool {
	e, ok := errors.AsType[*amqp091.Error](err)
	return ok && e.Code == code
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
