package dispatch

import (
	"time"

	"github.com/switchhook/switchhook/internal/breaker"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// successEvery is how often a success alone is worth a row: a crash may set
// back the time of the last success by this much, and nothing else.
const successEvery = 10 * time.Second

// applyHealth lets an outcome change the endpoint's health and returns what is
// to be written of it. The lane's lock is held.
func (l *lane) applyHealth(ep *webhook.Endpoint, o webhook.Outcome, now time.Time) ([]store.HealthChange, breaker.Verdict) {
	var v breaker.Verdict
	l.health, v = breaker.Apply(ep.Health, l.health, o, now)
	if v.Action == breaker.Disable {
		l.stopped = true
	}
	if v.Action == breaker.Keep && !l.worthSaving() {
		return nil, v
	}
	l.saved = l.health
	return []store.HealthChange{{
		Health: l.health, Disable: v.Action == breaker.Disable, Reason: v.Reason, At: now,
	}}, v
}

// worthSaving says whether the health differs from what the store has in more
// than the time of the last success.
func (l *lane) worthSaving() bool {
	h, s := &l.health, &l.saved
	return h.FailuresInRow != s.FailuresInRow || !h.FailingSince.Equal(s.FailingSince) || h.Closed != s.Closed ||
		!h.LastFailureAt.Equal(s.LastFailureAt) || h.LastSuccessAt.Sub(s.LastSuccessAt) >= successEvery
}
