package control

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Endpoint is an endpoint with what belongs to it.
type Endpoint struct {
	webhook.Endpoint
	Subscriptions []webhook.Subscription // ordered by id
	// State is how it has been doing, as far as the database knows; only
	// FindEndpoint fills it in.
	State webhook.Health
}

// EndpointEdit is an endpoint with its subscriptions, open for changes.
type EndpointEdit = store.EndpointEdit

// Told are events that become durable with the change that they tell of: see store.Told.
type Told = store.Told

// DraftEndpoint returns what the native API makes when nothing is asked for: an
// enabled endpoint over HTTP, with this server's policies for retries and health
// and a fresh signing key.
func (c *Control) DraftEndpoint(account id.ID) webhook.Endpoint {
	retry := c.retry
	retry.Schedule = slices.Clone(retry.Schedule)
	return webhook.Endpoint{
		AccountID: account, Service: webhook.ServiceHTTP, Enabled: true, Retry: retry, Health: c.health,
		Keys: []webhook.SigningKey{{Key: c.newKey()}},
	}
}

// NewEndpoint is what CreateEndpoint needs.
type NewEndpoint struct {
	// Endpoint is stored as it is, but for ID, Version and the times: see
	// DraftEndpoint. An endpoint without keys is not signed for.
	Endpoint webhook.Endpoint
	// Subscriptions need Filter and Enabled; AccountID is the endpoint's where it
	// is zero.
	Subscriptions []webhook.Subscription
	// Catalogue is the account whose catalogue must have the event types that
	// filters name; zero does not ask. Prefixes such as "order.*" are free.
	Catalogue id.ID
	Once      *Once
}

// CreateEndpoint stores an endpoint with its subscriptions. created is false when
// an earlier call with the same once made it. A UID that the account has is
// CodeConflict with Field "uid"; too many endpoints are CodeLimit.
func (c *Control) CreateEndpoint(ctx context.Context, n NewEndpoint) (made *Endpoint, created bool, err error) {
	e := &n.Endpoint
	if _, err := c.directory.Account(ctx, e.AccountID); err != nil {
		return nil, false, fmt.Errorf("find account: %w", err)
	}
	if have := c.directory.EndpointCount(e.AccountID); have >= c.limits.Endpoints {
		return nil, false, webhook.Errorf(webhook.CodeLimit, "", "the account has %d endpoints, which is all it may have", have)
	}
	once, err := c.prepared(n.Once, e.AccountID)
	if err != nil {
		return nil, false, err
	}
	now := c.now()
	e.ID, e.Version, e.CreatedAt, e.UpdatedAt = c.ids.New(), 1, now, now
	for i := range e.Keys {
		if e.Keys[i].CreatedAt.IsZero() {
			e.Keys[i].CreatedAt = now
		}
	}
	settleEnabled(e, true, now)
	c.completeSubscriptions(e, nil, n.Subscriptions, now)
	if err := c.checkEndpoint(e, n.Subscriptions); err != nil {
		return nil, false, err
	}
	if err := c.checkService(e); err != nil {
		return nil, false, err
	}
	if err := c.checkTypes(ctx, n.Catalogue, nil, n.Subscriptions); err != nil {
		return nil, false, err
	}
	if err := c.store.CreateEndpoint(ctx, e, n.Subscriptions, once); err != nil {
		return nil, false, fmt.Errorf("create endpoint: %w", err)
	}
	if ref, replayed, err := earlier(once); replayed || err != nil {
		if err != nil {
			return nil, false, err
		}
		made, err = c.FindEndpoint(ctx, e.AccountID, ref, "")
		return made, false, err
	}
	c.seen(ctx)
	return &Endpoint{Endpoint: *e, Subscriptions: n.Subscriptions}, true, nil
}

// FindEndpoint returns an endpoint of the account: by its id when that is not
// zero, else by the uid. It comes with its secrets.
func (c *Control) FindEndpoint(ctx context.Context, account, endpoint id.ID, uid string) (*Endpoint, error) {
	var e Endpoint
	var err error
	switch {
	case !endpoint.IsZero():
		e.Endpoint, e.State, err = c.store.Endpoint(ctx, endpoint)
	case uid != "":
		e.Endpoint, e.State, err = c.store.EndpointByUID(ctx, account, uid)
	default:
		return nil, noEndpoint()
	}
	if err != nil {
		return nil, fmt.Errorf("find endpoint: %w", err)
	}
	if e.AccountID != account {
		return nil, noEndpoint()
	}
	if e.Subscriptions, err = c.store.SubscriptionsOf(ctx, e.ID); err != nil {
		return nil, fmt.Errorf("find subscriptions: %w", err)
	}
	return &e, nil
}

// Endpoints lists the endpoints of an account, ordered by id, with their
// subscriptions.
func (c *Control) Endpoints(ctx context.Context, account id.ID, p webhook.Page) (webhook.Slice[Endpoint], error) {
	s, err := c.store.Endpoints(ctx, account, p)
	if err != nil {
		return webhook.Slice[Endpoint]{}, fmt.Errorf("list endpoints: %w", err)
	}
	all := webhook.Slice[Endpoint]{Items: make([]Endpoint, len(s.Items)), Done: s.Done}
	ids := make([]id.ID, len(s.Items))
	for i := range s.Items {
		all.Items[i].Endpoint = s.Items[i]
		ids[i] = s.Items[i].ID
	}
	subs, err := c.subscriptionsByEndpoint(ctx, ids)
	if err != nil {
		return webhook.Slice[Endpoint]{}, err
	}
	for i := range all.Items {
		all.Items[i].Subscriptions = subs[ids[i]]
	}
	return all, nil
}

