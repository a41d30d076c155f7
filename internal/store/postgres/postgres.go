// Package postgres keeps everything in a PostgreSQL database, which several
// nodes may share. What PostgreSQL shares with SQLite is in sqlstore; here are the
// connections, the transactions, and the queue, where a batch is one round trip
// and one commit. Nothing here is for looking at a database that others wrote to.
package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/switchhook/switchhook/internal/seal"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
)

//go:embed migrations
var migrations embed.FS

const createMigrations = `CREATE TABLE IF NOT EXISTS migrations (
	version    BIGINT NOT NULL PRIMARY KEY,
	name       TEXT   NOT NULL,
	checksum   TEXT   NOT NULL,
	applied_at BIGINT NOT NULL
)`

// Options configure a Store.
type Options struct {
	// URL says where the database is and how to get in, as a URL or as
	// "key=value" pairs (libpq's connection strings). Parameters that are no
	// settings of the connection are settings of the session, for example
	// search_path. Several hosts with target_session_attrs=read-write follow a
	// primary that moves.
	URL    string
	Box    *seal.Box // seals secrets
	Logger *slog.Logger

	// MaxConns bounds the connections of this node: 16, and 4 at least. A
	// quarter of them, up to 4, are kept for the queue, so that nothing else
	// can hold it up, and one for Listen.
	MaxConns int
	// Timeout bounds a transaction, and a wait for a connection: 30 s. What takes
	// longer is given up as CodeUnavailable.
	Timeout time.Duration
	// Idle is how long a session may be idle inside a transaction, which happens when
	// its process was stopped: 5 s. Then others get its locks.
	Idle time.Duration
	// Moving opens a database that is the target of a move, which is refused otherwise.
	Moving bool
}

// Store is a store.Store.
//
// When the connection breaks in the very moment of a commit, nobody can tell
// whether it took place. The answer is CodeUnavailable then, too, so that a caller
// who repeats the call may find its work done already. Results may be repeated
// freely; for intake there are idempotency keys.
type Store struct {
	*sqlstore.Core
	cold, hot *pgxpool.Pool // hot is for the queue
	logger    *slog.Logger
	timeout   time.Duration
	closed    atomic.Bool
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Cluster = (*Store)(nil)
	_ store.Movable = (*Store)(nil)
)

// Open connects to the database and brings its tables up to date. It refuses a
// database that a newer release has changed.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.URL == "" || o.Box == nil {
		return nil, errors.New("postgres: URL and box are required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxConns <= 0 {
		o.MaxConns = 16
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Idle <= 0 {
		o.Idle = 5 * time.Second
	}
	s := &Store{logger: o.Logger, timeout: o.Timeout}
	if err := s.open(ctx, o); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, o Options) (err error) {
	hot := min(max(o.MaxConns/4, 1), 4)
	if s.cold, err = dial(ctx, o.URL, max(o.MaxConns, 4)-hot-1, o.Idle, nil); err != nil {
		return err
	}
	s.Core, err = sqlstore.NewCore(sqlstore.Core{
		Reads: reading{s}, Write: s.write, Box: o.Box,
		Dialect: sqlstore.Dialect{
			ForUpdate: " FOR UPDATE", Contains: "strpos", Clock: "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
		},
	})
	if err != nil {
		return err
	}
	if err := s.check(ctx); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if !o.Moving {
		if err := s.notMoving(ctx); err != nil {
			return err
		}
	}
	if s.hot, err = dial(ctx, o.URL, hot, o.Idle, prepareHot); err != nil {
		return err
	}
	return s.queue(ctx, func(context.Context, *pgxpool.Conn) error { return nil }) // the first commit finds a connection
}

// check warns of settings of the server with which an answer may promise what
// the database does not keep.
func (s *Store) check(ctx context.Context) error {
	for _, c := range []struct{ setting, warning string }{
		{"fsync", "the database does not sync its files: a loss of power can lose accepted events, or all data"},
		{"full_page_writes", "the database does not write full pages: a loss of power can damage it"},
		{"autovacuum", "the database does not clean up after itself: it will grow and become slow"},
	} {
		var value string
		err := s.cold.QueryRow(ctx, `SELECT current_setting($1)`, c.setting).Scan(&value)
		if err != nil {
			return s.classify(err)
		}
		if value == "off" {
			s.logger.Warn(c.warning, "setting", c.setting, "value", value)
		}
	}
	return nil
}

// migrate brings the tables up to date while no other node does.
func (s *Store) migrate(ctx context.Context) error {
	list, err := sqlstore.ReadMigrations(migrations, "migrations")
	if err != nil {
		return err
	}
	conn, err := s.cold.Acquire(ctx)
	if err != nil {
		return s.classify(err)
	}
	defer conn.Release()
	const key = `hashtextextended('switchhook migrations ' || current_schema(), 0)`
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(`+key+`)`); err != nil {
		return s.classify(err)
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(`+key+`)`) }()
	return s.Migrate(ctx, createMigrations, list, time.Now())
}

// Statuses says which migrations a database has, and which it is yet to get.
func Statuses(ctx context.Context, o Options) ([]sqlstore.MigrationStatus, error) {
	list, err := sqlstore.ReadMigrations(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	s := &Store{timeout: time.Minute}
	if s.cold, err = dial(ctx, o.URL, 1, time.Minute, nil); err != nil {
		return nil, err
	}
	defer s.Close()
	return sqlstore.Statuses(ctx, reading{s}, `SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass('migrations')`, list)
}

// Close waits for what is under way and gives the connections back. What comes
// later fails with CodeUnavailable.
func (s *Store) Close() error {
	s.closed.Store(true)
	if s.hot != nil {
		s.hot.Close()
	}
	if s.cold != nil {
		s.cold.Close()
	}
	return nil
}

// Ping says whether the database can be read and written.
func (s *Store) Ping(ctx context.Context) error {
	return s.write(ctx, func(tx sqlstore.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE counters SET value = value WHERE name = 'nodes'`)
		return err
	})
}
