package sqlstore

import (
	"context"
	"time"
)

// ExpirePayloads deletes payloads whose time has come.
func (c *Core) ExpirePayloads(ctx context.Context, now time.Time, limit int) (int, error) {
	return c.count(ctx, `UPDATE events SET payload = NULL, payload_deleted = TRUE WHERE id IN (
		SELECT id FROM events WHERE payload_expires IS NOT NULL AND NOT payload_deleted AND payload_expires <= $1
		ORDER BY payload_expires LIMIT $2)`, Micros(now), int64(limit))
}

// count runs one statement in a transaction and returns the number of rows it changed.
func (c *Core) count(ctx context.Context, query string, args ...any) (int, error) {
	var n int64
	err := c.Write(ctx, func(tx Tx) (err error) {
		n, err = tx.Exec(ctx, query, args...)
		return err
	})
	return int(n), err
}

// DeleteExpired deletes idempotency keys that have expired and old changes.
func (c *Core) DeleteExpired(ctx context.Context, now time.Time, keepChanges time.Duration, limit int) (int, error) {
	keys, err := c.count(ctx, `DELETE FROM idempotency WHERE (account_id, key) IN (
		SELECT account_id, key FROM idempotency WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`,
		Micros(now), int64(limit))
	if err != nil || keys >= limit {
		return keys, err
	}
	// Changes are deleted from the front only, whatever their times say, so that
	// the feed has no gap.
	changes, err := c.count(ctx, `DELETE FROM changes WHERE version IN (
		SELECT version FROM changes WHERE version < COALESCE(
			(SELECT MIN(version) FROM changes WHERE at >= $1), (SELECT MAX(version) + 1 FROM changes))
		ORDER BY version LIMIT $2)`, Micros(now.Add(-keepChanges)), int64(limit-keys))
	return keys + changes, err
}
