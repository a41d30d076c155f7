package sqlstore

import (
	"context"
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// window adds the order and the part of a list.
func (q *query) window(w store.Window) *query {
	return q.add(" ORDER BY created_at, id LIMIT ? OFFSET ?", int64(w.Limit), int64(w.Start))
}

// Registration returns an event type with a fixed payload.
func (c *Core) Registration(ctx context.Context, eventType id.ID) (webhook.EventType, error) {
	return one(ctx, c.Reads, "registration", scanEventType,
		`SELECT `+eventTypeColumns+` FROM event_types WHERE id = $1 AND fixed`, eventType[:])
}

// Registrations lists event types with a fixed payload.
func (c *Core) Registrations(ctx context.Context, account id.ID, w store.Window) ([]webhook.EventType, error) {
	q := newQuery(`SELECT ` + eventTypeColumns + ` FROM event_types WHERE fixed`)
	if !account.IsZero() {
		q.add(" AND account_id = ?", account[:])
	}
	q.window(w)
	return all(ctx, c.Reads, scanEventType, q.String(), q.args...)
}

// Registered lists subscriptions that are for an event type.
func (c *Core) Registered(ctx context.Context, endpoint id.ID, w store.Window) ([]webhook.Subscription, error) {
	q := newQuery(`SELECT ` + subscriptionColumns + ` FROM subscriptions WHERE event_type_id IS NOT NULL`)
	if !endpoint.IsZero() {
		q.add(" AND endpoint_id = ?", endpoint[:])
	}
	q.window(w)
	return all(ctx, c.Reads, scanSubscription, q.String(), q.args...)
}

// AccountsByAge lists the children of parent.
func (c *Core) AccountsByAge(ctx context.Context, parent id.ID, w store.Window) ([]webhook.Account, error) {
	q := newQuery(`SELECT `+accountColumns+` FROM accounts WHERE parent_id = ? AND deleted_at = 0`, parent[:]).window(w)
	return all(ctx, c.Reads, scanAccount, q.String(), q.args...)
}

// insertFirings keeps firings and returns how many there were not so far.
func insertFirings(ctx context.Context, tx Tx, firings []store.Firing) (added int, err error) {
	for i := range firings {
		f := &firings[i]
		n, err := tx.Exec(ctx, `INSERT INTO firings (created_at, id, event_type_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			Micros(f.At), f.ID[:], f.EventTypeID[:])
		if err != nil {
			return added, err
		}
		added += int(n)
	}
	return added, nil
}

// Firings lists firings.
func (c *Core) Firings(ctx context.Context, w store.Window) ([]store.Firing, error) {
	q := newQuery(`SELECT created_at, id, event_type_id FROM firings`).window(w)
	return all(ctx, c.Reads, func(rows Rows) (f store.Firing, err error) {
		var at int64
		var self, eventType []byte
		if err = rows.Scan(&at, &self, &eventType); err != nil {
			return f, err
		}
		f.At = Time(at)
		if f.ID, err = ReadID(self); err != nil {
			return f, err
		}
		f.EventTypeID, err = ReadID(eventType)
		return f, err
	}, q.String(), q.args...)
}

// dropRegistered deletes the subscriptions that the condition names and returns what
// is left to be cancelled.
func dropRegistered(ctx context.Context, tx Tx, now time.Time, condition string, args ...any) ([]doomed, error) {
	return eachEndpoint(ctx, tx, now, condition, args, func(endpoint id.ID, subs []id.ID) ([]doomed, error) {
		return dropSubscriptions(ctx, tx, endpoint, subs...)
	})
}

// eachEndpoint calls do for the subscriptions that the condition names, those of one
// endpoint at a time and never too many for one statement, and announces the
// endpoints as changed.
func eachEndpoint(ctx context.Context, tx Tx, now time.Time, condition string, args []any,
	do func(endpoint id.ID, subs []id.ID) ([]doomed, error),
) (left []doomed, err error) {
	subs, err := all(ctx, tx, scanSubscription, `SELECT `+subscriptionColumns+` FROM subscriptions WHERE `+condition, args...)
	if err != nil {
		return nil, err
	}
	of := map[id.ID][]id.ID{}
	var endpoints []id.ID
	for i := range subs {
		e := subs[i].EndpointID
		if of[e] == nil {
			endpoints = append(endpoints, e)
		}
		of[e] = append(of[e], subs[i].ID)
	}
	for _, e := range endpoints {
		for part := range slices.Chunk(of[e], chunk) {
			some, err := do(e, part)
			if err != nil {
				return nil, err
			}
			left = append(left, some...)
		}
		if err := Announce(ctx, tx, store.EndpointChanged, e, now); err != nil {
			return nil, err
		}
	}
	return left, nil
}
