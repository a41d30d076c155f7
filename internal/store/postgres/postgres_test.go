package postgres

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/switchhook/switchhook/internal/seal"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/storetest"
	"github.com/switchhook/switchhook/internal/testkit"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (store.Store, func() store.Store) {
		db := newDatabase(t)
		s := db.open(t)
		return s, func() store.Store {
			db.crash(t, s)
			s = db.open(t)
			return s
		}
	})
}

// database is a schema of its own on the server of the tests.
type database struct {
	admin *pgx.Conn
	name  string
	url   string
}

// newDatabase makes a schema that is dropped when the test ends.
func newDatabase(t testing.TB) *database {
	t.Helper()
	u, err := url.Parse(testkit.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	admin, err := pgx.Connect(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close(context.Background()) })
	q := u.Query()
	db := &database{admin: admin, name: q.Get("search_path")}
	q.Set("application_name", db.name)
	u.RawQuery = q.Encode()
	db.url = u.String()
	return db
}

func (db *database) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := db.admin.Exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// scan reads one row.
func (db *database) scan(t testing.TB, query string, args []any, dest ...any) {
	t.Helper()
	if err := db.admin.QueryRow(t.Context(), query, args...).Scan(dest...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func (db *database) options() Options {
	box, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
	if err != nil {
		panic(err)
	}
	return Options{URL: db.url, Box: box}
}

func (db *database) open(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.Context(), db.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// crash cuts all connections of the store, whatever they are doing, and lets it
// make no new ones.
func (db *database) crash(t testing.TB, s *Store) {
	t.Helper()
	s.closed.Store(true)
	db.cut(t)
	_ = s.Close()
	db.cut(t)
}

// cut ends all connections to the schema and waits until they are gone.
func (db *database) cut(t testing.TB) {
	t.Helper()
	const theirs = ` FROM pg_stat_activity WHERE application_name = $1`
	for deadline := time.Now().Add(10 * time.Second); ; {
		var left int
		db.scan(t, `SELECT count(pg_terminate_backend(pid))`+theirs, []any{db.name}, &left)
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(fmt.Errorf("%d connections are still there", left))
		}
	}
}
