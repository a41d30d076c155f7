package sqlstore

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// notHeld adds that none of the live nodes holds the delivery d.
func notHeld(q *query, live []int64) *query {
	if len(live) == 0 {
		return q
	}
	args := make([]any, len(live))
	for i, n := range live {
		args[i] = n
	}
	return q.add(" AND NOT ").in("d.node", args)
}

// Backlog says for each endpoint with a backlog when the first of it that no
// live node holds is due. It looks an endpoint up, then the next greater one, and
// so on, so that it costs as much as there are endpoints, however long their backlogs.
func (c *Core) Backlog(ctx context.Context, live []int64) ([]store.Due, error) {
	q := newQuery(`WITH RECURSIVE backlogged (id) AS (
		SELECT (SELECT endpoint_id FROM deliveries WHERE due_at IS NOT NULL ORDER BY endpoint_id LIMIT 1)
		UNION ALL SELECT (SELECT endpoint_id FROM deliveries WHERE due_at IS NOT NULL AND endpoint_id > b.id
			ORDER BY endpoint_id LIMIT 1) FROM backlogged b WHERE b.id IS NOT NULL
		) SELECT b.id, COALESCE((SELECT d.due_at FROM deliveries d
			WHERE d.endpoint_id = b.id AND d.due_at IS NOT NULL`)
	notHeld(q, live).add(` ORDER BY d.due_at, d.event_id, d.n LIMIT 1), 0) FROM backlogged b WHERE b.id IS NOT NULL`)
	list, err := all(ctx, c.Reads, func(rows Rows) (due store.Due, err error) {
		var endpoint []byte
		var at int64
		if err = rows.Scan(&endpoint, &at); err != nil {
			return due, err
		}
		due.At = Time(at)
		due.EndpointID, err = ReadID(endpoint)
		return due, err
	}, q.String(), q.args...)
	if err != nil {
		return nil, err
	}
	due := list[:0]
	for _, d := range list {
		if !d.At.IsZero() { // else live nodes hold all of it
			due = append(due, d)
		}
	}
	return due, nil
}

// PendingCount counts the deliveries in the backlog.
func (c *Core) PendingCount(ctx context.Context) (int64, error) {
	return one(ctx, c.Reads, "delivery", scanInt, `SELECT COUNT(*) FROM deliveries WHERE due_at IS NOT NULL`)
}

// reclaimAtOnce is the number of deliveries that one transaction of Reclaim moves.
const reclaimAtOnce = 1000

// Reclaim moves what dead nodes held fresh into the backlog and forgets the
// nodes. It takes several transactions; the nodes go last, so that it is done
// again when it breaks off.
func (c *Core) Reclaim(ctx context.Context, dead []store.Node, now time.Time) (int, error) {
	known, err := nodes(ctx, c.Reads)
	if err != nil {
		return 0, err
	}
	beats := make(map[int64]time.Time, len(dead))
	for _, n := range dead {
		beats[n.Number] = n.BeatAt
	}
	var numbers []any
	var mark id.ID
	for _, n := range known {
		if beat, ok := beats[n.Number]; !ok || !beat.Equal(n.BeatAt) {
			continue
		}
		if len(numbers) == 0 || n.Mark.Compare(mark) < 0 {
			mark = n.Mark
		}
		numbers = append(numbers, n.Number)
	}
	if len(numbers) == 0 {
		return 0, nil
	}
	total, err := c.reclaimFrom(ctx, mark, numbers, now)
	if err != nil {
		return total, err
	}
	return total, c.Write(ctx, func(tx Tx) error {
		_, err := newQuery(`DELETE FROM nodes WHERE `).in("number", numbers).exec(ctx, tx)
		return err
	})
}

// reclaimFrom moves what the dead nodes held fresh, from the mark on.
func (c *Core) reclaimFrom(ctx context.Context, mark id.ID, dead []any, now time.Time) (int, error) {
	total := 0
	for last := (webhook.DeliveryID{Event: mark, N: -1}); ; {
		var found []webhook.DeliveryID
		err := c.Write(ctx, func(tx Tx) (err error) {
			q := newQuery(`SELECT event_id, n FROM deliveries WHERE event_id >= ? AND (event_id > ? OR n > ?)
				AND status = 0 AND due_at IS NULL AND `, last.Event[:], last.Event[:], int64(last.N)).
				in("node", dead).add(` ORDER BY event_id, n LIMIT ?`, int64(reclaimAtOnce))
			if found, err = all(ctx, tx, scanDeliveryID, q.String(), q.args...); err != nil {
				return err
			}
			for _, d := range found {
				_, err := tx.Exec(ctx, `UPDATE deliveries SET due_at = $1, node = 0
					WHERE event_id = $2 AND n = $3 AND status = 0 AND due_at IS NULL`, Micros(now), d.Event[:], int64(d.N))
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return total, err
		}
		if total += len(found); len(found) < reclaimAtOnce {
			return total, nil
		}
		last = found[len(found)-1]
	}
}
