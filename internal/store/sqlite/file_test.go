package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
	"github.com/switchhook/switchhook/internal/webhook"
)

// event returns an intake of one event with a payload of that size.
func event(size int) *store.Intake {
	e := webhook.Event{ID: id.New(), AccountID: id.New(), Type: "t", Payload: make([]byte, size)}
	e.CreatedAt = e.ID.Time().Truncate(time.Microsecond)
	return &store.Intake{Accepted: []store.Accepted{{Event: e}}}
}

func commit(t *testing.T, s *Store, in *store.Intake) {
	t.Helper()
	if err := s.Commit(t.Context(), &store.Batch{Intake: []*store.Intake{in}}); err != nil {
		t.Fatal(err)
	}
}

func has(t *testing.T, s *Store, in *store.Intake) {
	t.Helper()
	e := &in.Accepted[0].Event
	if _, err := s.Event(t.Context(), e.AccountID, e.ID); err != nil {
		t.Errorf("event is not there: %v", err)
	}
}

func TestOneProcessAtATimeHasTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "switchhook.db")
	s := openAt(t, path)
	if _, err := Open(t.Context(), Options{Path: path, Box: box(t)}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Fatalf("opened twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openAt(t, path)
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := openAt(t, filepath.Join(dir, "with space and %41?.db"))
	in := event(10)
	commit(t, s, in)
	has(t, s, in)
	if err := s.Backup(t.Context(), filepath.Join(dir, "copy.db")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err == nil && st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, st.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestABackupIsWholeWhileOthersWriteAndReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, filepath.Join(dir, "switchhook.db"))
	before := event(1000)
	commit(t, s, before)
	stop, begun, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			if n == 1 {
				close(begun)
			}
			select {
			case <-stop:
				return
			default:
			}
			if err := s.Commit(context.Background(), &store.Batch{Intake: []*store.Intake{event(1000)}}); err != nil {
				t.Error(err)
			}
		}
	}()
	<-begun
	file := filepath.Join(dir, "copy.db")
	err := s.Backup(t.Context(), file)
	close(stop)
	<-done
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), file); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file was replaced: %v", err)
	}
	has(t, openAt(t, file), before)
}

func TestABackupThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, filepath.Join(dir, "switchhook.db"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file := filepath.Join(dir, "copy.db")
	if err := s.Backup(ctx, file); !errors.Is(err, context.Canceled) {
		t.Errorf("Backup: %v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is left: %v", err)
	}
}

func TestAFullDiskRefusesAndLosesNothing(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "switchhook.db"))
	before := event(1000)
	commit(t, s, before)
	limit := func(pragma string) {
		t.Helper()
		if _, err := s.w.Exec(t.Context(), pragma); err != nil {
			t.Fatal(err)
		}
	}
	limit("PRAGMA max_page_count = 100")
	large := event(2 << 20)
	err := s.Commit(t.Context(), &store.Batch{Intake: []*store.Intake{event(10), large}})
	if webhook.CodeOf(err) != webhook.CodeUnavailable {
		t.Fatalf("Commit: %v", err)
	}
	if !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("the error does not say why: %v", err)
	}
	has(t, s, before)
	small := event(10)
	commit(t, s, small) // there is room for it
	limit("PRAGMA max_page_count = 1000000")
	commit(t, s, large)
	has(t, s, large)
	has(t, s, small)
}

func TestADatabaseOfANewerReleaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "switchhook.db")
	s := openAt(t, path)
	list, err := sqlstore.ReadMigrations(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	next := sqlstore.Migration{
		Version: int64(len(list)) + 1, Name: "next.sql", Checksum: "x",
		Text: "CREATE TABLE newer (a INTEGER);\n\n-- the end\n",
	}
	if err := s.Migrate(t.Context(), createMigrations, append(list, next), time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), Options{Path: path, Box: box(t)})
	if err == nil || !strings.Contains(err.Error(), "newer release") {
		t.Errorf("Open: %v", err)
	}
}

func TestADatabaseOfAnotherBuildIsRefused(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "switchhook.db"))
	list, err := sqlstore.ReadMigrations(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	list[0].Checksum = "of another text"
	err = s.Migrate(t.Context(), createMigrations, list, time.Now())
	if err == nil || !strings.Contains(err.Error(), "another text") {
		t.Errorf("Migrate: %v", err)
	}
}

func TestAMigrationThatFailsLeavesNothing(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "switchhook.db"))
	list, err := sqlstore.ReadMigrations(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	next := sqlstore.Migration{
		Version: int64(len(list)) + 1, Name: "next.sql", Checksum: "x",
		Text: "CREATE TABLE half (a INTEGER);\nCREATE TABLE half (a INTEGER);\n",
	}
	for range 2 {
		err := s.Migrate(t.Context(), createMigrations, append(list, next), time.Now())
		if err == nil || !strings.Contains(err.Error(), "next.sql") {
			t.Errorf("Migrate: %v", err)
		}
	}
	next.Text = "CREATE TABLE half (a INTEGER);\n"
	if err := s.Migrate(t.Context(), createMigrations, append(list, next), time.Now()); err != nil {
		t.Errorf("Migrate: %v", err)
	}
}

