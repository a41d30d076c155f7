package control

import (
	"context"
	"fmt"
	"strconv"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Window is the part of a list that is read by number: see store.Window.
type Window = store.Window

// Firing says that the event of a registration was sent.
type Firing = store.Firing

// Registration returns an event type with a fixed payload by its id.
func (c *Control) Registration(ctx context.Context, eventType id.ID) (*webhook.EventType, error) {
	t, err := c.store.Registration(ctx, eventType)
	if err != nil {
		return nil, fmt.Errorf("find registration: %w", err)
	}
	return &t, nil
}

// Registrations lists the registrations of an account, oldest first; those of all
// accounts when it is zero.
func (c *Control) Registrations(ctx context.Context, account id.ID, w Window) ([]webhook.EventType, error) {
	all, err := c.store.Registrations(ctx, account, w)
	if err != nil {
		return nil, fmt.Errorf("list registrations: %w", err)
	}
	return all, nil
}

// Registered lists the subscriptions to registrations, oldest first: those of an
// endpoint, or everybody's when it is zero.
func (c *Control) Registered(ctx context.Context, endpoint id.ID, w Window) ([]webhook.Subscription, error) {
	all, err := c.store.Registered(ctx, endpoint, w)
	if err != nil {
		return nil, fmt.Errorf("list subscriptions: %w", err)
	}
	return all, nil
}

// AccountsByAge lists the children of parent, oldest first.
func (c *Control) AccountsByAge(ctx context.Context, parent id.ID, w Window) ([]webhook.Account, error) {
	all, err := c.store.AccountsByAge(ctx, parent, w)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return all, nil
}

// Firings lists when registrations' events were sent, oldest first.
func (c *Control) Firings(ctx context.Context, w Window) ([]Firing, error) {
	all, err := c.store.Firings(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("list firings: %w", err)
	}
	return all, nil
}

// clearAtOnce is how many accounts one transaction deletes.
const clearAtOnce = 200

// ClearAccounts deletes accounts and leaves their registrations and the
// subscriptions to registrations where they are. It returns how many it deleted.
func (c *Control) ClearAccounts(ctx context.Context, accounts []id.ID) (int, error) {
	defer c.seen(ctx)
	total := 0
	for len(accounts) > 0 {
		n := min(len(accounts), clearAtOnce)
		done, err := c.store.ClearAccounts(ctx, accounts[:n], c.now())
		if err != nil {
			return total, fmt.Errorf("delete accounts: %w", err)
		}
		total, accounts = total+done, accounts[n:]
	}
	return total, nil
}

// ClearRegistrations deletes everybody's registrations; what is pending for them is
// cancelled. The subscriptions to them stay. It returns how many it deleted.
func (c *Control) ClearRegistrations(ctx context.Context) (int, error) {
	n, err := c.store.ClearRegistrations(ctx, c.now())
	if err != nil {
		return 0, fmt.Errorf("delete registrations: %w", err)
	}
	c.seen(ctx)
	return n, nil
}

// ClearRegistered deletes everybody's subscriptions to registrations; what is
// pending for them is cancelled. It returns how many it deleted.
func (c *Control) ClearRegistered(ctx context.Context) (int, error) {
	n, err := c.store.ClearRegistered(ctx, c.now())
	if err != nil {
		return 0, fmt.Errorf("delete subscriptions: %w", err)
	}
	c.seen(ctx)
	return n, nil
}

// Bundle is a set of new things that belong together: see store.Bundle. Everything
// in it is complete, with ids and times.
type Bundle = store.Bundle

// NewPlace is an endpoint of a bundle.
type NewPlace = store.NewEndpoint

// Added counts what was stored of a bundle.
type Added = store.Added

// AddBundle stores a bundle whole or not at all; what is there already, by id, is
// left as it is. Field begins with the kind and the place: "accounts.0.uid".
func (c *Control) AddBundle(ctx context.Context, b Bundle) (Added, error) {
	b.Now = c.now()
	if err := c.checkBundle(&b); err != nil {
		return Added{}, err
	}
	did, err := c.store.Add(ctx, &b)
	if err != nil {
		return did, fmt.Errorf("add: %w", err)
	}
	c.seen(ctx)
	return did, nil
}

func (c *Control) checkBundle(b *Bundle) error {
	in := func(kind string, place int, err error) error {
		if err == nil {
			return nil
		}
		return within(kind+"."+strconv.Itoa(place), err)
	}
	for i := range b.Accounts {
		if err := in("accounts", i, c.checkAccount(&b.Accounts[i])); err != nil {
			return err
		}
	}
	for i := range b.Credentials {
		if err := in("credentials", i, c.checkCredential(&b.Credentials[i])); err != nil {
			return err
		}
	}
	for i := range b.EventTypes {
		if err := in("eventTypes", i, c.checkEventType(&b.EventTypes[i])); err != nil {
			return err
		}
	}
	for i := range b.Endpoints {
		e := &b.Endpoints[i].Endpoint
		err := c.checkEndpoint(e, nil)
		if err == nil {
			err = c.checkService(e)
		}
		if err := in("endpoints", i, err); err != nil {
			return err
		}
	}
	for i := range b.Subscriptions {
		if err := in("subscriptions", i, c.checkSubscription(&b.Subscriptions[i])); err != nil {
			return err
		}
	}
	return nil
}
