package telemetry

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestMetricsCountWhatHappened(t *testing.T) {
	m := NewMetrics([]string{"http"})
	m.Watch(func() Gauges { return Gauges{Backlog: 7} })
	m.Committed(3, 12, 5, 4*time.Millisecond)
	m.Refused("busy")
	m.Messages("kazoo", "rejected", 3)
	m.Attempted("http", "delivered", 40*time.Millisecond)
	m.Finished("delivered", 30*time.Hour)
	m.Finished("failed", time.Hour)
	m.Deleted("payloads", 9)
	text := scrape(t, m)
	for _, want := range []string{
		"switchhook_events_accepted_total 3\n",
		"switchhook_deliveries_planned_total 12\n",
		`switchhook_submissions_refused_total{reason="busy"} 1`,
		`switchhook_bus_messages_total{bus="kazoo",result="rejected"} 3`,
		`switchhook_attempts_total{result="delivered",service="http"} 1`,
		`switchhook_attempt_seconds_bucket{service="http",le="0.05"} 1`,
		`switchhook_deliveries_finished_total{status="delivered"} 1`,
		`switchhook_accept_to_delivered_seconds_bucket{le="86400"} 0`,
		`switchhook_accept_to_delivered_seconds_bucket{le="172800"} 1`,
		"switchhook_commits_total 1\n",
		`switchhook_commit_rows_bucket{le="64"} 1`,
		"switchhook_backlog_deliveries 7\n",
		`switchhook_deleted_total{what="payloads"} 9`,
		"go_goroutines ",
		`switchhook_build_info{version="`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

func TestTwoServersCountApart(t *testing.T) {
	a, b := NewMetrics(nil), NewMetrics(nil)
	a.Committed(1, 0, 0, 0)
	if !strings.Contains(scrape(t, b), "switchhook_events_accepted_total 0\n") {
		t.Error("one server's counts show in the other's")
	}
}

func TestLoggerHasLevelAndFormat(t *testing.T) {
	var b bytes.Buffer
	l, level, err := NewLogger(&b, "warn", FormatJSON)
	if err != nil {
		t.Fatal(err)
	}
	l.Info("not this")
	l.Warn("this", "key", webhook.Secret("hunter2"))
	if got := b.String(); !strings.Contains(got, `"msg":"this","key":"[redacted]"}`) || strings.Contains(got, "not this") {
		t.Errorf("logged %q", got)
	}
	if level.Set(slog.LevelInfo); !l.Enabled(t.Context(), slog.LevelInfo) {
		t.Error("the level cannot be changed")
	}
	if _, _, err := NewLogger(&b, "loud", FormatText); err == nil {
		t.Error("a level that does not exist is accepted")
	}
	if _, _, err := NewLogger(&b, "info", "xml"); err == nil {
		t.Error("a format that does not exist is accepted")
	}
	if l, _, err := NewLogger(&b, "debug", FormatText); err != nil || !l.Enabled(t.Context(), slog.LevelDebug) {
		t.Error("the text logger does not log debug lines")
	}
}
