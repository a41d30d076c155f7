package breaker

import (
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// LimitOptions of a Limit. Zero values are the defaults; Initial and Min are
// brought within Max.
type LimitOptions struct {
	Min     int           // never fewer; 1
	Initial int           // at first; 8
	Max     int           // never more; 64
	Every   time.Duration // the shortest time between two cuts; 1 s
}

// Limit says how many attempts may be in flight to a receiver. It rises by one
// after as many successes as it allows at once, and is halved when an attempt
// times out or is throttled, once for all that were in flight together. Where
// more attempts only wait for each other it goes back towards its initial value:
// a quick receiver that takes a multiple of its best time is at its end, or we
// are. It is not safe for concurrent use: the lane owns it. Make one with NewLimit.
type Limit struct {
	o         LimitOptions
	current   int
	successes int       // in good time, since the last change
	late      int       // successes that were not, since the last change
	cutAt     time.Time // of the last cut

	best, bestSoFar time.Duration // shortest latency of the last period, and of this one
	periodEnds      time.Time
}

const (
	// bestPeriod is how long the best latency counts, one to two times.
	bestPeriod = 30 * time.Second
	// lateness is how much longer than twice the best is in good time.
	lateness = time.Millisecond
	// quick is the latency above which time says nothing about queues, because
	// the receiver's own work varies more.
	quick = 50 * time.Millisecond
)

// NewLimit returns a limit that stands at its initial value.
func NewLimit(o LimitOptions) Limit {
	if o.Max <= 0 {
		o.Max = 64
	}
	if o.Min <= 0 {
		o.Min = 1
	}
	if o.Initial <= 0 {
		o.Initial = 8
	}
	if o.Every <= 0 {
		o.Every = time.Second
	}
	o.Min = min(o.Min, o.Max)
	o.Initial = min(max(o.Initial, o.Min), o.Max)
	return Limit{o: o, current: o.Initial}
}

// Current returns how many attempts may be in flight at once; at least 1.
func (l *Limit) Current() int { return l.current }

// Record takes in the outcome of an attempt that ended at now.
func (l *Limit) Record(o webhook.Outcome, now time.Time) {
	switch {
	case o.Result == webhook.ResultDelivered && l.inGoodTime(o.Latency, now):
		if l.successes++; l.successes >= l.current {
			l.successes, l.late = 0, 0
			l.current = min(l.current+1, l.o.Max)
		}
	case o.Result == webhook.ResultDelivered:
		if l.late++; l.late >= l.current {
			l.successes, l.late = 0, 0
			l.current = max(l.current-1, min(l.current, l.o.Initial))
		}
	case o.Timeout || o.Result == webhook.ResultThrottled:
		if !l.cutAt.IsZero() && now.Sub(l.cutAt) < l.o.Every {
			return
		}
		l.successes, l.late, l.cutAt = 0, 0, now
		l.current = max(l.current/2, l.o.Min)
	}
}

// inGoodTime says whether a success was as quick as the receiver can be.
func (l *Limit) inGoodTime(latency time.Duration, now time.Time) bool {
	if now.After(l.periodEnds) {
		l.best, l.bestSoFar, l.periodEnds = l.bestSoFar, latency, now.Add(bestPeriod)
	}
	l.bestSoFar = min(l.bestSoFar, latency)
	best := l.bestSoFar
	if l.best > 0 {
		best = min(best, l.best)
	}
	return latency <= 2*best+lateness || latency > quick
}
