package control

import (
	"context"
	"fmt"
	"slices"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// EventQuery selects events: see store.EventQuery.
type EventQuery = store.EventQuery

// EventDelivery is an event with its newest delivery to one endpoint.
type EventDelivery = store.EventDelivery

// FindEvent returns an event of the account with its payload: by its id when that
// is not zero, else by the sender's own id.
func (c *Control) FindEvent(ctx context.Context, account, event id.ID, uid string) (*webhook.Event, error) {
	var e webhook.Event
	var err error
	switch {
	case !event.IsZero():
		e, err = c.store.Event(ctx, account, event)
	case uid != "":
		e, err = c.store.EventByUID(ctx, account, uid)
	default:
		err = webhook.Errorf(webhook.CodeNotFound, "", "there is no such event")
	}
	if err != nil {
		return nil, fmt.Errorf("find event: %w", err)
	}
	return &e, nil
}

// Events lists events, ordered by id.
func (c *Control) Events(ctx context.Context, q EventQuery) (webhook.Slice[webhook.Event], error) {
	s, err := c.store.Events(ctx, q)
	if err != nil {
		return s, fmt.Errorf("list events: %w", err)
	}
	return s, nil
}

// EndpointEvents lists the events that were to be delivered to an endpoint.
func (c *Control) EndpointEvents(ctx context.Context, endpoint id.ID, q EventQuery) (webhook.Slice[EventDelivery], error) {
	s, err := c.store.EndpointEvents(ctx, endpoint, q)
	if err != nil {
		return s, fmt.Errorf("list events of an endpoint: %w", err)
	}
	return s, nil
}

// DeletePayload deletes the payload of an event; what is pending of it is cancelled.
func (c *Control) DeletePayload(ctx context.Context, account, event id.ID) error {
	if err := c.store.ExpungePayload(ctx, account, event, c.now()); err != nil {
		return fmt.Errorf("delete payload: %w", err)
	}
	return nil
}

// Deliveries lists the deliveries of an event, in the order in which they were made.
func (c *Control) Deliveries(ctx context.Context, event id.ID) ([]webhook.Delivery, error) {
	all, err := c.store.Deliveries(ctx, event)
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	return all, nil
}

// Destination is an endpoint that an event was to be delivered to, with the newest
// delivery.
type Destination struct {
	Endpoint      webhook.Endpoint // without secrets; it may have been deleted meanwhile
	Subscriptions []webhook.Subscription
	Delivery      webhook.Delivery
}

// Destinations lists where an event was to be delivered among the endpoints of the
// account, ordered by the endpoint's id.
func (c *Control) Destinations(ctx context.Context, account, event id.ID, p webhook.Page) (webhook.Slice[Destination], error) {
	newest, err := c.newestDeliveries(ctx, account, event)
	if err != nil {
		return webhook.Slice[Destination]{}, err
	}
	ids := paged(newest, p)
	endpoints, err := c.store.EndpointsEver(ctx, ids.Items)
	if err != nil {
		return webhook.Slice[Destination]{}, fmt.Errorf("find endpoints: %w", err)
	}
	subs, err := c.subscriptionsByEndpoint(ctx, ids.Items)
	if err != nil {
		return webhook.Slice[Destination]{}, err
	}
	s := webhook.Slice[Destination]{Done: ids.Done}
	for _, endpoint := range ids.Items {
		s.Items = append(s.Items, Destination{endpoints[endpoint], subs[endpoint], newest[endpoint]})
	}
	return s, nil
}

// newestDeliveries returns the newest delivery of an event to each endpoint of the
// account.
func (c *Control) newestDeliveries(ctx context.Context, account, event id.ID) (map[id.ID]webhook.Delivery, error) {
	all, err := c.Deliveries(ctx, event)
	if err != nil {
		return nil, err
	}
	newest := make(map[id.ID]webhook.Delivery, len(all))
	for _, d := range all {
		if d.AccountID == account {
			newest[d.EndpointID] = d // they come in order
		}
	}
	return newest, nil
}

// paged returns the part of the keys, which are ordered, that the page asks for.
func paged[V any](set map[id.ID]V, p webhook.Page) webhook.Slice[id.ID] {
	up := p.Ascending != p.Backward // the direction to walk in
	var ids []id.ID
	for v := range set {
		if p.After.IsZero() || up && v.Compare(p.After) > 0 || !up && v.Compare(p.After) < 0 {
			ids = append(ids, v)
		}
	}
	slices.SortFunc(ids, id.ID.Compare)
	if !up {
		slices.Reverse(ids)
	}
	n := min(len(ids), p.Rows())
	s := webhook.Slice[id.ID]{Items: ids[:n:n], Done: n == len(ids)}
	if p.Backward {
		slices.Reverse(s.Items)
	}
	return s
}