// LocateEndpoint returns an endpoint wherever it is, without its subscriptions. It
// comes with its secrets.
func (c *Control) LocateEndpoint(ctx context.Context, endpoint id.ID) (*webhook.Endpoint, error) {
	e, _, err := c.store.Endpoint(ctx, endpoint)
	if err != nil {
		return nil, fmt.Errorf("find endpoint: %w", err)
	}
	return &e, nil
}

// EndpointsOf lists the endpoints that the dialect has annotated, ordered by id: those
// of an account, or everybody's when it is zero.
func (c *Control) EndpointsOf(ctx context.Context, account id.ID, dialect string, p webhook.Page) (webhook.Slice[webhook.Endpoint], error) {
	s, err := c.store.EndpointsOf(ctx, account, dialect, p)
	if err != nil {
		return s, fmt.Errorf("list endpoints: %w", err)
	}
	return s, nil
}

// UpdateEndpoint lets change edit an endpoint and its subscriptions; new ones need
// no ID. Setting Enabled is all it takes to enable or disable: the reason, the
// time, a fresh start for the health and the kick follow. Setting Delete deletes
// it instead, together with what is to be told of that. catalogue is as in
// NewEndpoint and looks at names that were not there before. change may be
// called more than once; its error is returned as it is.
func (c *Control) UpdateEndpoint(ctx context.Context, endpoint, catalogue id.ID, change func(*EndpointEdit) error) (*Endpoint, error) {
	var subs []webhook.Subscription
	var kick bool
	e, err := c.store.UpdateEndpoint(ctx, endpoint, func(edit *EndpointEdit) error {
		was := *edit.Endpoint
		had := slices.Clone(edit.Subscriptions)
		*edit.Endpoint, edit.Subscriptions = owned(was), ownedSubscriptions(had)
		if err := change(edit); err != nil {
			return err
		}
		var err error
		if kick, err = c.settleEdit(ctx, edit, &was, catalogue, had); err != nil {
			return err
		}
		subs = slices.Clone(edit.Subscriptions)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("update endpoint: %w", err)
	}
	c.seen(ctx)
	if kick {
		c.kick(endpoint)
	}
	slices.SortFunc(subs, func(a, b webhook.Subscription) int { return a.ID.Compare(b.ID) })
	return &Endpoint{Endpoint: e, Subscriptions: subs}, nil
}

// Wake wakes who tells what was stored with a change. Who makes the change calls it
// when all is ready for that; what nobody wakes is told after the next start.
func (c *Control) Wake(told Told) {
	for i := range told {
		for _, d := range told[i].Deliveries {
			c.kick(d.EndpointID)
		}
	}
}

// settleEdit completes and checks what a caller made of an endpoint. kick says
// that something may be due at once.
func (c *Control) settleEdit(ctx context.Context, edit *EndpointEdit, was *webhook.Endpoint, catalogue id.ID, had []webhook.Subscription) (kick bool, err error) {
	e, now := edit.Endpoint, c.now()
	e.ID, e.AccountID, e.CreatedAt, e.UpdatedAt = was.ID, was.AccountID, was.CreatedAt, now
	settleEnabled(e, was.Enabled, now)
	if e.Enabled && !was.Enabled {
		edit.ResetHealth = true
	}
	c.completeSubscriptions(e, had, edit.Subscriptions, now)
	if err := checkRegistered(had, edit.Subscriptions); err != nil {
		return false, err
	}
	if err := c.checkEndpoint(e, edit.Subscriptions); err != nil {
		return false, err
	}
	if !deliveredAlike(was, e) {
		// What was kept once is not held against a change elsewhere, even if
		// the rules have changed or the service is not there any more.
		if err := c.checkService(e); err != nil {
			return false, err
		}
	}
	return edit.ResetHealth, c.checkTypes(ctx, catalogue, had, edit.Subscriptions)
}

// EnableEndpoint enables an endpoint and forgets its failures, also of one that is
// enabled; what is pending goes on.
func (c *Control) EnableEndpoint(ctx context.Context, endpoint id.ID) (*Endpoint, error) {
	return c.UpdateEndpoint(ctx, endpoint, id.ID{}, func(edit *EndpointEdit) error {
		edit.Endpoint.Enabled, edit.ResetHealth = true, true
		return nil
	})
}

// DisableEndpoint stops deliveries to an endpoint; what is pending waits. reason is
// DisabledByOwner when empty.
func (c *Control) DisableEndpoint(ctx context.Context, endpoint id.ID, reason string) (*Endpoint, error) {
	return c.UpdateEndpoint(ctx, endpoint, id.ID{}, func(edit *EndpointEdit) error {
		edit.Endpoint.Enabled, edit.Endpoint.DisabledReason = false, reason
		return nil
	})
}

// DeleteEndpoint deletes an endpoint; what is pending for it is cancelled. Its
// history stays.
func (c *Control) DeleteEndpoint(ctx context.Context, endpoint id.ID) error {
	if err := c.store.DeleteEndpoint(ctx, endpoint, c.now()); err != nil {
		return fmt.Errorf("delete endpoint: %w", err)
	}
	c.seen(ctx)
	return nil
}

func noEndpoint() error {
	return webhook.Errorf(webhook.CodeNotFound, "", "there is no such endpoint")
}

// owned returns a copy that shares nothing that can be changed in place.
func owned(e webhook.Endpoint) webhook.Endpoint {
	e.Config, e.Headers, e.Keys = slices.Clone(e.Config), slices.Clone(e.Headers), slices.Clone(e.Keys)
	e.Metadata, e.Annotations = maps.Clone(e.Metadata), maps.Clone(e.Annotations)
	e.Retry.Schedule = slices.Clone(e.Retry.Schedule)
	if e.TLS != nil {
		t := *e.TLS
		e.TLS = &t
	}
	return e
}
