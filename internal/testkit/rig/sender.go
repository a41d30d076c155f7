package rig

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viahttp"
	"github.com/switchhook/switchhook/internal/egress"
)

// NewDialer returns a dialer that may reach this machine. o may say more.
func NewDialer(t testing.TB, o egress.Options) *egress.Dialer {
	t.Helper()
	o.Allow = []string{"loopback"}
	d, err := egress.New(o)
	Must(t, err)
	return d
}

// NewSender returns a sender over real sockets that may reach this machine, and its
// dialer. o may say more.
func NewSender(t testing.TB, o egress.Options) (*viahttp.Sender, *egress.Dialer) {
	t.Helper()
	d := NewDialer(t, o)
	s, err := viahttp.NewSender(viahttp.SenderOptions{Dialer: d})
	Must(t, err)
	t.Cleanup(s.Close)
	return s, d
}

// Played is a deliver.Sender that plays receivers: it answers with the status that the
// test says for a path, else with the one that is the path (/503), else with 200. It
// refuses the connection for 0.
type Played struct {
	Header, Body string // of every answer

	mu       sync.Mutex
	statuses map[string]int // by path
	sent     []Sent
}

// Sent is one request that a receiver got.
type Sent struct {
	URL     string
	Body    string
	Headers map[string][]string // in the spelling in which they were sent
}

// Send implements deliver.Sender.
func (p *Played) Send(_ context.Context, req *deliver.Request) (*deliver.Response, error) {
	u, err := url.Parse(req.URL)
	if err != nil {
		return nil, &deliver.SendError{Reason: err.Error(), Invalid: true}
	}
	headers := map[string][]string{}
	for _, h := range req.Headers {
		headers[h.Name] = append(headers[h.Name], h.Value)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, Sent{req.URL, string(req.Body), headers})
	status, said := p.statuses[u.Path]
	if !said {
		if _, err := fmt.Sscanf(u.Path, "/%d", &status); err != nil {
			status = http.StatusOK
		}
	}
	if status == 0 {
		return nil, &deliver.SendError{Reason: "connection refused"}
	}
	return &deliver.Response{Status: status, Header: deliver.Header(p.Header), Body: []byte(p.Body)}, nil
}

// Play says the status for a path from now on.
func (p *Played) Play(path string, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.statuses == nil {
		p.statuses = map[string]int{}
	}
	p.statuses[path] = status
}

// Sent returns what receivers got.
func (p *Played) Sent() []Sent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sent)
}
