// Package sqlite keeps everything in one SQLite file, in WAL mode with every
// commit synced to disk: one connection writes, a few others read beside it. One
// process uses a file at a time. What SQLite shares with PostgreSQL is in
// sqlstore; here is the file, the queue, and the backup.
package sqlite

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/seal"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
	engine "modernc.org/sqlite"
)

//go:embed migrations
var migrations embed.FS

const createMigrations = `CREATE TABLE IF NOT EXISTS migrations (
	version    INTEGER PRIMARY KEY,
	name       TEXT    NOT NULL,
	checksum   TEXT    NOT NULL,
	applied_at INTEGER NOT NULL
)`

// Options configure a Store.
type Options struct {
	Path   string    // of the database file; it and its folder are created
	Box    *seal.Box // seals secrets
	Logger *slog.Logger

	// WriteCacheKiB and ReadCacheKiB bound the page cache of the connection that
	// writes (48 MiB) and of each of those that read (8 MiB). Memory is taken as
	// it is needed, and half as much again, for that is how pages fit its allocator.
	WriteCacheKiB int
	ReadCacheKiB  int
}

// readers is the number of connections that read.
const readers = 4

// smallCacheKiB is the page cache of a connection that reads everything once.
const smallCacheKiB = 2 << 10

// Store is a store.Store and a store.Backuper.
type Store struct {
	*sqlstore.Core
	path   string
	logger *slog.Logger
	lock   *os.File

	writing chan struct{} // holds a token while a transaction is being written
	w       *conn         // for whoever holds the token
	free    chan *conn    // connections that read and are idle; nil ones are yet to be opened
	hot     *statements

	dialReader func() (*conn, error)

	grown        int           // pages written since the last checkpoint; for whoever holds the token
	checkpoints  chan struct{} // asks for a checkpoint
	checkpointed chan struct{} // closed when there will be no more of them

	closing chan struct{}
	once    sync.Once
}

var (
	_ store.Store    = (*Store)(nil)
	_ store.Backuper = (*Store)(nil)
	_ store.Tabled   = (*Store)(nil)
)

// Open opens the database, makes it if it does not exist, and brings its tables
// up to date. It refuses a file that another process uses, or that a newer
// release has changed.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Path == "" || o.Box == nil {
		return nil, errors.New("sqlite: path and box are required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.WriteCacheKiB <= 0 {
		o.WriteCacheKiB = 48 << 10
	}
	if o.ReadCacheKiB <= 0 {
		o.ReadCacheKiB = 8 << 10
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	held, err := lock(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	s := &Store{
		path: path, logger: o.Logger, lock: held,
		writing: make(chan struct{}, 1), free: make(chan *conn, readers), closing: make(chan struct{}), hot: newStatements(),
		checkpoints: make(chan struct{}, 1), checkpointed: make(chan struct{}),
		dialReader: func() (*conn, error) { return dial(path, true, o.ReadCacheKiB) },
	}
	for range readers {
		s.free <- nil
	}
	go s.runCheckpoints()
	if err := s.open(ctx, o); err != nil {
		s.Close()
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, o Options) error {
	// fsync also writes the file's times through the file system's journal,
	// which takes longer than the data and adds nothing. Where there is only
	// fsync, this does nothing.
	_, _ = engine.Fdatasync(true)
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600) // SQLite would use the umask
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if s.w, err = dial(s.path, false, o.WriteCacheKiB); err != nil {
		return err
	}
	if err := s.w.mustLog(ctx); err != nil {
		return err
	}
	s.Core, err = sqlstore.NewCore(sqlstore.Core{
		Reads: reading{s}, Write: s.write, Box: o.Box, Dialect: sqlstore.Dialect{Contains: "instr"},
	})
	if err != nil {
		return err
	}
	list, err := sqlstore.ReadMigrations(migrations, "migrations")
	if err != nil {
		return err
	}
	return s.Migrate(ctx, createMigrations, list, time.Now())
}

// Statuses says which migrations the database at path has, and which it is yet to get. A
// server may be using it.
func Statuses(ctx context.Context, path string) (_ []sqlstore.MigrationStatus, err error) {
	list, err := sqlstore.ReadMigrations(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	c, err := dial(path, true, smallCacheKiB)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return sqlstore.Statuses(ctx, c, `SELECT COUNT(*) FROM sqlite_master WHERE name = 'migrations'`, list)
}

// Close closes the database. What is being written is finished; what comes later
// fails with CodeUnavailable.
func (s *Store) Close() error {
	var err error
	s.once.Do(func() {
		close(s.closing)
		<-s.checkpointed
		s.writing <- struct{}{} // and never given back
		for range readers {
			if r := <-s.free; r != nil {
				err = errors.Join(err, r.Close())
			}
		}
		if s.w != nil { // the last connection to go moves the log into the file
			err = errors.Join(err, s.w.Close())
		}
		err = errors.Join(err, s.lock.Close())
	})
	return err
}

// Ping says whether the database can be read and written.
func (s *Store) Ping(ctx context.Context) error {
	return s.write(ctx, func(tx sqlstore.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE counters SET value = value WHERE name = 'changes'`)
		return err
	})
}
