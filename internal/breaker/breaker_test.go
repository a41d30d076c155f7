package breaker_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/switchhook/switchhook/internal/breaker"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
	"pgregory.net/rapid"
)

var (
	start = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

	success   = webhook.Outcome{Result: webhook.ResultDelivered, StatusCode: 200}
	failure   = webhook.Outcome{Result: webhook.ResultRetry, StatusCode: 500}
	down      = webhook.Outcome{Result: webhook.ResultThrottled, StatusCode: 503}
	refused   = webhook.Outcome{Result: webhook.ResultRetry}
	timeout   = webhook.Outcome{Result: webhook.ResultRetry, Timeout: true}
	throttled = webhook.Outcome{Result: webhook.ResultThrottled, StatusCode: 429}
	notFound  = webhook.Outcome{Result: webhook.ResultRetry, StatusCode: 404}
	rejected  = webhook.Outcome{Result: webhook.ResultRejected}
	gone      = webhook.Outcome{Result: webhook.ResultGone, StatusCode: 410}
)

// history applies the outcomes, step apart, and returns the last verdict.
func history(p webhook.HealthPolicy, h *webhook.Health, from time.Time, step time.Duration, outcomes ...webhook.Outcome) breaker.Verdict {
	var v breaker.Verdict
	for i, o := range outcomes {
		*h, v = breaker.Apply(p, *h, o, from.Add(time.Duration(i)*step))
	}
	return v
}

func times(n int, o webhook.Outcome) []webhook.Outcome { return slices.Repeat([]webhook.Outcome{o}, n) }

func TestAFarewellDisablesAtOnce(t *testing.T) {
	var h webhook.Health
	if v := history(breaker.Native(), &h, start, 0, gone); v != (breaker.Verdict{Action: breaker.Disable, Reason: webhook.DisabledByGone}) {
		t.Errorf("native: %+v", v)
	}
	if v := history(webhook.HealthPolicy{}, &h, start, 0, gone); v != (breaker.Verdict{}) {
		t.Errorf("without a policy: %+v", v)
	}
}

func TestFailingForDaysDisables(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		name     string
		outcomes []webhook.Outcome // a day apart
		want     breaker.Action
	}{
		{"five days", times(6, failure), breaker.Disable},
		{"not yet", times(5, failure), breaker.Keep},
		{"a success in between", append(append(times(3, failure), success), times(5, failure)...), breaker.Keep},
		{"long after the last success, once", []webhook.Outcome{success, success, success, success, success, success, failure}, breaker.Keep},
	} {
		var h webhook.Health
		if v := history(breaker.Native(), &h, start, day, c.outcomes...); v.Action != c.want {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
	var h webhook.Health
	if v := history(breaker.Native(), &h, start, 6*day, failure, failure, failure); v.Action != breaker.Keep {
		t.Errorf("failures far apart count as one long failure: %+v", v)
	}
	h = webhook.Health{}
	if v := history(breaker.Native(), &h, start, 2*day, failure, failure, failure, failure); v.Reason != webhook.DisabledByFailing {
		t.Errorf("failing for six days: %+v", v)
	}
	p := breaker.Native()
	p.MinFailures = 10
	h = webhook.Health{}
	if v := history(p, &h, start, day, times(9, failure)...); v.Action != breaker.Keep {
		t.Errorf("fewer failures than it needs: %+v", v)
	}
}

func TestFailuresInRowDisable(t *testing.T) {
	p := webhook.HealthPolicy{MaxFailuresInRow: 3, Reason: "too many"}
	var h webhook.Health
	if v := history(p, &h, start, 0, failure, failure, failure, success, failure, failure, failure); v.Action != breaker.Keep {
		t.Errorf("at the limit: %+v", v)
	}
	if v := history(p, &h, start, 0, failure); v != (breaker.Verdict{Action: breaker.Disable, Reason: "too many"}) {
		t.Errorf("beyond it: %+v", v)
	}
}

func TestAClosedEndpointStaysClosedUntilAPersonResetsIt(t *testing.T) {
	p := webhook.HealthPolicy{MaxFailuresInRow: 250, CloseOnly: true}
	h := webhook.Health{EndpointID: id.New(), Generation: 4}
	if v := history(p, &h, start, 0, times(250, failure)...); v.Action != breaker.Keep || h.Closed {
		t.Fatalf("at the limit: %+v, %+v", v, h)
	}
	if v := history(p, &h, start, 0, failure); v.Action != breaker.Close || !h.Closed {
		t.Fatalf("beyond it: %+v, %+v", v, h)
	}
	if v := history(p, &h, start, 0, failure, success, failure); v.Action != breaker.Keep || !h.Closed || h.FailuresInRow != 253 {
		t.Errorf("a success took it back, or it closed twice: %+v, %+v", v, h)
	}
	h = breaker.Reset(h)
	want := webhook.Health{EndpointID: h.EndpointID, Generation: 5, LastSuccessAt: start, LastFailureAt: start}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("after the reset (-want +got):\n%s", diff)
	}
}

