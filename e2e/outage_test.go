package e2e

import (
	"net/http"
	"net/url"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/testkit"
)

func TestKilledServerLosesNothingItAccepted(t *testing.T) {
	s := startServer(t)
	r := testkit.NewReceiver(t)
	s.subscriber(r.URL(), nil)
	for round := range 3 {
		accepted := sendWhile(s, func() {
			before := r.Count()
			s.wait("deliveries flow", 30*time.Second, func() bool { return r.Count() > before+100 })
			s.stop(syscall.SIGKILL)
		})
		s.start()
		if len(accepted) == 0 {
			t.Fatal("nothing was accepted")
		}
		s.wait("everything accepted has arrived", 30*time.Second, func() bool { return len(missing(r, accepted)) == 0 })
		t.Logf("round %d: %d accepted", round, len(accepted))
	}
}

func TestStoppedServerFinishesAndGoesOnLater(t *testing.T) {
	s := startServer(t)
	r := testkit.NewReceiver(t)
	r.Script("/", testkit.Delay(5*time.Millisecond, testkit.Status(200)))
	s.subscriber(r.URL(), map[string]any{"maxInFlight": 2})
	accepted := sendWhile(s, func() {
		s.wait("deliveries flow", 30*time.Second, func() bool { return r.Count() > 100 })
		s.stop(syscall.SIGTERM)
	})
	s.start()
	s.wait("everything accepted has arrived", time.Minute, func() bool { return len(missing(r, accepted)) == 0 })
	if got := r.Count(); got > len(accepted)+2 {
		t.Errorf("%d requests for %d events: a drain repeats nothing", got, len(accepted))
	}
}

func TestWithoutItsDatabaseTheServerRefusesAndThenGoesOn(t *testing.T) {
	database, p := throughProxy(t, testkit.Postgres(t))
	s := startServer(t, "--database-url", database)
	r := testkit.NewReceiver(t)
	s.subscriber(r.URL(), nil)
	if status, _ := s.send(1); status != http.StatusAccepted {
		t.Fatalf("status %d", status)
	}

	p.Cut()
	s.wait("intake is refused", 10*time.Second, func() bool {
		status, _ := s.send(2)
		return status == http.StatusServiceUnavailable
	})
	resp, err := http.Get(s.url + "/health/live")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("not alive without its database: %v", err)
	}
	resp.Body.Close()

	p.Restore()
	var id string
	s.wait("intake is open again", 30*time.Second, func() bool {
		status, m := s.send(3)
		id = m
		return status == http.StatusAccepted
	})
	s.wait("delivered after the outage", 30*time.Second, func() bool { return len(missing(r, []string{id})) == 0 })
}

// throughProxy returns the URL by which a database is reached through a proxy.
func throughProxy(t *testing.T, database string) (string, *testkit.Proxy) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	p, err := testkit.NewProxy(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	u.Host = p.Addr()
	return u.String(), p
}

// sendWhile sends events from several callers until stop has returned, and
// returns the ids of those that were accepted.
func sendWhile(s *server, stop func()) []string {
	var mu sync.Mutex
	var accepted []string
	var callers sync.WaitGroup
	end := make(chan struct{})
	for range 4 {
		callers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-end:
					return
				default:
				}
				status, id := s.send(n)
				if status != http.StatusAccepted {
					return
				}
				mu.Lock()
				accepted = append(accepted, id)
				mu.Unlock()
			}
		})
	}
	stop()
	close(end)
	callers.Wait()
	return accepted
}

// missing returns the ids that the receiver has not got.
func missing(r *testkit.Receiver, ids []string) (left []string) {
	got := map[string]bool{}
	for _, q := range r.Requests() {
		got[q.Header.Get("Webhook-Id")] = true
	}
	for _, id := range ids {
		if !got[id] {
			left = append(left, id)
		}
	}
	return left
}
