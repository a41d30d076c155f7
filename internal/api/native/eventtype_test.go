package native_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/testkit/rig"
)

func TestAnEventTypeIsMadeReadChangedAndRemoved(t *testing.T) {
	w := newWorld(t)
	schema := object{"1": object{"type": "object", "title": "x"}}
	made := w.want(201, "POST", "/event-type", object{"name": "user.made", "description": "d", "schemas": schema})
	want := object{
		"name": "user.made", "description": "d", "archived": false, "deprecated": false, "schemas": schema, "featureFlag": nil,
		"validatePayload": false, "createdAt": made["createdAt"], "updatedAt": made["createdAt"],
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(made, w.want(200, "GET", "/event-type/user.made/", nil)); diff != "" {
		t.Error(diff)
	}
	w.code(409, "event_type_exists", "POST", "/event-type", object{"name": "user.made", "description": ""})
	changed := w.want(200, "PUT", "/event-type/user.made", object{"description": "other", "deprecated": true})
	if changed["schemas"] != nil || changed["deprecated"] != true || changed["description"] != "other" {
		t.Error(changed)
	}
	w.want(201, "PUT", "/event-type/by.put", object{"description": "x"})
	w.want(204, "DELETE", "/event-type/user.made", nil)
	if got := w.want(200, "GET", "/event-type/user.made", nil); got["archived"] != true {
		t.Error(got)
	}
	if names := rig.Pluck[string](w.list("/event-type"), "name"); !cmp.Equal(names, []string{"by.put"}) {
		t.Error(names)
	}
	if names := rig.Pluck[string](w.list("/event-type?include_archived=true"), "name"); !cmp.Equal(names, []string{"user.made", "by.put"}) {
		t.Error(names)
	}
	back := w.want(201, "POST", "/event-type", object{"name": "user.made", "description": "again"})
	if back["archived"] != false || back["description"] != "again" || back["deprecated"] != false {
		t.Error(back)
	}
	w.want(204, "DELETE", "/event-type/user.made?expunge=true", nil)
	w.code(404, "not_found", "GET", "/event-type/user.made", nil)
	w.code(404, "not_found", "DELETE", "/event-type/user.made", nil)
	w.code(404, "not_found", "PATCH", "/event-type/user.made", object{})
}

func TestAnEventTypeIsPatchedMemberByMember(t *testing.T) {
	w := newWorld(t)
	w.types("x")
	schema := object{"1": object{"type": "object"}}
	for _, c := range []struct{ patch, changes object }{
		{object{}, object{}},
		{object{"description": "d"}, object{"description": "d"}},
		{object{"archived": true}, object{"archived": true}},
		{object{"archived": false}, object{"archived": false}},
		{object{"deprecated": true}, object{"deprecated": true}},
		{object{"schemas": schema}, object{"schemas": schema}},
		{object{"validatePayload": true}, object{"validatePayload": true}},
		{object{"validatePayload": nil, "schemas": nil}, object{"validatePayload": false, "schemas": nil}},
		{object{"featureFlag": "beta"}, object{"featureFlag": "beta", "featureFlags": []any{"beta"}}},
		{object{"featureFlags": []string{"a", "b"}}, object{"featureFlag": "a", "featureFlags": []any{"a", "b"}}},
		{object{"groupName": "g"}, object{"groupName": "g"}},
	} {
		want := w.want(200, "GET", "/event-type/x", nil)
		got := w.want(200, "PATCH", "/event-type/x", c.patch)
		for k, v := range c.changes {
			want[k] = v
		}
		want["updatedAt"] = got["updatedAt"]
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", c.patch, diff)
		}
	}
	got := w.want(200, "PATCH", "/event-type/x", object{"featureFlag": nil, "groupName": nil})
	if got["featureFlag"] != nil || got["featureFlags"] != nil || got["groupName"] != nil {
		t.Error(got)
	}
}

