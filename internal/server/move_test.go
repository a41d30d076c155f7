package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/cli/client"
	"github.com/switchhook/switchhook/internal/testkit"
)

func TestAnInstallationMovesFromSQLiteToPostgreSQL(t *testing.T) {
	dir, database := t.TempDir(), testkit.Postgres(t)
	before := start(t, settings(t, dir))
	c, r := before.api(t), receiver(t)
	endpoint(t, c, map[string]any{"url": r.URL()})
	dead := endpoint(t, c, map[string]any{"url": "http://127.0.0.1:1/", "retrySchedule": []string{"1h"}}).ID
	var sent []string
	for i := range 30 {
		sent = append(sent, send(t, c, "a.b", fmt.Sprintf(`{"n":%d}`, i)).ID)
	}
	if _, err := r.Wait(30, soon); err != nil {
		t.Fatal(err)
	}
	secretOf := func(c *client.Client) string {
		t.Helper()
		a, err := c.Secret(t.Context(), "shop", dead)
		if err != nil || a.Value.Key == "" {
			t.Fatalf("secret: %v", err)
		}
		return a.Value.Key
	}
	secret := secretOf(c)
	if err := before.stop(); err != nil {
		t.Fatal(err)
	}

	// Broken off in the middle it goes on, and until it is done nobody starts there.
	ctx, cancel := context.WithCancel(t.Context())
	_, err := MoveStore(ctx, dir, database, func(m Moved) {
		if m.Table == "deliveries" {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("broken off: %v", err)
	}
	onPostgres := settings(t, dir, "database_url="+database)
	if _, err := New(t.Context(), onPostgres, Options{}); err == nil || !strings.Contains(err.Error(), "migrate-store") {
		t.Fatalf("a server starts on half a move: %v", err)
	}
	moved, err := MoveStore(t.Context(), dir, database, func(Moved) {})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int64{}
	for _, m := range moved {
		rows[m.Table] = m.Done
	}
	if rows["events"] != 30 || rows["deliveries"] != 60 || rows["attempts"] < 40 || rows["endpoints"] < 2 {
		t.Errorf("moved %v", rows)
	}
	if _, err := MoveStore(t.Context(), dir, database, func(Moved) {}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("moved onto an installation: %v", err)
	}

	// The same keys, ids, secrets and history; what is pending goes on.
	after := start(t, onPostgres)
	if after.RootKey() != "" {
		t.Error("the moved installation got another root key")
	}
	c, err = client.New(after.URL(), before.RootKey())
	if err != nil {
		t.Fatal(err)
	}
	if got := secretOf(c); got != secret {
		t.Errorf("the secret is %q, was %q", got, secret)
	}
	for _, id := range sent {
		if _, err := c.Messages("shop").Get(t.Context(), id, nil); err != nil {
			t.Errorf("message %s: %v", id, err)
		}
	}
	if n, err := after.store.PendingCount(t.Context()); err != nil || n != 30 {
		t.Errorf("%d pending: %v", n, err)
	}
	if _, err := c.Endpoints("shop").Update(t.Context(), dead, map[string]any{"url": r.URL()}); err != nil {
		t.Fatal(err)
	}
	send(t, c, "a.b", `{"n":30}`)
	if _, err := r.Wait(31, soon); err != nil {
		t.Fatal(err)
	}
}

func TestMigrationsAreShownAndApplied(t *testing.T) {
	for name, c := range map[string]string{"sqlite": "", "postgres": "database_url=" + testkit.Postgres(t)} {
		set := []string{}
		if c != "" {
			set = append(set, c)
		}
		conf := settings(t, t.TempDir(), set...)
		list, err := Migrations(t.Context(), conf)
		if err != nil || len(list) == 0 || list[0].AppliedAt != nil || !list[0].Known {
			t.Fatalf("%s: before: %+v, %v", name, list, err)
		}
		for range 2 {
			list, err = Migrate(t.Context(), conf)
			if err != nil || len(list) == 0 || list[len(list)-1].AppliedAt == nil {
				t.Errorf("%s: after: %+v, %v", name, list, err)
			}
		}
	}
}
