package sqlstore

import (
	"context"
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// attemptColumns lists the columns that scanAttempt reads. Without bodies they
// give neither headers nor body nor a dialect's record, and unless the table
// events is joined they give no channels and tags.
func attemptColumns(bodies, joined bool) string {
	large, marks := "NULL, NULL, NULL, NULL", "NULL, NULL"
	if bodies {
		large = "a.request_headers, a.response_headers, a.response_body, a.extra"
	}
	if joined {
		marks = "e.channels, e.tags"
	}
	return `a.event_id, a.id, a.n, a.number, a.account_id, a.endpoint_id, a.cause, a.url,
		COALESCE(a.started_at, 0), COALESCE(a.next_at, 0), a.result, a.status_code, a.detail, a.timeout,
		a.retry_after, a.latency, a.response_expunged, ` + large + `, ` + marks
}

// attemptRow is an attempt with what its event is marked with.
type attemptRow struct {
	webhook.Attempt
	channels, tags []string
}

func scanAttempt(rows Rows) (attemptRow, error) { return scanAttemptAnd(rows) }

// scanAttemptAnd reads an attempt and the columns behind it.
func scanAttemptAnd(rows Rows, more ...any) (a attemptRow, err error) {
	var event, self, account, endpoint, detail, channels, tags []byte
	var n, number, cause, started, next, result, code, after, latency int64
	o := &a.Outcome
	err = rows.Scan(append([]any{
		&event, &self, &n, &number, &account, &endpoint, &cause, &a.URL,
		&started, &next, &result, &code, &detail, &o.Timeout, &after, &latency, &o.ResponseExpunged,
		&o.RequestHeaders, &o.ResponseHeaders, &o.ResponseBody, &o.Extra, &channels, &tags,
	}, more...)...)
	if err != nil {
		return a, err
	}
	for _, part := range []struct {
		bytes []byte
		into  *id.ID
	}{{event, &a.Delivery.Event}, {self, &a.ID}, {account, &a.AccountID}, {endpoint, &a.EndpointID}} {
		if *part.into, err = ReadID(part.bytes); err != nil {
			return a, err
		}
	}
	a.Delivery.N, a.Number, a.Trigger = int32(n), int32(number), webhook.Trigger(cause)
	a.StartedAt, a.NextAt = stampedTime(started, a.ID), Time(next)
	o.Result, o.StatusCode, o.Detail = webhook.Result(result), int(code), string(detail)
	o.RetryAfter, o.Latency = time.Duration(after)*time.Microsecond, time.Duration(latency)*time.Microsecond
	if err = readDoc(channels, &a.channels); err != nil {
		return a, err
	}
	return a, readDoc(tags, &a.tags)
}

// Attempts lists attempts.
func (c *Core) Attempts(ctx context.Context, q store.AttemptQuery) (webhook.Slice[webhook.Attempt], error) {
	if q.EndpointID.IsZero() && q.EventID.IsZero() {
		return c.attemptsOfMany(ctx, q)
	}
	return c.attempts(ctx, q, id.ID{})
}

// attemptsOfMany merges the lists of the account's endpoints, deleted ones included.
// Of each it reads no further than to where the page is full.
func (c *Core) attemptsOfMany(ctx context.Context, q store.AttemptQuery) (webhook.Slice[webhook.Attempt], error) {
	const some = `SELECT id FROM endpoints WHERE account_id = $1 AND ($2 = '' OR uid = $2) AND deleted_at `
	endpoints, err := all(ctx, c.Reads, scanID, some+`= 0 UNION ALL `+some+`<> 0`, q.AccountID[:], q.EndpointUID)
	if err != nil {
		return webhook.Slice[webhook.Attempt]{}, err
	}
	rows := q.Page.Rows()
	q.Page.Limit = rows + 1 // one more says whether another follows
	var merged []webhook.Attempt
	var full id.ID
	for _, endpoint := range endpoints {
		q.EndpointID = endpoint
		some, err := c.attempts(ctx, q, full)
		if err != nil {
			return webhook.Slice[webhook.Attempt]{}, err
		}
		merged = append(merged, some.Items...)
		slices.SortFunc(merged, func(a, b webhook.Attempt) int {
			if q.Page.Ascending {
				return a.ID.Compare(b.ID)
			}
			return b.ID.Compare(a.ID)
		})
		if merged = cut(merged, rows+1, q.Page.Backward); len(merged) > rows {
			full = merged[rows].ID
			if q.Page.Backward {
				full = merged[0].ID
			}
		}
	}
	return webhook.Slice[webhook.Attempt]{Items: cut(merged, rows, q.Page.Backward), Done: len(merged) <= rows}, nil
}

// cut returns the first n of a list, or the last.
func cut(list []webhook.Attempt, n int, last bool) []webhook.Attempt {
	switch {
	case len(list) <= n:
		return list
	case last:
		return list[len(list)-n:]
	}
	return list[:n]
}

// attempts lists those of one endpoint or event, as far as to the id full unless it
// is zero.
func (c *Core) attempts(ctx context.Context, q store.AttemptQuery, full id.ID) (webhook.Slice[webhook.Attempt], error) {
	r := pager[attemptRow]{
		base: func() *query {
			s := c.selectAttempts(&q)
			switch up := q.Page.Ascending != q.Page.Backward; {
			case full.IsZero():
			case up:
				s.add(` AND a.id <= ?`, full[:])
			default:
				s.add(` AND a.id >= ?`, full[:])
			}
			return s
		},
		column: "a.id", scan: scanAttempt, id: func(a *attemptRow) id.ID { return a.ID },
	}
	r.rare = q.Channel != "" || q.Tag != ""
	r.keep = func(a *attemptRow) bool {
		return between(a.StartedAt, q.After, q.Before) && marked(a.channels, q.Channel) && marked(a.tags, q.Tag)
	}
	rows, err := r.read(ctx, c.Reads, q.Page)
	if err != nil {
		return webhook.Slice[webhook.Attempt]{}, err
	}
	got := webhook.Slice[webhook.Attempt]{Done: rows.Done}
	for i := range rows.Items {
		got.Items = append(got.Items, rows.Items[i].Attempt)
	}
	return got, nil
}

func (c *Core) selectAttempts(q *store.AttemptQuery) *query {
	joined := len(q.Types) > 0 || q.Channel != "" || q.Tag != ""
	s := newQuery(`SELECT ` + attemptColumns(q.Bodies, joined) + ` FROM attempts a`)
	if joined {
		s.add(` JOIN events e ON e.id = a.event_id`)
	}
	s.add(` WHERE a.account_id = ?`, q.AccountID[:])
	if !q.EndpointID.IsZero() {
		s.add(` AND a.endpoint_id = ?`, q.EndpointID[:])
	}
	if !q.EventID.IsZero() {
		s.add(` AND a.event_id = ?`, q.EventID[:])
	}
	switch q.Outcome {
	case store.OnlyDelivered:
		s.add(` AND a.result = 0`)
	case store.OnlyFailed:
		s.add(` AND a.result <> 0 AND a.next_at IS NULL`)
	case store.OnlyToBeRetried:
		s.add(` AND a.result <> 0 AND a.next_at IS NOT NULL`)
	case store.NotDelivered:
		s.add(` AND a.result <> 0`)
	case store.AnyOutcome:
	}
	switch {
	case q.CodeClass == store.NoCode:
		s.add(` AND a.status_code = 0`)
	case q.CodeClass > 0:
		s.add(` AND a.status_code >= ? AND a.status_code < ?`, int64(100*q.CodeClass), int64(100*q.CodeClass+100))
	}
	within(s, "a.id", q.After, q.Before)
	c.ofEvent(s, q.Types, q.Channel, q.Tag)
	return s
}

// Attempt returns one with its response.
func (c *Core) Attempt(ctx context.Context, event, attempt id.ID) (webhook.Attempt, error) {
	row, err := one(ctx, c.Reads, "attempt", scanAttempt,
		`SELECT `+attemptColumns(true, false)+` FROM attempts a WHERE a.event_id = $1 AND a.id = $2`, event[:], attempt[:])
	return row.Attempt, err
}

// AttemptCounts counts the attempts of an endpoint whose ids were made in [since, until).
func (c *Core) AttemptCounts(ctx context.Context, endpoint id.ID, since, until time.Time) (store.AttemptCounts, error) {
	first, end := id.From(since), id.From(until)
	n, err := one(ctx, c.Reads, "endpoint", func(rows Rows) (n store.AttemptCounts, err error) {
		err = rows.Scan(&n.Delivered, &n.Failed, &n.Retrying)
		return n, err
	}, `SELECT COUNT(*) FILTER (WHERE result = 0), COUNT(*) FILTER (WHERE result <> 0 AND next_at IS NULL),
		COUNT(*) FILTER (WHERE result <> 0 AND next_at IS NOT NULL)
		FROM attempts WHERE endpoint_id = $1 AND id >= $2 AND id < $3`, endpoint[:], first[:], end[:])
	if err != nil {
		return n, err
	}
	n.Pending, err = one(ctx, c.Reads, "endpoint", scanInt,
		`SELECT COUNT(*) FROM deliveries WHERE endpoint_id = $1 AND due_at IS NOT NULL AND attempts = 0`, endpoint[:])
	return n, err
}