func TestMigrationsCountWithoutAGap(t *testing.T) {
	for _, files := range []fstest.MapFS{
		{"m/0002_b.sql": {}},
		{"m/0001_a.sql": {}, "m/0003_c.sql": {}},
		{"m/0001_a.sql": {}, "m/0001_b.sql": {}},
		{"m/first.sql": {}},
	} {
		if list, err := sqlstore.ReadMigrations(files, "m"); err == nil {
			t.Errorf("taken: %v", list)
		}
	}
}

func TestSecretsAreNotInTheFile(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "switchhook.db"))
	e := webhook.Endpoint{
		ID: id.New(), AccountID: id.New(), URL: "https://user:hunter2@receiver.example/",
		Config:  []byte(`{"password": "hunter2"}`),
		Headers: []webhook.Header{{Name: "Authorization", Value: "hunter2"}},
		Keys:    []webhook.SigningKey{{Key: "whsec_hunter2"}}, TLS: &webhook.TLS{KeyPEM: "hunter2"},
	}
	if err := s.CreateEndpoint(t.Context(), &e, nil, nil); err != nil {
		t.Fatal(err)
	}
	got, _, err := s.Endpoint(t.Context(), e.ID)
	if err != nil || got.URL != e.URL || string(got.Config) != string(e.Config) || got.Keys[0].Key != e.Keys[0].Key {
		t.Errorf("Endpoint = %+v, %v", got, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), "receiver.example") {
		t.Error("the file shows a secret, or not even the host")
	}
}

func TestTheLogStaysBoundedUnderConstantLoad(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "switchhook.db"))
	const total = 256 << 20
	var largest int64
	for written := 0; written < total; written += 1 << 20 {
		commit(t, s, event(1<<20))
		st, err := os.Stat(s.path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		largest = max(largest, st.Size())
	}
	if largest > 2*logLimit || largest > total*3/4 {
		t.Errorf("the log has grown to %d MiB", largest>>20)
	}
}

func TestACloseFailsWhatComesLater(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "switchhook.db"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, read := s.Version(t.Context())
	for name, err := range map[string]error{
		"read": read, "ping": s.Ping(t.Context()), "commit": s.Commit(t.Context(), &store.Batch{}),
		"backup": s.Backup(t.Context(), filepath.Join(t.TempDir(), "copy")),
	} {
		if webhook.CodeOf(err) != webhook.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

// endless is a read that never answers.
const endless = `WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n) SELECT COUNT(*) FROM n`

func TestAReadEndsWithItsContext(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "switchhook.db"))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	r, err := s.Reads.Query(ctx, endless)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Next() || !errors.Is(r.Err(), context.DeadlineExceeded) {
		t.Errorf("it has ended with %v", r.Err())
	}
}

func TestAReadEndsWhoseContextEndsAsItBegins(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "switchhook.db"))
	for range 100 { // in some of them the interrupt comes before the first step
		ctx, cancel := context.WithCancel(t.Context())
		r, err := s.Reads.Query(ctx, endless)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		runtime.Gosched()
		if r.Next() || !errors.Is(r.Err(), context.Canceled) {
			t.Errorf("it has ended with %v", r.Err())
		}
		r.Close()
	}
}

func TestACallbackThatPanicsLeavesTheStoreUsable(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "switchhook.db"))
	a := webhook.Account{ID: id.New(), Name: "before"}
	if err := s.CreateAccount(t.Context(), &a, nil); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = s.UpdateAccount(t.Context(), a.ID, func(*webhook.Account) error { panic("oh") })
	}()
	if got, err := s.UpdateAccount(t.Context(), a.ID, func(*webhook.Account) error { return nil }); err != nil || got.Name != "before" {
		t.Errorf("UpdateAccount = %v, %v", got, err)
	}
}

func TestMoreStatementsThanAreKept(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "switchhook.db"))
	for i := range 3 * keepStmts {
		err := s.write(t.Context(), func(tx sqlstore.Tx) error {
			r, err := tx.Query(t.Context(), fmt.Sprintf("SELECT %d, $1", i), "text")
			if err != nil {
				return err
			}
			defer r.Close()
			var n int64
			var text string
			if !r.Next() {
				return r.Err()
			}
			if err := r.Scan(&n, &text); err != nil || n != int64(i) || text != "text" {
				t.Errorf("%d, %q, %v", n, text, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.w.stmts); n > keepStmts {
		t.Errorf("%d statements are kept", n)
	}
}
