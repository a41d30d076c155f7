package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
)

// AttemptLog lists the attempts of an endpoint with the payloads of their events.
func (c *Core) AttemptLog(ctx context.Context, q store.LogQuery) ([]store.Logged, error) {
	if q.Order == store.ByEnd {
		return c.logByEnd(ctx, &q)
	}
	order := map[store.LogOrder]string{
		store.ByStart:  "",
		store.ByStatus: "CASE WHEN a.result = 0 THEN 0 WHEN a.next_at IS NOT NULL THEN 1 ELSE 2 END",
		store.ByNumber: "a.number",
	}[q.Order]
	direction := ""
	if q.Descending {
		direction = " DESC"
	}
	s := selectLog(`SELECT `+loggedColumns(), &q).add(" ORDER BY ")
	if order != "" {
		s.add(order + direction + ", ")
	}
	s.add("a.id"+direction+" LIMIT ? OFFSET ?", int64(q.Window.Limit), int64(q.Window.Start))
	return all(ctx, c.Reads, scanLogged, s.String(), s.args...)
}

func loggedColumns() string { return attemptColumns(true, false) + `, e.payload` }

func selectLog(columns string, q *store.LogQuery) *query {
	s := newQuery(columns+` FROM attempts a LEFT JOIN events e ON e.id = a.event_id WHERE a.endpoint_id = ?`, q.EndpointID[:])
	if !q.Since.IsZero() {
		first := id.Since(q.Since)
		s.add(` AND a.id >= ?`, first[:])
	}
	if !q.Until.IsZero() {
		end := id.Since(q.Until)
		s.add(` AND a.id < ?`, end[:])
	}
	return s
}

func scanLogged(rows Rows) (store.Logged, error) {
	var l store.Logged
	row, err := scanAttemptAnd(rows, &l.Payload)
	l.Attempt = row.Attempt
	return l, err
}

// ended is an attempt with when it ended.
type ended struct {
	id id.ID
	at time.Time
}

func (c *Core) logByEnd(ctx context.Context, q *store.LogQuery) ([]store.Logged, error) {
	first, err := c.firstByEnd(ctx, q, q.Window.Start+q.Window.Limit)
	if err != nil {
		return nil, err
	}
	return c.loggedInOrder(ctx, q, first[min(len(first), q.Window.Start):])
}

// firstByEnd computes the ends, which no column has, of all that the query selects,
// and keeps the first ones in its order.
func (c *Core) firstByEnd(ctx context.Context, q *store.LogQuery, keep int) ([]ended, error) {
	s := selectLog(`SELECT a.id, COALESCE(a.started_at, 0), a.latency`, q)
	rows, err := c.Reads.Query(ctx, s.String(), s.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var first []ended
	trim := func() {
		slices.SortFunc(first, func(a, b ended) int {
			if q.Descending {
				a, b = b, a
			}
			return cmp.Or(a.at.Compare(b.at), a.id.Compare(b.id))
		})
		first = first[:min(len(first), keep)]
	}
	for rows.Next() {
		var self []byte
		var started, latency int64
		if err := rows.Scan(&self, &started, &latency); err != nil {
			return nil, err
		}
		v, err := ReadID(self)
		if err != nil {
			return nil, err
		}
		first = append(first, ended{v, stampedTime(started, v).Add(time.Duration(latency) * time.Microsecond)})
		if len(first) >= 2*keep+chunk {
			trim()
		}
	}
	trim()
	return first, rows.Err()
}

// loggedInOrder loads attempts in the order given.
func (c *Core) loggedInOrder(ctx context.Context, q *store.LogQuery, wanted []ended) ([]store.Logged, error) {
	place := make(map[id.ID]int, len(wanted))
	ids := make([]id.ID, len(wanted))
	for i, w := range wanted {
		place[w.id], ids[i] = i, w.id
	}
	var list []store.Logged
	for part := range slices.Chunk(ids, chunk) {
		s := selectLog(`SELECT `+loggedColumns(), q).add(" AND ").in("a.id", idArgs(part))
		some, err := all(ctx, c.Reads, scanLogged, s.String(), s.args...)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	slices.SortFunc(list, func(a, b store.Logged) int { return cmp.Compare(place[a.ID], place[b.ID]) })
	return list, nil
}
