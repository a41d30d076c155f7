package testkit

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres returns the URL of a PostgreSQL schema of its own, which is dropped when
// the test ends. The server is the one at SWITCHHOOK_TEST_POSTGRES, else on the
// usual port. Without one the test is skipped, or fails when
// SWITCHHOOK_TEST_REQUIRE_SERVICES is 1.
func Postgres(t testing.TB) string {
	t.Helper()
	at := os.Getenv("SWITCHHOOK_TEST_POSTGRES")
	if at == "" {
		at = "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable"
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	admin, err := pgx.Connect(ctx, at)
	if err != nil {
		if os.Getenv("SWITCHHOOK_TEST_REQUIRE_SERVICES") == "1" {
			t.Fatalf("no PostgreSQL: %v", err)
		}
		t.Skipf("no PostgreSQL at SWITCHHOOK_TEST_POSTGRES: %v", err)
	}
	name := "test_" + strings.ToLower(rand.Text()[:16])
	if _, err := admin.Exec(ctx, "CREATE SCHEMA "+name); err != nil {
		t.Fatalf("make a schema: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if _, err := admin.Exec(ctx, "DROP SCHEMA "+name+" CASCADE"); err != nil {
			t.Errorf("drop the schema: %v", err)
		}
		_ = admin.Close(ctx)
	})
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}
