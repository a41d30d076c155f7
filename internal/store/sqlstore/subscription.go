package sqlstore

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// subscriptionDoc is the part of a subscription that nothing selects by.
type subscriptionDoc struct {
	Name        string              `json:"name,omitempty"`
	Types       []string            `json:"types,omitempty"`
	Channels    []string            `json:"channels,omitempty"`
	Attributes  map[string]string   `json:"attributes,omitempty"`
	Payload     []conditionDoc      `json:"payload,omitempty"`
	Scope       webhook.FilterScope `json:"scope,omitempty"`
	Annotations rawMap              `json:"annotations,omitempty"`
}

type conditionDoc struct {
	Path     string     `json:"path"`
	Op       webhook.Op `json:"op"`
	Value    any        `json:"value"`
	Optional bool       `json:"optional,omitempty"`
}

const subscriptionColumns = `id, account_id, endpoint_id, enabled, doc, created_at, updated_at, event_type_id`

func scanSubscription(rows Rows) (s webhook.Subscription, err error) {
	var self, account, endpoint, doc, eventType []byte
	var created, updated int64
	if err = rows.Scan(&self, &account, &endpoint, &s.Enabled, &doc, &created, &updated, &eventType); err != nil {
		return s, err
	}
	if s.ID, err = ReadID(self); err != nil {
		return s, err
	}
	if s.AccountID, err = ReadID(account); err != nil {
		return s, err
	}
	if s.EndpointID, err = ReadID(endpoint); err != nil {
		return s, err
	}
	if s.EventTypeID, err = ReadID(eventType); err != nil {
		return s, err
	}
	s.CreatedAt, s.UpdatedAt = Time(created), Time(updated)
	return s, readSubscriptionDoc(doc, &s)
}

func readSubscriptionDoc(doc []byte, s *webhook.Subscription) error {
	var d subscriptionDoc
	if err := readDoc(doc, &d); err != nil {
		return err
	}
	s.Name, s.Annotations = d.Name, d.Annotations.annotations()
	s.Filter = webhook.Filter{Types: d.Types, Channels: d.Channels, Attributes: d.Attributes, Scope: d.Scope}
	for _, cond := range d.Payload {
		s.Filter.Payload = append(s.Filter.Payload, webhook.Condition(cond))
	}
	return nil
}

func subscriptionValues(s *webhook.Subscription) string {
	d := subscriptionDoc{
		Name: s.Name, Types: s.Filter.Types, Channels: s.Filter.Channels, Attributes: s.Filter.Attributes,
		Scope: s.Filter.Scope, Annotations: rawMapOf(s.Annotations),
	}
	for _, cond := range s.Filter.Payload {
		d.Payload = append(d.Payload, conditionDoc(cond))
	}
	return writeDoc(d)
}

func insertSubscription(ctx context.Context, tx Tx, s *webhook.Subscription) error {
	_, err := tx.Exec(ctx, `INSERT INTO subscriptions (`+subscriptionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		s.ID[:], s.AccountID[:], s.EndpointID[:], s.Enabled, subscriptionValues(s), Micros(s.CreatedAt), Micros(s.UpdatedAt),
		nullID(s.EventTypeID))
	return err
}

// CreateSubscription adds a subscription to an endpoint that exists.
func (c *Core) CreateSubscription(ctx context.Context, s *webhook.Subscription) error {
	return c.edit(ctx, func(tx Tx) error {
		ok, err := exists(ctx, tx, `SELECT 1 FROM endpoints WHERE id = $1 AND deleted_at = 0`, s.EndpointID[:])
		if err != nil {
			return err
		}
		if !ok {
			return notFound("endpoint")
		}
		if err := insertSubscription(ctx, tx, s); err != nil {
			return err
		}
		return Announce(ctx, tx, store.EndpointChanged, s.EndpointID, s.CreatedAt)
	})
}

// Subscription returns a subscription.
func (c *Core) Subscription(ctx context.Context, subscription id.ID) (webhook.Subscription, error) {
	return subscriptionByID(ctx, c.Reads, subscription)
}

