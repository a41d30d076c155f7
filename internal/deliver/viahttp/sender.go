package viahttp

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/egress"
)

// DefaultBodyLimit is the number of response body bytes kept when a request does
// not say.
const DefaultBodyLimit = 64 << 10

// SenderOptions configure a Sender. Only Dialer is required.
type SenderOptions struct {
	Dialer *egress.Dialer

	MaxIdlePerHost int           // idle connections kept for one host, which may have many endpoints; 0 is 512
	MaxIdle        int           // idle connections kept in all; 0 is 2048
	IdleTimeout    time.Duration // how long an idle connection is kept; 0 is 90 s

	RootCAs *x509.CertPool // nil is the system's
}

// Sender is a lean HTTP/1.1 client. The caller's goroutine writes the request
// and reads the response on a connection that it has to itself meanwhile; there
// is no goroutine a connection. It is safe for concurrent use.
type Sender struct {
	dialer  *egress.Dialer
	idle    *idleConns
	targets *cache[targetKey, *target]
	tls     *tls.Config // where a request brings no settings of its own
	spare   sync.Pool   // of *exchange
}

// maxTargets bounds the URLs that are kept in parsed form, about 1 KiB each.
const maxTargets = 16 << 10

// maxTLSSessions bounds the TLS sessions kept for resumption.
const maxTLSSessions = 4096

// NewSender returns a Sender. Close it to close its idle connections.
func NewSender(o SenderOptions) (*Sender, error) {
	if o.Dialer == nil {
		return nil, errors.New("viahttp: a sender needs a dialer")
	}
	if o.MaxIdlePerHost < 0 || o.MaxIdle < 0 || o.IdleTimeout < 0 {
		return nil, errors.New("viahttp: a limit of idle connections is negative")
	}
	return &Sender{
		dialer: o.Dialer,
		idle: newIdleConns(orDefault(o.MaxIdlePerHost, 512), orDefault(o.MaxIdle, 2048),
			orDefault(o.IdleTimeout, 90*time.Second)),
		targets: newCache[targetKey, *target](maxTargets),
		tls: &tls.Config{
			RootCAs:            o.RootCAs,
			MinVersion:         tls.VersionTLS12,
			NextProtos:         []string{"http/1.1"},
			ClientSessionCache: tls.NewLRUClientSessionCache(maxTLSSessions),
		},
		spare: sync.Pool{New: func() any {
			return &exchange{br: bufio.NewReaderSize(nil, 4<<10)}
		}},
	}, nil
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// Close closes the idle connections, and those in use once they are done.
func (s *Sender) Close() { s.idle.close() }

// Send makes one exchange. See deliver.Sender.
func (s *Sender) Send(ctx context.Context, req *deliver.Request) (*deliver.Response, error) {
	e := s.spare.Get().(*exchange)
	defer s.recycle(e)
	e.begin(ctx, req)
	if err := ctx.Err(); err != nil {
		return nil, e.failed(err)
	}
	t, err := s.target(req)
	if err != nil {
		return nil, err
	}
	if e.out, err = appendHead(e.out[:0], t, req); err != nil {
		return nil, &deliver.SendError{Reason: err.Error(), Invalid: true, Err: err}
	}
	c, err := s.connect(e, t)
	if err != nil {
		return nil, e.failed(err)
	}
	stop := c.interruptOn(ctx)
	resp, keep, err := e.run(c)
	if interrupted := !stop(); keep && !interrupted && !t.private {
		s.idle.put(c)
	} else {
		c.Close()
	}
	if err != nil {
		return resp, e.failed(err)
	}
	return resp, nil
}

func (s *Sender) recycle(e *exchange) {
	e.ctx, e.req = nil, nil
	e.br.Reset(nil)
	s.spare.Put(e)
}

// connect returns a connection to t, an idle one that is still open or a new
// one, with the exchange's deadline set.
func (s *Sender) connect(e *exchange, t *target) (*conn, error) {
	for !t.private {
		c := s.idle.take(t.key)
		if c == nil {
			break
		}
		if c.SetDeadline(e.deadline) == nil && c.quiet() {
			return c, nil
		}
		c.Close()
	}
	c, err := s.open(e, t)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(e.deadline); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// open makes a new connection to t, TLS included.
func (s *Sender) open(e *exchange, t *target) (*conn, error) {
	ctx, deadline := e.ctx, e.connectBy()
	if !deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	nc, err := s.dial(ctx, t)
	if err != nil {
		return nil, err
	}
	c := newConn(nc, t.tls, t.key)
	if t.tls == nil {
		return c, nil
	}
	err = c.SetDeadline(deadline)
	stop := c.interruptOn(e.ctx)
	if err == nil {
		err = c.handshake()
	}
	if !stop() && err == nil {
		err = e.ctx.Err()
	}
	if err != nil {
		c.Close()
		return nil, &handshakeError{err}
	}
	return c, nil
}

func (s *Sender) dial(ctx context.Context, t *target) (net.Conn, error) {
	if t.forward != nil {
		return s.dialer.DialForward(ctx, t.forward)
	}
	return s.dialer.DialContext(ctx, "tcp", t.key.addr)
}
