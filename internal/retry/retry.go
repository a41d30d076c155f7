// Package retry decides whether and when a delivery that failed is tried again,
// and reads what receivers say about it in Retry-After. It holds no timer and no
// queue.
package retry

import (
	"math"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

const (
	// MaxWait is the longest wait before another attempt, whatever a policy comes to.
	MaxWait = 30 * 24 * time.Hour

	// DefaultMaxRetryAfter is how much of a Retry-After is honoured when the policy
	// does not say.
	DefaultMaxRetryAfter = 24 * time.Hour
)

// Native returns the policy of endpoints made through the native API: the example
// schedule of the Standard Webhooks specification, over 75 hours, each wait
// varied by a fifth either way.
func Native() webhook.RetryPolicy {
	return webhook.RetryPolicy{
		Schedule: []time.Duration{
			5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
			10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
		},
		Jitter:      0.2,
		HonourAfter: true,
	}
}

// Next says when to try again after an attempt that ended at now with outcome o;
// attempts counts those made so far, this one included. When again is false the
// delivery is finished: delivered, refused for good, or out of attempts. rnd
// returns numbers from 0 up to 1 and is asked only where the policy has jitter.
func Next(p webhook.RetryPolicy, attempts int32, o webhook.Outcome, now time.Time, rnd func() float64) (at time.Time, again bool) {
	if !worthwhile(p, o) {
		return time.Time{}, false
	}
	wait, ok := planned(p, max(attempts, 1))
	if !ok {
		return time.Time{}, false
	}
	if p.Jitter > 0 {
		wait = jittered(wait, min(p.Jitter, 1), rnd())
	}
	if p.HonourAfter {
		wait = max(wait, min(o.RetryAfter, maxRetryAfter(p)))
	}
	return now.Add(wait), true
}

// worthwhile says whether another attempt can help.
func worthwhile(p webhook.RetryPolicy, o webhook.Outcome) bool {
	switch o.Result {
	case webhook.ResultRetry, webhook.ResultThrottled:
		return p.RetryOn != webhook.RetryConnectionOnly || o.StatusCode == 0
	default:
		return false
	}
}

// planned returns the wait after this many attempts, before jitter.
func planned(p webhook.RetryPolicy, attempts int32) (time.Duration, bool) {
	if len(p.Schedule) > 0 {
		if int(attempts) > len(p.Schedule) {
			return 0, false
		}
		return bounded(float64(p.Schedule[attempts-1])), true
	}
	if int(attempts) >= p.MaxAttempts {
		return 0, false
	}
	wait := bounded(float64(p.Base) * math.Pow(max(p.Factor, 1), float64(attempts-1)))
	if wait > time.Second {
		wait = wait.Truncate(time.Second) // the exponential form counts in whole seconds, as Wazo does
	}
	return wait, true
}

// jittered varies the wait by up to the fraction either way; r is from 0 up to 1.
func jittered(wait time.Duration, fraction, r float64) time.Duration {
	return bounded(float64(wait) * (1 + fraction*(2*r-1)))
}

// bounded makes a wait of a number of nanoseconds that may be anything.
func bounded(ns float64) time.Duration {
	if ns >= float64(MaxWait) {
		return MaxWait
	}
	if !(ns > 0) { // NaN too
		return 0
	}
	return time.Duration(ns)
}

func maxRetryAfter(p webhook.RetryPolicy) time.Duration {
	if p.MaxRetryAfter <= 0 {
		return DefaultMaxRetryAfter
	}
	return min(p.MaxRetryAfter, MaxWait)
}