func subscriptionByID(ctx context.Context, tx Tx, subscription id.ID) (webhook.Subscription, error) {
	return one(ctx, tx, "subscription", scanSubscription,
		`SELECT `+subscriptionColumns+` FROM subscriptions WHERE id = $1`, subscription[:])
}

// SubscriptionsOf returns those of the given endpoints, ordered by id.
func (c *Core) SubscriptionsOf(ctx context.Context, endpoints ...id.ID) ([]webhook.Subscription, error) {
	return subscriptionsOf(ctx, c.Reads, endpoints...)
}

func subscriptionsOf(ctx context.Context, tx Tx, endpoints ...id.ID) ([]webhook.Subscription, error) {
	var list []webhook.Subscription
	for part := range slices.Chunk(endpoints, chunk) {
		q := newQuery(`SELECT `+subscriptionColumns+` FROM subscriptions WHERE `).in("endpoint_id", idArgs(part))
		some, err := all(ctx, tx, scanSubscription, q.String(), q.args...)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	slices.SortFunc(list, func(a, b webhook.Subscription) int { return a.ID.Compare(b.ID) })
	return list, nil
}

// Subscriptions lists those of an account.
func (c *Core) Subscriptions(ctx context.Context, account id.ID, p webhook.Page) (webhook.Slice[webhook.Subscription], error) {
	r := pager[webhook.Subscription]{
		base: func() *query {
			return newQuery(`SELECT `+subscriptionColumns+` FROM subscriptions WHERE account_id = ?`, account[:])
		},
		column: "id", scan: scanSubscription, id: func(s *webhook.Subscription) id.ID { return s.ID },
	}
	return r.read(ctx, c.Reads, p)
}

// DeleteSubscription deletes a subscription and cancels what is pending for it.
func (c *Core) DeleteSubscription(ctx context.Context, subscription id.ID, now time.Time) error {
	var left []doomed
	err := c.edit(ctx, func(tx Tx) error {
		s, err := subscriptionByID(ctx, tx, subscription)
		if err != nil {
			return err
		}
		if left, err = dropSubscriptions(ctx, tx, s.EndpointID, s.ID); err != nil {
			return err
		}
		return Announce(ctx, tx, store.EndpointChanged, s.EndpointID, now)
	})
	if err != nil {
		return err
	}
	return c.cancelRest(ctx, left)
}

// dropSubscriptions deletes some of an endpoint and returns what is left to be cancelled.
func dropSubscriptions(ctx context.Context, tx Tx, endpoint id.ID, subs ...id.ID) ([]doomed, error) {
	if len(subs) == 0 {
		return nil, nil
	}
	for _, s := range subs {
		if _, err := tx.Exec(ctx, `DELETE FROM subscriptions WHERE id = $1`, s[:]); err != nil {
			return nil, err
		}
	}
	return doomed{endpoint: endpoint, subscriptions: subs}.cancel(ctx, tx)
}

// replaceSubscriptions makes the subscriptions of an endpoint what want says and
// returns what is left to be cancelled.
func replaceSubscriptions(ctx context.Context, tx Tx, endpoint id.ID, had, want []webhook.Subscription) ([]doomed, error) {
	old := make(map[id.ID]*webhook.Subscription, len(had))
	for i := range had {
		old[had[i].ID] = &had[i]
	}
	for i := range want {
		s := &want[i]
		s.EndpointID = endpoint
		was, ok := old[s.ID]
		if !ok {
			if err := insertSubscription(ctx, tx, s); err != nil {
				return nil, err
			}
			continue
		}
		delete(old, s.ID)
		s.AccountID, s.EventTypeID, s.CreatedAt = was.AccountID, was.EventTypeID, was.CreatedAt
		_, err := tx.Exec(ctx, `UPDATE subscriptions SET enabled = $1, doc = $2, updated_at = $3 WHERE id = $4`,
			s.Enabled, subscriptionValues(s), Micros(s.UpdatedAt), s.ID[:])
		if err != nil {
			return nil, err
		}
	}
	return dropSubscriptions(ctx, tx, endpoint, slices.Collect(maps.Keys(old))...)
}
