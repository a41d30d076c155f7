package sqlite

import (
	"context"
	"fmt"

	"github.com/switchhook/switchhook/internal/store/sqlstore"
)

// write runs f in the one write transaction. What has begun is finished, even
// when ctx ends meanwhile.
func (s *Store) write(ctx context.Context, f func(tx sqlstore.Tx) error) error {
	return s.writeConn(ctx, func(c *conn) error { return f(c) })
}

// writeConn is write for those who know the connection.
func (s *Store) writeConn(ctx context.Context, f func(c *conn) error) error {
	if err := s.takePen(ctx); err != nil {
		return err
	}
	defer func() { <-s.writing }()
	ctx = context.WithoutCancel(ctx)
	if _, err := s.w.Exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	committed := false
	defer func() { // also when f does not return
		if !committed {
			_, _ = s.w.Exec(ctx, "ROLLBACK") // after some failures SQLite has done it already
		}
	}()
	if err := f(s.w); err != nil {
		return err
	}
	if _, err := s.w.Exec(ctx, "COMMIT"); err != nil {
		return err
	}
	committed = true
	s.grew()
	return nil
}

// takePen waits until nobody else is writing. Afterwards the caller takes the
// token out of s.writing again.
func (s *Store) takePen(ctx context.Context) error {
	select {
	case s.writing <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait for the database: %w", ctx.Err())
	case <-s.closing:
		return errClosed()
	}
	// Of several that are ready, select takes any.
	select {
	case <-s.closing:
		<-s.writing
		return errClosed()
	default:
	}
	if err := ctx.Err(); err != nil {
		<-s.writing
		return fmt.Errorf("wait for the database: %w", err)
	}
	return nil
}

// reading runs each query on a connection that nobody else uses meanwhile.
type reading struct{ s *Store }

func (r reading) Exec(context.Context, string, ...any) (int64, error) {
	return 0, fmt.Errorf("sqlite: a write outside of a transaction")
}

func (r reading) Query(ctx context.Context, query string, args ...any) (sqlstore.Rows, error) {
	c, err := r.s.reader(ctx)
	if err != nil {
		return nil, err
	}
	got, err := c.Query(ctx, query, args...)
	if err != nil {
		r.s.free <- c
		return nil, err
	}
	rs := got.(*rows)
	rs.closed = func() { r.s.free <- c }
	return rs, nil
}

// reader takes an idle connection, or waits for one.
func (s *Store) reader(ctx context.Context) (*conn, error) {
	var c *conn
	select {
	case <-s.closing:
		return nil, errClosed()
	default:
	}
	select {
	case c = <-s.free:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the database: %w", ctx.Err())
	case <-s.closing:
		return nil, errClosed()
	}
	if c != nil {
		return c, nil
	}
	c, err := s.dialReader()
	if err != nil {
		s.free <- nil
		return nil, err
	}
	return c, nil
}
