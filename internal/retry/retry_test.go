package retry_test

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/switchhook/switchhook/internal/retry"
	"github.com/switchhook/switchhook/internal/webhook"
	"pgregory.net/rapid"
)

var now = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

// middle is the random number that leaves a wait as it is planned.
func middle() float64 { return 0.5 }

var refused = webhook.Outcome{Result: webhook.ResultRetry}

// waits returns all waits of a delivery that never succeeds.
func waits(p webhook.RetryPolicy, o webhook.Outcome) []time.Duration {
	var out []time.Duration
	for n := int32(1); ; n++ {
		at, again := retry.Next(p, n, o, now, middle)
		if !again {
			return out
		}
		out = append(out, at.Sub(now))
	}
}

func TestWaitsOfEachKindOfPolicy(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	for _, c := range []struct {
		name   string
		policy webhook.RetryPolicy
		want   []time.Duration
	}{
		{"none", webhook.RetryPolicy{}, nil},
		{"native", retry.Native(), []time.Duration{5 * s, 5 * m, 30 * m, 2 * h, 5 * h, 10 * h, 14 * h, 20 * h, 24 * h}},
		{"a schedule", webhook.RetryPolicy{Schedule: []time.Duration{2 * m, 2 * m, h}, MaxAttempts: 9}, []time.Duration{2 * m, 2 * m, h}},
		{
			"powers of two",
			webhook.RetryPolicy{MaxAttempts: 10, Base: s, Factor: 2},
			[]time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 64 * s, 128 * s, 256 * s},
		},
		{"whole seconds", webhook.RetryPolicy{MaxAttempts: 5, Base: s, Factor: 1.5}, []time.Duration{s, s, 2 * s, 3 * s}},
		{"fixed", webhook.RetryPolicy{MaxAttempts: 4, Base: 2 * s, RetryOn: webhook.RetryConnectionOnly}, []time.Duration{2 * s, 2 * s, 2 * s}},
		{"a factor below one", webhook.RetryPolicy{MaxAttempts: 3, Base: s, Factor: 0.1}, []time.Duration{s, s}},
		{"no base", webhook.RetryPolicy{MaxAttempts: 3, Factor: 2}, []time.Duration{0, 0}},
		{"one attempt", webhook.RetryPolicy{MaxAttempts: 1, Base: s}, nil},
		{"less than a second", webhook.RetryPolicy{MaxAttempts: 3, Base: s / 4, Factor: 2}, []time.Duration{s / 4, s / 2}},
	} {
		if diff := cmp.Diff(c.want, waits(c.policy, refused)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestOnlyFailuresThatMayPassAreRetried(t *testing.T) {
	connection := webhook.RetryPolicy{Schedule: []time.Duration{time.Second}, RetryOn: webhook.RetryConnectionOnly}
	for _, c := range []struct {
		name   string
		policy webhook.RetryPolicy
		o      webhook.Outcome
		want   bool
	}{
		{"delivered", retry.Native(), webhook.Outcome{Result: webhook.ResultDelivered}, false},
		{"rejected", retry.Native(), webhook.Outcome{Result: webhook.ResultRejected}, false},
		{"gone", retry.Native(), webhook.Outcome{Result: webhook.ResultGone, StatusCode: 410}, false},
		{"failed", retry.Native(), webhook.Outcome{Result: webhook.ResultRetry, StatusCode: 500}, true},
		{"throttled", retry.Native(), webhook.Outcome{Result: webhook.ResultThrottled, StatusCode: 429}, true},
		{"no response", connection, refused, true},
		{"timed out", connection, webhook.Outcome{Result: webhook.ResultRetry, Timeout: true}, true},
		{"a response where only its lack is retried", connection, webhook.Outcome{Result: webhook.ResultRetry, StatusCode: 500}, false},
		{"rejected without a response", connection, webhook.Outcome{Result: webhook.ResultRejected}, false},
	} {
		if _, again := retry.Next(c.policy, 1, c.o, now, middle); again != c.want {
			t.Errorf("%s: again = %v", c.name, again)
		}
	}
}

func TestRetryAfterLengthensAWaitUpToTheCap(t *testing.T) {
	o := webhook.Outcome{Result: webhook.ResultThrottled, StatusCode: 429}
	for _, c := range []struct {
		name     string
		asked    time.Duration
		cap      time.Duration
		honoured bool
		want     time.Duration
	}{
		{"longer than planned", time.Hour, 0, true, time.Hour},
		{"shorter than planned", time.Second, 0, true, time.Minute},
		{"beyond the default cap", 48 * time.Hour, 0, true, 24 * time.Hour},
		{"beyond the policy's cap", time.Hour, 10 * time.Minute, true, 10 * time.Minute},
		{"a cap below the plan", time.Hour, time.Second, true, time.Minute},
		{"a cap above the longest wait", math.MaxInt64, math.MaxInt64, true, retry.MaxWait},
		{"not honoured", time.Hour, 0, false, time.Minute},
	} {
		p := webhook.RetryPolicy{Schedule: []time.Duration{time.Minute}, HonourAfter: c.honoured, MaxRetryAfter: c.cap}
		o.RetryAfter = c.asked
		if at, again := retry.Next(p, 1, o, now, middle); !again || at.Sub(now) != c.want {
			t.Errorf("%s: %v, %v", c.name, at.Sub(now), again)
		}
	}
}

func TestJitterReachesItsFractionEitherWay(t *testing.T) {
	p := webhook.RetryPolicy{Schedule: []time.Duration{100 * time.Second}, Jitter: 0.2}
	for r, want := range map[float64]time.Duration{0: 80 * time.Second, 0.5: 100 * time.Second, 1: 120 * time.Second} {
		if at, _ := retry.Next(p, 1, refused, now, func() float64 { return r }); at.Sub(now) != want {
			t.Errorf("random %v: %v", r, at.Sub(now))
		}
	}
	p.Jitter = 0
	retry.Next(p, 1, refused, now, nil) // asks for no random number
}

// anyPolicy draws any policy, also ones that Check refuses.
func anyPolicy(t *rapid.T) webhook.RetryPolicy {
	return webhook.RetryPolicy{
		Schedule:      rapid.SliceOfN(rapid.Map(rapid.Int64(), func(n int64) time.Duration { return time.Duration(n) }), 0, 4).Draw(t, "schedule"),
		MaxAttempts:   rapid.Int().Draw(t, "max attempts"),
		Base:          time.Duration(rapid.Int64().Draw(t, "base")),
		Factor:        rapid.Float64().Draw(t, "factor"),
		Jitter:        rapid.Float64().Draw(t, "jitter"),
		HonourAfter:   rapid.Bool().Draw(t, "honour"),
		MaxRetryAfter: time.Duration(rapid.Int64().Draw(t, "max retry after")),
	}
}

func TestNoPolicyMakesAWaitThatIsNegativeOrEndless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPolicy(t)
		attempts := rapid.Int32().Draw(t, "attempts")
		o := refused
		o.RetryAfter = time.Duration(rapid.Int64().Draw(t, "retry after"))
		rnd := func() float64 { return rapid.Float64Range(0, 1).Draw(t, "random") }
		at, again := retry.Next(p, attempts, o, now, rnd)
		if !again {
			if !at.IsZero() {
				t.Fatalf("no further attempt, at %v", at)
			}
			return
		}
		if wait := at.Sub(now); wait < 0 || wait > retry.MaxWait {
			t.Fatalf("wait %v", wait)
		}
	})
}

func TestAPolicyThatChecksKeepsItsWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := webhook.RetryPolicy{
			MaxAttempts: rapid.IntRange(0, 50).Draw(t, "max attempts"),
			Base:        time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "base")),
			Factor:      rapid.Float64Range(0, 10).Draw(t, "factor"),
		}
		if err := retry.Check(p); err != nil {
			t.Fatal(err)
		}
		got := waits(p, refused)
		if len(got) != max(p.MaxAttempts-1, 0) {
			t.Fatalf("%d waits of %d attempts", len(got), p.MaxAttempts)
		}
		for i := range got {
			if i > 0 && got[i] < got[i-1] {
				t.Fatalf("waits shrink: %v", got)
			}
		}
	})
}

func TestCheckNamesTheFieldThatIsWrong(t *testing.T) {
	for _, c := range []struct {
		policy webhook.RetryPolicy
		field  string
	}{
		{retry.Native(), ""},
		{webhook.RetryPolicy{}, ""},
		{webhook.RetryPolicy{Schedule: []time.Duration{0, -1}}, "schedule.1"},
		{webhook.RetryPolicy{Schedule: []time.Duration{retry.MaxWait + 1}}, "schedule.0"},
		{webhook.RetryPolicy{Schedule: make([]time.Duration, 1000)}, "schedule"},
		{webhook.RetryPolicy{MaxAttempts: -1}, "max_attempts"},
		{webhook.RetryPolicy{MaxAttempts: 1001}, "max_attempts"},
		{webhook.RetryPolicy{Base: -1}, "base"},
		{webhook.RetryPolicy{Factor: math.NaN()}, "factor"},
		{webhook.RetryPolicy{Factor: math.Inf(1)}, "factor"},
		{webhook.RetryPolicy{Jitter: 1.01}, "jitter"},
		{webhook.RetryPolicy{Jitter: math.NaN()}, "jitter"},
		{webhook.RetryPolicy{RetryOn: "always"}, "retry_on"},
		{webhook.RetryPolicy{MaxRetryAfter: -1}, "max_retry_after"},
	} {
		err := retry.Check(c.policy)
		if c.field == "" && err == nil {
			continue
		}
		e, ok := err.(*webhook.Error)
		if !ok || e.Code != webhook.CodeInvalid || e.Field != c.field {
			t.Errorf("%+v: %v, want field %q", c.policy, err, c.field)
		}
	}
}

func TestParseRetryAfterReadsSecondsAndDates(t *testing.T) {
	later := now.Add(90 * time.Second)
	for text, want := range map[string]time.Duration{
		"0": 0, "120": 2 * time.Minute, " 7\t": 7 * time.Second, "007": 7 * time.Second,
		"99999999999999999999999":                      math.MaxInt64,
		"9223372036":                                   9223372036 * time.Second,
		later.Format(http.TimeFormat):                  90 * time.Second,
		later.Format("Monday, 02-Jan-06 15:04:05 GMT"): 90 * time.Second,
		later.Format(time.ANSIC):                       90 * time.Second,
		now.Add(-time.Hour).Format(http.TimeFormat):    0,
		"Fri, 31 Dec 9999 23:59:59 GMT":                math.MaxInt64,
	} {
		if got, ok := retry.ParseRetryAfter(text, now); !ok || got != want {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", " ", "-1", "+1", "1.5", "1e3", "soon", "1 s", "２", now.Format(time.RFC3339)} {
		if got, ok := retry.ParseRetryAfter(text, now); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	for _, text := range []string{"120", "99999999999999999999", "Fri, 31 Dec 1999 23:59:59 GMT", "Friday, 31-Dec-99 23:59:59 GMT", "Fri Dec 31 23:59:59 1999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, ok := retry.ParseRetryAfter(text, now)
		if d < 0 || !ok && d != 0 {
			t.Fatalf("%q: %v, %v", text, d, ok)
		}
	})
}
