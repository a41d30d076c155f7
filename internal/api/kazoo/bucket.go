package kazoo

import (
	"sync"
	"time"
)

// buckets hold for each caller how many requests it may make: so many at once, and
// then as many a second as they refill.
type buckets struct {
	rate  float64
	burst float64

	mu  sync.Mutex
	all map[string]bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// maxBuckets bounds the callers that are remembered. Beyond it those whose buckets are
// full again are forgotten, and then anybody.
const maxBuckets = 20_000

func newBuckets(rate float64, burst int) *buckets {
	return &buckets{rate: rate, burst: float64(burst), all: map[string]bucket{}}
}

// take takes n tokens of a caller's bucket, or none. It returns what is left.
func (b *buckets) take(caller string, n int, now time.Time) (left int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	one, known := b.all[caller]
	if !known {
		one = bucket{b.burst, now}
	}
	one = b.refilled(one, now)
	if ok = one.tokens >= float64(n); ok {
		one.tokens -= float64(n)
	}
	switch {
	case one.tokens >= b.burst:
		delete(b.all, caller)
	case known || len(b.all) < maxBuckets:
		b.all[caller] = one
	default:
		b.forget(now)
		b.all[caller] = one
	}
	return int(one.tokens), ok
}

func (b *buckets) refilled(one bucket, now time.Time) bucket {
	if passed := now.Sub(one.at); passed > 0 {
		one.tokens = min(b.burst, one.tokens+passed.Seconds()*b.rate)
		one.at = now
	}
	return one
}

// forget makes room for another caller.
func (b *buckets) forget(now time.Time) {
	for caller, one := range b.all {
		if b.refilled(one, now).tokens >= b.burst {
			delete(b.all, caller)
		}
	}
	for caller := range b.all {
		if len(b.all) < maxBuckets {
			return
		}
		delete(b.all, caller)
	}
}

// refill is how long a token takes.
func (b *buckets) refill() time.Duration { return time.Duration(float64(time.Second) / b.rate) }
