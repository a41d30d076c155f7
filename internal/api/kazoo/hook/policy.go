package hook

import (
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// DisabledReason is why a hook is off that failed too often.
const DisabledReason = "too many failed attempts"

// DefaultRetries is what a document without retries has.
const DefaultRetries = 2

// Tries is how many requests a document's retries allow in all.
func Tries(retries int) int { return min(max(retries, 1), 5) }

// Retry returns the policy of a hook: only where no response came is the request made
// again, after the same wait each time.
func Retry(retries int, wait time.Duration) webhook.RetryPolicy {
	return webhook.RetryPolicy{MaxAttempts: Tries(retries), Base: wait, Factor: 1, RetryOn: webhook.RetryConnectionOnly}
}

// Health returns the policy that disables a hook at so many failed requests within the
// window. Successes in between take nothing back. With no failures it is never disabled.
func Health(failures int, window time.Duration) webhook.HealthPolicy {
	p := webhook.HealthPolicy{NoBreaker: true}
	if failures > 0 {
		p.WindowFailures, p.Window, p.Reason = failures, window, DisabledReason
	}
	return p
}
