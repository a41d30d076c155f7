package wazo_test

import (
	"context"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/api/wazo"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/wazo/auth"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestWhyATokenIsRefused(t *testing.T) {
	w := newWorld(t)
	tenant := w.tenant("")
	small := w.tokenOf(tenant, "", "webhookd.subscriptions.*.read")
	_, native, err := w.control.CreateKey(t.Context(), webhook.Credential{AccountID: mustID(t, tenant), Scope: webhook.ScopeAccount})
	w.must(err)
	reason := func(token, reason, access string) object {
		o := object{"invalid_token": token, "reason": reason, "required_access": access}
		if reason != "not_found_or_expired" {
			o["tenant_uuid"] = nil
		}
		return o
	}
	read := "webhookd.subscriptions.read"
	w.same(w.as("").refused(401, "unauthorized", "GET", "/subscriptions", nil), reason("", "not_found_or_expired", read))
	w.same(w.as("bad").refused(401, "unauthorized", "GET", "/subscriptions", nil), reason("bad", "not_found_or_expired", read))
	w.same(w.as(small).refused(401, "unauthorized", "GET", "/subscriptions", nil), reason(small, "missing_permission_or_invalid_tenant", read))
	w.same(w.as(native).refused(401, "unauthorized", "GET", "/subscriptions", nil), reason(native, "missing_permission_or_invalid_tenant", read))
	w.as(small).refused(404, "no-such-subscription", "GET", "/subscriptions/a.b.c", nil) // one word in the ACL
	details := w.refused(401, "unauthorized", "GET", "/subscriptions", nil, "Wazo-Tenant", nowhere)
	w.same(details["tenant_uuid"], any(nowhere))
	w.refused(401, "unauthorized", "GET", "/subscriptions", nil, "Wazo-Tenant", "no UUID")
	w.refused(401, "unauthorized", "GET", "/subscriptions?token="+w.token, nil, "X-Auth-Token", "")
	w.as(w.root).want(200, "GET", "/config", nil) // an organisation's own key may everything

	// The token says nothing to the native API.
	if _, err := w.control.Authenticate(t.Context(), small); webhook.CodeOf(err) != webhook.CodeUnauthorized {
		t.Errorf("a token of Wazo is a key of the native API: %v", err)
	}
}

func TestTheConfigurationIsForTheMasterTenant(t *testing.T) {
	w := newWorld(t)
	tenant := w.tokenOf(w.tenant(""), "")
	w.same(w.want(200, "GET", "/config", nil), object{"debug": false, "auth": object{"master_tenant_uuid": w.master, "password": "**********"}})
	for _, method := range []string{"GET", "PATCH"} {
		w.same(w.as(tenant).refused(401, "unauthorized", method, "/config", nil), object{"invalid_token": tenant})
	}
	patch := func(value any) []any { return []any{object{"op": "replace", "path": "/debug", "value": value}} }
	w.same(w.want(200, "PATCH", "/config", patch(true))["debug"], any(true))
	w.same(w.want(200, "GET", "/config", nil)["debug"], any(true))
	w.same(w.want(200, "PATCH", "/config", patch("off"), "Content-Type", "text/plain")["debug"], any(false))
	w.same(w.want(200, "PATCH", "/config", patch(1))["debug"], any(true))
	w.same(w.want(200, "PATCH", "/config", "[]")["debug"], any(true))
	one := func(field, message string) object { return object{"0": object{field: []any{message}}} }
	required := "Missing data for required field."
	for text, want := range map[string]object{
		`{}`:   {"_schema": []any{"Invalid input type."}},
		`null`: {"_schema": []any{"Invalid input type."}},
		`[{}]`: {"0": object{"op": []any{required}, "path": []any{required}, "value": []any{required}}},
		`[5]`:  {"0": object{"_schema": []any{"Invalid input type."}}},
		`[{"op":"add","path":"/debug","value":true}]`:          one("op", "Must be one of: replace."),
		`[{"op":"replace","path":"/x","value":true}]`:          one("path", "Must be one of: /debug."),
		`[{"op":"replace","path":"/debug","value":"x"}]`:       one("value", "Not a valid boolean."),
		`[{"op":"replace","path":"/debug","value":null}]`:      one("value", "Field may not be null."),
		`[{"op":"replace","path":"/debug","value":[]}]`:        one("value", "Not a valid boolean."),
		`[{"op":"replace","path":"/debug","value":1,"x":1}]`:   one("x", "Unknown field."),
		`[{"op":"replace","path":"/debug","value":false},{}]`:  {"1": object{"op": []any{required}, "path": []any{required}, "value": []any{required}}},
		`[{"op":["replace"],"path":"/debug","value":"false"}]`: one("op", "Must be one of: replace."),
	} {
		w.same(w.refused(400, "invalid-data", "PATCH", "/config", text), want)
	}
	w.same(w.want(200, "GET", "/config", nil)["debug"], any(true)) // nothing of what was wrong was done
	w.same(len(w.want(400, "PATCH", "/config", "nonsense")), 1)
}

func TestStatusTellsOfBusAndMasterTenant(t *testing.T) {
	w := newWorld(t)
	w.same(w.want(200, "GET", "/status", nil), object{"bus_consumer": object{"status": "ok"}, "master_tenant": object{"status": "ok"}})
	w.serve(func(o *wazo.Options) { o.BusUp = nil })
	w.token = w.root
	w.same(w.want(200, "GET", "/status", nil)["bus_consumer"], any(object{"status": "fail"}))
}

// remote is a world with a wazo-auth.
func remote(t *testing.T, edit ...func(*wazo.Options)) (*world, *testkit.WazoAuth, *auth.Client) {
	t.Helper()
	const master = "10000000-0000-4000-8000-000000000000"
	a := testkit.NewWazoAuth(t, master)
	sender, _ := rig.NewSender(t, egress.Options{})
	host, port := a.Address()
	client, err := auth.New(auth.Options{
		Sender: sender, Host: host, Port: port, Username: testkit.WazoServiceID, Password: testkit.WazoServiceKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, append(edit, func(o *wazo.Options) { o.Auth = wazo.Remote{Client: client} })...)
	w.master = master
	a.AddToken("master-token", testkit.WazoToken{Tenant: master})
	w.token = "master-token"
	return w, a, client
}

// login lets the client get a token of our own.
func (w *world) login(client *auth.Client) {
	w.Helper()
	ctx, stop := context.WithCancel(w.Context())
	ran := make(chan error, 1)
	go func() { ran <- client.Run(ctx) }()
	_, err := client.WaitMaster(w.Context())
	w.must(err)
	w.Cleanup(func() {
		stop()
		w.must(<-ran)
	})
}

func TestWithoutAMasterTenantNothingIsSubscribed(t *testing.T) {
	w, _, client := remote(t, func(o *wazo.Options) { o.MasterWait = time.Millisecond })
	w.same(w.want(200, "GET", "/status", nil)["master_tenant"], any(object{"status": "fail"}))
	w.same(w.refused(503, "master-tenant-not-initialized", "GET", "/config", nil), object{})
	w.same(w.want(200, "GET", "/subscriptions", nil)["total"], any(0.0))
	w.same(w.refused(503, "master-tenant-not-initialized", "POST", "/subscriptions", body(nil)), object{})
	w.login(client)
	w.want(200, "GET", "/config", nil)
	w.subscribe(nil)
}

func TestASubscriptionWaitsForTheMasterTenant(t *testing.T) {
	w, _, client := remote(t, func(o *wazo.Options) { o.MasterWait = time.Minute })
	made := make(chan object, 1)
	go func() { made <- w.want(201, "POST", "/subscriptions", body(nil)) }()
	w.login(client)
	w.same((<-made)["owner_tenant_uuid"], any(w.master))
}

func TestAWazoAuthKnowsTokensTenantsAndUsers(t *testing.T) {
	w, a, client := remote(t)
	w.login(client)
	const tenant, child, other = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
	a.AddTenant(tenant, w.master)
	a.AddTenant(child, tenant)
	a.AddTenant(other, w.master)
	a.AddToken("t", testkit.WazoToken{Tenant: tenant, Wazo: nowhere})
	a.AddToken("alice", testkit.WazoToken{Tenant: tenant, User: alice, Wazo: nowhere})
	a.AddToken("small", testkit.WazoToken{Tenant: tenant, Access: []string{"webhookd.subscriptions.read"}})
	in := w.as("t")
	mine := in.subscribe(nil)
	ofChild := in.subscribe(nil, "Wazo-Tenant", child)
	ofOther := w.subscribe(nil, "Wazo-Tenant", other)
	ofMaster := w.subscribe(nil)
	w.same(uuids(in.items(in.want(200, "GET", "/subscriptions?recurse=1", nil))), sorted(mine, ofChild))
	w.same(uuids(w.items(w.want(200, "GET", "/subscriptions?recurse=1", nil))), sorted(mine, ofChild, ofOther, ofMaster))
	in.refused(404, "no-such-subscription", "GET", "/subscriptions/"+ofOther, nil)
	w.want(200, "GET", "/subscriptions/"+ofChild, nil)
	in.refused(401, "unauthorized", "GET", "/subscriptions", nil, "Wazo-Tenant", other)
	small := w.as("small")
	w.same(uuids(small.items(small.want(200, "GET", "/subscriptions?recurse=1", nil))), sorted(mine)) // who may not list tenants has its own
	small.refused(401, "unauthorized", "GET", "/status", nil)
	made := w.as("alice").want(201, "POST", "/users/me/subscriptions", body(nil))
	w.same([]any{made["owner_user_uuid"], made["events_wazo_uuid"], made["owner_tenant_uuid"]}, []any{alice, nowhere, tenant})

	// The master's gets the events of all tenants, also of those that are new here.
	w.happen(tenant, "user_created", `{"of":"tenant"}`, nil)
	w.happen("44444444-4444-4444-8444-444444444444", "user_created", `{"of":"stranger"}`, nil)
	w.happen("", "user_created", `{"of":"nobody"}`, nil)
	w.log(ofMaster, 3, "")
	w.same(len(w.log(mine, 1, "")), 1)
	w.same(len(w.log(ofOther, 0, "")), 0)

	notification := object{"notification_type": "plugin", "user_uuid": alice, "title": "", "body": "b"}
	w.same(in.refused(400, "invalid-user-uuid", "POST", "/mobile/notifications", notification), object{})
	a.AddUser(alice, tenant, false)
	in.refused(400, "invalid-user-uuid", "POST", "/mobile/notifications", notification)
	a.AddUser(alice, tenant, true)
	in.want(204, "POST", "/mobile/notifications", notification)
	w.refused(400, "invalid-user-uuid", "POST", "/mobile/notifications", notification) // a foreign tenant
	w.want(204, "POST", "/mobile/notifications", notification, "Wazo-Tenant", tenant)

	if _, err := w.operate("POST /tenants", object{"name": "x"}); webhook.CodeOf(err) != webhook.CodeConflict {
		t.Errorf("a tenant is made beside wazo-auth: %v", err)
	}
}

func TestWithoutAWazoAuthNobodyIsLetIn(t *testing.T) {
	w, a, client := remote(t)
	w.login(client)
	w.subscribe(nil)
	host, port := a.Address()
	for _, status := range []int{500, 401, 200} {
		a.Break(status)
		details := w.refused(503, "authentication-server-unreachable", "GET", "/subscriptions", nil)
		w.same([]any{details["auth_server_host"], details["auth_server_port"]}, []any{host, float64(port)})
		if details["original_error"] == "" {
			t.Error("the cause is not told")
		}
	}
	a.Break(0)
	w.want(200, "GET", "/subscriptions", nil)
}
