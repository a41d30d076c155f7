package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/switchhook/switchhook/internal/store/sqlstore"
)

// tries is how often a transaction is begun that stumbles over others.
const tries = 6

// again runs f until it succeeds or fails for a reason that another try does not
// mend: two transactions that waited for one another, or that both took what is
// unique. f begins from nothing each time. What has begun is finished, even when
// ctx ends meanwhile; but it takes no longer than the time-out.
func (s *Store) again(ctx context.Context, f func(ctx context.Context) error) error {
	if s.closed.Load() {
		return errClosed()
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
	defer cancel()
	for n := 1; ; n++ {
		err := f(ctx)
		mend := isCode(err, serializationFailure, deadlockDetected, uniqueViolation) || pgconn.SafeToRetry(err)
		if err == nil || !mend || n == tries {
			return s.classify(err)
		}
	}
}

// queue runs f on a connection of the queue.
func (s *Store) queue(ctx context.Context, f func(context.Context, *pgxpool.Conn) error) error {
	return s.again(ctx, func(ctx context.Context) error {
		conn, err := s.hot.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		return f(ctx, conn)
	})
}

// write runs f in one transaction: see sqlstore.Core.
func (s *Store) write(ctx context.Context, f func(tx sqlstore.Tx) error) error {
	return s.again(ctx, func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, s.cold, func(tx pgx.Tx) error { return f(writing{s, tx}) })
	})
}

// reset lets go of all connections as soon as they are idle.
func (s *Store) reset() {
	for _, p := range []*pgxpool.Pool{s.hot, s.cold} {
		if p != nil {
			p.Reset()
		}
	}
}

// writing is a transaction.
type writing struct {
	s  *Store
	tx pgx.Tx
}

// Exec runs a statement.
func (w writing) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := w.tx.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

// Query runs a query.
func (w writing) Query(ctx context.Context, query string, args ...any) (sqlstore.Rows, error) {
	rows, err := w.tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// reading runs queries outside of transactions.
type reading struct{ s *Store }

// Exec is not for reading.
func (reading) Exec(context.Context, string, ...any) (int64, error) {
	return 0, errors.New("postgres: a write outside of a transaction")
}

// Query runs a query on a connection of its own. One that was idle for long may
// turn out to be dead; then another one is taken.
func (r reading) Query(ctx context.Context, query string, args ...any) (sqlstore.Rows, error) {
	if r.s.closed.Load() {
		return nil, errClosed()
	}
	for n := 1; ; n++ {
		rows, err := r.s.cold.Query(ctx, query, args...)
		if err == nil {
			return answer{rows, r.s}, nil
		}
		if !pgconn.SafeToRetry(err) || n == tries {
			return nil, r.s.classify(err)
		}
	}
}

// answer tells the errors of rows apart.
type answer struct {
	pgx.Rows
	s *Store
}

// Err is classified.
func (a answer) Err() error { return a.s.classify(a.Rows.Err()) }

// Scan reads a row.
func (a answer) Scan(dest ...any) error { return a.s.classify(a.Rows.Scan(dest...)) }
