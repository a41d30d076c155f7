package sqlstore

import (
	"context"
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Redeliver adds deliveries of events that are kept and numbers them.
func (c *Core) Redeliver(ctx context.Context, deliveries []*webhook.Delivery, once *store.Once) error {
	return c.Write(ctx, func(tx Tx) error {
		for _, d := range deliveries {
			if err := c.lockEvent(ctx, tx, d.Event); err != nil {
				return err
			}
		}
		// Under the locks, so that of two calls with one key the second sees the first.
		if over, err := settle(ctx, tx, once); over || err != nil {
			return err
		}
		for _, d := range deliveries {
			if err := redeliver(ctx, tx, d); err != nil {
				return err
			}
		}
		return remember(ctx, tx, once)
	})
}

// lockEvent holds the event's row, so that no two deliveries of it get the same number.
func (c *Core) lockEvent(ctx context.Context, tx Tx, event id.ID) error {
	ok, err := exists(ctx, tx, `SELECT 1 FROM events WHERE id = $1`+c.Dialect.ForUpdate, event[:])
	if err == nil && !ok {
		err = notFound("event")
	}
	return err
}

// redeliver adds one delivery behind those that the event has, whose row is locked.
func redeliver(ctx context.Context, tx Tx, d *webhook.Delivery) error {
	n, err := one(ctx, tx, "event", scanInt,
		`SELECT COALESCE(MAX(n) + 1, 0) FROM deliveries WHERE event_id = $1`, d.Event[:])
	if err != nil {
		return err
	}
	d.N = int32(n)
	return insertDelivery(ctx, tx, d)
}

func insertDelivery(ctx context.Context, tx Tx, d *webhook.Delivery) error {
	_, err := tx.Exec(ctx, `INSERT INTO deliveries (event_id, n, account_id, endpoint_id, subscription_id,
		status, cause, attempts, due_at, not_before, node) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		d.Event[:], int64(d.N), d.AccountID[:], d.EndpointID[:], d.SubscriptionID[:], int64(d.Status), int64(d.Trigger),
		int64(d.Attempts), nullMicros(d.DueAt), nullMicros(d.NotBefore), d.Node)
	return err
}

// recoverAtOnce is the number of deliveries that one transaction of Recover adds.
const recoverAtOnce = 1000

// Recover adds one manual delivery for each event that has a failed attempt at
// the endpoint, no delivered one, and none that is being made by hand. Many of them
// take several transactions.
func (c *Core) Recover(ctx context.Context, endpoint id.ID, since, until, now time.Time) (int, error) {
	first, end := id.From(since), id.From(until)
	// An attempt's id is above its event's, which bounds the walk over the attempts.
	failed, err := all(ctx, c.Reads, scanDeliveryID, `SELECT a.event_id, MAX(a.n) FROM attempts a
		WHERE a.endpoint_id = $1 AND a.id >= $2 AND a.event_id >= $2 AND a.event_id < $3
		GROUP BY a.event_id HAVING MIN(a.result) > 0 ORDER BY a.event_id`, endpoint[:], first[:], end[:])
	if err != nil {
		return 0, err
	}
	total := 0
	for part := range slices.Chunk(failed, recoverAtOnce) {
		added := 0
		err := c.Write(ctx, func(tx Tx) error {
			added = 0
			for _, v := range part {
				ok, err := c.recover(ctx, tx, v, now)
				if err != nil {
					return err
				}
				if ok {
					added++
				}
			}
			return nil
		})
		if err != nil {
			return total, err
		}
		total += added
	}
	return total, nil
}

// recover adds a delivery like the one that failed, unless its event was
// deleted, or the payload was, or it was asked for already.
func (c *Core) recover(ctx context.Context, tx Tx, failed webhook.DeliveryID, now time.Time) (bool, error) {
	like, err := all(ctx, tx, scanDelivery, `SELECT `+DeliveryColumns("d")+` FROM deliveries d
		JOIN events e ON e.id = d.event_id WHERE d.event_id = $1 AND d.n = $2 AND NOT e.payload_deleted`,
		failed.Event[:], int64(failed.N))
	if err != nil || len(like) == 0 {
		return false, err
	}
	d := &like[0]
	d.Status, d.Trigger, d.Attempts, d.Node = webhook.Pending, webhook.Manual, 0, 0
	d.DueAt, d.NotBefore = now, time.Time{}
	if err := c.lockEvent(ctx, tx, d.Event); err != nil {
		return false, err
	}
	asked, err := exists(ctx, tx, `SELECT 1 FROM deliveries WHERE event_id = $1 AND endpoint_id = $2 AND status = $3 AND cause = $4`,
		d.Event[:], d.EndpointID[:], int64(webhook.Pending), int64(webhook.Manual))
	if err != nil || asked {
		return false, err
	}
	return true, redeliver(ctx, tx, d)
}

func scanDeliveryID(rows Rows) (v webhook.DeliveryID, err error) {
	var event []byte
	var n int64
	if err = rows.Scan(&event, &n); err != nil {
		return v, err
	}
	v.N = int32(n)
	v.Event, err = ReadID(event)
	return v, err
}

// ExpungePayload deletes the payload of an event and cancels what is pending of it.
func (c *Core) ExpungePayload(ctx context.Context, account, event id.ID, _ time.Time) error {
	return c.Write(ctx, func(tx Tx) error {
		n, err := tx.Exec(ctx, `UPDATE events SET payload = NULL, payload_deleted = TRUE
			WHERE id = $1 AND account_id = $2`, event[:], account[:])
		if err != nil {
			return err
		}
		if n == 0 {
			return notFound("event")
		}
		_, err = tx.Exec(ctx, `UPDATE deliveries SET status = 3, due_at = NULL, not_before = NULL, node = 0
			WHERE event_id = $1 AND status = 0`, event[:])
		return err
	})
}

// ExpungeResponse deletes the response body of an attempt.
func (c *Core) ExpungeResponse(ctx context.Context, event, attempt id.ID) error {
	return c.Write(ctx, func(tx Tx) error {
		n, err := tx.Exec(ctx, `UPDATE attempts SET response_body = NULL, response_expunged = TRUE
			WHERE event_id = $1 AND id = $2`, event[:], attempt[:])
		if err == nil && n == 0 {
			return notFound("attempt")
		}
		return err
	})
}
