package control

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// MaxRecoverAge is how far back Recover reaches.
const MaxRecoverAge = 14 * 24 * time.Hour

// Resend delivers an event of the account once more to one of its endpoints,
// whatever came of earlier deliveries, which are left alone. It fails once and for
// all when the attempt does. A disabled endpoint is CodeConflict with the reason;
// so are an event without its payload and an endpoint without a subscription. once may be
// nil; a call that it shows to be repeated does nothing and returns nil.
func (c *Control) Resend(ctx context.Context, account, event, endpoint id.ID, once *Once) (*webhook.Delivery, error) {
	e, err := c.FindEvent(ctx, account, event, "")
	if err != nil {
		return nil, err
	}
	if e.PayloadDeleted {
		return nil, webhook.Errorf(webhook.CodeConflict, "", "the payload of this event was deleted")
	}
	to, err := c.receiving(ctx, account, endpoint)
	if err != nil {
		return nil, err
	}
	sub, err := c.subscriptionFor(ctx, e, to)
	if err != nil {
		return nil, err
	}
	d := &webhook.Delivery{
		DeliveryID: webhook.DeliveryID{Event: e.ID}, AccountID: to.AccountID, EndpointID: to.ID,
		SubscriptionID: sub, Trigger: webhook.Manual, DueAt: c.now(),
	}
	if once, err = c.prepared(once, account); err != nil {
		return nil, err
	}
	if err := c.store.Redeliver(ctx, []*webhook.Delivery{d}, once); err != nil {
		return nil, fmt.Errorf("redeliver: %w", err)
	}
	if once != nil && once.Replayed {
		return nil, nil
	}
	c.kick(to.ID)
	return d, nil
}

// subscriptionFor picks the subscription that a delivery goes out for: the one that
// wanted the event if it is still there, else the endpoint's first.
func (c *Control) subscriptionFor(ctx context.Context, e *webhook.Event, to *Endpoint) (id.ID, error) {
	all, err := c.Deliveries(ctx, e.ID)
	if err != nil {
		return id.ID{}, err
	}
	for _, d := range slices.Backward(all) {
		if d.EndpointID == to.ID && slices.ContainsFunc(to.Subscriptions, func(s webhook.Subscription) bool {
			return s.ID == d.SubscriptionID
		}) {
			return d.SubscriptionID, nil
		}
	}
	return firstSubscription(to)
}

func firstSubscription(to *Endpoint) (id.ID, error) {
	if len(to.Subscriptions) == 0 {
		return id.ID{}, webhook.Errorf(webhook.CodeConflict, "", "the endpoint has no subscription")
	}
	return to.Subscriptions[0].ID, nil
}

// receiving returns an endpoint of the account that is enabled.
func (c *Control) receiving(ctx context.Context, account, endpoint id.ID) (*Endpoint, error) {
	to, err := c.FindEndpoint(ctx, account, endpoint, "")
	if err != nil {
		return nil, err
	}
	if !to.Enabled {
		return nil, webhook.Errorf(webhook.CodeConflict, "", "the endpoint is disabled: %s", spelled(to.DisabledReason))
	}
	return to, nil
}

// spelled says why an endpoint is disabled in words.
func spelled(reason string) string {
	switch reason {
	case webhook.DisabledByOwner:
		return "someone switched it off"
	case webhook.DisabledByGone:
		return "its receiver said that it is gone for good"
	case webhook.DisabledByFailing:
		return "it kept failing"
	}
	return reason
}

// Recover delivers once more what an endpoint of the account missed: every event
// of [since, until) that failed, was never delivered, and is not being delivered by hand. A
// zero until is now. It returns how many there are. since may be MaxRecoverAge ago at most;
// a disabled endpoint is CodeConflict with the reason.
func (c *Control) Recover(ctx context.Context, account, endpoint id.ID, since, until time.Time) (int, error) {
	now := c.now()
	if until.IsZero() {
		until = now
	}
	switch {
	case since.Before(now.Add(-MaxRecoverAge)):
		return 0, invalid("since", "must be at most %d days ago", MaxRecoverAge/(24*time.Hour))
	case since.After(until):
		return 0, invalid("since", "must not be after until")
	}
	to, err := c.receiving(ctx, account, endpoint)
	if err != nil {
		return 0, err
	}
	n, err := c.store.Recover(ctx, to.ID, since, until, now)
	if err != nil {
		return 0, fmt.Errorf("recover: %w", err)
	}
	if n > 0 {
		c.kick(to.ID)
	}
	return n, nil
}

// SendTo makes an event of the endpoint's account and delivers it to that endpoint
// alone, whatever its filters say: an example, a test. Type and Payload are the
// caller's, who vouches for them.
func (c *Control) SendTo(ctx context.Context, endpoint id.ID, e webhook.Event) (*webhook.Event, error) {
	stored, _, err := c.store.Endpoint(ctx, endpoint)
	if err != nil {
		return nil, fmt.Errorf("find endpoint: %w", err)
	}
	to, err := c.receiving(ctx, stored.AccountID, endpoint)
	if err != nil {
		return nil, err
	}
	sub, err := firstSubscription(to)
	if err != nil {
		return nil, err
	}
	now := c.now()
	e.ID, e.AccountID = c.ids.New(), to.AccountID
	e.CreatedAt = e.ID.Time().Truncate(time.Microsecond)
	if e.PayloadExpires.IsZero() && c.kept > 0 {
		e.PayloadExpires = now.Add(c.kept)
	}
	in := &store.Intake{Accepted: []store.Accepted{{Event: e, Deliveries: []webhook.Delivery{{
		DeliveryID: webhook.DeliveryID{Event: e.ID}, AccountID: to.AccountID, EndpointID: to.ID,
		SubscriptionID: sub, Trigger: webhook.Manual, DueAt: now,
	}}}}}
	if err := c.store.Commit(ctx, &store.Batch{Intake: []*store.Intake{in}}); err != nil {
		return nil, fmt.Errorf("store event: %w", err)
	}
	if in.Err != nil {
		return nil, in.Err
	}
	c.kick(to.ID)
	return &e, nil
}