func TestEventTypesAreListedBothWays(t *testing.T) {
	w := newWorld(t)
	var names []string
	for i := range 8 {
		names = append(names, fmt.Sprint("t", 9-i))
		w.types(names[i])
		if i%2 == 0 { // in between there are some that are not shown
			w.types("archived" + names[i])
			w.want(204, "DELETE", "/event-type/archived"+names[i], nil)
		}
	}
	var seen []string
	page := w.want(200, "GET", "/event-type?limit=3", nil)
	for first := page; ; {
		seen = append(seen, rig.Pluck[string](items(page), "name")...)
		if page["done"] == true {
			back := w.want(200, "GET", "/event-type?limit=250&iterator="+page["prevIterator"].(string), nil)
			if n := len(items(back)); n != 6 || !cmp.Equal(items(back)[:3], items(first)) {
				t.Errorf("%d on the way back", n)
			}
			break
		}
		page = w.want(200, "GET", "/event-type?limit=3&iterator="+page["iterator"].(string), nil)
	}
	if diff := cmp.Diff(names, seen); diff != "" {
		t.Error(diff)
	}
	w.want(200, "PATCH", "/event-type/t9", object{"schemas": object{"1": object{"type": "object"}}})
	if list := w.list("/event-type"); list[0]["schemas"] != nil {
		t.Error("schemas are shown unasked")
	}
	if list := w.list("/event-type?with_content=true"); list[0]["schemas"] == nil {
		t.Error("schemas are not shown")
	}
}

func TestFeatureFlagsHideEventTypesFromPortalKeys(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	w.want(201, "POST", "/event-type", object{"name": "secret", "description": "", "featureFlag": "beta"})
	w.types("open")
	plain, flagged := w.portal(app, nil), w.portal(app, object{"featureFlags": []string{"beta"}})
	if names := rig.Pluck[string](plain.list("/event-type"), "name"); !cmp.Equal(names, []string{"open"}) {
		t.Error(names)
	}
	plain.code(404, "not_found", "GET", "/event-type/secret", nil)
	if names := rig.Pluck[string](flagged.list("/event-type"), "name"); !cmp.Equal(names, []string{"secret", "open"}) {
		t.Error(names)
	}
	flagged.want(200, "GET", "/event-type/secret", nil)
	w.want(200, "GET", "/event-type/secret", nil)
	w.want(200, "PATCH", "/event-type/secret", object{"featureFlag": nil})
	plain.want(200, "GET", "/event-type/secret", nil)
}

func TestWrongEventTypesAreRefusedByField(t *testing.T) {
	w := newWorld(t)
	for body, place := range map[string]string{
		`{"description":""}`:              "body.name",
		`{"name":"x"}`:                    "body.description",
		`{"name":"a b","description":""}`: "body.name",
		`{"name":"a*","description":""}`:  "body.name",
		`{"name":"` + strings.Repeat("x", 257) + `","description":""}`:                "body.name",
		`{"name":"x","description":"a\u0000"}`:                                        "body.description",
		`{"name":"x","description":"","schemas":7}`:                                   "body.schemas",
		`{"name":"x","description":"","schemas":{"1":{"type":"nonsense"}}}`:           "body.schemas",
		`{"name":"x","description":"","schemas":{"1":{"$ref":"https://x.example/"}}}`: "body.schemas",
		`{"name":"x","description":"","archived":1}`:                                  "body.archived",
		`{"name":"x","description":"","featureFlag":"a b"}`:                           "body.featureFlag",
		`{"name":"x","description":"","validatePayload":true}`:                        "body.schemas",
		`{"name":"x","description":"","nope":1}`:                                      "body.nope",
	} {
		w.invalid(place, "POST", "/event-type", body)
	}
	w.invalid("path.event_type_name", "PUT", "/event-type/a%20b", object{"description": ""})
	w.invalid("body.name", "PUT", "/event-type/x", object{"name": "y", "description": ""})
	w.want(201, "PUT", "/event-type/x", object{"name": "x", "description": ""})
	w.invalid("body.name", "PATCH", "/event-type/x", object{"name": "y"})
	w.want(200, "PATCH", "/event-type/x", object{"name": "x"})
}

func TestPayloadsAreCheckedWhereTheTypeAsks(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	schema := object{"1": object{"type": "object", "required": []string{"id"}}}
	w.want(201, "POST", "/event-type", object{"name": "loose", "description": "", "schemas": schema})
	w.want(201, "POST", "/event-type", object{"name": "strict", "description": "", "schemas": schema, "validatePayload": true})
	w.send(app, object{"eventType": "loose"})
	w.send(app, object{"eventType": "strict", "payload": object{"id": 1}})
	w.invalid("body.payload", "POST", app+"/msg", object{"eventType": "strict", "payload": object{}})
}
