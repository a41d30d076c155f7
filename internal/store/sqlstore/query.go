package sqlstore

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// query is a statement in the making: its parts have "?" where an argument
// goes, which become $1, $2, … in order.
type query struct {
	text strings.Builder
	args []any
}

// newQuery starts with a part.
func newQuery(part string, args ...any) *query {
	return new(query).add(part, args...)
}

// add appends a part.
func (q *query) add(part string, args ...any) *query {
	for i, n := 0, len(q.args); i < len(part); i++ {
		if part[i] != '?' {
			q.text.WriteByte(part[i])
			continue
		}
		n++
		q.text.WriteByte('$')
		q.text.WriteString(strconv.Itoa(n))
	}
	q.args = append(q.args, args...)
	return q
}

// in appends "column IN (…)"; an empty list finds nothing.
func (q *query) in(column string, values []any) *query {
	if len(values) == 0 {
		return q.add("1 = 0")
	}
	return q.add(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", values...)
}

func (q *query) String() string { return q.text.String() }

// exec runs the statement.
func (q *query) exec(ctx context.Context, tx Tx) (int64, error) {
	return tx.Exec(ctx, q.String(), q.args...)
}

func idArgs(ids []id.ID) []any {
	args := make([]any, len(ids))
	for i := range ids {
		args[i] = ids[i][:]
	}
	return args
}

func textArgs(texts []string) []any {
	args := make([]any, len(texts))
	for i := range texts {
		args[i] = texts[i]
	}
	return args
}

// chunk is the number of values that one statement lists at most.
const chunk = 500

// pager reads a list that is ordered by an id column, page by page.
type pager[T any] struct {
	base   func() *query // SELECT … WHERE …, ending in a condition
	column string        // the id column
	scan   func(Rows) (T, error)
	id     func(*T) id.ID
	keep   func(*T) bool // drops rows that the statement could not; may be nil
	rare   bool          // keep drops many
}

// read fills a page. It reads until the page is full or the list ends, however
// many rows keep drops.
func (r *pager[T]) read(ctx context.Context, tx Tx, p webhook.Page) (webhook.Slice[T], error) {
	up := p.Ascending != p.Backward
	want, at := p.Rows(), p.After
	var got webhook.Slice[T]
	for {
		limit := want + 1 - len(got.Items)
		if r.rare {
			limit = max(limit, chunk)
		}
		rows, err := r.portion(ctx, tx, up, at, limit)
		if err != nil {
			return webhook.Slice[T]{}, err
		}
		for i := range rows {
			if r.keep == nil || r.keep(&rows[i]) {
				got.Items = append(got.Items, rows[i])
			}
		}
		if len(got.Items) > want {
			got.Items = got.Items[:want]
			break
		}
		if len(rows) < limit {
			got.Done = true
			break
		}
		at = r.id(&rows[len(rows)-1])
	}
	if p.Backward {
		slices.Reverse(got.Items)
	}
	return got, nil
}

func (r *pager[T]) portion(ctx context.Context, tx Tx, up bool, at id.ID, limit int) ([]T, error) {
	q := r.base()
	order := " DESC"
	if up {
		order = ""
	}
	switch {
	case at.IsZero():
	case up:
		q.add(" AND "+r.column+" > ?", at[:])
	default:
		q.add(" AND "+r.column+" < ?", at[:])
	}
	q.add(" ORDER BY "+r.column+order+" LIMIT ?", int64(limit))
	return all(ctx, tx, r.scan, q.String(), q.args...)
}
