package wazo_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/api/wazo"
	dialect "github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestOperatorsMakeTenantsAndTokens(t *testing.T) {
	w := newWorld(t)
	made, err := w.operate("POST /tenants", object{"name": "Acme"})
	w.must(err)
	w.same(made, object{"uuid": made["uuid"], "name": "Acme", "parent_uuid": w.master})
	known, err := w.operate("POST /tenants", object{"name": "Moved", "uuid": nowhere, "parent_uuid": made["uuid"]})
	w.must(err)
	w.same(known, object{"uuid": nowhere, "name": "Moved", "parent_uuid": made["uuid"]})
	all, err := w.operate("GET /tenants", object{})
	w.must(err)
	w.same(len(all["items"].([]any)), 3)
	token, err := w.operate("POST /tokens", object{"tenant_uuid": made["uuid"], "user_uuid": alice, "acl": []string{"webhookd.users.me.#"}, "expires_in": 60})
	w.must(err)
	w.same([]any{token["tenant_uuid"], token["user_uuid"], token["acl"]}, []any{made["uuid"], alice, []any{"webhookd.users.me.#"}})
	in := w.as(token["token"].(string))
	in.want(200, "GET", "/users/me/subscriptions", nil)
	in.refused(401, "unauthorized", "GET", "/subscriptions", nil)
	everything, err := w.operate("POST /tokens", object{})
	w.must(err)
	w.same([]any{everything["tenant_uuid"], everything["user_uuid"], everything["acl"]}, []any{w.master, nil, []any{"#"}})
	w.as(everything["token"].(string)).want(200, "GET", "/config", nil)
}

func TestWhatOperatorsCannotMake(t *testing.T) {
	w := newWorld(t)
	tenant := w.tenant("")
	for _, c := range []struct {
		operation string
		body      any
		code      webhook.Code
		field     string
	}{
		{"POST /tenants", object{}, webhook.CodeInvalid, "accounts.0.name"},
		{"POST /tenants", object{"name": "x", "uuid": "x"}, webhook.CodeInvalid, "uuid"},
		{"POST /tenants", object{"name": "x", "uuid": tenant}, webhook.CodeConflict, "uuid"},
		{"POST /tenants", object{"name": "x", "parent_uuid": nowhere}, webhook.CodeInvalid, "parent_uuid"},
		{"POST /tenants", []int{}, webhook.CodeInvalid, ""},
		{"POST /tokens", object{"tenant_uuid": nowhere}, webhook.CodeInvalid, "tenant_uuid"},
		{"POST /tokens", object{"user_uuid": "x"}, webhook.CodeInvalid, "user_uuid"},
		{"POST /tokens", object{"user_uuid": strings.ToUpper(alice)}, webhook.CodeInvalid, "user_uuid"},
		{"POST /tokens", object{"acl": []string{""}}, webhook.CodeInvalid, "acl"},
		{"POST /tokens", object{"acl": []string{"a b"}}, webhook.CodeInvalid, "acl"},
		{"POST /tokens", object{"expires_in": -1}, webhook.CodeInvalid, "expires_in"},
		{"POST /import", object{"database": "mysql://x"}, webhook.CodeInvalid, "database"},
	} {
		_, err := w.operate(c.operation, c.body)
		e, _ := err.(*webhook.Error)
		if e == nil {
			t.Errorf("%s %v: %v", c.operation, c.body, err)
			continue
		}
		w.same([]any{e.Code, e.Field}, []any{c.code, c.field})
	}
}

// original is what another wazo-webhookd has.
func original(tenant string, more ...dialect.Document) wazo.Original {
	text, user := "v", alice
	all := append([]dialect.Document{
		{
			UUID: "51111111-1111-4111-8111-111111111111", Name: "moved", Service: "http", Events: []string{"a", "b"},
			Config:   json.RawMessage(`{"url":"https://user:pw@host.example/","method":"post","verify_certificate":"true"}`),
			Metadata: map[string]*string{"k": &text, "none": nil}, OwnerTenantUUID: tenant,
		},
		{
			UUID: "52222222-2222-4222-8222-222222222222", Service: "mobile", Events: []string{}, Config: json.RawMessage(`{}`),
			Metadata: map[string]*string{}, OwnerTenantUUID: nowhere, OwnerUserUUID: &user, EventsUserUUID: &user,
		},
	}, more...)
	return func(context.Context, webhook.Secret) ([]dialect.Document, error) { return all, nil }
}

func TestAnInstallationMovesIn(t *testing.T) {
	const theirs = "10000000-0000-4000-8000-000000000000"
	w := newWorld(t, func(o *wazo.Options) { o.Original = original(theirs) })
	in := object{"database": "postgresql://asterisk:pw@db/asterisk", "master_tenant": theirs}
	did, err := w.operate("POST /import", in)
	w.must(err)
	w.same(did, object{"subscriptions": 2.0, "left_as_they_are": 0.0, "tenants": 1.0})
	again, err := w.operate("POST /import", in)
	w.must(err)
	w.same(again, object{"subscriptions": 0.0, "left_as_they_are": 2.0, "tenants": 0.0})
	w.same(w.want(200, "GET", "/subscriptions/51111111-1111-4111-8111-111111111111", nil), object{
		"uuid": "51111111-1111-4111-8111-111111111111", "name": "moved", "service": "http", "events": []any{"a", "b"},
		"config":   object{"url": "https://user:pw@host.example/", "method": "post", "verify_certificate": "true"},
		"metadata": object{"k": "v", "none": nil}, "events_user_uuid": nil, "events_wazo_uuid": nil, "owner_user_uuid": nil,
		"owner_tenant_uuid": w.master, // which the original's master tenant has become
	})
	other := w.want(200, "GET", "/subscriptions/52222222-2222-4222-8222-222222222222", nil)
	w.same([]any{other["owner_tenant_uuid"], other["owner_user_uuid"]}, []any{nowhere, alice})
	w.happen(nowhere, "b", `{}`, nil)
	w.log("51111111-1111-4111-8111-111111111111", 1, "")

	// What was changed or deleted here stays so.
	w.want(204, "DELETE", "/subscriptions/52222222-2222-4222-8222-222222222222", nil)
	w.want(200, "PUT", "/subscriptions/51111111-1111-4111-8111-111111111111", body(object{"name": "changed"}))
	_, err = w.operate("POST /import", in)
	w.must(err)
	w.same(w.want(200, "GET", "/subscriptions?recurse=1", nil)["items"].([]any)[0].(object)["name"], any("changed"))
}

func TestNothingMovesInIfSomethingCannot(t *testing.T) {
	broken := dialect.Document{UUID: nowhere, Service: "http", Events: []string{}, Config: json.RawMessage(`{"url":"x"}`), OwnerTenantUUID: nowhere}
	w := newWorld(t, func(o *wazo.Options) { o.Original = original(nowhere, broken) })
	_, err := w.operate("POST /import", object{"database": "postgresql://x"})
	if webhook.CodeOf(err) != webhook.CodeInvalid || !strings.Contains(err.Error(), nowhere) || !strings.Contains(err.Error(), "method") {
		t.Errorf("error is %v", err)
	}
	w.same(w.want(200, "GET", "/subscriptions?recurse=1", nil)["total"], any(0.0))
}
