// Package breaker holds what protects endpoints and us from one another: the
// health of an endpoint, which may switch it off for good; the circuit breaker of
// its lane, which leaves it alone for seconds; and the limit of what is in flight
// to it, which adapts. All are plain state machines: an outcome goes in, the next
// state comes out. It holds no clock and no lock.
package breaker

import (
	"math"
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// Action is what becomes of an endpoint.
type Action int8

// The actions.
const (
	Keep    Action = 0 // nothing
	Close   Action = 1 // it is closed to new events; what is pending goes on
	Disable Action = 2 // it is switched off
)

// Verdict is what an outcome means for its endpoint.
type Verdict struct {
	Action Action
	Reason string // for the endpoint's DisabledReason; empty for Keep
}

// minFailures is how many failures FailingFor needs at the least: one attempt
// proves nothing, however long ago the last success was.
const minFailures = 2

// Native returns the policy of endpoints made through the native API: a farewell
// disables at once, and so do five days without one success.
func Native() webhook.HealthPolicy {
	return webhook.HealthPolicy{DisableOnGone: true, FailingFor: 5 * 24 * time.Hour}
}

// Apply returns the health after an attempt that ended at now with outcome o, and
// what that means for the endpoint. It does not change what h refers to. The
// verdict does not depend on earlier verdicts, except that an endpoint is closed
// only once: one that went on failing after Disable gets Disable again.
func Apply(p webhook.HealthPolicy, h webhook.Health, o webhook.Outcome, now time.Time) (webhook.Health, Verdict) {
	if o.Result == webhook.ResultDelivered {
		return succeeded(p, h, now), Verdict{}
	}
	h = failed(p, h, now)
	reason := p.Reason
	if reason == "" {
		reason = webhook.DisabledByFailing
	}
	switch {
	case p.DisableOnGone && o.Result == webhook.ResultGone:
		return h, Verdict{Disable, webhook.DisabledByGone}
	case tooLong(p, h, now), tooManyRecently(p, h), tooManyInRow(p, h) && !p.CloseOnly:
		return h, Verdict{Disable, reason}
	case tooManyInRow(p, h) && !h.Closed:
		h.Closed = true
		return h, Verdict{Close, reason}
	}
	return h, Verdict{}
}

// Reset returns the health of an endpoint that a person vouches for: enabled
// again, or updated. When it last succeeded and failed stays known.
func Reset(h webhook.Health) webhook.Health {
	return webhook.Health{
		EndpointID:    h.EndpointID,
		LastSuccessAt: h.LastSuccessAt,
		LastFailureAt: h.LastFailureAt,
		Generation:    h.Generation + 1,
	}
}

// succeeded ends the row of failures, unless the endpoint is closed: that only a
// person undoes. It takes nothing back of what the window counts.
func succeeded(p webhook.HealthPolicy, h webhook.Health, now time.Time) webhook.Health {
	h.LastSuccessAt = now
	h.FailingSince = time.Time{}
	h.RecentFailures = recent(p, h.RecentFailures, now)
	if !h.Closed {
		h.FailuresInRow = 0
	}
	return h
}

func failed(p webhook.HealthPolicy, h webhook.Health, now time.Time) webhook.Health {
	if h.FailingSince.IsZero() || pausedLong(p, h, now) {
		h.FailingSince = now
	}
	h.LastFailureAt = now
	if h.FailuresInRow < math.MaxInt32 {
		h.FailuresInRow++
	}
	h.RecentFailures = recent(p, h.RecentFailures, now, now)
	return h
}

// pausedLong says whether nothing was tried for so long that the failure before
// it proves nothing about the time between: half of FailingFor, which is well
// above the longest wait of a retry plan. Two failures far apart are not one
// long failure.
func pausedLong(p webhook.HealthPolicy, h webhook.Health, now time.Time) bool {
	return p.FailingFor > 0 && !h.LastFailureAt.IsZero() && now.Sub(h.LastFailureAt) > p.FailingFor/2
}

// recent returns the failures and the further ones that are within the policy's
// window at the moment now, oldest first, and no more than the policy counts.
func recent(p webhook.HealthPolicy, failures []time.Time, now time.Time, further ...time.Time) []time.Time {
	if p.WindowFailures <= 0 || p.Window <= 0 {
		return nil
	}
	start := now.Add(-p.Window)
	var within []time.Time
	for _, at := range slices.Concat(failures, further) {
		if at.After(start) {
			within = append(within, at)
		}
	}
	slices.SortFunc(within, time.Time.Compare) // attempts end in any order
	return within[max(0, len(within)-p.WindowFailures):]
}

func tooLong(p webhook.HealthPolicy, h webhook.Health, now time.Time) bool {
	return p.FailingFor > 0 && h.FailuresInRow >= max(p.MinFailures, minFailures) &&
		now.Sub(h.FailingSince) >= p.FailingFor
}

func tooManyInRow(p webhook.HealthPolicy, h webhook.Health) bool {
	return p.MaxFailuresInRow > 0 && h.FailuresInRow > p.MaxFailuresInRow
}

func tooManyRecently(p webhook.HealthPolicy, h webhook.Health) bool {
	return p.WindowFailures > 0 && p.Window > 0 && len(h.RecentFailures) >= p.WindowFailures
}
