package viahttp

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/egress"
)

// handshakeError says that TLS was not agreed upon.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return "TLS: " + e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// failed makes the error of an exchange that has no whole response.
func (e *exchange) failed(err error) error {
	s := &deliver.SendError{Sent: e.sent, Err: err}
	if errors.Is(e.ctx.Err(), context.Canceled) {
		s.Reason = "cancelled"
		return s
	}
	now := time.Now()
	netErr, ok := errors.AsType[net.Error](err)
	switch _, refused := errors.AsType[*egress.RefusedError](err); {
	case refused:
		s.Refused = true
		s.Reason = reason(err)
	case ok && netErr.Timeout() || errors.Is(err, context.DeadlineExceeded):
		s.Timeout = true
		s.Reason = "timeout after " + e.waited(now).String()
	default:
		s.Reason = reason(err)
	}
	return s
}

// waited is how long the exchange took until it ran out of time: what it was
// given, or less when connecting has a limit of its own.
func (e *exchange) waited(now time.Time) time.Duration {
	if !e.deadline.IsZero() && !now.Before(e.deadline) {
		return e.deadline.Sub(e.start).Round(time.Millisecond)
	}
	return now.Sub(e.start).Round(10 * time.Millisecond)
}

// reason tells a cause in one line.
func reason(err error) string {
	if _, ok := errors.AsType[*handshakeError](err); !ok && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		return "connection closed before the response was complete"
	}
	return egress.Reason(err)
}
