package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
	"github.com/switchhook/switchhook/internal/webhook"
)

// stHanded leaves a note for the node that deliveries are handed to. When it was declared
// dead meanwhile, stDeliveries has put them into the backlog: nobody is to be told.
var stHanded = statement{"switchhook_handed", `INSERT INTO handed (node, event_id)
	SELECT u.node, u.event_id FROM unnest($1::new_handed[]) u JOIN nodes n ON n.number = u.node
	ON CONFLICT DO NOTHING`, "new_handed"}

// handed writes one note for each event and node.
func (w *writer) handed(intake []*store.Intake) {
	var r *rows
	for _, in := range intake {
		for i := range in.Accepted {
			a := &in.Accepted[i]
			for k, n := range a.Handed {
				node := a.Deliveries[n].Node
				if k > 0 && a.Deliveries[a.Handed[k-1]].Node == node {
					continue
				}
				if r == nil {
					r = w.rows(stHanded, 2, 40*len(intake))
				}
				r.next()
				r.int64(node)
				r.id(&a.Event.ID)
			}
		}
	}
	if r != nil {
		w.send(stHanded, r.param())
	}
}

// takeHandedText takes the notes for a node and reads what they speak of, each event
// once, beside its first delivery. From then on the node's mark is what leads to it, so the mark goes back behind it.
var takeHandedText = `WITH taken AS MATERIALIZED (
		DELETE FROM handed WHERE node = $1 AND event_id = ANY (ARRAY(
			SELECT event_id FROM handed WHERE node = $1 ORDER BY event_id LIMIT $2))
		RETURNING event_id
	), marked AS (
		UPDATE nodes SET mark = first.event_id FROM (SELECT event_id FROM taken ORDER BY event_id LIMIT 1) first
		WHERE number = $1 AND mark > first.event_id
	), held AS MATERIALIZED (
		SELECT d.*, row_number() OVER (PARTITION BY d.event_id ORDER BY d.n) AS rank
		FROM taken t JOIN deliveries d ON d.event_id = t.event_id
		WHERE d.node = $1 AND d.due_at IS NULL AND d.status = 0
	)
	SELECT ` + sqlstore.DeliveryColumns("d") + `, ` + sqlstore.EventColumns("e", true) + `
	FROM held d LEFT JOIN LATERAL (
		SELECT * FROM events WHERE d.rank = 1 AND id = d.event_id LIMIT 1
	) e ON TRUE ORDER BY d.event_id, d.n`

// TakeHanded takes what other nodes accepted for the node. The node's row is locked
// first, as Reclaim does it.
func (s *Store) TakeHanded(ctx context.Context, node int64, events int) (got []store.ClaimedDelivery, err error) {
	err = s.queue(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		got = nil
		var b pgx.Batch
		known := false
		b.Queue(`SELECT FROM nodes WHERE number = $1 FOR NO KEY UPDATE`, node).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				known = true
			}
			return rows.Err()
		})
		b.Queue(takeHandedText, node, events).Query(func(rows pgx.Rows) (err error) {
			got, err = readHanded(rows)
			return err
		})
		err := conn.SendBatch(ctx, &b).Close()
		if err == nil && !known {
			err = webhook.Errorf(webhook.CodeNotFound, "", "no such node")
		}
		return err
	})
	return got, err
}

// readHanded reads deliveries in the order of their events, each of which is in its first
// row.
func readHanded(rows pgx.Rows) (got []store.ClaimedDelivery, err error) {
	var dr sqlstore.DeliveryRow
	var er sqlstore.EventRow
	delivery, event := dr.Dest(), er.Dest()
	event = append(make([]any, len(delivery)), event...) // what has no place to go is passed over
	delivery = append(delivery, make([]any, len(event)-len(delivery))...)
	var last *webhook.Event
	for rows.Next() {
		if err := rows.Scan(delivery...); err != nil {
			return nil, err
		}
		d, err := dr.Delivery()
		if err != nil {
			return nil, err
		}
		if last == nil || last.ID != d.Event {
			if err := rows.Scan(event...); err != nil {
				return nil, err
			}
			e, err := er.Event()
			if err != nil {
				return nil, err
			}
			last = &e
		}
		got = append(got, store.ClaimedDelivery{Delivery: d, Event: last})
	}
	return got, rows.Err()
}

// removeNodes puts what the nodes, which are locked, hold fresh into the backlog, and forgets them. It
// returns the number of deliveries moved.
func removeNodes(ctx context.Context, tx pgx.Tx, nodes []int64, now time.Time) (moved int, err error) {
	const fresh = `UPDATE deliveries SET due_at = $1, node = 0 WHERE node = ANY ($2) AND due_at IS NULL AND status = 0 AND `
	for _, where := range []string{
		`event_id >= (SELECT mark FROM nodes WHERE number = ANY ($2) ORDER BY mark LIMIT 1)`, // what they know of
		`event_id = ANY (ARRAY(SELECT event_id FROM handed WHERE node = ANY ($2)))`,          // what they were handed
	} {
		tag, err := tx.Exec(ctx, fresh+where, sqlstore.Micros(now), nodes)
		if err != nil {
			return moved, err
		}
		moved += int(tag.RowsAffected())
	}
	for _, table := range []string{`handed WHERE node`, `nodes WHERE number`} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` = ANY ($1)`, nodes); err != nil {
			return moved, err
		}
	}
	return moved, nil
}

// RemoveNode forgets a node. What it was handed and never took goes to the backlog.
func (s *Store) RemoveNode(ctx context.Context, node int64) error {
	return s.queue(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `SELECT FROM nodes WHERE number = $1 FOR UPDATE`, node); err != nil {
				return err
			}
			_, err := removeNodes(ctx, tx, []int64{node}, time.Now())
			return err
		})
	})
}
