package wazo_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/api/wazo"
	"github.com/switchhook/switchhook/internal/id"
)

func TestASubscriptionIsMadeReadReplacedAndDeleted(t *testing.T) {
	w := newWorld(t)
	made := w.want(201, "POST", "/subscriptions", body(object{
		"config":   object{"url": "", "method": "DELETE", "body": nil, "content_type": "text/plain", "verify_certificate": "/etc/ca"},
		"metadata": object{"n": 1, "t": true, "none": nil, "text": "x", "f": 1.5}, "events_user_uuid": alice, "owner_user_uuid": nil,
		"uuid": nowhere, "owner_tenant_uuid": nowhere, "tags": []string{"x"},
	}))
	uuid := made["uuid"].(string)
	if _, err := id.Parse(uuid); err != nil || uuid == nowhere {
		t.Errorf("uuid is %q", uuid)
	}
	w.same(made, object{
		"uuid": uuid, "name": "a hook", "service": "http", "events": []any{"user_created"},
		"config":           object{"url": "", "method": "delete", "content_type": "text/plain", "verify_certificate": "/etc/ca"},
		"metadata":         object{"n": "1", "t": "true", "none": nil, "text": "x", "f": "1.5"},
		"events_user_uuid": alice, "events_wazo_uuid": nil, "owner_user_uuid": nil, "owner_tenant_uuid": w.master,
	})
	w.same(w.want(200, "GET", "/subscriptions/"+uuid, nil), made)
	w.same(w.items(w.want(200, "GET", "/subscriptions", nil)), []object{made})

	put := w.want(200, "PUT", "/subscriptions/"+uuid, body(object{"name": "", "events": []string{}, "service": "mobile", "config": object{}}))
	w.same(put, object{
		"uuid": uuid, "name": "", "service": "mobile", "events": []any{}, "config": object{}, "metadata": object{},
		"events_user_uuid": nil, "events_wazo_uuid": nil, "owner_user_uuid": nil, "owner_tenant_uuid": w.master,
	})
	w.same(w.want(200, "GET", "/subscriptions/"+uuid, nil), put)

	w.want(204, "DELETE", "/subscriptions/"+uuid, nil)
	for _, method := range []string{"GET", "DELETE"} {
		w.same(w.refused(404, "no-such-subscription", method, "/subscriptions/"+uuid, nil), object{"subscription_uuid": uuid})
	}
	w.refused(404, "no-such-subscription", "PUT", "/subscriptions/"+uuid, body(nil))
	w.refused(404, "no-such-subscription", "GET", "/subscriptions/"+uuid+"/logs", nil)
	w.same(w.want(200, "GET", "/subscriptions", nil), object{"items": []any{}, "total": 0.0})
}

func TestWhatIsNoSubscriptionIsNotFound(t *testing.T) {
	w := newWorld(t)
	outbox, err := w.control.FindEndpoint(t.Context(), mustID(t, w.master), id.ID{}, "wazo-outbox")
	w.must(err)
	uuid := w.subscribe(nil)
	for _, name := range []string{"x", nowhere, strings.ToUpper(uuid), strings.ReplaceAll(uuid, "-", ""), outbox.ID.String(), "a.b", "%00", "ü"} {
		w.refused(404, "no-such-subscription", "GET", "/subscriptions/"+name, nil)
	}
}

