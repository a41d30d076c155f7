package control

import (
	"context"
	"fmt"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// AttemptQuery selects attempts: see store.AttemptQuery.
type AttemptQuery = store.AttemptQuery

// AttemptCounts counts the attempts of an endpoint.
type AttemptCounts = store.AttemptCounts

// The groups of attempts that an AttemptQuery asks for.
const (
	AnyOutcome      = store.AnyOutcome
	OnlyDelivered   = store.OnlyDelivered
	OnlyFailed      = store.OnlyFailed
	OnlyToBeRetried = store.OnlyToBeRetried
	NotDelivered    = store.NotDelivered
)

// NoCode is the CodeClass of attempts that got no response.
const NoCode = store.NoCode

// MaxCountWindow is how far apart the ends of CountAttempts may be.
const MaxCountWindow = 28 * 24 * time.Hour

// Attempts lists attempts, ordered by id.
func (c *Control) Attempts(ctx context.Context, q AttemptQuery) (webhook.Slice[webhook.Attempt], error) {
	s, err := c.store.Attempts(ctx, q)
	if err != nil {
		return s, fmt.Errorf("list attempts: %w", err)
	}
	return s, nil
}

// LogQuery asks for the log of an endpoint: see store.LogQuery.
type LogQuery = store.LogQuery

// Logged is an attempt with the payload of its event.
type Logged = store.Logged

// The orders of a log.
const (
	ByStart  = store.ByStart
	ByEnd    = store.ByEnd
	ByStatus = store.ByStatus
	ByNumber = store.ByNumber
)

// AttemptLog lists the attempts of an endpoint with what they were about.
func (c *Control) AttemptLog(ctx context.Context, q LogQuery) ([]Logged, error) {
	all, err := c.store.AttemptLog(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("read the log of an endpoint: %w", err)
	}
	return all, nil
}

// FindAttempt returns an attempt to an endpoint of the account, with its response.
func (c *Control) FindAttempt(ctx context.Context, account, event, attempt id.ID) (*webhook.Attempt, error) {
	a, err := c.store.Attempt(ctx, event, attempt)
	if err != nil {
		return nil, fmt.Errorf("find attempt: %w", err)
	}
	if a.AccountID != account {
		return nil, webhook.Errorf(webhook.CodeNotFound, "", "there is no such attempt")
	}
	return &a, nil
}

// DeleteResponse deletes the response body of an attempt to an endpoint of the account.
func (c *Control) DeleteResponse(ctx context.Context, account, event, attempt id.ID) error {
	if _, err := c.FindAttempt(ctx, account, event, attempt); err != nil {
		return err
	}
	if err := c.store.ExpungeResponse(ctx, event, attempt); err != nil {
		return fmt.Errorf("delete response: %w", err)
	}
	return nil
}

// CountAttempts counts the attempts of an endpoint that started in [since, until),
// which may be MaxCountWindow apart. A zero until is now; a zero since is that
// far before until.
func (c *Control) CountAttempts(ctx context.Context, endpoint id.ID, since, until time.Time) (AttemptCounts, error) {
	if until.IsZero() {
		until = c.now()
	}
	if since.IsZero() {
		since = until.Add(-MaxCountWindow)
	}
	switch {
	case since.After(until):
		return AttemptCounts{}, invalid("since", "must not be after until")
	case until.Sub(since) > MaxCountWindow:
		return AttemptCounts{}, invalid("since", "must be at most %d days before until", MaxCountWindow/(24*time.Hour))
	}
	n, err := c.store.AttemptCounts(ctx, endpoint, since, until)
	if err != nil {
		return n, fmt.Errorf("count attempts: %w", err)
	}
	return n, nil
}
