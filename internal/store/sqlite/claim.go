package sqlite

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
)

// Claim leases due deliveries, per endpoint, for a node.
func (s *Store) Claim(ctx context.Context, q store.ClaimQuery) ([]store.Claimed, error) {
	got := make([]store.Claimed, len(q.Wants))
	err := s.writeConn(ctx, func(c *conn) error {
		free := notIn("d.node", q.Live)
		for i, w := range q.Wants {
			if err := claim(c, &q, w, free, &got[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return got, nil
}

// notIn is the condition that a column is none of the numbers. They are part of
// the text, which changes as rarely as nodes come and go.
func notIn(column string, numbers []int64) string {
	if len(numbers) == 0 {
		return ""
	}
	list := slices.Clone(numbers)
	slices.Sort(list)
	var b strings.Builder
	b.WriteString(" AND " + column + " NOT IN (")
	for i, n := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatInt(n, 10))
	}
	b.WriteByte(')')
	return b.String()
}

// claim serves one want.
func claim(c *conn, q *store.ClaimQuery, w store.Want, free string, into *store.Claimed) error {
	into.EndpointID = w.EndpointID
	if w.Ordered {
		others := slices.DeleteFunc(slices.Clone(q.Live), func(n int64) bool { return n == q.Node })
		busy, err := heldBy(c, w.EndpointID, others)
		if err != nil || busy {
			return err
		}
	}
	if err := findDue(c, q, w, free, into); err != nil {
		return err
	}
	hold, err := c.prepare(`UPDATE deliveries SET node = ? WHERE event_id = ? AND n = ?`)
	if err != nil {
		return err
	}
	for i := range into.Items {
		d := &into.Items[i].Delivery
		d.Node = q.Node
		hold.clear()
		hold.int(q.Node)
		hold.id(&d.Event)
		hold.int(int64(d.N))
		if _, err := hold.exec(); err != nil {
			return err
		}
	}
	return findNext(c, free, into)
}

// heldBy says whether one of the nodes holds a part of the endpoint's backlog.
func heldBy(c *conn, endpoint id.ID, nodes []int64) (bool, error) {
	if len(nodes) == 0 {
		return false, nil
	}
	r, err := c.Query(context.Background(), `SELECT 1 FROM deliveries d WHERE d.endpoint_id = $1 AND d.due_at IS NOT NULL
		AND NOT (1 = 1`+notIn("d.node", nodes)+`) LIMIT 1`, endpoint[:])
	if err != nil {
		return false, err
	}
	defer r.Close()
	return r.Next(), r.Err()
}

// findDue reads what the want takes, first due first.
func findDue(c *conn, q *store.ClaimQuery, w store.Want, free string, into *store.Claimed) error {
	due := " AND d.due_at <= ?"
	if w.Ordered {
		due = " AND d.due_at IS NOT NULL"
	}
	st, err := c.prepare(`SELECT ` + sqlstore.DeliveryColumns("d") + `, ` + sqlstore.EventColumns("e", true) + `
		FROM deliveries d JOIN events e ON e.id = d.event_id
		WHERE d.endpoint_id = ?` + due + free + ` ORDER BY d.due_at, d.event_id, d.n LIMIT ?`)
	if err != nil {
		return err
	}
	st.clear()
	st.id(&w.EndpointID)
	if !w.Ordered {
		st.int(sqlstore.Micros(q.Now))
	}
	st.int(int64(w.Max))
	r, err := st.query(context.Background())
	if err != nil {
		return err
	}
	defer r.Close()
	var dr sqlstore.DeliveryRow
	var er sqlstore.EventRow
	dest := append(dr.Dest(), er.Dest()...)
	for bytes := 0; r.Next(); {
		if err := r.Scan(dest...); err != nil {
			return err
		}
		d, err := dr.Delivery()
		if err != nil {
			return err
		}
		e, err := er.Event()
		if err != nil {
			return err
		}
		if bytes += e.Weight(1); w.MaxBytes > 0 && bytes > w.MaxBytes && len(into.Items) > 0 {
			break
		}
		into.Items = append(into.Items, store.ClaimedDelivery{Delivery: d, Event: &e})
	}
	return r.Err()
}

// findNext says when the first of what is left is due. What lies before the last
// that was claimed is held by someone.
func findNext(c *conn, free string, into *store.Claimed) error {
	behind := ""
	if len(into.Items) > 0 {
		behind = " AND (d.due_at, d.event_id, d.n) > (?, ?, ?)"
	}
	st, err := c.prepare(`SELECT d.due_at FROM deliveries d WHERE d.endpoint_id = ? AND d.due_at IS NOT NULL` +
		behind + free + ` ORDER BY d.due_at, d.event_id, d.n LIMIT 1`)
	if err != nil {
		return err
	}
	st.clear()
	st.id(&into.EndpointID)
	if n := len(into.Items); n > 0 {
		d := &into.Items[n-1].Delivery
		st.int(sqlstore.Micros(d.DueAt))
		st.id(&d.Event)
		st.int(int64(d.N))
	}
	r, err := st.query(context.Background())
	if err != nil {
		return err
	}
	defer r.Close()
	if r.Next() {
		var at int64
		if err := r.Scan(&at); err != nil {
			return err
		}
		into.Next = sqlstore.Time(at)
	}
	return r.Err()
}
