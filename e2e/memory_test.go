//go:build linux

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/testkit"
)

// With small limits the process stays below what they come to, however much waits in
// the database and to be written to it, and while it is away.
func TestMemoryStaysBoundedWhileTheDatabaseIsAway(t *testing.T) {
	const (
		limit     = 64 << 20 // of the collector: what an idle server takes, and some times the limits below
		payload   = 128 << 10
		endpoints = 8
		away      = 3 * time.Second
		backlog   = 750 // events, whose payloads are one and a half times the limit
	)
	database, p := throughProxy(t, testkit.Postgres(t))
	s := startServer(t, "--database-url", database, "--set", "cluster.lease=3s",
		"--set", fmt.Sprintf("limits.memory=%dKiB", limit>>10), "--set", "limits.queue=2000", "--set", "limits.queue_bytes=4MiB",
		"--set", "limits.lane_bytes=4MiB", "--set", "limits.in_flight=64")
	r := testkit.NewReceiver(t)
	r.Script("", testkit.HangUntilReleased(testkit.Respond(200, strings.Repeat("r", 64<<10))))
	var messages [][]byte
	for i := range endpoints {
		s.subscriber(r.URLFor(fmt.Sprint("/", i)), map[string]any{"channels": []string{fmt.Sprint(i)}, "timeoutSeconds": 60})
		messages = append(messages, fmt.Appendf(nil, `{"eventType":"order.paid","channels":["%d"],"payload":{"text":"%s"}}`, i, strings.Repeat("p", payload)))
	}

	var cut atomic.Bool
	l := startLoadOf(t, 16, 40*time.Millisecond, func(n int) (int, string) {
		begun := cut.Load()
		status, header, id := s.post(messages[n%endpoints])
		switch {
		case status == http.StatusServiceUnavailable && header.Get("Retry-After") == "":
			t.Error("refused without Retry-After")
		case status == http.StatusAccepted && begun && cut.Load():
			t.Error("accepted without a database")
		}
		return status, id
	})
	s.wait("there is a backlog", time.Minute, func() bool { return l.accepted() >= backlog })

	p.Cut()
	cut.Store(true)
	restore := time.After(away)
	r.Script("", testkit.Status(200))
	r.Release() // the outcomes of what is in flight, with all they take, wait for the database
	s.wait("intake is refused", time.Minute, func() bool { return l.refused.Load() >= 100 })
	<-restore
	cut.Store(false)
	p.Restore()
	before := l.accepted()
	s.wait("events are accepted again", time.Minute, func() bool { return l.accepted() > before+50 })
	accepted := l.stop()
	s.wait("everything accepted has arrived", time.Minute, func() bool { return len(missing(r, accepted)) == 0 })

	// What is mapped of the program is not the collector's, who may also be late.
	bound := limit + memoryOf(t, s, "RssFile") + 24<<20
	peak := memoryOf(t, s, "VmHWM")
	t.Logf("%d accepted, %d refused; %d KiB of memory at the peak, of %d", len(accepted), l.refused.Load(), peak>>10, bound>>10)
	if peak > bound {
		t.Errorf("%d bytes of memory at the peak, more than %d", peak, bound)
	}
}

// memoryOf reads a size from what the system knows of the process.
func memoryOf(t *testing.T, s *server, name string) int64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatalf("no %s in\n%s", name, text)
	return 0
}
