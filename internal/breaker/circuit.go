package breaker

import (
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// Options of a Breaker. Zero values are the defaults.
type Options struct {
	Consecutive int           // failures in a row that open it; 10
	OpenFor     time.Duration // how long it first stays open; 1 s
	MaxOpenFor  time.Duration // how long at most, after doubling at every failed probe; 60 s
}

// State is how a Breaker stands.
type State int8

// The states.
const (
	StateClosed   State = 0 // attempts pass
	StateOpen     State = 1 // none passes
	StateHalfOpen State = 2 // one has passed, and decides
)

// String names the state, as metrics and the native API show it.
func (s State) String() string {
	return [...]string{"closed", "open", "half-open"}[s]
}

// Breaker keeps attempts away from a receiver that does not answer, or lets a
// gateway say so (HTTP 502, 503, 504). Any other answer, an error of the
// receiver's own too, is a proof of life: it costs little, and the retry plan is
// kept. The breaker opens after some such failures in a row, stays open for a
// while, then lets one probe through: a probe that fails opens it for twice as
// long, any proof of life closes it. It is not safe for concurrent use: the lane
// owns it. Make one with New.
type Breaker struct {
	o        Options
	state    State
	failures int           // in a row, while closed
	openFor  time.Duration // how long it opens the next time
	until    time.Time     // open: when a probe may go; half-open: when the probe counts as lost
}

// New returns a closed breaker.
func New(o Options) Breaker {
	if o.Consecutive <= 0 {
		o.Consecutive = 10
	}
	if o.OpenFor <= 0 {
		o.OpenFor = time.Second
	}
	if o.MaxOpenFor <= 0 {
		o.MaxOpenFor = time.Minute
	}
	o.MaxOpenFor = max(o.MaxOpenFor, o.OpenFor)
	return Breaker{o: o, openFor: o.OpenFor}
}

// State returns how the breaker stands.
func (b *Breaker) State() State { return b.state }

// Allow says whether an attempt may start at the moment now; every attempt that
// does is to be followed by Record. Otherwise wait is how long to leave it: asking
// earlier is pointless, unless Record was called in between. A probe of which
// nothing was heard for MaxOpenFor is given up, and another may go.
func (b *Breaker) Allow(now time.Time) (ok bool, wait time.Duration) {
	if b.state == StateClosed {
		return true, 0
	}
	if wait := b.until.Sub(now); wait > 0 {
		return false, wait
	}
	b.state = StateHalfOpen
	b.until = now.Add(b.o.MaxOpenFor)
	return true, 0
}

// Record takes in the outcome of an attempt that ended at now.
func (b *Breaker) Record(o webhook.Outcome, now time.Time) {
	switch lifeOf(o) {
	case alive:
		b.state, b.failures, b.openFor = StateClosed, 0, b.o.OpenFor
	case dead:
		b.recordDead(now)
	case neither:
		if b.state == StateHalfOpen { // the probe did not get there: let another go at once
			b.state, b.until = StateOpen, now
		}
	}
}

func (b *Breaker) recordDead(now time.Time) {
	switch b.state {
	case StateClosed:
		if b.failures++; b.failures < b.o.Consecutive {
			return
		}
	case StateOpen: // it was under way when the breaker opened: nothing new
		return
	case StateHalfOpen:
		b.openFor = min(2*b.openFor, b.o.MaxOpenFor)
	}
	b.state, b.failures, b.until = StateOpen, 0, now.Add(b.openFor)
}

// life is what an outcome says of the receiver.
type life int8

const (
	alive life = iota
	dead
	neither // the attempt was refused before it left us
)

func lifeOf(o webhook.Outcome) life {
	switch {
	case o.Result == webhook.ResultDelivered:
		return alive
	case o.Timeout, o.StatusCode >= 502 && o.StatusCode <= 504:
		return dead
	case o.StatusCode > 0:
		return alive
	case o.Result == webhook.ResultRejected:
		return neither
	}
	return dead
}
