package sqlstore

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
)

// RegisterNode gives a node a number that was never used before.
func (c *Core) RegisterNode(ctx context.Context, name string, mark id.ID, now time.Time) (int64, error) {
	var number int64
	err := c.Write(ctx, func(tx Tx) (err error) {
		number, err = one(ctx, tx, "counter", scanInt,
			`UPDATE counters SET value = value + 1 WHERE name = 'nodes' RETURNING value`)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO nodes (number, name, started_at, beat_at, mark, doc) VALUES ($1, $2, $3, $3, $4, '{}')`,
			number, name, Micros(now), mark[:])
		return err
	})
	return number, err
}

// Beat says that a node lives, moves its mark and keeps what it tells of itself.
func (c *Core) Beat(ctx context.Context, node int64, mark id.ID, state store.NodeState, now time.Time) error {
	return c.Write(ctx, func(tx Tx) error {
		n, err := tx.Exec(ctx, `UPDATE nodes SET beat_at = $1, mark = $2, doc = $3 WHERE number = $4`,
			Micros(now), mark[:], writeDoc(state), node)
		if err == nil && n == 0 {
			return notFound("node")
		}
		return err
	})
}

// Nodes lists who is running, by number.
func (c *Core) Nodes(ctx context.Context) ([]store.Node, error) {
	return nodes(ctx, c.Reads)
}

func nodes(ctx context.Context, tx Tx) ([]store.Node, error) {
	return all(ctx, tx, func(rows Rows) (n store.Node, err error) {
		var started, beat int64
		var mark, doc []byte
		if err = rows.Scan(&n.Number, &n.Name, &started, &beat, &mark, &doc); err != nil {
			return n, err
		}
		if err = readDoc(doc, &n.State); err != nil {
			return n, err
		}
		n.StartedAt, n.BeatAt = Time(started), Time(beat)
		n.Mark, err = ReadID(mark)
		return n, err
	}, `SELECT number, name, started_at, beat_at, mark, doc FROM nodes ORDER BY number`)
}

// RemoveNode forgets a node.
func (c *Core) RemoveNode(ctx context.Context, node int64) error {
	return c.Write(ctx, func(tx Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM nodes WHERE number = $1`, node)
		return err
	})
}
