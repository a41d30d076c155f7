package sqlstore

import (
	"context"

	"github.com/switchhook/switchhook/internal/store"
)

// insertTold stores events with what the backlog has of them.
func (c *Core) insertTold(ctx context.Context, tx Tx, told store.Told) error {
	for i := range told {
		e := &told[i].Event
		var attributes any
		if len(e.Attributes) > 0 {
			attributes = writeDoc(e.Attributes)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO events (id, account_id, type, payload, attributes, created_at, payload_expires)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, e.ID[:], e.AccountID[:], e.Type, e.Payload, attributes,
			StampedMicros(e.CreatedAt, e.ID), nullMicros(e.PayloadExpires)); err != nil {
			return err
		}
		for n := range told[i].Deliveries {
			if err := insertDelivery(ctx, tx, &told[i].Deliveries[n]); err != nil {
				return err
			}
		}
		if err := c.takePlaces(ctx, tx, &told[i]); err != nil {
			return err
		}
	}
	return nil
}

// takePlaces gives what is ordered its place by the clock that all nodes share.
func (c *Core) takePlaces(ctx context.Context, tx Tx, a *store.Accepted) error {
	if c.Dialect.Clock == "" {
		return nil
	}
	for _, n := range a.Ordered {
		_, err := tx.Exec(ctx, `UPDATE deliveries SET due_at = `+c.Dialect.Clock+` WHERE event_id = $1 AND n = $2`, a.Event.ID[:], int64(n))
		if err != nil {
			return err
		}
	}
	return nil
}
