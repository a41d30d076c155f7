package testkit

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options say what a Receiver listens to and keeps. The zero value is plain HTTP
// on a free port, answering 200 to everything.
type Options struct {
	Addr          string // "127.0.0.1:0" when empty
	TLS           bool   // serve HTTPS with a certificate from Authority
	RequireClient bool   // demand a client certificate from Authority
	Authority     *Authority
	Keep          int // requests remembered; 0 is 10,000. Later ones are only counted

	// Fast answers every request with 200 and remembers nothing but the count:
	// for load. OnBody then sees each body, which it must not keep.
	Fast   bool
	OnBody func(body []byte)
}

// Request is what a Receiver received.
type Request struct {
	Method string
	Target string // as in the request line
	Host   string
	Header http.Header
	Head   string // request line and headers, byte for byte, with the empty line
	Body   []byte
	At     time.Time
	Conn   int  // counts the receiver's connections from 1
	Client bool // the connection presented a client certificate
}

// Receiver is an HTTP server that answers by script.
type Receiver struct {
	options  Options
	listener net.Listener
	conns    connSet
	loops    sync.WaitGroup

	mu       sync.Mutex
	scripts  map[string][]Answer // path, or "" for all others
	requests []Request
	count    int
	accepted int
	inFlight int
	peak     int
	changed  chan struct{} // closed and replaced at each request
	release  chan struct{} // closed and replaced by Release
}

// NewReceiver starts a receiver that is closed at the end of the test.
func NewReceiver(t TB) *Receiver {
	t.Helper()
	return NewReceiverWith(t, Options{})
}

// NewReceiverWith is NewReceiver with options.
func NewReceiverWith(t TB, o Options) *Receiver {
	t.Helper()
	r, err := StartReceiver(o)
	if err != nil {
		t.Fatalf("start a receiver: %v", err)
	}
	t.Cleanup(r.Close)
	return r
}

// StartReceiver starts a receiver. Close stops it.
func StartReceiver(o Options) (*Receiver, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Keep == 0 {
		o.Keep = 10_000
	}
	if o.TLS && o.Authority == nil {
		a, err := NewAuthority()
		if err != nil {
			return nil, err
		}
		o.Authority = a
	}
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("testkit: listen: %w", err)
	}
	if o.TLS {
		l = tls.NewListener(l, o.Authority.ServerConfig(o.RequireClient))
	}
	r := &Receiver{
		options:  o,
		listener: l,
		scripts:  make(map[string][]Answer),
		changed:  make(chan struct{}),
		release:  make(chan struct{}),
	}
	r.loops.Go(r.accept)
	return r, nil
}

// URL is the receiver's address with the path "/".
func (r *Receiver) URL() string { return r.URLFor("/") }

// URLFor is the receiver's address with a path, which begins with "/".
func (r *Receiver) URLFor(path string) string {
	scheme := "http://"
	if r.options.TLS {
		scheme = "https://"
	}
	return scheme + r.Addr() + path
}

// Addr is "host:port".
func (r *Receiver) Addr() string { return r.listener.Addr().String() }

// Authority signed the receiver's certificate; nil without TLS.
func (r *Receiver) Authority() *Authority { return r.options.Authority }

// Script sets the answers to requests for a path, in order; the last one is
// repeated. The path "" stands for every path that has no script of its own.
func (r *Receiver) Script(path string, answers ...Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scripts[path] = answers
}

// Requests returns what came so far, oldest first.
func (r *Receiver) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Request(nil), r.requests...)
}

// Count is the number of requests so far.
func (r *Receiver) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// Connections is the number of connections so far.
func (r *Receiver) Connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted
}

// Peak is the greatest number of requests that were being answered at once.
func (r *Receiver) Peak() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.peak
}

// Wait waits until n requests came and returns them all.
func (r *Receiver) Wait(n int, timeout time.Duration) ([]Request, error) {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	for {
		r.mu.Lock()
		count, changed := r.count, r.changed
		r.mu.Unlock()
		if count >= n {
			return r.Requests(), nil
		}
		select {
		case <-changed:
		case <-deadline.C:
			return r.Requests(), fmt.Errorf("testkit: %d of %d requests came within %v", count, n, timeout)
		}
	}
}

// Reset forgets the requests and the scripts.
func (r *Receiver) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests, r.count, r.peak = nil, 0, 0
	clear(r.scripts)
}

// Release ends every answer that hangs, drips or floods at this moment.
func (r *Receiver) Release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.release)
	r.release = make(chan struct{})
}

// CloseConnections closes every connection, as a receiver does that restarts.
func (r *Receiver) CloseConnections() { r.conns.closeAll(false) }

// Close stops the receiver and everything it does.
func (r *Receiver) Close() {
	_ = r.listener.Close()
	r.conns.closeAll(true)
	r.Release()
	r.loops.Wait()
}

func (r *Receiver) accept() {
	for {
		c, err := r.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || !r.conns.add(c) {
			continue
		}
		r.mu.Lock()
		r.accepted++
		n := r.accepted
		r.mu.Unlock()
		r.loops.Go(func() {
			defer r.conns.remove(c)
			if r.options.Fast {
				r.serveFast(c)
			} else {
				r.serve(c, n)
			}
		})
	}
}

// maxHead bounds the request line and headers.
const maxHead = 64 << 10

// serve answers requests on one connection until one side closes it.
func (r *Receiver) serve(c net.Conn, n int) {
	br := bufio.NewReaderSize(c, maxHead)
	for {
		req, err := readRequest(br)
		if err != nil {
			return
		}
		req.Conn = n
		if t, ok := c.(*tls.Conn); ok {
			req.Client = len(t.ConnectionState().PeerCertificates) > 0
		}
		answer, done := r.begin(req)
		keep := answer(&Exchange{Conn: c, Request: req, Done: done})
		r.mu.Lock()
		r.inFlight--
		r.mu.Unlock()
		if !keep {
			return
		}
	}
}

func readRequest(br *bufio.Reader) (*Request, error) {
	head, err := peekHead(br)
	if err != nil {
		return nil, err
	}
	raw := string(head)
	parsed, err := http.ReadRequest(br)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(parsed.Body)
	if err != nil {
		return nil, err
	}
	return &Request{
		Method: parsed.Method,
		Target: parsed.RequestURI,
		Host:   parsed.Host,
		Header: parsed.Header,
		Head:   raw,
		Body:   body,
		At:     time.Now(),
	}, nil
}

// peekHead returns what br holds up to the empty line, without taking it.
func peekHead(br *bufio.Reader) ([]byte, error) {
	for want := 1; ; want = br.Buffered() + 1 {
		if _, err := br.Peek(want); err != nil {
			return nil, err
		}
		held, _ := br.Peek(br.Buffered())
		if i := bytes.Index(held, []byte("\r\n\r\n")); i >= 0 {
			return held[:i+4], nil
		}
	}
}

// begin records a request and finds the answer to it.
func (r *Receiver) begin(req *Request) (Answer, <-chan struct{}) {
	path, _, _ := strings.Cut(req.Target, "?")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	if len(r.requests) < r.options.Keep {
		r.requests = append(r.requests, *req)
	}
	r.inFlight++
	r.peak = max(r.peak, r.inFlight)
	close(r.changed)
	r.changed = make(chan struct{})
	if _, ok := r.scripts[path]; !ok {
		path = ""
	}
	answers := r.scripts[path]
	switch len(answers) {
	case 0:
		return Status(200), r.release
	case 1:
	default:
		r.scripts[path] = answers[1:]
	}
	return answers[0], r.release
}
