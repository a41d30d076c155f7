package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestADatabaseThatCannotServeIsToldFromADefect(t *testing.T) {
	s := &Store{}
	for _, c := range []struct {
		err  error
		want webhook.Code
	}{
		{&pgconn.PgError{Code: "08006"}, webhook.CodeUnavailable}, // connection failure
		{&pgconn.PgError{Code: "53100"}, webhook.CodeUnavailable}, // disk full
		{&pgconn.PgError{Code: "53300"}, webhook.CodeUnavailable}, // too many connections
		{&pgconn.PgError{Code: "57P01"}, webhook.CodeUnavailable}, // admin shutdown
		{&pgconn.PgError{Code: "57P03"}, webhook.CodeUnavailable}, // cannot connect now
		{&pgconn.PgError{Code: "25006"}, webhook.CodeUnavailable}, // read-only
		{&pgconn.PgError{Code: "40P01"}, webhook.CodeUnavailable}, // deadlock, again and again
		{&pgconn.PgError{Code: "57014"}, webhook.CodeUnavailable}, // statement time-out
		{&pgconn.PgError{Code: "58030"}, webhook.CodeUnavailable}, // I/O error
		{fmt.Errorf("read: %w", io.ErrUnexpectedEOF), webhook.CodeUnavailable},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, webhook.CodeUnavailable},
		{context.DeadlineExceeded, webhook.CodeUnavailable},
		{&pgconn.PgError{Code: "22021"}, webhook.CodeInvalid}, // a NUL in a text
		{&pgconn.PgError{Code: "42703"}, ""},                  // no such column
		{&pgconn.PgError{Code: "23505"}, ""},
		{context.Canceled, ""},
		{webhook.Errorf(webhook.CodeNotFound, "", "no"), webhook.CodeNotFound},
		{nil, ""},
	} {
		got := s.classify(c.err)
		if webhook.CodeOf(got) != c.want {
			t.Errorf("%v is %q, want %q", c.err, webhook.CodeOf(got), c.want)
		}
		if c.want == webhook.CodeUnavailable && !errors.Is(got, c.err) {
			t.Errorf("%v has lost its cause", got)
		}
	}
}

func TestAnAnswerThatIsLostIsToldFromARefusal(t *testing.T) {
	s := &Store{}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{io.ErrUnexpectedEOF, true},
		{context.DeadlineExceeded, true},
		{&net.OpError{Op: "read", Err: errors.New("reset")}, true},
		{&pgconn.ConnectError{}, false},
		{&pgconn.PgError{Code: "57P01"}, true},
		{&pgconn.PgError{Code: "57P03"}, false},
		{&pgconn.PgError{Code: "53100"}, false},
		{&pgconn.PgError{Code: "42703"}, false},
	} {
		if got := store.IsUnsure(s.classify(c.err)); got != c.want {
			t.Errorf("%v: unsure is %v", c.err, got)
		}
	}
}

func TestATransactionIsTriedAgainWhenThatMendsIt(t *testing.T) {
	s := &Store{timeout: time.Minute}
	for _, code := range []string{serializationFailure, deadlockDetected, uniqueViolation} {
		n := 0
		err := s.again(t.Context(), func(context.Context) error {
			if n++; n < tries {
				return &pgconn.PgError{Code: code}
			}
			return nil
		})
		if err != nil || n != tries {
			t.Errorf("%s: %v after %d tries", code, err, n)
		}
	}
	n := 0
	err := s.again(t.Context(), func(context.Context) error { n++; return &pgconn.PgError{Code: "42703"} })
	if err == nil || n != 1 {
		t.Errorf("a defect was tried %d times: %v", n, err)
	}
}

func TestADatabaseThatIsNotThereIsUnavailable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := (&database{url: "postgres://someone:secret@" + l.Addr().String() + "/x?sslmode=disable"}).options()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), o); webhook.CodeOf(err) != webhook.CodeUnavailable {
		t.Errorf("open: %v", err)
	}
	if _, err := Open(t.Context(), Options{URL: "postgres://%zz", Box: o.Box}); err == nil || webhook.CodeOf(err) != "" {
		t.Errorf("open a wrong URL: %v", err)
	}
	if _, err := Open(t.Context(), Options{}); err == nil {
		t.Error("open without options")
	}
}

