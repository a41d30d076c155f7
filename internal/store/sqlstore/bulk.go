package sqlstore

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// ClearAccounts deletes accounts and leaves registrations and the subscriptions to
// them where they are.
func (c *Core) ClearAccounts(ctx context.Context, accounts []id.ID, now time.Time) (n int, err error) {
	var left []doomed
	err = c.edit(ctx, func(tx Tx) error {
		n, left = 0, nil
		for _, account := range accounts {
			switch _, err := accountByID(ctx, tx, account); {
			case webhook.CodeOf(err) == webhook.CodeNotFound:
				continue
			case err != nil:
				return err
			}
			some, err := closeAccount(ctx, tx, account, now, `endpoint_id = $1 AND event_type_id IS NULL`)
			if err != nil {
				return err
			}
			left = append(left, some...)
			n++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, c.cancelRest(ctx, left)
}

// ClearRegistrations deletes all event types with a fixed payload.
func (c *Core) ClearRegistrations(ctx context.Context, now time.Time) (n int, err error) {
	var left []doomed
	err = c.edit(ctx, func(tx Tx) (err error) {
		left, err = eachEndpoint(ctx, tx, now, `event_type_id IN (SELECT id FROM event_types WHERE fixed)`, nil,
			func(endpoint id.ID, subs []id.ID) ([]doomed, error) {
				return doomed{endpoint: endpoint, subscriptions: subs}.cancel(ctx, tx)
			})
		if err != nil {
			return err
		}
		owners, err := all(ctx, tx, scanID, `SELECT DISTINCT account_id FROM event_types WHERE fixed`)
		if err != nil {
			return err
		}
		for _, account := range owners {
			if err := Announce(ctx, tx, store.EventTypeChanged, account, now); err != nil {
				return err
			}
		}
		gone, err := tx.Exec(ctx, `DELETE FROM event_types WHERE fixed`)
		n = int(gone)
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, c.cancelRest(ctx, left)
}

// ClearRegistered deletes all subscriptions that are for an event type.
func (c *Core) ClearRegistered(ctx context.Context, now time.Time) (n int, err error) {
	var left []doomed
	err = c.edit(ctx, func(tx Tx) (err error) {
		n = 0
		left, err = eachEndpoint(ctx, tx, now, `event_type_id IS NOT NULL`, nil,
			func(endpoint id.ID, subs []id.ID) ([]doomed, error) {
				n += len(subs)
				return dropSubscriptions(ctx, tx, endpoint, subs...)
			})
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, c.cancelRest(ctx, left)
}

// Add stores a bundle.
func (c *Core) Add(ctx context.Context, b *store.Bundle) (store.Added, error) {
	var did store.Added
	var left []doomed
	err := c.edit(ctx, func(tx Tx) error {
		did, left = store.Added{}, nil
		for _, account := range b.Replaces {
			some, err := deleteAccount(ctx, tx, account, b.Now)
			if err != nil {
				return err
			}
			left = append(left, some...)
		}
		a := adding{core: c, tx: tx, bundle: b, did: &did, out: map[id.ID]bool{}}
		for _, step := range []func(context.Context) error{
			a.accounts, a.credentials, a.eventTypes, a.endpoints, a.subscriptions,
		} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		var err error
		did.Firings, err = insertFirings(ctx, tx, b.Firings)
		if err != nil || did == (store.Added{}) {
			return err
		}
		return c.insertTold(ctx, tx, b.Tell)
	})
	if err != nil {
		return store.Added{}, err
	}
	return did, c.cancelRest(ctx, left)
}

// adding is one run of Add.
type adding struct {
	core   *Core
	tx     Tx
	bundle *store.Bundle
	did    *store.Added
	out    map[id.ID]bool // what of the bundle is left out
}

// has says whether the table has the id, and leaves it out then.
func (a *adding) has(ctx context.Context, table string, v id.ID) (bool, error) {
	ok, err := exists(ctx, a.tx, `SELECT 1 FROM `+table+` WHERE id = $1`, v[:])
	if ok {
		a.out[v] = true
	}
	return ok, err
}

// placed puts the place in the bundle in front of the field of a conflict.
func placed(err error, kind string, i int) error {
	e, ok := errors.AsType[*webhook.Error](err)
	if !ok {
		return err
	}
	at := *e
	if at.Field = kind + "." + strconv.Itoa(i); e.Field != "" {
		at.Field += "." + e.Field
	}
	return &at
}

func (a *adding) accounts(ctx context.Context) error {
	for i := range a.bundle.Accounts {
		one := &a.bundle.Accounts[i]
		if ok, err := a.has(ctx, "accounts", one.ID); ok || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if err := accountUIDFree(ctx, a.tx, one); err != nil {
			return placed(err, "accounts", i)
		}
		if err := insertAccount(ctx, a.tx, one); err != nil {
			return err
		}
		if err := Announce(ctx, a.tx, store.AccountChanged, one.ID, a.bundle.Now); err != nil {
			return err
		}
		a.did.Accounts++
	}
	return nil
}

func (a *adding) credentials(ctx context.Context) error {
	for i := range a.bundle.Credentials {
		one := &a.bundle.Credentials[i]
		if a.out[one.AccountID] {
			continue
		}
		if err := insertCredential(ctx, a.tx, one); err != nil {
			return placed(err, "credentials", i)
		}
	}
	return nil
}

func (a *adding) eventTypes(ctx context.Context) error {
	for i := range a.bundle.EventTypes {
		one := &a.bundle.EventTypes[i]
		if ok, err := a.has(ctx, "event_types", one.ID); ok || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if err := eventTypeNameFree(ctx, a.tx, one); err != nil {
			return placed(err, "eventTypes", i)
		}
		if err := insertEventType(ctx, a.tx, one); err != nil {
			return err
		}
		if err := Announce(ctx, a.tx, store.EventTypeChanged, one.AccountID, a.bundle.Now); err != nil {
			return err
		}
		a.did.EventTypes++
	}
	return nil
}

func (a *adding) endpoints(ctx context.Context) error {
	for i := range a.bundle.Endpoints {
		one := &a.bundle.Endpoints[i]
		if a.out[one.Endpoint.AccountID] {
			a.out[one.Endpoint.ID] = true
			continue
		}
		if ok, err := a.has(ctx, "endpoints", one.Endpoint.ID); ok || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if err := endpointUIDFree(ctx, a.tx, &one.Endpoint); err != nil {
			return placed(err, "endpoints", i)
		}
		if err := a.core.insertEndpoint(ctx, a.tx, &one.Endpoint, &one.Health); err != nil {
			return err
		}
		if err := Announce(ctx, a.tx, store.EndpointChanged, one.Endpoint.ID, a.bundle.Now); err != nil {
			return err
		}
		a.did.Endpoints++
	}
	return nil
}

func (a *adding) subscriptions(ctx context.Context) error {
	for i := range a.bundle.Subscriptions {
		one := &a.bundle.Subscriptions[i]
		if a.out[one.EndpointID] {
			continue
		}
		if ok, err := a.has(ctx, "subscriptions", one.ID); ok || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if err := insertSubscription(ctx, a.tx, one); err != nil {
			return err
		}
		if err := Announce(ctx, a.tx, store.EndpointChanged, one.EndpointID, a.bundle.Now); err != nil {
			return err
		}
		a.did.Subscriptions++
	}
	return nil
}
