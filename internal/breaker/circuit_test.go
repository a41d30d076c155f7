package breaker_test

import (
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/breaker"
	"github.com/switchhook/switchhook/internal/webhook"
	"pgregory.net/rapid"
)

func record(b *breaker.Breaker, now time.Time, outcomes ...webhook.Outcome) {
	for _, o := range outcomes {
		b.Record(o, now)
	}
}

func expect(t *testing.T, b *breaker.Breaker, now time.Time, ok bool, wait time.Duration) {
	t.Helper()
	if gotOK, gotWait := b.Allow(now); gotOK != ok || gotWait != wait {
		t.Fatalf("Allow = %v, %v, want %v, %v (%v)", gotOK, gotWait, ok, wait, b.State())
	}
}

func TestFailuresInARowOpenTheBreaker(t *testing.T) {
	for name, dead := range map[string]webhook.Outcome{"status 503": down, "refused": refused, "timed out": timeout} {
		b := breaker.New(breaker.Options{Consecutive: 5})
		record(&b, start, dead, dead, dead, dead)
		expect(t, &b, start, true, 0)
		record(&b, start, dead)
		if b.State() != breaker.StateOpen {
			t.Errorf("%s: %v", name, b.State())
		}
		expect(t, &b, start, false, time.Second)
		expect(t, &b, start.Add(900*time.Millisecond), false, 100*time.Millisecond)
	}
}

func TestSignsOfLifeKeepTheBreakerClosed(t *testing.T) {
	for name, alive := range map[string]webhook.Outcome{"success": success, "404": notFound, "429": throttled, "410": gone, "500": failure} {
		b := breaker.New(breaker.Options{Consecutive: 5})
		record(&b, start, down, down, down, down, alive, down, down, down, down)
		if b.State() != breaker.StateClosed {
			t.Errorf("%s: %v", name, b.State())
		}
	}
	b := breaker.New(breaker.Options{Consecutive: 5})
	record(&b, start, down, down, down, down, rejected, down)
	if b.State() != breaker.StateOpen {
		t.Error("an attempt that never left us counted as a sign of life")
	}
}

func TestOneProbeDecides(t *testing.T) {
	b := breaker.New(breaker.Options{Consecutive: 1})
	record(&b, start, refused)
	now := start.Add(time.Second)
	expect(t, &b, now, true, 0)
	if b.State() != breaker.StateHalfOpen {
		t.Errorf("state %v", b.State())
	}
	expect(t, &b, now, false, time.Minute) // while the probe is under way
	record(&b, now, success)
	if b.State() != breaker.StateClosed {
		t.Errorf("state %v", b.State())
	}
	expect(t, &b, now, true, 0)
	expect(t, &b, now, true, 0)
}

func TestFailedProbesDoubleTheWaitUpToItsLimit(t *testing.T) {
	b := breaker.New(breaker.Options{Consecutive: 1, MaxOpenFor: 5 * time.Second})
	now := start
	record(&b, now, refused)
	for _, wait := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second} {
		expect(t, &b, now, false, wait)
		now = now.Add(wait)
		expect(t, &b, now, true, 0)
		record(&b, now, refused)
	}
	now = now.Add(5 * time.Second)
	expect(t, &b, now, true, 0)
	record(&b, now, success, refused) // recovered, and down again
	expect(t, &b, now, false, time.Second)
}

func TestOutcomesFromBeforeItOpened(t *testing.T) {
	b := breaker.New(breaker.Options{Consecutive: 1})
	record(&b, start, refused, refused, refused)
	expect(t, &b, start, false, time.Second) // late failures tell nothing new
	record(&b, start, success)
	expect(t, &b, start, true, 0) // a late success does
}

