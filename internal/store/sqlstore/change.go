package sqlstore

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// edit runs a transaction that changes something configured: see lock.
func (c *Core) edit(ctx context.Context, f func(tx Tx) error) error {
	return c.Write(ctx, func(tx Tx) error {
		if err := c.lock(ctx, tx); err != nil {
			return err
		}
		return f(tx)
	})
}

// lock begins a transaction that changes something configured. One such
// transaction runs at a time, so that what it looked at stays true and the
// change feed is in the order of commits. It takes the lock that comes before
// all others.
func (c *Core) lock(ctx context.Context, tx Tx) error {
	if c.Dialect.ForUpdate == "" {
		return nil // write transactions run one at a time anyway
	}
	_, err := exists(ctx, tx, `SELECT value FROM counters WHERE name = 'changes'`+c.Dialect.ForUpdate)
	return err
}

// Announce puts a change into the feed, behind the feed's lock, which a database with several
// writers takes first: it is the row of the counter.
func Announce(ctx context.Context, tx Tx, kind store.ChangeKind, about id.ID, now time.Time) error {
	rows, err := all(ctx, tx, scanInt,
		`UPDATE counters SET value = value + 1 WHERE name = 'changes' RETURNING value`)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO changes (version, kind, id, at) VALUES ($1, $2, $3, $4)`,
		rows[0], int64(kind), about[:], Micros(now))
	return err
}

// Version returns the newest version of the feed.
func (c *Core) Version(ctx context.Context) (int64, error) {
	return one(ctx, c.Reads, "counter", scanInt, `SELECT value FROM counters WHERE name = 'changes'`)
}

// Changes returns what changed after the version, oldest first.
func (c *Core) Changes(ctx context.Context, after int64, limit int) ([]store.Change, error) {
	version, err := c.Version(ctx)
	if err != nil {
		return nil, err
	}
	if after == version {
		return nil, nil
	}
	list, err := all(ctx, c.Reads, scanChange,
		`SELECT version, kind, id FROM changes WHERE version > $1 ORDER BY version LIMIT $2`, after, int64(limit))
	if err != nil {
		return nil, err
	}
	// A version above the newest is of a database that was replaced by a copy.
	if after > version || len(list) == 0 || list[0].Version != after+1 {
		return nil, webhook.Errorf(webhook.CodeNotFound, "", "the change feed does not reach back to version %d", after)
	}
	return list, nil
}

func scanChange(rows Rows) (ch store.Change, err error) {
	var kind int64
	var about []byte
	if err = rows.Scan(&ch.Version, &kind, &about); err != nil {
		return ch, err
	}
	ch.Kind = store.ChangeKind(kind)
	ch.ID, err = ReadID(about)
	return ch, err
}
