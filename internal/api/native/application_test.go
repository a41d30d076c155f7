package native_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/testkit/rig"
)

func TestAnApplicationIsMadeReadChangedAndDeleted(t *testing.T) {
	w := newWorld(t)
	made := w.want(201, "POST", "/app", object{"name": "One", "uid": "one", "metadata": object{"k": "v"}, "throttleRate": 5})
	path := "/app/" + made["id"].(string)
	for _, name := range []string{path, "/app/one", path + "/", "/app//one/"} {
		if diff := cmp.Diff(made, w.want(200, "GET", name, nil)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	changed := w.want(200, "PUT", path, object{"name": "Two"})
	want := object{
		"id": made["id"], "uid": nil, "name": "Two", "rateLimit": nil, "throttleRate": nil, "metadata": object{},
		"createdAt": made["createdAt"], "updatedAt": changed["updatedAt"],
	}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Error(diff)
	}
	w.want(204, "DELETE", path, nil)
	w.code(404, "not_found", "GET", path, nil)
	w.code(404, "not_found", "DELETE", path, nil)
	w.code(404, "not_found", "PATCH", path, object{})
}

func TestAPatchChangesWhatItNamesAlone(t *testing.T) {
	w := newWorld(t)
	full := object{"name": "One", "uid": "one", "metadata": object{"k": "v"}, "throttleRate": 5}
	path := "/app/" + w.want(201, "POST", "/app", full)["id"].(string)
	for _, c := range []struct {
		patch   object
		changes object
	}{
		{object{}, object{}},
		{object{"name": "Two"}, object{"name": "Two"}},
		{object{"uid": "two"}, object{"uid": "two"}},
		{object{"uid": nil}, object{"uid": nil}},
		{object{"throttleRate": 7}, object{"throttleRate": 7.0, "rateLimit": 7.0}},
		{object{"rateLimit": 8}, object{"throttleRate": 8.0, "rateLimit": 8.0}},
		{object{"throttleRate": nil}, object{"throttleRate": nil, "rateLimit": nil}},
		{object{"metadata": object{"x": "y"}}, object{"metadata": object{"x": "y"}}},
		{object{"metadata": object{}}, object{"metadata": object{}}},
	} {
		want := w.want(200, "GET", path, nil)
		got := w.want(200, "PATCH", path, c.patch)
		for k, v := range c.changes {
			want[k] = v
		}
		want["updatedAt"] = got["updatedAt"]
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", c.patch, diff)
		}
		if diff := cmp.Diff(got, w.want(200, "GET", path, nil)); diff != "" {
			t.Errorf("%v, read again: %s", c.patch, diff)
		}
	}
}

func TestPutMakesAnApplicationThatIsNotThere(t *testing.T) {
	w := newWorld(t)
	w.want(201, "PUT", "/app/app_0000000000000000000001", object{"name": "A", "uid": "a"})
	w.want(200, "PUT", "/app/a", object{"name": "B", "uid": "a"})
	if got := w.want(200, "GET", "/app/a", nil)["name"]; got != "B" {
		t.Error(got)
	}
}

func TestApplicationsAreListedBothWays(t *testing.T) {
	w := newWorld(t)
	var ids []string
	for i := range 7 {
		ids = append(ids, w.want(201, "POST", "/app", object{"name": fmt.Sprint(i)})["id"].(string))
	}
	w.walk("/app", ids)
	w.walk("/app?order=ascending", ids)
	reversed := make([]string, len(ids))
	for i, v := range ids {
		reversed[len(ids)-1-i] = v
	}
	w.walk("/app?order=descending", reversed)
}

