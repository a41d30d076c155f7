package e2e

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load is several callers that send whatever the answer.
type load struct {
	t       *testing.T
	send    func(n int) (status int, id string)
	mu      sync.Mutex
	ids     []string // accepted
	refused atomic.Int64
	end     chan struct{}
	callers sync.WaitGroup
}

// startLoad starts a light load that does not end before it is stopped.
func startLoad(s *server) *load { return startLoadOf(s.t, 4, 5*time.Millisecond, s.send) }

// startLoadOf starts callers that send once an interval, or as fast as they are answered.
// send is server.send or something like it; any answer but 202 and 503 is an error.
func startLoadOf(t *testing.T, callers int, interval time.Duration, send func(n int) (status int, id string)) *load {
	l := &load{t: t, send: send, end: make(chan struct{})}
	for range callers {
		l.callers.Go(func() { l.call(interval) })
	}
	return l
}

func (l *load) call(interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-l.end:
			return
		case <-tick.C:
		}
		switch status, id := l.send(n); status {
		case http.StatusAccepted:
			l.mu.Lock()
			l.ids = append(l.ids, id)
			l.mu.Unlock()
		case http.StatusServiceUnavailable:
			l.refused.Add(1)
		default:
			l.t.Errorf("status %d", status)
			return
		}
	}
}

func (l *load) accepted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.ids)
}

// snapshot returns the ids of what was accepted so far.
func (l *load) snapshot() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.ids)
}

// stop ends the callers and returns the ids of what was accepted.
func (l *load) stop() []string {
	close(l.end)
	l.callers.Wait()
	return l.ids
}