func TestAProbeThatIsLostIsReplaced(t *testing.T) {
	b := breaker.New(breaker.Options{Consecutive: 1, MaxOpenFor: 10 * time.Second})
	record(&b, start, refused)
	now := start.Add(time.Second)
	expect(t, &b, now, true, 0)
	expect(t, &b, now.Add(10*time.Second), true, 0)

	record(&b, now, rejected) // it never left us
	expect(t, &b, now, true, 0)
	expect(t, &b, now, false, 10*time.Second)
}

func TestABreakerNeverStaysShutForLongerThanItsLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := breaker.Options{Consecutive: rapid.IntRange(0, 3).Draw(t, "consecutive")}
		b := breaker.New(o)
		now := start
		outcomes := []webhook.Outcome{success, failure, refused, timeout, throttled, notFound, rejected, gone}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			if rapid.Bool().Draw(t, "record") {
				b.Record(rapid.SampledFrom(outcomes).Draw(t, "outcome"), now)
				continue
			}
			ok, wait := b.Allow(now)
			if ok != (wait == 0) || wait < 0 || wait > time.Minute {
				t.Fatalf("%v, %v", ok, wait)
			}
		}
		if ok, _ := b.Allow(now.Add(time.Minute)); !ok {
			t.Fatal("still shut after a minute")
		}
	})
}

func TestTheLimitRisesByOneForEachFullWindow(t *testing.T) {
	l := breaker.NewLimit(breaker.LimitOptions{Initial: 2, Max: 4})
	for i, want := range []int{2, 3, 3, 3, 4, 4, 4, 4, 4} {
		l.Record(success, start)
		if l.Current() != want {
			t.Fatalf("after %d successes: %d", i+1, l.Current())
		}
	}
}

func TestTheLimitIsHalvedOnceForWhatWasInFlightTogether(t *testing.T) {
	l := breaker.NewLimit(breaker.LimitOptions{Initial: 64})
	for _, o := range []webhook.Outcome{timeout, throttled, {Result: webhook.ResultThrottled, StatusCode: 503}} {
		l.Record(o, start)
	}
	if l.Current() != 32 {
		t.Errorf("after a burst: %d", l.Current())
	}
	l.Record(failure, start.Add(2*time.Second)) // says nothing of load
	l.Record(throttled, start.Add(time.Second))
	if l.Current() != 16 {
		t.Errorf("a second later: %d", l.Current())
	}
}

func TestTheLimitGoesBackWhereMoreOnlyWaitForEachOther(t *testing.T) {
	l := breaker.NewLimit(breaker.LimitOptions{Initial: 4, Max: 64})
	took := func(d time.Duration, n int) {
		for range n {
			o := success
			o.Latency = d
			l.Record(o, start)
		}
	}
	took(2*time.Millisecond, 200)
	risen := l.Current()
	if risen <= 10 {
		t.Fatalf("rose to %d only", risen)
	}
	took(10*time.Millisecond, 2*risen)
	if l.Current() >= risen {
		t.Errorf("still %d though everything takes five times as long", l.Current())
	}
	took(10*time.Millisecond, 5000)
	if l.Current() != 4 {
		t.Errorf("went back to %d", l.Current())
	}
	took(80*time.Millisecond, 200)
	if l.Current() <= 4 {
		t.Error("a slow receiver gets no more than a quick one")
	}
}

func TestTheLimitStaysWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := breaker.LimitOptions{
			Min: rapid.IntRange(-1, 10).Draw(t, "min"), Initial: rapid.IntRange(-1, 100).Draw(t, "initial"),
			Max: rapid.IntRange(-1, 100).Draw(t, "max"),
		}
		l := breaker.NewLimit(o)
		low, high := max(o.Min, 1), o.Max
		if high <= 0 {
			high = 64
		}
		low = min(low, high)
		now := start
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			if l.Current() < low || l.Current() > high {
				t.Fatalf("%d is not within %d and %d", l.Current(), low, high)
			}
			now = now.Add(time.Second)
			l.Record(rapid.SampledFrom([]webhook.Outcome{success, failure, timeout, throttled}).Draw(t, "outcome"), now)
		}
	})
}