// walk reads a list page by page, forward and back, and wants the ids in their order
// with no gap and no overlap.
func (w *world) walk(path string, ids []string) {
	w.Helper()
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	const limit = 3
	var pages []object
	at := path + sep + "limit=3"
	for n := 0; n < len(ids); n += limit {
		page := w.want(200, "GET", at, nil)
		want := ids[n:min(n+limit, len(ids))]
		if diff := cmp.Diff(want, rig.Pluck[string](items(page), "id")); diff != "" {
			w.Fatalf("%s: %s", at, diff)
		}
		if done := n+limit >= len(ids); page["done"] != done {
			w.Errorf("%s: done %v, want %v", at, page["done"], done)
		}
		pages = append(pages, page)
		at = path + sep + "limit=3&iterator=" + page["iterator"].(string)
	}
	if page := w.want(200, "GET", at, nil); len(items(page)) != 0 || page["done"] != true || page["iterator"] != nil {
		w.Errorf("behind the end: %v", page)
	}
	for n := len(pages) - 1; n > 0; n-- {
		at := path + sep + "limit=3&iterator=" + pages[n]["prevIterator"].(string)
		back := w.want(200, "GET", at, nil)
		if diff := cmp.Diff(pages[n-1]["data"], back["data"]); diff != "" {
			w.Errorf("%s: %s", at, diff)
		}
		if done := n == 1; back["done"] != done {
			w.Errorf("%s: done %v, want %v", at, back["done"], done)
		}
	}
}

func TestUIDsOfApplicationsAreUnique(t *testing.T) {
	w := newWorld(t)
	one := "/app/" + w.want(201, "POST", "/app", object{"name": "1", "uid": "one"})["id"].(string)
	two := "/app/" + w.want(201, "POST", "/app", object{"name": "2", "uid": "two"})["id"].(string)
	w.code(409, "conflict", "POST", "/app", object{"name": "3", "uid": "one"})
	w.code(409, "conflict", "PUT", two, object{"name": "2", "uid": "one"})
	w.code(409, "conflict", "PATCH", two, object{"uid": "one"})
	w.want(200, "PATCH", two, object{"uid": "three"})
	w.want(404, "GET", "/app/two", nil)
	w.want(200, "GET", "/app/three", nil)
	w.want(204, "DELETE", one, nil)
	w.want(404, "GET", "/app/one", nil)
	w.want(201, "POST", "/app", object{"name": "4", "uid": "one"})
	w.want(200, "PATCH", two, object{"uid": nil})
	w.want(404, "GET", "/app/three", nil)
}

func TestTwoOrganisationsMayUseTheSameUID(t *testing.T) {
	w := newWorld(t)
	other := w.want(201, "POST", "/app", object{"name": "organisation", "uid": "org"})
	key := w.want(201, "POST", "/key", object{"name": "k", "scope": "root", "appId": "org"})["key"].(string)
	w.want(201, "POST", "/app", object{"name": "ours", "uid": "same"})
	theirs := w.as(key)
	theirs.want(201, "POST", "/app", object{"name": "theirs", "uid": "same"})
	if got := theirs.want(200, "GET", "/app/same", nil)["name"]; got != "theirs" {
		t.Error(got)
	}
	if got := w.want(200, "GET", "/app/same", nil)["name"]; got != "ours" {
		t.Error(got)
	}
	if list := theirs.list("/app"); len(list) != 1 {
		t.Error(list)
	}
	theirs.want(403, "DELETE", "/app/"+other["id"].(string), nil)
}

func TestGetIfExists(t *testing.T) {
	w := newWorld(t)
	made := w.want(201, "POST", "/app?get_if_exists=true", object{"name": "1", "uid": "one"})
	w.code(409, "conflict", "POST", "/app", object{"name": "2", "uid": "one"})
	w.code(409, "conflict", "POST", "/app?get_if_exists=false", object{"name": "2", "uid": "one"})
	if diff := cmp.Diff(made, w.want(200, "POST", "/app?get_if_exists=true", object{"name": "2", "uid": "one"})); diff != "" {
		t.Error(diff)
	}
	w.want(201, "POST", "/app?get_if_exists=true", object{"name": "no uid"})
}

func TestCreatesAreRepeatable(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	for path, body := range map[string]object{
		"/app":            {"name": "1", "uid": "once"},
		app + "/endpoint": {"url": "https://receiver.example/", "uid": "once"},
		"/event-type":     {"name": "x", "description": ""},
		app + "/msg":      {"eventType": "x", "payload": object{"a": 1.0}},
	} {
		send := func(status int, key string, body object) object {
			return w.want(status, "POST", path, body, "Idempotency-Key", key)
		}
		status := 201
		if strings.HasSuffix(path, "/msg") {
			status = 202
		}
		first := send(status, "auto_1", body)
		if diff := cmp.Diff(first, send(status, "auto_1", body)); diff != "" {
			t.Errorf("%s again: %s", path, diff)
		}
		other := object{"name": "other", "uid": "other", "url": "https://other.example/", "eventType": "other"}
		changed := object{}
		for k, v := range body {
			changed[k] = v
			if o, ok := other[k]; ok {
				changed[k] = o
			}
		}
		if got := send(409, "auto_1", changed)["code"]; got != "idempotency_conflict" {
			t.Errorf("%s with another body: %v", path, got)
		}
		second := send(status, "auto_2", changed)
		if cmp.Equal(first, second) {
			t.Errorf("%s: another key made the same", path)
		}
		w.want(422, "POST", path, body, "Idempotency-Key", strings.Repeat("k", 201))
	}
	if n := len(w.list("/app")); n != 3 {
		t.Errorf("%d applications", n)
	}
}

