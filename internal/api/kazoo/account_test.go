package kazoo_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/password"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestAnAccountIsMadeBelowAnother(t *testing.T) {
	w := newWorld(t)
	got := w.want(201, "PUT", w.rootPath(), fields{"name": "Acme", "realm": "Acme.SIP.example", "more": 1})
	d := got.fields["data"].(fields)
	want := fields{
		"id": d["id"], "name": "Acme", "realm": "acme.sip.example", "more": 1.0, "language": "en-US", "enabled": true,
		"created": d["created"], "is_reseller": false, "reseller_id": w.root.ID.Hex(), "superduper_admin": false,
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
	path := "/v2/accounts/" + d["id"].(string)
	if diff := cmp.Diff(want, w.data(200, "GET", path, nil)); diff != "" {
		t.Error(diff)
	}
	w.invalid("PUT", w.rootPath(), fields{}, "name", "required", "Field is required but missing")
	w.invalid("PUT", path, fields{"name": "x", "realm": "acme.sip.example"}, "realm", "unique", "this realm is taken")

	again := w.data(200, "PATCH", path, fields{"name": "Acme 2", "more": nil})
	if again["name"] != "Acme 2" || again["realm"] != "acme.sip.example" || again["more"] != nil {
		t.Error(again)
	}
	again = w.data(200, "POST", path, fields{"name": "Acme 3", "realm": "other.sip.example"})
	if again["name"] != "Acme 3" || again["realm"] != "other.sip.example" {
		t.Error(again)
	}
	w.invalid("POST", path, fields{"realm": "other.sip.example"}, "name", "required", "Field is required but missing")

	member := w.member(path, "ann")
	below := member.data(201, "PUT", "/v2/accounts", fields{"name": "below"})
	if got := rig.Pluck[string](member.list(path+"/children"), "id"); len(got) != 1 || got[0] != below["id"] {
		t.Error(got)
	}
	tree := w.list(w.rootPath() + "/descendants?ascending=true")
	if diff := cmp.Diff([]any{w.root.ID.Hex(), d["id"]}, tree[1]["tree"]); diff != "" || len(tree) != 2 {
		t.Error(tree)
	}
}

func TestADeletedAccountTakesItsHooksAlong(t *testing.T) {
	w := newWorld(t)
	sub := w.account(w.rootPath(), "sub")
	member := w.member(sub, "ann")
	w.hook(sub)
	if got := member.data(200, "DELETE", sub, nil); cmp.Diff(fields{"deleted": true}, got["_read_only"]) != "" {
		t.Error(got)
	}
	w.want(404, "GET", sub+"/webhooks", nil)
	member.want(404, "GET", sub, nil)
	member.want(401, "GET", w.rootPath(), nil)
	w.refused(403, "forbidden", `{"message":"forbidden"}`, "DELETE", w.rootPath(), nil)
}

func TestUsersAreDocumentsAndHooksAreToldOfThem(t *testing.T) {
	w := newWorld(t)
	sub := w.account(w.rootPath(), "sub")
	made := w.want(201, "PUT", sub+"/users", fields{"first_name": "Ann", "last_name": "Other"})
	user := sub + "/users/" + made.fields["data"].(fields)["id"].(string)
	if made.Header.Get("Location") != user {
		t.Error(made.Header)
	}
	w.data(200, "PATCH", user, fields{"username": "ANN", "password": "secret", "email": "ann@example.org"})
	if got := w.data(200, "GET", user, nil); got["username"] != "ann" || got["password"] != nil || got["priv_level"] != "user" {
		t.Error(got)
	}
	w.invalid("PUT", sub+"/users", fields{"username": "Ann", "password": "x"}, "username", "unique", "this username is taken")
	w.invalid("PUT", sub+"/users", fields{"password": "x"}, "username", "required", "Field is required but missing")
	w.data(200, "POST", user, fields{"username": "ann", "password": "secret", "priv_level": "admin"})
	w.login("ann", "secret", "sub")
	if got := w.data(200, "DELETE", user, nil); got["_read_only"] == nil {
		t.Error(got)
	}
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		w.want(404, method, user, fields{})
	}
	for _, action := range []string{"doc_created", "doc_edited", "doc_edited", "doc_deleted"} {
		m := <-w.told
		events, err := w.types.Events(m)
		if err != nil || len(events) != 1 || events[0].Type.ID != "object" || events[0].Account != tail(sub) {
			t.Fatalf("%s means %v, %v", action, events, err)
		}
		e, err := events[0].Webhook()
		w.must(err)
		want := `{"id":"` + tail(user) + `","account_id":"` + tail(sub) + `","action":"` + action + `","type":"user"}`
		if string(e.Payload) != want {
			t.Errorf("%s, want %s", e.Payload, want)
		}
	}
}

func TestUsersOfOtherDialectsAreNobodyHere(t *testing.T) {
	w := newWorld(t)
	sub := w.account(w.rootPath(), "sub")
	other, err := w.control.CreateUser(t.Context(), webhook.Credential{
		AccountID: mustID(t, tail(sub)), Scope: webhook.ScopeAccount, Username: "other",
		Verifiers: map[string]string{"md5": password.Hash(webhook.Secret(digest("other", "secret")), password.NewSalt(), password.Cost{MemoryKiB: 64, Passes: 1})},
	})
	w.must(err)
	if list := w.list(sub + "/users"); len(list) != 0 {
		t.Error(list)
	}
	for _, method := range []string{"GET", "POST", "PATCH", "DELETE"} {
		w.want(404, method, sub+"/users/"+other.ID.Hex(), fields{})
	}
	w.want(401, "PUT", "/v2/user_auth", fields{"credentials": digest("other", "secret"), "account_name": "sub"})
	if err := w.operate("PUT", "/accounts/"+tail(sub)+"/users/other/password", `{"password":"x"}`, nil); webhook.CodeOf(err) != webhook.CodeNotFound {
		t.Error(err)
	}
	w.must(w.operate("PUT", "/accounts/"+w.root.ID.Hex()+"/users/admin/password", `{"password":"another"}`, nil))
	w.login("admin", "another", "root")
}

func TestUsersOfAnAccountAreListed(t *testing.T) {
	w := newWorld(t)
	sub := w.account(w.rootPath(), "sub")
	for _, name := range []string{"a", "b", "c"} {
		w.data(201, "PUT", sub+"/users", fields{"username": name, "password": "secret", "email": name + "@example.org"})
	}
	got := w.list(sub + "/users")
	if diff := cmp.Diff([]string{"c", "b", "a"}, rig.Pluck[string](got, "username")); diff != "" {
		t.Error(diff)
	}
	if n := len(w.list(sub + "/users?filter_username=b")); n != 1 {
		t.Error(n)
	}
	w.want(404, "GET", w.rootPath()+"/users/"+got[0]["id"].(string), nil)
}