func mustID(t *testing.T, text string) id.ID {
	t.Helper()
	v, err := id.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTenantsSeeThemselvesAndWhatIsBelow(t *testing.T) {
	w := newWorld(t)
	one, two := w.tenant(""), w.tenant("")
	child := w.tenant(one)
	mine := w.subscribe(nil)
	ofOne := w.subscribe(nil, "Wazo-Tenant", one)
	ofTwo := w.subscribe(nil, "Wazo-Tenant", two)
	ofChild := w.as(w.tokenOf(child, "")).subscribe(nil)
	list := func(w *world, query string, headers ...string) []string {
		return uuids(w.items(w.want(200, "GET", "/subscriptions"+query, nil, headers...)))
	}
	w.same(list(w, ""), sorted(mine))
	w.same(list(w, "?recurse=True"), sorted(mine, ofOne, ofTwo, ofChild))
	w.same(list(w, "", "Wazo-Tenant", one), sorted(ofOne))
	w.same(list(w, "?recurse=yes", "Wazo-Tenant", one), sorted(ofOne, ofChild))
	w.same(list(w, "?recurse=0", "Wazo-Tenant", one), sorted(ofOne))

	in := w.as(w.tokenOf(one, ""))
	w.same(list(in, "?recurse=true"), sorted(ofOne, ofChild))
	for uuid, status := range map[string]int{ofOne: 200, ofChild: 200, ofTwo: 404, mine: 404} {
		for _, path := range []string{"/subscriptions/" + uuid, "/subscriptions/" + uuid + "/logs"} {
			if got := in.send("GET", path, nil); got.Status != status {
				t.Errorf("%s answered %d, want %d", path, got.Status, status)
			}
		}
		if got := in.send("PUT", "/subscriptions/"+uuid, body(nil)); got.Status != status {
			t.Errorf("PUT answered %d, want %d", got.Status, status)
		}
	}
	// What belongs to a tenant below stays there.
	w.same(w.want(200, "PUT", "/subscriptions/"+ofChild, body(nil))["owner_tenant_uuid"], any(child))
	in.refused(401, "unauthorized", "GET", "/subscriptions", nil, "Wazo-Tenant", two)
	in.refused(404, "no-such-subscription", "GET", "/subscriptions/"+ofOne, nil, "Wazo-Tenant", child)
	in.refused(404, "no-such-subscription", "DELETE", "/subscriptions/"+ofTwo, nil)
	in.want(204, "DELETE", "/subscriptions/"+ofChild, nil)
}

func TestListsAreSearchedByMetadata(t *testing.T) {
	w := newWorld(t)
	a := w.subscribe(object{"metadata": object{"k": "v", "n": 1, "c": "x:y"}})
	b := w.subscribe(object{"metadata": object{"k": "v", "null": nil}})
	w.subscribe(nil)
	for query, want := range map[string][]string{
		"search_metadata=k:v":                           sorted(a, b),
		"search_metadata=k:v&search_metadata=n:1":       sorted(a),
		"search_metadata=k:V":                           sorted(),
		"search_metadata=c:x:y":                         sorted(a),
		"search_metadata=k:w&search_metadata=k:v":       sorted(a, b),
		"search_metadata=null:":                         sorted(),
		"search_metadata=k&search_metadata=n:1&limit=0": sorted(a),
	} {
		w.same(uuids(w.items(w.want(200, "GET", "/subscriptions?"+query, nil))), want)
	}
	w.same(w.refused(400, "invalid-data", "GET", "/subscriptions?recurse=maybe", nil), object{
		"recurse": object{"message": "Not a valid boolean.", "constraint_id": "type", "constraint": "boolean"},
	})
}

func TestServicesThatAreNotThereCanBeNamed(t *testing.T) {
	w := newWorld(t)
	for service, ours := range map[string]string{
		"http": "wazo", "sleepy": "sleepy", "comes-later": "comes-later", "wazo": "wazo:wazo", "wazo-mobile": "wazo:wazo-mobile",
		"amqp": "wazo:amqp", "mobile": "mobile", "": "wazo:", "HTTP": "HTTP",
	} {
		config := any(object{"key": "value"})
		if service == "http" {
			config = object{"url": "x", "method": "get"}
		}
		uuid := w.subscribe(object{"service": service, "config": config})
		e, err := w.control.LocateEndpoint(t.Context(), mustID(t, uuid))
		w.must(err)
		w.same(e.Service, ours)
		w.same(w.want(200, "GET", "/subscriptions/"+uuid, nil)["service"], any(service))
	}
	w.same(w.want(200, "GET", "/subscriptions/services", nil), object{"services": object{"http": object{}, "sleepy": object{}, "picky": object{}}})
}

func TestAServiceWithARuleOfItsOwnChecksItsConfiguration(t *testing.T) {
	w := newWorld(t)
	made := w.want(201, "POST", "/subscriptions", body(object{"service": "picky", "config": object{"time_sleep": 10, "deep": object{"x": nil}}}))
	w.same(made["config"], any(object{"time_sleep": 10.0, "deep": object{"x": nil}}))
	w.same(w.refused(400, "invalid-data", "POST", "/subscriptions", body(object{"service": "picky", "config": object{"bad": 1}})), object{
		"config": []any{"must not be bad"},
	})
	w.refused(400, "invalid-data", "POST", "/subscriptions", body(object{"service": "sleepy", "config": object{"time_sleep": 10}}))
}

func TestRoutingComesBeforeAuthentication(t *testing.T) {
	w := newWorld(t)
	w.token = ""
	for _, path := range []string{"/nothing", "/subscriptions/", "/", "", "/users/me/subscriptions/" + nowhere + "/logs", "/subscriptions/a/b", "//subscriptions"} {
		if got := w.send("GET", path, nil); got.Status != 404 {
			t.Errorf("GET %s answered %d", path, got.Status)
		}
	}
	for path, allow := range map[string]string{
		"/subscriptions":            "GET, HEAD, OPTIONS, POST",
		"/subscriptions/services":   "DELETE, GET, HEAD, OPTIONS, PUT",
		"/subscriptions/x":          "DELETE, GET, HEAD, OPTIONS, PUT",
		"/subscriptions/x/logs":     "GET, HEAD, OPTIONS",
		"/users/me/subscriptions":   "GET, HEAD, OPTIONS, POST",
		"/users/me/subscriptions/x": "DELETE, GET, HEAD, OPTIONS, PUT",
		"/status":                   "GET, HEAD, OPTIONS",
		"/config":                   "GET, HEAD, OPTIONS, PATCH",
		"/mobile/notifications":     "OPTIONS, POST",
		"/api/api.yml":              "GET, HEAD, OPTIONS",
	} {
		got := w.send("TRACE", path, nil)
		w.same(got.Header.Get("Allow"), allow)
		w.same(len(got.Object(w)), 1)
		if got.Status != http.StatusMethodNotAllowed {
			t.Errorf("TRACE %s answered %d", path, got.Status)
		}
		got = w.send("OPTIONS", path, nil)
		w.same(got.Header.Get("Allow"), allow)
		w.same(got.Status, 200)
		w.same(got.Body, "")
	}
}

func TestHEADIsGETWithoutABody(t *testing.T) {
	w := newWorld(t)
	uuid := w.subscribe(nil)
	for path, status := range map[string]int{
		"/subscriptions": 200, "/subscriptions/" + uuid: 200, "/subscriptions/" + nowhere: 404, "/status": 200, "/api/api.yml": 200,
	} {
		got := w.send("HEAD", path, nil)
		if got.Status != status || got.Body != "" {
			t.Errorf("HEAD %s answered %d %q", path, got.Status, got.Body)
		}
	}
	if got := w.as("").send("HEAD", "/subscriptions", nil); got.Status != 401 {
		t.Errorf("HEAD without a token answered %d", got.Status)
	}
}

func TestPagesOfOtherOriginsMayCall(t *testing.T) {
	w := newWorld(t)
	w.same(w.send("GET", "/status", nil).Header.Get("Access-Control-Allow-Origin"), "*")
	w.same(w.send("GET", "/nothing", nil, "Origin", "https://app.example").Header.Get("Access-Control-Allow-Origin"), "https://app.example")
	got := w.as("").send("OPTIONS", "/subscriptions", nil,
		"Origin", "https://app.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x-auth-token")
	w.same(got.Status, 200)
	w.same(got.Header.Get("Access-Control-Allow-Origin"), "https://app.example")
	w.same(got.Header.Get("Access-Control-Allow-Headers"), "Content-Type, X-Auth-Token, Wazo-Tenant")
	if methods := got.Header.Get("Access-Control-Allow-Methods"); !strings.Contains(methods, "PUT") || !strings.Contains(methods, "DELETE") {
		t.Errorf("methods are %s", methods)
	}
	w.serve(func(o *wazo.Options) { o.CORS = nil })
	w.same(w.send("GET", "/nothing", nil, "Origin", "https://app.example").Header.Get("Access-Control-Allow-Origin"), "")
}

func TestAProxyMayMountTheAPISomewhereElse(t *testing.T) {
	w := newWorld(t)
	prefixed := w.as(w.token)
	prefixed.url += "/api/webhookd"
	prefixed.want(200, "GET", "/status", nil, "X-Script-Name", "/api/webhookd")
	if got := prefixed.send("GET", "/status", nil); got.Status != 404 {
		t.Errorf("answered %d without the header", got.Status)
	}
	w.want(200, "GET", "/status", nil, "X-Script-Name", "/api/webhookd")
}
