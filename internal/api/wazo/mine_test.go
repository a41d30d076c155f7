package wazo_test

import "testing"

func TestUsersHaveSubscriptionsOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	tenant := w.tenant("")
	a, b := w.as(w.tokenOf(tenant, alice)), w.as(w.tokenOf(tenant, bob))
	made := a.want(201, "POST", "/users/me/subscriptions", body(object{
		"events_user_uuid": 5, "events_wazo_uuid": "x", "owner_user_uuid": bob, "metadata": object{"k": "v"}, // all but the last ignored
	}))
	uuid := made["uuid"].(string)
	want := object{
		"uuid": uuid, "name": "a hook", "service": "http", "events": []any{"user_created"},
		"config": object{"url": "https://receiver.example/hook", "method": "post"}, "metadata": object{"k": "v"},
		"events_user_uuid": alice, "events_wazo_uuid": w.master, "owner_user_uuid": alice, "owner_tenant_uuid": tenant,
	}
	w.same(made, want)
	path := "/users/me/subscriptions/" + uuid
	w.same(a.want(200, "GET", path, nil), want)
	w.same(uuids(a.items(a.want(200, "GET", "/users/me/subscriptions?recurse=true&search_metadata=k:v", nil))), []string{uuid})
	w.same(a.want(200, "GET", "/users/me/subscriptions?search_metadata=k:w", nil)["total"], any(0.0))
	w.same(b.want(200, "GET", "/users/me/subscriptions", nil)["total"], any(0.0))
	for _, method := range []string{"GET", "DELETE"} {
		b.refused(404, "no-such-subscription", method, path, nil)
	}
	b.refused(404, "no-such-subscription", "PUT", path, body(nil))
	a.refused(400, "invalid-data", "GET", "/users/me/subscriptions?recurse=x", nil)

	want["name"], want["metadata"], want["events"] = "other", object{}, []any{"b"}
	w.same(a.want(200, "PUT", path, body(object{"name": "other", "events": []string{"b"}})), want)

	// The tenant's own view has it, too.
	w.same(w.as(w.tokenOf(tenant, "")).want(200, "GET", "/subscriptions/"+uuid, nil), want)
	a.want(204, "DELETE", path, nil)
	a.refused(404, "no-such-subscription", "GET", path, nil)
}

func TestATokenOfNobodyHasNoSubscriptionsOfItsOwn(t *testing.T) {
	w := newWorld(t)
	tenant := w.tenant("")
	uuid := w.as(w.tokenOf(tenant, alice)).want(201, "POST", "/users/me/subscriptions", body(nil))["uuid"].(string)
	w = w.as(w.tokenOf(tenant, ""))
	for _, c := range []struct{ method, path string }{
		{"GET", ""}, {"POST", ""}, {"GET", "/" + uuid}, {"PUT", "/" + uuid}, {"DELETE", "/" + uuid},
	} {
		w.same(w.refused(400, "token-with-user-uuid-required", c.method, "/users/me/subscriptions"+c.path, body(nil)), object{})
	}
}

func TestAUserInAnotherTenantIsAnother(t *testing.T) {
	w := newWorld(t)
	one, two := w.tenant(""), w.tenant("")
	uuid := w.as(w.tokenOf(one, alice)).want(201, "POST", "/users/me/subscriptions", body(nil))["uuid"].(string)
	w.as(w.tokenOf(two, alice)).refused(404, "no-such-subscription", "GET", "/users/me/subscriptions/"+uuid, nil)
}

func TestUsersHookGetsTheirEventsFromTheirWazo(t *testing.T) {
	w := newWorld(t)
	tenant := w.tenant("")
	a := w.as(w.tokenOf(tenant, alice))
	uuid := a.want(201, "POST", "/users/me/subscriptions", body(nil))["uuid"].(string)
	to := func(user, origin string) object { return object{"user_uuid:" + user: true, "origin_uuid": origin} }
	w.happen(tenant, "user_created", `{"n":1}`, to(bob, w.master))
	w.happen(tenant, "user_created", `{"n":2}`, to(alice, nowhere))
	w.happen(w.master, "user_created", `{"n":3}`, to(alice, w.master))
	w.happen(tenant, "user_created", `{"n":4}`, to(alice, w.master))
	rows := w.log(uuid, 1, "")
	w.same(len(rows), 1)
	w.same(rows[0]["event"], any(object{"n": 4.0}))
}
