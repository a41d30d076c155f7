package postgres

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
	"github.com/switchhook/switchhook/internal/webhook"
)

// claimText serves all wants at once. For each one it locks what nobody holds, in
// order of place, and one row more, which tells when the next is due. What
// another node is just claiming is skipped. Then it takes of them what is due and
// fits, and holds that.
//
// An ordered endpoint gives nothing while another live node holds some of it. For
// that to be true when it is looked at, Claim has its lock. What is held lies at
// the head of the backlog, for nobody claims from its middle; so only the head is
// looked at, however long the backlog is. No lane holds as much as that.
var claimText = `WITH wanted AS MATERIALIZED (
		SELECT w.*, w.ordered AND cardinality($8::bigint[]) > 0 AND EXISTS (
			SELECT FROM (SELECT node FROM deliveries WHERE endpoint_id = w.endpoint_id AND due_at IS NOT NULL
				ORDER BY due_at, event_id, n LIMIT 1000) head
			WHERE node = ANY ($8)) AS elsewhere
		FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::boolean[]) WITH ORDINALITY
			AS w (endpoint_id, most, bytes, ordered, place)
	), locked AS MATERIALIZED (
		SELECT w.place, w.most, w.bytes, w.ordered, d.*
		FROM wanted w CROSS JOIN LATERAL (
			SELECT * FROM deliveries
			WHERE NOT w.elsewhere AND endpoint_id = w.endpoint_id AND due_at IS NOT NULL AND node <> ALL ($5::bigint[])
			ORDER BY due_at, event_id, n LIMIT w.most + 1 FOR UPDATE SKIP LOCKED
		) d
	), sized AS (
		SELECT l.*, row_number() OVER places AS rank, sum($9::bigint + COALESCE(octet_length(e.payload), 0)) OVER places AS total
		FROM locked l JOIN events e ON e.id = l.event_id
		WINDOW places AS (PARTITION BY l.place ORDER BY l.due_at, l.event_id, l.n)
	), judged AS MATERIALIZED (
		SELECT s.*, s.rank <= s.most AND (s.ordered OR s.due_at <= $7::bigint)
			AND (s.rank = 1 OR s.bytes = 0 OR s.total <= s.bytes) AS taken
		FROM sized s
	), held AS (
		UPDATE deliveries d SET node = $6 FROM judged j WHERE j.taken AND d.event_id = j.event_id AND d.n = j.n
	)
	SELECT d.place, d.taken, ` + sqlstore.DeliveryColumns("d") + `, ` + sqlstore.EventColumns("e", true) + `
	FROM judged d CROSS JOIN LATERAL (
		SELECT x.id, x.account_id, x.uid, x.type, CASE WHEN d.taken THEN x.payload END AS payload, x.channels, x.tags,
			x.attributes, x.created_at, x.deliver_at, x.payload_expires, x.payload_deleted
		FROM events x WHERE x.id = d.event_id
	) e ORDER BY d.place, d.rank`

// Claim leases due deliveries, per endpoint, for a node.
func (s *Store) Claim(ctx context.Context, q store.ClaimQuery) ([]store.Claimed, error) {
	got := make([]store.Claimed, len(q.Wants))
	if len(q.Wants) == 0 {
		return got, nil
	}
	err := s.queue(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		for i, w := range q.Wants {
			got[i] = store.Claimed{EndpointID: w.EndpointID}
		}
		var b pgx.Batch
		if orders := orders(q.Wants); len(orders) > 0 && len(q.Live) > 1 {
			b.Queue(`SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) AS u (k)`, orders)
		}
		b.Queue(claimText, claimArgs(q)...).Query(func(rows pgx.Rows) error { return readClaimed(rows, q.Node, got) })
		return conn.SendBatch(ctx, &b).Close()
	})
	if err != nil {
		return nil, err
	}
	return got, nil
}

func claimArgs(q store.ClaimQuery) []any {
	endpoints, most := make([][16]byte, len(q.Wants)), make([]int32, len(q.Wants))
	bytes, ordered := make([]int64, len(q.Wants)), make([]bool, len(q.Wants))
	for i, w := range q.Wants {
		endpoints[i], most[i], bytes[i], ordered[i] = w.EndpointID, int32(w.Max), int64(w.MaxBytes), w.Ordered
	}
	live := append([]int64{}, q.Live...)
	var empty webhook.Event
	others := slices.DeleteFunc(slices.Clone(live), func(n int64) bool { return n == q.Node })
	return []any{endpoints, most, bytes, ordered, live, q.Node, sqlstore.Micros(q.Now), others, int64(empty.Weight(1))}
}

// orders returns the locks of the ordered endpoints, in the order in which
// everyone takes them.
func orders(wants []store.Want) []int64 {
	var keys []int64
	for _, w := range wants {
		if w.Ordered {
			keys = append(keys, int64(binary.BigEndian.Uint64(w.EndpointID[8:])))
		}
	}
	slices.Sort(keys)
	return keys
}

// readClaimed puts the rows into the answers to the wants at their places. The
// first row of a want that is not taken says when its next is due.
func readClaimed(rows pgx.Rows, node int64, got []store.Claimed) error {
	var place int64
	var taken bool
	var dr sqlstore.DeliveryRow
	var er sqlstore.EventRow
	dest := append([]any{&place, &taken}, append(dr.Dest(), er.Dest()...)...)
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		d, err := dr.Delivery()
		if err != nil {
			return err
		}
		c := &got[place-1]
		if !taken {
			if c.Next.IsZero() {
				c.Next = d.DueAt
			}
			continue
		}
		e, err := er.Event()
		if err != nil {
			return err
		}
		d.Node = node
		c.Items = append(c.Items, store.ClaimedDelivery{Delivery: d, Event: &e})
	}
	return rows.Err()
}
