//go:build unix

package e2e

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/testkit"
)

// load is several callers that send whatever the answer.
type load struct {
	s       *server
	mu      sync.Mutex
	ids     []string // accepted
	refused atomic.Int64
	end     chan struct{}
	callers sync.WaitGroup
}

func startLoad(s *server) *load {
	l := &load{s: s, end: make(chan struct{})}
	for range 4 {
		l.callers.Go(func() {
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-l.end:
					return
				case <-tick.C:
				}
				switch status, id := s.send(n); status {
				case http.StatusAccepted:
					l.mu.Lock()
					l.ids = append(l.ids, id)
					l.mu.Unlock()
				case http.StatusServiceUnavailable:
					l.refused.Add(1)
				default:
					s.t.Errorf("status %d", status)
					return
				}
			}
		})
	}
	return l
}

func (l *load) accepted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.ids)
}

// stop ends the callers and returns the ids of what was accepted.
func (l *load) stop() []string {
	close(l.end)
	l.callers.Wait()
	return l.ids
}

func TestPostgresRestartsUnderLoad(t *testing.T) {
	p := testkit.StartPostgres(t)
	s := startServer(t, "--database-url", p.URL(), "--set", "cluster.lease=3s")
	r := testkit.NewReceiver(t)
	s.subscriber(r.URL(), nil)
	l := startLoad(s)
	for _, crash := range []bool{true, false} {
		before := l.accepted()
		s.wait("events are accepted", time.Minute, func() bool { return l.accepted() > before+100 })
		refused := l.refused.Load()
		p.Stop(crash)
		s.wait("intake is refused", time.Minute, func() bool { return l.refused.Load() > refused })
		status, header := s.ask("POST", "/app/app/msg", `{"eventType":"a.b","payload":{}}`)
		if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
			t.Errorf("without a database: %d, Retry-After %q", status, header.Get("Retry-After"))
		}
		p.Start()
		before = l.accepted()
		s.wait("events are accepted again", time.Minute, func() bool { return l.accepted() > before+100 })
	}
	accepted := l.stop()
	s.wait("everything accepted has arrived", 2*time.Minute, func() bool { return len(missing(r, accepted)) == 0 })
	t.Logf("%d accepted, %d refused, %d delivered", len(accepted), l.refused.Load(), r.Count())
}

func TestAnotherPrimaryIsFollowed(t *testing.T) {
	first := testkit.StartPostgres(t)
	second := first.Standby()
	url := strings.Replace(first.URL(), first.Addr(), first.Addr()+","+second.Addr(), 1) + "&target_session_attrs=read-write"
	s := startServer(t, "--database-url", url, "--set", "cluster.lease=3s")
	r := testkit.NewReceiver(t)
	s.subscriber(r.URL(), nil)
	l := startLoad(s)
	s.wait("events are accepted", time.Minute, func() bool { return l.accepted() > 100 })
	first.Stop(false)
	second.Promote()
	before := l.accepted()
	s.wait("events are accepted again", time.Minute, func() bool { return l.accepted() > before+100 })
	accepted := l.stop()
	s.wait("everything accepted has arrived", 2*time.Minute, func() bool { return len(missing(r, accepted)) == 0 })
}
