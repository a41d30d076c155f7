package wazo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	dialect "github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Outbox tells Wazo's bus of what becomes of subscriptions. What is to be told is an
// event of the root account, for an endpoint of ours that publishes. It becomes durable
// with the change, is kept until the broker has confirmed it, in its order, and nobody
// waits for the broker.
type Outbox struct {
	o  OutboxOptions
	to atomic.Pointer[webhook.Delivery] // what a delivery to the endpoint is like
}

// OutboxOptions configure an Outbox. Control, Broker and Exchange are required.
type OutboxOptions struct {
	Control  *control.Control
	Broker   string // the service's name for the broker
	Exchange string // to which is published
	// UUID is the installation's, the origin of its events; empty is the root account's.
	UUID string
	Now  func() time.Time // time.Now
}

// What the endpoint that publishes is known by, and the type of the events that it wants.
const (
	outboxUID     = "wazo-outbox"
	outboxService = "amqp"
	outboxType    = "switchhook.wazo.outbox"
)

// Attributes by which the service learns of an event's routing key and headers.
const (
	attributeRoutingKey = "amqp.routing_key"
	attributeHeader     = "amqp.header."
)

// NewOutbox returns an Outbox. Ensure makes what it needs.
func NewOutbox(o OutboxOptions) (*Outbox, error) {
	if o.Control == nil || o.Broker == "" || o.Exchange == "" {
		return nil, errors.New("wazo: an outbox needs control, broker and exchange")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Outbox{o: o}, nil
}

// Ensure makes the endpoint that publishes, or lets it publish where it is to now.
// Until then nothing can be told.
func (b *Outbox) Ensure(ctx context.Context) error {
	root, err := b.o.Control.Root(ctx)
	if err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{"broker": b.o.Broker, "exchange": b.o.Exchange})
	if err != nil {
		return err
	}
	e, err := b.endpoint(ctx, root.ID, config)
	if err != nil {
		return err
	}
	if plan := outboxRetry(); !bytes.Equal(e.Config, config) || !slices.Equal(e.Retry.Schedule, plan.Schedule) {
		if _, err := b.o.Control.UpdateEndpoint(ctx, e.ID, id.ID{}, func(edit *control.EndpointEdit) error {
			edit.Endpoint.Config, edit.Endpoint.Retry = config, plan
			return nil
		}); err != nil {
			return err
		}
	}
	if len(e.Subscriptions) != 1 {
		return fmt.Errorf("endpoint %s of the outbox has %d subscriptions", e.ID, len(e.Subscriptions))
	}
	b.to.Store(&webhook.Delivery{AccountID: root.ID, EndpointID: e.ID, SubscriptionID: e.Subscriptions[0].ID})
	return nil
}

// endpoint returns the endpoint that publishes, and makes it where it is not there.
func (b *Outbox) endpoint(ctx context.Context, root id.ID, config json.RawMessage) (*control.Endpoint, error) {
	e, err := b.o.Control.FindEndpoint(ctx, root, id.ID{}, outboxUID)
	if webhook.CodeOf(err) != webhook.CodeNotFound {
		return e, err
	}
	e, _, err = b.o.Control.CreateEndpoint(ctx, control.NewEndpoint{
		Endpoint: webhook.Endpoint{
			AccountID: root, UID: outboxUID, Description: "Tells Wazo's bus of changes to subscriptions",
			Service: outboxService, Config: config, Ordering: webhook.OrderingFIFO, Enabled: true,
			Retry: outboxRetry(), Health: webhook.HealthPolicy{NoBreaker: true},
		},
		Subscriptions: []webhook.Subscription{{Enabled: true, Filter: webhook.Filter{Types: []string{outboxType}}}},
	})
	if webhook.CodeOf(err) == webhook.CodeConflict {
		return b.o.Control.FindEndpoint(ctx, root, id.ID{}, outboxUID) // another node was quicker
	}
	return e, err
}

// outboxRetry goes on for ten days, at shorter intervals the shorter the broker has
// been away.
func outboxRetry() webhook.RetryPolicy {
	var p webhook.RetryPolicy
	for _, part := range []struct {
		n    int
		wait time.Duration
	}{{3, time.Second}, {2, 5 * time.Second}, {300, 15 * time.Second}, {500, 5 * time.Minute}, {194, time.Hour}} {
		for range part.n {
			p.Schedule = append(p.Schedule, part.wait)
		}
	}
	return p
}

// verb is what became of a subscription.
type verb string

const (
	created verb = "created"
	updated verb = "updated"
	deleted verb = "deleted"
)

// told is what the bus is to be told of a change to a subscription.
func (a *API) told(v verb, d *dialect.Document) (control.Told, error) {
	if a.Outbox == nil {
		return nil, nil
	}
	return a.Outbox.told(v, d)
}

func (b *Outbox) told(v verb, d *dialect.Document) (control.Told, error) {
	to := b.to.Load()
	if to == nil {
		return nil, errors.New("the outbox has no endpoint yet")
	}
	origin := b.o.UUID
	if origin == "" {
		origin = to.AccountID.String()
	}
	now := b.o.Now().UTC().Truncate(time.Microsecond)
	e, err := message(v, d, origin, now)
	if err != nil {
		return nil, err
	}
	e.ID, e.AccountID, e.CreatedAt = id.New(), to.AccountID, now
	one := *to
	one.Event, one.DueAt = e.ID, now
	return control.Told{{Event: e, Deliveries: []webhook.Delivery{one}, Ordered: []int32{0}}}, nil
}

// message is the event that becomes a message of the bus.
func message(v verb, d *dialect.Document, origin string, now time.Time) (webhook.Event, error) {
	name, key, user, data := lifecycle(v, d)
	headers := map[string]any{
		"name": name, "tenant_uuid": d.OwnerTenantUUID, "origin_uuid": origin,
		"timestamp":       now.Local().Format("2006-01-02T15:04:05.000000"),
		"required_access": "event." + name, "required_acl": "events." + key,
		dialect.AttributeUser + user: true,
	}
	e := webhook.Event{Type: outboxType, Attributes: map[string]string{attributeRoutingKey: key}}
	body := map[string]any{"data": data}
	for header, value := range headers {
		body[header] = value
		text, err := json.Marshal(value)
		if err != nil {
			return e, fmt.Errorf("header %s of a message: %w", header, err)
		}
		e.Attributes[attributeHeader+header] = string(text)
	}
	var err error
	e.Payload, err = encode(body)
	return e, err
}

// lifecycle tells name, routing key and data of a message, and for whom it is: what
// belongs to a user does not say whose it is.
func lifecycle(v verb, d *dialect.Document) (name, key, user string, data any) {
	if d.OwnerUserUUID == nil {
		return "webhookd_subscription_" + string(v), "webhookd.subscription." + string(v), "*", d
	}
	user = *d.OwnerUserUUID
	return "webhookd_user_subscription_" + string(v), "webhookd.users." + user + ".subscription." + string(v), user, map[string]any{
		"uuid": d.UUID, "name": d.Name, "service": d.Service, "events": d.Events, "config": d.Config, "metadata": d.Metadata,
	}
}
