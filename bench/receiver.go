package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// mode is how a group of the receiver answers.
type mode string

// The modes. What hangs when the mode changes goes on as the new mode says.
const (
	modeOK    mode = ""      // 200 at once
	modeHang  mode = "hang"  // 200, after hangTime
	modeClose mode = "close" // no answer: the connection is closed
)

// hangTime is how long a receiver keeps a connection that hangs.
const hangTime = 10 * time.Second

// groupStats are what came for one group.
type groupStats struct {
	Count    int64         // requests that were answered with 200
	Knocks   int64         // requests in all, since the mode was set
	First    time.Time     // of those answered
	P50, P99 time.Duration // from the time in the payload until it came
}

// receiver is an ordinary net/http server: the same for the limit as for
// everything else. The first segment of a request's path is its group.
type receiver struct {
	groups  sync.Map // name: *group
	buffers sync.Pool
}

type group struct {
	count   atomic.Int64
	knocks  atomic.Int64
	first   atomic.Int64 // Unix time in nanoseconds
	latency histogram
	answer  atomic.Pointer[answering]
}

// answering is a mode until it is over.
type answering struct {
	mode mode
	over chan struct{}
}

func playReceiver(_ context.Context, s *stage) error {
	if _, err := s.first(); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	r := &receiver{}
	r.buffers.New = func() any { return new([2 * payloadSize]byte) }
	go func() { _ = http.Serve(l, r) }()
	s.obey(reply{URL: "http://" + l.Addr().String()}, r.do)
	return nil
}

func (r *receiver) group(name string) *group {
	if g, ok := r.groups.Load(name); ok {
		return g.(*group)
	}
	fresh := &group{}
	fresh.answer.Store(&answering{over: make(chan struct{})})
	g, _ := r.groups.LoadOrStore(name, fresh)
	return g.(*group)
}

// do carries out an order of the parent.
func (r *receiver) do(o order) (reply, error) {
	switch o.Do {
	case doSet:
		g := r.group(o.Group)
		g.knocks.Store(0)
		close(g.answer.Swap(&answering{o.Mode, make(chan struct{})}).over)
		return reply{}, nil
	case doReset:
		r.groups.Range(func(_, g any) bool { g.(*group).reset(); return true })
		return reply{}, nil
	case doStats:
		all := map[string]groupStats{}
		r.groups.Range(func(name, g any) bool { all[name.(string)] = g.(*group).stats(); return true })
		return reply{Groups: all}, nil
	}
	return reply{}, fmt.Errorf("the receiver cannot %q", o.Do)
}

func (g *group) reset() {
	g.count.Store(0)
	g.first.Store(0)
	g.latency.reset()
}

func (g *group) stats() groupStats {
	s := groupStats{Count: g.count.Load(), Knocks: g.knocks.Load(), P50: g.latency.quantile(0.5), P99: g.latency.quantile(0.99)}
	if at := g.first.Load(); at > 0 {
		s.First = time.Unix(0, at)
	}
	return s
}

// ServeHTTP receives a delivery.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	buffer := r.buffers.Get().(*[2 * payloadSize]byte)
	defer r.buffers.Put(buffer)
	n, err := io.ReadFull(req.Body, buffer[:min(max(req.ContentLength, 0), int64(len(buffer)))])
	if err != nil {
		return
	}
	now := time.Now()
	name, _, _ := strings.Cut(req.URL.Path[1:], "/")
	g := r.group(name)
	g.knocks.Add(1)
	if !g.answer.Load().wait(req.Context(), g) {
		panic(http.ErrAbortHandler) // closes the connection
	}
	if at, ok := stampOf(buffer[:n]); ok {
		g.latency.add(now.Sub(at))
	}
	g.first.CompareAndSwap(0, now.UnixNano())
	g.count.Add(1)
	w.WriteHeader(http.StatusOK)
}

// wait waits as the mode wants and says whether to answer.
func (a *answering) wait(ctx context.Context, g *group) bool {
	switch a.mode {
	case modeClose:
		return false
	case modeHang:
		t := time.NewTimer(hangTime)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return false
		case <-a.over:
			return g.answer.Load().wait(ctx, g)
		}
	}
	return true
}
