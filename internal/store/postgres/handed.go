package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
	"github.com/switchhook/switchhook/internal/webhook"
)

// stHanded leaves a note for the node that deliveries are handed to. When it was declared
// dead meanwhile, stDeliveries has put them into the backlog: nobody is to be told.
var stHanded = statement{"switchhook_handed", `INSERT INTO handed (node, event_id, deliveries)
	SELECT u.node, u.event_id, u.deliveries FROM unnest($1::new_handed[]) u JOIN nodes n ON n.number = u.node`, "new_handed"}

// handed writes one note for each event and node.
func (w *writer) handed(intake []*store.Intake) {
	var r *rows
	for _, in := range intake {
		for i := range in.Accepted {
			a := &in.Accepted[i]
			if len(a.Handed) == 0 {
				continue
			}
			if r == nil {
				r = w.rows(stHanded, 3, 400*len(intake))
			}
			notes := map[int64][]byte{}
			for _, n := range a.Handed {
				d := &a.Deliveries[n]
				notes[d.Node] = appendNote(notes[d.Node], d)
			}
			for node, note := range notes {
				r.next()
				r.int64(node)
				r.id(&a.Event.ID)
				r.bytes(note)
			}
		}
	}
	if r != nil {
		w.send(stHanded, r.param())
	}
}

// noteSize is what a delivery takes in a note.
const noteSize = 4 + 2 + 3*16

// appendNote packs what is not the same for all deliveries that are handed over: they are
// pending, were never tried, and belong to the note's event and node.
func appendNote(b []byte, d *webhook.Delivery) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(d.N))
	b = binary.BigEndian.AppendUint16(b, uint16(d.Trigger))
	b = append(b, d.AccountID[:]...)
	b = append(b, d.EndpointID[:]...)
	return append(b, d.SubscriptionID[:]...)
}

// readNote unpacks the deliveries of an event that a node was handed.
func readNote(note []byte, e *webhook.Event, node int64, into []store.ClaimedDelivery) ([]store.ClaimedDelivery, error) {
	if len(note)%noteSize != 0 {
		return nil, fmt.Errorf("the note of event %s has %d bytes", e.ID, len(note))
	}
	for b := range slices.Chunk(note, noteSize) {
		into = append(into, store.ClaimedDelivery{Event: e, Delivery: webhook.Delivery{
			DeliveryID: webhook.DeliveryID{Event: e.ID, N: int32(binary.BigEndian.Uint32(b))},
			Trigger:    webhook.Trigger(binary.BigEndian.Uint16(b[4:])),
			AccountID:  id.ID(b[6:22]), EndpointID: id.ID(b[22:38]), SubscriptionID: id.ID(b[38:54]),
			Node: node,
		}})
	}
	return into, nil
}

// takeHandedText takes the notes for a node, with their events. From then on the node's mark
// is what leads to the deliveries, so the mark goes back behind them.
var takeHandedText = `WITH taken AS MATERIALIZED (
		DELETE FROM handed WHERE node = $1 AND event_id = ANY (ARRAY(
			SELECT event_id FROM handed WHERE node = $1 ORDER BY event_id LIMIT $2))
		RETURNING event_id, deliveries
	), marked AS (
		UPDATE nodes SET mark = first.event_id FROM (SELECT event_id FROM taken ORDER BY event_id LIMIT 1) first
		WHERE number = $1 AND mark > first.event_id
	)
	SELECT t.deliveries, ` + sqlstore.EventColumns("e", true) + ` FROM taken t JOIN events e ON e.id = t.event_id ORDER BY e.id`

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
			got, err = readHanded(rows, node)
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

func readHanded(rows pgx.Rows, node int64) (got []store.ClaimedDelivery, err error) {
	var note []byte
	var er sqlstore.EventRow
	dest := append([]any{&note}, er.Dest()...)
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		e, err := er.Event()
		if err != nil {
			return nil, err
		}
		if got, err = readNote(note, &e, node, got); err != nil {
			return nil, err
		}
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