func TestWrongApplicationsAreRefusedByField(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	for body, place := range map[string]string{
		`{}`:                 "body.name",
		``:                   "body.name",
		`{"name":""}`:        "body.name",
		`{"name":null}`:      "body.name",
		`{"name":7}`:         "body.name",
		`{"name":"a\u0000"}`: "body.name",
		`{"name":"a\u0007"}`: "body.name",
		`{"name":"` + strings.Repeat("x", 257) + `"}`:           "body.name",
		`{"name":"x","uid":""}`:                                 "body.uid",
		`{"name":"x","uid":"a b"}`:                              "body.uid",
		`{"name":"x","uid":"app_x"}`:                            "body.uid",
		`{"name":"x","uid":"` + strings.Repeat("x", 257) + `"}`: "body.uid",
		`{"name":"x","throttleRate":-1}`:                        "body.throttleRate",
		`{"name":"x","throttleRate":1.5}`:                       "body.throttleRate",
		`{"name":"x","rateLimit":"1"}`:                          "body.rateLimit",
		`{"name":"x","metadata":[]}`:                            "body.metadata",
		`{"name":"x","metadata":{"a":1}}`:                       "body.metadata.a",
		`{"name":"x","nope":1}`:                                 "body.nope",
		`{"name":"x"`:                                           "body",
		`[]`:                                                    "body",
		`nonsense`:                                              "body",
		`{"name":"x"}{}`:                                        "body",
	} {
		w.invalid(place, "POST", "/app", body)
		w.invalid(place, "PUT", app, body)
	}
	for body, place := range map[string]string{
		`{"name":null}`: "body.name", `{"name":""}`: "body.name", `{"uid":"app_x"}`: "body.uid", `{"nope":0}`: "body.nope",
	} {
		w.invalid(place, "PATCH", app, body)
	}
	for query, place := range map[string]string{
		"limit=251": "query.limit", "limit=0": "query.limit", "limit=x": "query.limit", "iterator=nope": "query.iterator",
		"iterator=-": "query.iterator", "iterator=ep_0000000000000000000001": "query.iterator", "order=up": "query.order",
	} {
		w.invalid(place, "GET", "/app?"+query, nil)
	}
	w.want(200, "GET", "/app?nobody_knows=this&limit=250", nil)
	w.invalid("query.get_if_exists", "POST", "/app?get_if_exists=maybe", object{"name": "x"})
}

func TestLongListsAreCutAtFifty(t *testing.T) {
	w := newWorld(t)
	for i := range 51 {
		w.want(201, "POST", "/app", object{"name": fmt.Sprint(i)})
	}
	if page := w.want(200, "GET", "/app", nil); len(items(page)) != 50 || page["done"] != false {
		t.Errorf("%d, done %v", len(items(page)), page["done"])
	}
}

func TestAnApplicationOnTheWire(t *testing.T) {
	w := newWorld(t)
	got := w.do("POST", "/app", `{"name":"Café","uid":"u","metadata":{"a":"b"},"rateLimit":3}`)
	var o object
	w.must(json.Unmarshal([]byte(got.Body), &o))
	want := fmt.Sprintf(`{"id":%q,"uid":"u","name":"Café","rateLimit":3,"throttleRate":3,"metadata":{"a":"b"},"createdAt":%q,"updatedAt":%q}`,
		o["id"], o["createdAt"], o["updatedAt"])
	if got.Body != want {
		t.Errorf("got  %s\nwant %s", got.Body, want)
	}
	if ct := got.Header.Get("Content-Type"); ct != "application/json" {
		t.Error(ct)
	}
}
