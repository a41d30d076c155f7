package postgres_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/switchhook/switchhook/internal/store/postgres"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// wazoTables are those of wazo-webhookd, as far as they are read, with something in them.
const wazoTables = `
CREATE TABLE webhookd_subscription (uuid VARCHAR(38) PRIMARY KEY, name TEXT, service TEXT, events_user_uuid VARCHAR(36),
	events_wazo_uuid VARCHAR(36), owner_user_uuid VARCHAR(36), owner_tenant_uuid UUID NOT NULL);
CREATE TABLE webhookd_subscription_event (uuid VARCHAR(38) PRIMARY KEY DEFAULT gen_random_uuid(), subscription_uuid VARCHAR(38) NOT NULL
	REFERENCES webhookd_subscription ON DELETE CASCADE, event_name TEXT NOT NULL, UNIQUE (subscription_uuid, event_name));
CREATE TABLE webhookd_subscription_option (uuid VARCHAR(38) PRIMARY KEY DEFAULT gen_random_uuid(), subscription_uuid VARCHAR(38) NOT NULL
	REFERENCES webhookd_subscription ON DELETE CASCADE, name TEXT NOT NULL, value TEXT, UNIQUE (subscription_uuid, name));
CREATE TABLE webhookd_subscription_metadatum (uuid VARCHAR(38) PRIMARY KEY DEFAULT gen_random_uuid(), subscription_uuid VARCHAR(38) NOT NULL
	REFERENCES webhookd_subscription ON DELETE CASCADE, key TEXT NOT NULL, value TEXT);
INSERT INTO webhookd_subscription VALUES
	('52222222-2222-4222-8222-222222222222', NULL, 'mobile', 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'wwww', 'oooo', '10000000-0000-4000-8000-000000000000'),
	('51111111-1111-4111-8111-111111111111', 'a hook', 'http', NULL, NULL, NULL, '11111111-1111-4111-8111-111111111111');
INSERT INTO webhookd_subscription_event (subscription_uuid, event_name) VALUES
	('51111111-1111-4111-8111-111111111111', 'b'), ('51111111-1111-4111-8111-111111111111', 'a');
INSERT INTO webhookd_subscription_option (subscription_uuid, name, value) VALUES
	('51111111-1111-4111-8111-111111111111', 'url', 'https://host.example/'), ('51111111-1111-4111-8111-111111111111', 'method', 'post'),
	('51111111-1111-4111-8111-111111111111', 'body', NULL);
INSERT INTO webhookd_subscription_metadatum (subscription_uuid, key, value) VALUES
	('52222222-2222-4222-8222-222222222222', 'mobile', 'true'), ('52222222-2222-4222-8222-222222222222', 'none', NULL);
`

func TestSubscriptionsOfWazoAreRead(t *testing.T) {
	url := testkit.Postgres(t)
	if _, err := postgres.WazoSubscriptions(t.Context(), webhook.Secret(url)); webhook.CodeOf(err) != webhook.CodeInvalid {
		t.Errorf("a database of something else: %v", err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	if _, err := conn.Exec(t.Context(), wazoTables); err != nil {
		t.Fatal(err)
	}
	got, err := postgres.WazoSubscriptions(t.Context(), webhook.Secret(url))
	if err != nil {
		t.Fatal(err)
	}
	user, origin, owner, yes := "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "wwww", "oooo", "true"
	want := []wazo.Document{
		{
			UUID: "51111111-1111-4111-8111-111111111111", Name: "a hook", Service: "http", Events: []string{"a", "b"},
			Config: json.RawMessage(`{"method":"post","url":"https://host.example/"}`), Metadata: map[string]*string{},
			OwnerTenantUUID: "11111111-1111-4111-8111-111111111111",
		},
		{
			UUID: "52222222-2222-4222-8222-222222222222", Service: "mobile", Events: []string{}, Config: json.RawMessage(`{}`),
			Metadata: map[string]*string{"mobile": &yes, "none": nil}, EventsUserUUID: &user, EventsWazoUUID: &origin, OwnerUserUUID: &owner,
			OwnerTenantUUID: "10000000-0000-4000-8000-000000000000",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestADatabaseOfWazoThatCannotBeOpenedIsTheCallersConcern(t *testing.T) {
	for _, url := range []string{"postgresql://user:hunter2@127.0.0.1:1/x", "postgresql://user:hunter2@127.0.0.1:not-a-port/x"} {
		_, err := postgres.WazoSubscriptions(t.Context(), webhook.Secret(url))
		if webhook.CodeOf(err) != webhook.CodeInvalid || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
}
