package wazo

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	dialect "github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// add keeps a new subscription and tells the bus.
func (a *API) add(ctx context.Context, d *dialect.Document) (*dialect.Document, error) {
	master, err := a.awaitMaster(ctx)
	if err != nil {
		return nil, err
	}
	account, err := a.Tenants.Account(ctx, d.OwnerTenantUUID)
	if err != nil {
		return nil, err
	}
	var b control.Bundle
	e, err := a.place(&b, id.New(), account.ID, d, d.OwnerTenantUUID == master)
	if err != nil {
		return nil, err
	}
	if d, err = dialect.DocumentOf(e); err != nil {
		return nil, err
	}
	if b.Tell, err = a.told(created, d); err != nil {
		return nil, err
	}
	if _, err := a.Control.AddBundle(ctx, b); err != nil {
		return nil, err
	}
	a.kept(ctx, d.Events, b.Tell)
	return d, nil
}

// awaitMaster returns the master tenant, on which it depends what a subscription gets. After a
// start it may take a moment until wazo-auth has told it.
func (a *API) awaitMaster(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, a.MasterWait)
	defer cancel()
	return a.Auth.AwaitMaster(ctx)
}

// place adds the endpoint that a subscription is to a bundle. master says that its
// tenant is the master tenant.
func (a *API) place(b *control.Bundle, self, account id.ID, d *dialect.Document, master bool) (*webhook.Endpoint, error) {
	now := a.Now().UTC().Truncate(time.Microsecond)
	e := webhook.Endpoint{ID: self, AccountID: account, Version: 1, CreatedAt: now, UpdatedAt: now}
	if err := a.fill(&e, d); err != nil {
		return nil, err
	}
	b.Endpoints = append(b.Endpoints, control.NewPlace{Endpoint: e, Health: webhook.Health{EndpointID: self}})
	for _, s := range subscribed(nil, d.Filters(master)) {
		s.ID, s.AccountID, s.EndpointID, s.CreatedAt, s.UpdatedAt = id.New(), account, self, now, now
		b.Subscriptions = append(b.Subscriptions, s)
	}
	return &e, nil
}

// replace keeps another state of a subscription and tells the bus.
func (a *API) replace(ctx context.Context, self id.ID, d *dialect.Document) (*dialect.Document, error) {
	master, err := a.awaitMaster(ctx)
	if err != nil {
		return nil, err
	}
	var now *dialect.Document
	var tell control.Told
	if _, err := a.Control.UpdateEndpoint(ctx, self, id.ID{}, func(edit *control.EndpointEdit) (err error) {
		if err := a.fill(edit.Endpoint, d); err != nil {
			return err
		}
		edit.Subscriptions = subscribed(edit.Subscriptions, d.Filters(d.OwnerTenantUUID == master))
		if now, err = dialect.DocumentOf(edit.Endpoint); err != nil {
			return err
		}
		tell, err = a.told(updated, now)
		edit.Tell = tell
		return err
	}); err != nil {
		return nil, err
	}
	a.kept(ctx, now.Events, tell)
	return now, nil
}

// remove deletes a subscription and tells the bus. What is pending for it is cancelled.
func (a *API) remove(ctx context.Context, self id.ID) error {
	var tell control.Told
	if _, err := a.Control.UpdateEndpoint(ctx, self, id.ID{}, func(edit *control.EndpointEdit) error {
		d, err := dialect.DocumentOf(edit.Endpoint)
		if err != nil {
			return err
		}
		tell, err = a.told(deleted, d)
		edit.Delete, edit.Tell = true, tell
		return err
	}); err != nil {
		return err
	}
	a.kept(ctx, nil, tell)
	return nil
}

// kept is called when a change is durable, whoever waits for it or not: what is wanted is
// bound before anybody is told.
func (a *API) kept(ctx context.Context, names []string, tell control.Told) {
	a.Follow(context.WithoutCancel(ctx), names)
	a.Control.Wake(tell)
}

// EventNames returns the names of the events that subscriptions want, once each.
func (a *API) EventNames(ctx context.Context) ([]string, error) {
	names := map[string]bool{}
	_, err := a.subscriptions(ctx, id.ID{}, func(d *dialect.Document) bool {
		for _, name := range d.Events {
			names[name] = true
		}
		return false
	})
	return slices.Sorted(maps.Keys(names)), err
}

// fill makes an endpoint of a subscription.
func (a *API) fill(e *webhook.Endpoint, d *dialect.Document) error {
	e.Service, e.Enabled, e.Health = a.ours(d.Service), true, webhook.HealthPolicy{NoBreaker: true}
	a.govern(e)
	return d.Replace(e, a.Now().UTC().Truncate(time.Microsecond))
}

// govern gives an endpoint what is configured for all subscriptions.
func (a *API) govern(e *webhook.Endpoint) { e.Retry, e.Timeout = a.Retry, a.Timeout }

func (a *API) governed(e *webhook.Endpoint) bool {
	return e.Timeout == a.Timeout && e.Retry.MaxAttempts == a.Retry.MaxAttempts && slices.Equal(e.Retry.Schedule, a.Retry.Schedule)
}

// GovernAll gives subscriptions that were saved under another configuration what is
// configured now. What is pending goes on by that.
func (a *API) GovernAll(ctx context.Context) error {
	var old []id.ID
	if err := a.each(ctx, id.ID{}, func(e *webhook.Endpoint) error {
		if !a.governed(e) {
			old = append(old, e.ID)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, self := range old {
		_, err := a.Control.UpdateEndpoint(ctx, self, id.ID{}, func(edit *control.EndpointEdit) error {
			a.govern(edit.Endpoint)
			return nil
		})
		if err != nil && webhook.CodeOf(err) != webhook.CodeNotFound {
			return err
		}
	}
	return nil
}

// subscribed puts filters into the subscriptions that an endpoint has, and adds some or
// switches some off as it needs: what is pending for them goes on.
func subscribed(had []webhook.Subscription, filters []webhook.Filter) []webhook.Subscription {
	all := slices.Clone(had)
	for i := range max(len(had), len(filters)) {
		if i == len(all) {
			all = append(all, webhook.Subscription{})
		}
		all[i].Enabled = i < len(filters)
		if i < len(filters) {
			all[i].Filter = filters[i]
		}
	}
	return all
}
