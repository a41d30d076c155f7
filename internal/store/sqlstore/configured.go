package sqlstore

import (
	"context"
	"slices"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Configured calls visit for every endpoint that is not deleted, or for those given.
func (c *Core) Configured(ctx context.Context, visit func(store.Configured) error, endpoints ...id.ID) error {
	if len(endpoints) == 0 {
		return c.everyConfigured(ctx, visit)
	}
	for part := range slices.Chunk(endpoints, chunk) {
		q := newQuery(`SELECT `+configuredColumns+` WHERE e.deleted_at = 0 AND `).in("e.id", idArgs(part))
		if _, err := c.visitConfigured(ctx, visit, q); err != nil {
			return err
		}
	}
	return nil
}

// everyConfigured goes through the endpoints in the order of their ids, some at
// a time, so that visit may take its time and nothing is held open.
func (c *Core) everyConfigured(ctx context.Context, visit func(store.Configured) error) error {
	var after id.ID
	for {
		q := newQuery(`SELECT `+configuredColumns+` WHERE e.deleted_at = 0 AND e.id > ? ORDER BY e.id LIMIT ?`,
			after[:], int64(chunk))
		last, err := c.visitConfigured(ctx, visit, q)
		if err != nil || last.IsZero() {
			return err
		}
		after = last
	}
}

const configuredColumns = `e.id, e.account_id, e.enabled, h.closed, e.ordered
	FROM endpoints e JOIN endpoint_health h ON h.endpoint_id = e.id`

func scanConfigured(rows Rows) (v store.Configured, err error) {
	var self, account []byte
	if err = rows.Scan(&self, &account, &v.Enabled, &v.Closed, &v.Ordered); err != nil {
		return v, err
	}
	if v.EndpointID, err = ReadID(self); err != nil {
		return v, err
	}
	v.AccountID, err = ReadID(account)
	return v, err
}

// visitConfigured runs the query, adds the subscriptions, and returns the last endpoint.
func (c *Core) visitConfigured(ctx context.Context, visit func(store.Configured) error, q *query) (last id.ID, err error) {
	list, err := all(ctx, c.Reads, scanConfigured, q.String(), q.args...)
	if err != nil || len(list) == 0 {
		return last, err
	}
	ids := make([]id.ID, len(list))
	for i := range list {
		ids[i] = list[i].EndpointID
	}
	subs, err := c.SubscriptionsOf(ctx, ids...)
	if err != nil {
		return last, err
	}
	of := make(map[id.ID][]webhook.Subscription, len(list))
	for _, s := range subs {
		if s.Enabled {
			of[s.EndpointID] = append(of[s.EndpointID], s)
		}
	}
	for _, v := range list {
		v.Subscriptions = of[v.EndpointID]
		if err := visit(v); err != nil {
			return last, err
		}
		last = v.EndpointID
	}
	return last, nil
}