// recovers wants every verb to work again within seconds, and until then nothing
// but CodeUnavailable.
func recovers(t *testing.T, s *Store, f *filler) {
	t.Helper()
	for name, verb := range map[string]func(context.Context) error{
		"ping": s.Ping,
		"read": func(ctx context.Context) error { _, err := s.Version(ctx); return err },
		"claim": func(ctx context.Context) error {
			_, err := s.Claim(ctx, store.ClaimQuery{
				Node: f.node, Live: []int64{f.node}, Now: time.Now(), Wants: []store.Want{{EndpointID: f.endpoint, Max: 1}},
			})
			return err
		},
		"commit": func(ctx context.Context) error {
			return s.Commit(ctx, &store.Batch{Intake: []*store.Intake{f.intake(1, time.Now())}})
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		for {
			err := verb(ctx)
			if err == nil {
				break
			}
			if webhook.CodeOf(err) != webhook.CodeUnavailable {
				t.Fatalf("%s: %v", name, err)
			}
			if ctx.Err() != nil {
				t.Fatalf("%s does not recover: %v", name, err)
			}
		}
		cancel()
	}
}

func TestConnectionsThatAreCutAreMadeAgain(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	s := db.open(t)
	f := newFiller(t, s)
	for range 3 {
		db.cut(t)
		recovers(t, s, f)
	}
}

func TestADatabaseThatHangsIsUnavailableUntilItAnswers(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	u, err := url.Parse(db.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := testkit.NewProxy(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	u.Host = proxy.Addr()
	o := db.options()
	o.URL, o.Timeout = u.String(), 2*time.Second
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Restore(); _ = s.Close() })
	f := newFiller(t, s)

	for _, broken := range []func(){proxy.Freeze, proxy.Cut} {
		broken()
		start := time.Now()
		err := s.Commit(t.Context(), &store.Batch{Intake: []*store.Intake{f.intake(1, time.Now())}})
		if webhook.CodeOf(err) != webhook.CodeUnavailable {
			t.Errorf("commit: %v", err)
		}
		if d := time.Since(start); d > 3*o.Timeout {
			t.Errorf("commit took %v", d)
		}
		proxy.Restore()
		recovers(t, s, f)
	}
}

// asRole returns options that let a role of its own in.
func (db *database) asRole(t *testing.T) (Options, string) {
	t.Helper()
	role := db.name + "_role"
	db.exec(t, "CREATE ROLE "+role+" LOGIN")
	db.exec(t, "GRANT ALL ON SCHEMA "+db.name+" TO "+role)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := db.admin.Exec(ctx, "DROP OWNED BY "+role); err != nil {
			t.Error(err)
		}
		if _, err := db.admin.Exec(ctx, "DROP ROLE "+role); err != nil {
			t.Error(err)
		}
	})
	o := db.options()
	u, err := url.Parse(o.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(role)
	o.URL = u.String()
	return o, role
}

func TestAPrimaryThatBecameAStandbyIsLetGo(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	o, role := db.asRole(t)
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	f := newFiller(t, s)

	db.exec(t, "ALTER ROLE "+role+" SET default_transaction_read_only = on")
	db.cut(t)
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := s.Commit(t.Context(), &store.Batch{Intake: []*store.Intake{f.intake(1, time.Now())}})
		if webhook.CodeOf(err) != webhook.CodeUnavailable {
			t.Fatalf("commit: %v", err)
		}
		if isCode(err, readOnlyTransaction) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the connections did not become read-only")
		}
	}
	// The new primary: nobody cuts the connections to the old one.
	db.exec(t, "ALTER ROLE "+role+" RESET default_transaction_read_only")
	recovers(t, s, f)
}

func TestTooManyConnectionsAreUnavailable(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	o, role := db.asRole(t)
	db.exec(t, "ALTER ROLE "+role+" CONNECTION LIMIT 1")
	if _, err := Open(t.Context(), o); webhook.CodeOf(err) != webhook.CodeUnavailable || !isCode(err, "53300") {
		t.Errorf("open: %v", err)
	}
}

func TestATextThatCannotBeKeptIsTheCallersFault(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	s := db.open(t)
	f := newFiller(t, s)
	in := f.intake(1, time.Now())
	in.Accepted[0].Event.Type = "a\x00b"
	err := s.Commit(t.Context(), &store.Batch{Intake: []*store.Intake{in}})
	if webhook.CodeOf(err) != webhook.CodeInvalid {
		t.Errorf("commit: %v", err)
	}
}