func TestAWindowOfFailuresDisables(t *testing.T) {
	p := webhook.HealthPolicy{WindowFailures: 6, Window: time.Minute, Reason: "too many failed attempts"}
	for _, c := range []struct {
		name     string
		step     time.Duration
		outcomes []webhook.Outcome
		want     breaker.Action
	}{
		{"six in time", 11 * time.Second, times(6, failure), breaker.Disable},
		{"six, the first just outside", 12 * time.Second, times(6, failure), breaker.Keep},
		{"five", 0, times(5, failure), breaker.Keep},
		{"at the same instant", 0, times(6, failure), breaker.Disable},
		{"a success takes nothing back", time.Second, append(append(times(5, failure), success), failure), breaker.Disable},
		{"slow and steady", 13 * time.Second, times(100, failure), breaker.Keep},
	} {
		var h webhook.Health
		if v := history(p, &h, start, c.step, c.outcomes...); v.Action != c.want {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
}

func TestApplyLeavesItsArgumentAlone(t *testing.T) {
	p := webhook.HealthPolicy{WindowFailures: 3, Window: time.Hour}
	failures := make([]time.Time, 2, 8)
	failures[0], failures[1] = start, start.Add(time.Second)
	h := webhook.Health{RecentFailures: failures}
	first, _ := breaker.Apply(p, h, failure, start.Add(2*time.Second))
	second, _ := breaker.Apply(p, h, failure, start.Add(-time.Second)) // it ended before the others
	if len(h.RecentFailures) != 2 || !first.RecentFailures[2].Equal(start.Add(2*time.Second)) {
		t.Errorf("%v, %v", h.RecentFailures, first.RecentFailures)
	}
	if want := []time.Time{start.Add(-time.Second), start, start.Add(time.Second)}; !slices.Equal(second.RecentFailures, want) {
		t.Errorf("not oldest first: %v", second.RecentFailures)
	}
}

func TestHealthTellsTheHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := webhook.HealthPolicy{
			WindowFailures:   rapid.IntRange(0, 5).Draw(t, "window failures"),
			Window:           time.Duration(rapid.IntRange(0, 10).Draw(t, "window")) * time.Second,
			MaxFailuresInRow: rapid.IntRange(0, 5).Draw(t, "max in row"),
		}
		var h webhook.Health
		var inRow int
		var since time.Time
		now := start
		for range rapid.IntRange(1, 30).Draw(t, "attempts") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "pause")) * time.Second)
			o := rapid.SampledFrom([]webhook.Outcome{success, failure, throttled, refused}).Draw(t, "outcome")
			h, _ = breaker.Apply(p, h, o, now)
			switch {
			case o.Result == webhook.ResultDelivered:
				inRow, since = 0, time.Time{}
			case inRow == 0:
				inRow, since = 1, now
			default:
				inRow++
			}
			if h.FailuresInRow != inRow || !h.FailingSince.Equal(since) || len(h.RecentFailures) > p.WindowFailures {
				t.Fatalf("%d in a row since %v, but %+v", inRow, since, h)
			}
			for _, at := range h.RecentFailures {
				if now.Sub(at) >= p.Window {
					t.Fatalf("%v is outside the window at %v", at, now)
				}
			}
		}
	})
}
