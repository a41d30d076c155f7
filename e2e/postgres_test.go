//go:build unix

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/testkit"
)

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
