// Package sqlstore is the SQL that both databases speak: everything of
// store.Store that is off the hot path, written once. store/sqlite and
// store/postgres embed a Core and add what differs: opening, running a write
// transaction, the queue, backup, and telling a database that is gone from a
// defect. The package knows no driver and decides nothing but how to store.
//
// Conventions of the tables, which have the same names and columns in both:
// ids are their 16 bytes, times are microseconds since 1970 UTC (0, or NULL where
// an index is partial, is none), what nothing selects by is a JSON document in
// the column doc, and secrets are one sealed blob.
package sqlstore

import (
	"context"
	"errors"

	"github.com/switchhook/switchhook/internal/seal"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Tx runs statements, inside a transaction or outside of one. Placeholders are
// $1, $2, …; arguments are []byte, string, int64, bool or nil. Errors are
// already told apart: CodeUnavailable, or a defect.
type Tx interface {
	// Exec returns the number of rows it changed.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	Query(ctx context.Context, query string, args ...any) (Rows, error)
}

// Rows is the answer to a query. pgx.Rows is one. Scan's destinations are
// *[]byte, which may be NULL and is the caller's to keep, *string, *int64 and *bool.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// Dialect is where the two databases differ in what they call things.
type Dialect struct {
	ForUpdate string // ends a SELECT that locks its rows; empty where one write transaction runs at a time
	Contains  string // function (text, part) that is above 0 when the part occurs: "instr", "strpos"
	Clock     string // the database's own time, in microseconds; empty where nodes do not share it
}

// Core is everything of a store.Store but Queue, Ping and Close.
type Core struct {
	// Reads runs statements outside of transactions, concurrently.
	Reads Tx
	// Write runs f in one transaction: f's error rolls back and is returned as
	// it is, otherwise nil means that everything is durable. It may run f again
	// after a failure that another try can mend, so f keeps no state of a run before.
	Write func(ctx context.Context, f func(tx Tx) error) error
	// Box seals secrets.
	Box     *seal.Box
	Dialect Dialect

	sweep *sweep
}

// NewCore checks that everything is there.
func NewCore(c Core) (*Core, error) {
	if c.Reads == nil || c.Write == nil || c.Box == nil || c.Dialect.Contains == "" {
		return nil, errors.New("sqlstore: incomplete core")
	}
	c.sweep = new(sweep)
	return &c, nil
}

func notFound(what string) error {
	return webhook.Errorf(webhook.CodeNotFound, "", "no such %s", what)
}

// all runs a query and scans every row.
func all[T any](ctx context.Context, tx Tx, scan func(Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// one runs a query that finds one row or none; none is CodeNotFound.
func one[T any](ctx context.Context, tx Tx, what string, scan func(Rows) (T, error), query string, args ...any) (T, error) {
	list, err := all(ctx, tx, scan, query, args...)
	var zero T
	switch {
	case err != nil:
		return zero, err
	case len(list) == 0:
		return zero, notFound(what)
	}
	return list[0], nil
}

// exists says whether a query finds anything.
func exists(ctx context.Context, tx Tx, query string, args ...any) (bool, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	return rows.Next(), rows.Err()
}

func scanInt(rows Rows) (int64, error) {
	var v int64
	err := rows.Scan(&v)
	return v, err
}
