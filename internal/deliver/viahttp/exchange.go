package viahttp

import (
	"bufio"
	"context"
	"io"
	"net"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
)

// How request bodies are written, by size in bytes.
const (
	copiedBody = 16 << 10 // up to here: copied behind the head, for one write
	inlineBody = 64 << 10 // up to here: written by the caller; above, beside reading
)

// exchange is one request and its response. It is used again for another one, to
// spare the buffers.
type exchange struct {
	ctx      context.Context
	req      *deliver.Request
	start    time.Time
	deadline time.Time // zero is none
	sent     bool      // at least one byte may have gone out

	out []byte        // the request's head, and a short body behind it
	in  []byte        // the response's headers, as in deliver.Header
	br  *bufio.Reader // reads the response
}

func (e *exchange) begin(ctx context.Context, req *deliver.Request) {
	e.ctx, e.req, e.start, e.sent = ctx, req, time.Now(), false
	e.deadline, _ = ctx.Deadline()
	if limit := e.start.Add(req.Timeout); req.Timeout > 0 && (e.deadline.IsZero() || limit.Before(e.deadline)) {
		e.deadline = limit
	}
}

// connectBy is the deadline for connecting; zero is none.
func (e *exchange) connectBy() time.Time {
	limit := e.start.Add(e.req.Connect)
	if e.req.Connect > 0 && (e.deadline.IsZero() || limit.Before(e.deadline)) {
		return limit
	}
	return e.deadline
}

// run writes the request whose head is in e.out and reads the response. The
// connection can carry another request when keep is true. A response together
// with an error is one that broke off behind its headers.
func (e *exchange) run(c *conn) (resp *deliver.Response, keep bool, err error) {
	e.sent = true
	if len(e.req.Body) <= inlineBody {
		writeErr := e.write(c)
		resp, keep, err = e.read(c)
		if writeErr != nil {
			// A receiver may answer and close before it has read everything.
			keep = false
			if resp == nil {
				err = writeErr
			}
		}
		return resp, keep, err
	}
	// A large body may be more than the connection holds while the receiver
	// answers without reading it.
	written := make(chan error, 1)
	go func() { written <- e.write(c) }()
	resp, keep, err = e.read(c)
	if keep {
		select {
		case writeErr := <-written:
			return resp, writeErr == nil, nil
		case <-time.After(unreadGrace):
		}
	}
	c.Close()
	<-written
	return resp, false, err
}

// unreadGrace is how long a receiver that has answered already may take to read
// the rest of the request before the connection is given up.
const unreadGrace = 50 * time.Millisecond

func (e *exchange) write(c *conn) error {
	if len(e.req.Body) <= copiedBody {
		e.out = append(e.out, e.req.Body...)
		_, err := c.Write(e.out)
		return err
	}
	parts := net.Buffers{e.out, e.req.Body}
	_, err := parts.WriteTo(c.Conn)
	return err
}

// source is what the response is read from.
func (e *exchange) source(c *conn) io.Reader {
	if e.req.Silence <= 0 {
		return c.Conn
	}
	return impatient{e, c}
}

// impatient reads from a connection that may not be silent for longer than the
// request allows.
type impatient struct {
	e *exchange
	c *conn
}

func (r impatient) Read(p []byte) (int, error) {
	until := time.Now().Add(r.e.req.Silence)
	if d := r.e.deadline; !d.IsZero() && d.Before(until) {
		until = d
	}
	if err := r.c.SetReadDeadline(until); err != nil {
		return 0, err
	}
	// What interrupts an exchange sets a deadline, too. Here it has not yet, or it is
	// seen.
	if err := r.e.ctx.Err(); err != nil {
		return 0, err
	}
	return r.c.Conn.Read(p)
}

func (e *exchange) read(c *conn) (*deliver.Response, bool, error) {
	e.br.Reset(e.source(c))
	h, err := e.readHead(e.req.Method == "HEAD")
	if err != nil {
		return nil, false, err
	}
	limit := e.req.BodyLimit
	if limit == 0 {
		limit = DefaultBodyLimit
	}
	resp := &deliver.Response{Status: h.status, Header: h.header}
	resp.Body, resp.Truncated, err = readBody(e.br, h.framing, max(limit, 0))
	keep := err == nil && !resp.Truncated && !h.close && h.length != untilClose && e.br.Buffered() == 0
	return resp, keep, err
}
