package retry

import (
	"fmt"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

const (
	maxAttempts = 1000
	maxFactor   = 1000
)

// Check says whether the policy can be kept. The error is a *webhook.Error whose
// Field is within the policy: "schedule.2", "max_attempts", "base", "factor",
// "jitter", "retry_on", "max_retry_after".
func Check(p webhook.RetryPolicy) error {
	if len(p.Schedule) >= maxAttempts {
		return invalid("schedule", "must have fewer than %d waits", maxAttempts)
	}
	for i, wait := range p.Schedule {
		if err := checkWait(fmt.Sprintf("schedule.%d", i), wait); err != nil {
			return err
		}
	}
	if p.MaxAttempts < 0 || p.MaxAttempts > maxAttempts {
		return invalid("max_attempts", "must be 0 to %d", maxAttempts)
	}
	if err := checkWait("base", p.Base); err != nil {
		return err
	}
	if !(p.Factor >= 0 && p.Factor <= maxFactor) { // NaN is refused too
		return invalid("factor", "must be 0 to %d", maxFactor)
	}
	if !(p.Jitter >= 0 && p.Jitter <= 1) {
		return invalid("jitter", "must be 0 to 1")
	}
	if p.RetryOn != webhook.RetryAnyFailure && p.RetryOn != webhook.RetryConnectionOnly {
		return invalid("retry_on", "must be empty or %q", webhook.RetryConnectionOnly)
	}
	return checkWait("max_retry_after", p.MaxRetryAfter)
}

func checkWait(field string, d time.Duration) error {
	if d < 0 || d > MaxWait {
		return invalid(field, "must be 0 to %s", MaxWait)
	}
	return nil
}

func invalid(field, format string, args ...any) error {
	return webhook.Errorf(webhook.CodeInvalid, field, format, args...)
}
