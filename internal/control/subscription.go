package control

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/match"
	"github.com/switchhook/switchhook/internal/webhook"
)

// CreateSubscription adds a subscription to the endpoint s.EndpointID. The times are
// filled in, and where they are zero the ID and AccountID, which is the account whose
// events are wanted: the endpoint's. catalogue is as in NewEndpoint.
func (c *Control) CreateSubscription(ctx context.Context, s webhook.Subscription, catalogue id.ID) (*webhook.Subscription, error) {
	e, _, err := c.store.Endpoint(ctx, s.EndpointID)
	if err != nil {
		return nil, fmt.Errorf("find endpoint: %w", err)
	}
	has, err := c.store.SubscriptionsOf(ctx, e.ID)
	if err != nil {
		return nil, fmt.Errorf("find subscriptions: %w", err)
	}
	if len(has) >= c.limits.Subscriptions {
		return nil, webhook.Errorf(webhook.CodeLimit, "", "the endpoint has %d subscriptions, which is all it may have", len(has))
	}
	now := c.now()
	s.CreatedAt = now
	one := []webhook.Subscription{s}
	c.completeSubscriptions(&e, nil, one, now)
	if err := c.checkSubscription(&one[0]); err != nil {
		return nil, err
	}
	if err := c.checkTypes(ctx, catalogue, nil, one); err != nil {
		return nil, err
	}
	if err := c.store.CreateSubscription(ctx, &one[0]); err != nil {
		return nil, fmt.Errorf("create subscription: %w", err)
	}
	c.seen(ctx)
	return &one[0], nil
}

// Subscription returns a subscription, whoever has it.
func (c *Control) Subscription(ctx context.Context, subscription id.ID) (*webhook.Subscription, error) {
	s, err := c.store.Subscription(ctx, subscription)
	if err != nil {
		return nil, fmt.Errorf("find subscription: %w", err)
	}
	return &s, nil
}

// FindSubscription returns a subscription of the account.
func (c *Control) FindSubscription(ctx context.Context, account, subscription id.ID) (*webhook.Subscription, error) {
	s, err := c.Subscription(ctx, subscription)
	if err != nil {
		return nil, err
	}
	if s.AccountID != account {
		return nil, webhook.Errorf(webhook.CodeNotFound, "", "there is no such subscription")
	}
	return s, nil
}

// Subscriptions lists the subscriptions of an account, ordered by id.
func (c *Control) Subscriptions(ctx context.Context, account id.ID, p webhook.Page) (webhook.Slice[webhook.Subscription], error) {
	s, err := c.store.Subscriptions(ctx, account, p)
	if err != nil {
		return s, fmt.Errorf("list subscriptions: %w", err)
	}
	return s, nil
}

// DeleteSubscription deletes a subscription; what is pending for it is cancelled.
func (c *Control) DeleteSubscription(ctx context.Context, subscription id.ID) error {
	if err := c.store.DeleteSubscription(ctx, subscription, c.now()); err != nil {
		return fmt.Errorf("delete subscription: %w", err)
	}
	c.seen(ctx)
	return nil
}

func (c *Control) subscriptionsByEndpoint(ctx context.Context, endpoints []id.ID) (map[id.ID][]webhook.Subscription, error) {
	by := make(map[id.ID][]webhook.Subscription, len(endpoints))
	if len(endpoints) == 0 {
		return by, nil
	}
	all, err := c.store.SubscriptionsOf(ctx, endpoints...)
	if err != nil {
		return nil, fmt.Errorf("find subscriptions: %w", err)
	}
	for _, s := range all {
		by[s.EndpointID] = append(by[s.EndpointID], s)
	}
	return by, nil
}

// completeSubscriptions fills in what the endpoint's subscriptions need to be kept.
// had are those from before the change.
func (c *Control) completeSubscriptions(e *webhook.Endpoint, had, subs []webhook.Subscription, now time.Time) {
	before := subscriptionsByID(had)
	for i := range subs {
		s := &subs[i]
		if s.ID.IsZero() {
			s.ID, s.CreatedAt = c.ids.New(), now
		}
		if s.AccountID.IsZero() {
			s.AccountID = e.AccountID
		}
		s.EndpointID = e.ID
		if was := before[s.ID]; was == nil || !reflect.DeepEqual(s, was) {
			s.UpdatedAt = now
		}
	}
}

func (c *Control) checkSubscription(s *webhook.Subscription) error {
	if err := checkText("name", s.Name, maxName); err != nil {
		return err
	}
	if err := match.CheckFilter(s.Filter); err != nil {
		return within("filter", err)
	}
	return c.checkAnnotations(s.Annotations)
}

func subscriptionsByID(subs []webhook.Subscription) map[id.ID]*webhook.Subscription {
	by := make(map[id.ID]*webhook.Subscription, len(subs))
	for i := range subs {
		by[subs[i].ID] = &subs[i]
	}
	return by
}

// checkRegistered refuses to let subscriptions that are for one event type want
// something else: they reach into the account that has it, and no further.
func checkRegistered(had, subs []webhook.Subscription) error {
	before := subscriptionsByID(had)
	for i := range subs {
		was := before[subs[i].ID]
		if was == nil || was.EventTypeID.IsZero() {
			continue
		}
		if subs[i].AccountID != was.AccountID || !reflect.DeepEqual(subs[i].Filter, was.Filter) {
			return invalid(fmt.Sprintf("subscriptions.%d.filter", i), "is for one event type and cannot be changed")
		}
	}
	return nil
}

// checkTypes wants the catalogue to have the event types that the filters name and
// that no filter named before.
func (c *Control) checkTypes(ctx context.Context, catalogue id.ID, had, subs []webhook.Subscription) error {
	if catalogue.IsZero() {
		return nil
	}
	for i := range subs {
		for n, name := range subs[i].Filter.Types {
			if inNoCatalogue(name) || named(had, name) {
				continue
			}
			_, err := c.directory.EventType(ctx, catalogue, name)
			if webhook.CodeOf(err) == webhook.CodeNotFound {
				return invalid(fmt.Sprintf("subscriptions.%d.filter.types.%d", i, n), "there is no event type %q", name)
			}
			if err != nil {
				return fmt.Errorf("find event type: %w", err)
			}
		}
	}
	return nil
}

// inNoCatalogue says whether a filter may have a name that no catalogue has: a
// prefix, or what Switchhook itself tells.
func inNoCatalogue(name string) bool {
	return strings.HasSuffix(name, "*") || name == webhook.TypeEndpointDisabled
}

func named(subs []webhook.Subscription, name string) bool {
	return slices.ContainsFunc(subs, func(s webhook.Subscription) bool { return slices.Contains(s.Filter.Types, name) })
}

// ownedSubscriptions returns copies that share nothing that can be changed in place.
func ownedSubscriptions(subs []webhook.Subscription) []webhook.Subscription {
	all := slices.Clone(subs)
	for i := range all {
		f := &all[i].Filter
		f.Types, f.Channels, f.Payload = slices.Clone(f.Types), slices.Clone(f.Channels), slices.Clone(f.Payload)
		f.Attributes = maps.Clone(f.Attributes)
		all[i].Annotations = maps.Clone(all[i].Annotations)
	}
	return all
}
