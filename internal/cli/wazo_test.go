package cli

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/switchhook/switchhook/internal/testkit"
)

func TestTenantsAndTokensOfWazoAreMadeOnTheCommandLine(t *testing.T) {
	serving(t)
	one := strings.TrimSpace(must(t, "wazo", "tenant", "create", "Acme"))
	const uuid = "11111111-1111-4111-8111-111111111111"
	if got := strings.TrimSpace(must(t, "wazo", "tenant", "create", "Moved", "--uuid", uuid, "--parent", one)); got != uuid {
		t.Errorf("made %s", got)
	}
	listed := must(t, "wazo", "tenant", "list")
	for _, part := range []string{"UUID", "master", one, "Moved"} {
		if !strings.Contains(listed, part) {
			t.Errorf("%s is not listed:\n%s", part, listed)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(listed), "\n")[2:] { // behind the titles and the master tenant
		fields := strings.Fields(line)
		must(t, "send", fields[len(fields)-1], "user_created", `{"name": "user_created", "data": {"id": 12}}`)
	}
	token := strings.TrimSpace(must(t, "wazo", "token", "create", "--tenant", uuid, "--acl", "webhookd.#", "--acl", "!webhookd.config.#", "--expires", "1d"))
	if !strings.HasPrefix(token, "shk_") || strings.Contains(token, "\n") {
		t.Errorf("token is %q", token)
	}
	var made struct {
		Token string   `json:"token"`
		ACL   []string `json:"acl"`
		User  string   `json:"user_uuid"`
	}
	mustJSON(t, &made, "wazo", "token", "create", "--user", uuid)
	if made.Token == "" || made.User != uuid || len(made.ACL) != 1 {
		t.Errorf("made %+v", made)
	}
	for _, args := range [][]string{
		{"wazo", "token", "create", "--tenant", "22222222-2222-4222-8222-222222222222"},
		{"wazo", "tenant", "create", "again", "--uuid", uuid},
		{"import", "wazo", "mysql://x"},
		{"import", "wazo", "postgresql://u:hunter2@127.0.0.1:1/x"},
	} {
		code, out, errs := invoke(t, "", args...)
		if code != exitFailed || out != "" || errs == "" || strings.Contains(errs, "hunter2") {
			t.Errorf("%v: exit code %d, %s%s", args, code, out, errs)
		}
	}
	if code, _, _ := invoke(t, "", "wazo", "token", "create", "--expires", "soon"); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
}

// wazoDatabase makes the tables of a wazo-webhookd with one subscription and returns
// the database's URL.
func wazoDatabase(t *testing.T) string {
	t.Helper()
	url := testkit.Postgres(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, statement := range []string{
		`CREATE TABLE webhookd_subscription (uuid TEXT, name TEXT, service TEXT, events_user_uuid TEXT, events_wazo_uuid TEXT, owner_user_uuid TEXT, owner_tenant_uuid TEXT)`,
		`CREATE TABLE webhookd_subscription_event (subscription_uuid TEXT, event_name TEXT)`,
		`CREATE TABLE webhookd_subscription_option (subscription_uuid TEXT, name TEXT, value TEXT)`,
		`CREATE TABLE webhookd_subscription_metadatum (uuid TEXT, subscription_uuid TEXT, key TEXT, value TEXT)`,
		`INSERT INTO webhookd_subscription VALUES ('51111111-1111-4111-8111-111111111111', 'n', 'http', NULL, NULL, NULL, '10000000-0000-4000-8000-000000000000')`,
		`INSERT INTO webhookd_subscription_option VALUES ('51111111-1111-4111-8111-111111111111', 'url', 'https://host.example/'), ('51111111-1111-4111-8111-111111111111', 'method', 'post')`,
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return url
}

func TestWazoMovesInOnTheCommandLine(t *testing.T) {
	url := wazoDatabase(t)
	serving(t)
	args := []string{"import", "wazo", "-", "--master-tenant", "10000000-0000-4000-8000-000000000000"}
	for _, moved := range []string{"1", "0"} {
		code, out, errs := invoke(t, url+"\n", args...)
		if fields := strings.Fields(out); code != exitOK || len(fields) != 6 || fields[3] != moved || fields[2] != "subscriptions" {
			t.Fatalf("exit code %d, %q %s", code, out, errs)
		}
	}
}
