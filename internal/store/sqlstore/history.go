package sqlstore

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/id"
)

// sweep remembers how far DeleteHistory has come, so that old events that stay,
// since something of them is pending, are not looked at in every call.
type sweep struct {
	mu sync.Mutex
	at id.ID // all older ones were deleted or looked at
}

// historyAtOnce is the number of events that one transaction of DeleteHistory
// deletes: each may have many deliveries, all over the tables.
const historyAtOnce = 25

// DeleteHistory deletes events accepted before the time that have nothing
// pending, with their deliveries and attempts. It looks for them outside of
// transactions and deletes some at a time.
func (c *Core) DeleteHistory(ctx context.Context, before time.Time, limit int) (int, error) {
	c.sweep.mu.Lock()
	defer c.sweep.mu.Unlock()
	old, err := c.oldEvents(ctx, id.From(before), limit)
	if err != nil {
		return 0, err
	}
	total := 0
	for part := range slices.Chunk(old, historyAtOnce) {
		done := 0
		err := c.Write(ctx, func(tx Tx) error {
			done = 0
			for _, event := range part {
				ok, err := c.deleteEvent(ctx, tx, event)
				if err != nil {
					return err
				}
				if ok {
					done++
				}
			}
			return nil
		})
		if err != nil {
			return total, err
		}
		total += done
	}
	return total, nil
}

// oldEvents finds events that can be deleted: the next ones of the sweep, and
// at its end those from the beginning.
func (c *Core) oldEvents(ctx context.Context, end id.ID, limit int) ([]id.ID, error) {
	from := c.sweep.at
	old, err := c.settledEvents(ctx, from, end, limit)
	if err != nil {
		return nil, err
	}
	if len(old) == limit {
		c.sweep.at = old[len(old)-1]
		return old, nil
	}
	c.sweep.at = id.ID{}
	if from.IsZero() {
		return old, nil
	}
	if from.Compare(end) < 0 {
		end = from
	}
	more, err := c.settledEvents(ctx, id.ID{}, end, limit-len(old))
	return append(old, more...), err
}

func (c *Core) settledEvents(ctx context.Context, after, end id.ID, limit int) ([]id.ID, error) {
	return all(ctx, c.Reads, scanID, `SELECT e.id FROM events e WHERE e.id > $1 AND e.id < $2
		AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = e.id AND d.status = 0)
		ORDER BY e.id LIMIT $3`, after[:], end[:], int64(limit))
}

// deleteEvent deletes an event unless something of it is pending by now, or it is gone.
func (c *Core) deleteEvent(ctx context.Context, tx Tx, event id.ID) (bool, error) {
	there, err := exists(ctx, tx, `SELECT 1 FROM events WHERE id = $1`+c.Dialect.ForUpdate, event[:])
	if err != nil || !there {
		return false, err
	}
	pending, err := exists(ctx, tx, `SELECT 1 FROM deliveries WHERE event_id = $1 AND status = 0`, event[:])
	if err != nil || pending {
		return false, err
	}
	for _, statement := range []string{
		`DELETE FROM attempts WHERE event_id = $1`,
		`DELETE FROM deliveries WHERE event_id = $1`,
		`DELETE FROM events WHERE id = $1`,
	} {
		if _, err := tx.Exec(ctx, statement, event[:]); err != nil {
			return false, err
		}
	}
	return true, nil
}
