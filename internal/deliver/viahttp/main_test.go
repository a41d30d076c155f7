package viahttp_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viahttp"
	"github.com/switchhook/switchhook/internal/egress"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// What the benchmark compares with keeps cleaning up for some seconds.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*HostClient).connsCleaner"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*Client).mCleaner"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*TCPDialer).tcpAddrsClean"),
	)
}

// hosts is a resolver that knows what it was given.
type hosts map[string]string

func (h hosts) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	a, err := netip.ParseAddr(h[host])
	if err != nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{a}, nil
}

// newSender makes a sender that may reach loopback.
func newSender(t *testing.T) *viahttp.Sender {
	t.Helper()
	return newSenderWith(t, egress.Options{Allow: []string{"loopback"}}, viahttp.SenderOptions{})
}

func newSenderWith(t *testing.T, e egress.Options, o viahttp.SenderOptions) *viahttp.Sender {
	t.Helper()
	d, err := egress.New(e)
	if err != nil {
		t.Fatal(err)
	}
	o.Dialer = d
	s, err := viahttp.NewSender(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// send sends with a time-out that ends a test that hangs.
func send(t *testing.T, s deliver.Sender, req deliver.Request) (*deliver.Response, error) {
	t.Helper()
	if req.Timeout == 0 {
		req.Timeout = 10 * time.Second
	}
	return s.Send(t.Context(), &req)
}

// mustSend fails the test unless the response has this status.
func mustSend(t *testing.T, s deliver.Sender, req deliver.Request, status int) *deliver.Response {
	t.Helper()
	resp, err := send(t, s, req)
	if err != nil {
		t.Fatalf("%s: %v", req.URL, err)
	}
	if resp.Status != status {
		t.Fatalf("%s: status %d, want %d", req.URL, resp.Status, status)
	}
	return resp
}

// sendError returns the *deliver.SendError that err must be.
func sendError(t *testing.T, err error) *deliver.SendError {
	t.Helper()
	e, ok := errors.AsType[*deliver.SendError](err)
	if !ok {
		t.Fatalf("got %v, want a SendError", err)
	}
	return e
}
