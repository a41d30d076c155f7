package kazoo_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/testkit/rig"
)

func TestAHookComesBackAsItWasMade(t *testing.T) {
	w := newWorld(t)
	made := w.want(201, "PUT", w.rootPath()+"/webhooks", hookFields(fields{
		"retries": "3", "enabled": "true", "group": []string{"a"}, "unknown": fields{"x": 1.5}, "_id": "no", "pvt_type": "no",
	}))
	d := made.fields["data"].(fields)
	want := fields{
		"id": d["id"], "name": "one", "uri": "https://receiver.example/ok", "hook": "channel_create", "retries": 3.0,
		"enabled": true, "group": []any{"a"}, "unknown": fields{"x": 1.5},
		"http_verb": "post", "format": "form-data", "include_internal_legs": true,
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
	path := w.rootPath() + "/webhooks/" + d["id"].(string)
	if got := made.Header.Get("Location"); got != path {
		t.Errorf("Location: %s, want %s", got, path)
	}
	shown := w.want(200, "GET", path, nil)
	if diff := cmp.Diff(want, shown.fields["data"]); diff != "" {
		t.Error(diff)
	}
	if tag := shown.Header.Get("Etag"); tag != `"`+shown.fields["revision"].(string)+`"` || shown.fields["revision"] != made.fields["revision"] {
		t.Errorf("ETag %s, revisions %v and %v", tag, shown.fields["revision"], made.fields["revision"])
	}
	w.want(304, "GET", path, nil, "If-None-Match", shown.Header.Get("Etag"))
}

func TestTheOwnerMayChooseTheIdOfAHook(t *testing.T) {
	w := newWorld(t)
	if path := w.hook(w.rootPath(), fields{"id": "mine"}); tail(path) != "mine" {
		t.Error(path)
	}
	w.refused(409, "datastore_conflict", `{"message":"conflicting documents"}`, "PUT", w.rootPath()+"/webhooks", hookFields(fields{"id": "mine"}))
	w.invalid("PUT", w.rootPath()+"/webhooks", hookFields(fields{"id": 7}), "id", "type", "Value did not match type(s): string")
	for _, id := range []string{"no/slashes", "attempts", "samples"} { // the last two are other resources
		w.want(400, "PUT", w.rootPath()+"/webhooks", hookFields(fields{"id": id}))
	}
}

func TestAllThatIsWrongWithAHookIsSaidAtOnce(t *testing.T) {
	w := newWorld(t)
	w.invalid("PUT", w.rootPath()+"/webhooks", fields{
		"name": 1, "hook": "nope", "http_verb": "POST", "format": "xml", "retries": 5, "enabled": "yes", "include_subaccounts": 1,
		"custom_data": fields{"a.b": []string{}},
	},
		"name", "type", "Value did not match type(s): string",
		"uri", "required", "Field is required but missing",
		"hook", "enum", "Value not found in enumerated list of values",
		"http_verb", "enum", "Value not found in enumerated list of values",
		"format", "enum", "Value not found in enumerated list of values",
		"retries", "maximum", "Value must be at most 4",
		"enabled", "type", "Value did not match type(s): boolean",
		"include_subaccounts", "type", "Value did not match type(s): boolean",
		"custom_data.a%2Eb", "type", "Value did not match type(s): string",
	)
	w.refused(400, "validation error", `{"retries":{"minimum":{"message":"Value must be at least 0","target":0,"value":-1}}}`,
		"PUT", w.rootPath()+"/webhooks", hookFields(fields{"retries": -1}))
	w.refused(400, "validation error", `{"custom_data":{"type":{"message":"Value did not match type(s): object","target":"object","value":[]}}}`,
		"PUT", w.rootPath()+"/webhooks", hookFields(fields{"custom_data": []string{}}))
}

func TestValuesOfANeighbouringKindAreTaken(t *testing.T) {
	w := newWorld(t)
	for given, want := range map[any]any{"3": 3.0, 2.6: 3.0, "2.6": 3.0, 1.0: 1.0, "0": 0.0} {
		if got := w.data(201, "PUT", w.rootPath()+"/webhooks", hookFields(fields{"retries": given}))["retries"]; got != want {
			t.Errorf("retries %v becomes %v, want %v", given, got, want)
		}
	}
	for _, wrong := range []any{"abc", nil, true, "", "0x2", []int{1}} {
		w.invalid("PUT", w.rootPath()+"/webhooks", hookFields(fields{"retries": wrong}), "retries", "type", "Value did not match type(s): integer")
	}
	if got := w.data(201, "PUT", w.rootPath()+"/webhooks", hookFields(fields{"enabled": "false"}))["enabled"]; got != false {
		t.Errorf("enabled is %v", got)
	}
}

func TestAHookMayNotNameWhatIsBlacklisted(t *testing.T) {
	w := newWorld(t)
	for _, uri := range []string{
		"ftp://receiver.example/", "HTTP://receiver.example/", "http://127.0.0.1:80/", "http://0.0.0.0/", "http://LOCALHOST:4000/x",
		"http:///nothing", "http://", "receiver.example", "http://[::ffff:127.0.0.1]/",
	} {
		w.refused(400, "validation error", `{"uri":{"error":{"message":"invalid client URL","value":"`+uri+`"}}}`,
			"PUT", w.rootPath()+"/webhooks", hookFields(fields{"uri": uri}))
	}
	w.hook(w.rootPath(), fields{"uri": "https://user:pw@receiver.example:8443/x?y=1"})
}

func TestModifiersMustBeChosen(t *testing.T) {
	w := newWorld(t)
	object := func(custom any) fields {
		d := hookFields(fields{"hook": "object"})
		if custom != nil {
			d["custom_data"] = custom
		}
		return d
	}
	const missing = "missing required modifier"
	w.invalid("PUT", w.rootPath()+"/webhooks", object(nil),
		"custom_data.type", "required", missing, "custom_data.action", "required", missing)
	w.invalid("PUT", w.rootPath()+"/webhooks", object(fields{"type": "user", "action": "doc_updated"}),
		"custom_data.action", "enum", "value not found in enumerated list of values")
	w.data(201, "PUT", w.rootPath()+"/webhooks", object(fields{"type": "all", "action": "doc_deleted", "more": "x"}))

	sub := w.account(w.rootPath(), "sub")
	member := w.member(sub, "ann")
	body := hookFields(fields{"hook": "notifications", "custom_data": fields{"type": "nope"}})
	for hidden, as := range map[bool]*world{false: w, true: member} {
		got := as.want(400, "PUT", sub+"/webhooks", body)
		if strings.Contains(got.Body, "system_alert") == hidden {
			t.Errorf("system_alert is in the error, or is not: %s", got.Body)
		}
	}
	member.hook(sub, fields{"hook": "notifications", "custom_data": fields{"type": "webhook_disabled"}})
	w.hook(sub, fields{"hook": "all"})
}

func TestHooksAreListedInBrief(t *testing.T) {
	w := newWorld(t)
	w.hook(w.rootPath(), fields{"id": "b", "group": "g"})
	w.hook(w.rootPath(), fields{"id": "a", "enabled": false})
	w.hook(w.rootPath(), fields{"id": "c"})
	want := []fields{
		{"id": "c", "hook": "channel_create", "name": "one", "uri": "https://receiver.example/ok", "enabled": true},
		{"id": "b", "hook": "channel_create", "name": "one", "uri": "https://receiver.example/ok", "enabled": true, "group": "g"},
		{"id": "a", "hook": "channel_create", "name": "one", "uri": "https://receiver.example/ok", "enabled": false},
	}
	if diff := cmp.Diff(want, w.list(w.rootPath()+"/webhooks")); diff != "" {
		t.Error(diff)
	}
}

func TestWhyAHookIsDisabledCannotBeSaid(t *testing.T) {
	w := newWorld(t)
	said := fields{"disable_reason": "because"}
	path := w.hook(w.rootPath(), said)
	for method, body := range map[string]any{"GET": nil, "POST": hookFields(said), "PATCH": said} {
		if got := w.data(200, method, path, body); got["disable_reason"] != nil {
			t.Errorf("%s: %v", method, got)
		}
	}
}

func TestReplacingAHookForgetsWhatIsNotSaid(t *testing.T) {
	w := newWorld(t)
	path := w.hook(w.rootPath(), fields{"custom_data": fields{"a": "1"}, "retries": 4, "enabled": false})
	got := w.data(200, "POST", path, hookFields(fields{"name": "two", "id": "another"}))
	want := fields{
		"id": tail(path), "name": "two", "uri": "https://receiver.example/ok", "hook": "channel_create", "retries": 2.0,
		"enabled": true, "http_verb": "post", "format": "form-data", "include_internal_legs": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	w.invalid("POST", path, fields{"name": "x", "uri": "https://receiver.example/"}, "hook", "required", "Field is required but missing")
	w.invalid("POST", w.rootPath()+"/webhooks/nobody", fields{}, // which is said before that there is no such hook
		"name", "required", "Field is required but missing", "uri", "required", "Field is required but missing",
		"hook", "required", "Field is required but missing")
	w.refused(404, "bad_identifier", `{"cause":"nobody","message":"bad identifier"}`, "POST", w.rootPath()+"/webhooks/nobody", hookFields())
}

func TestPatchingAHookMergesAtTheTop(t *testing.T) {
	w := newWorld(t)
	path := w.hook(w.rootPath(), fields{"custom_data": fields{"a": "1", "b": "2"}, "group": "g", "enabled": false})
	got := w.data(200, "PATCH", path, fields{"custom_data": fields{"c": "3"}, "group": nil, "id": "another"})
	if diff := cmp.Diff(fields{"c": "3"}, got["custom_data"]); diff != "" {
		t.Error(diff)
	}
	if _, there := got["group"]; there || got["id"] != tail(path) || got["enabled"] != false {
		t.Errorf("%v", got)
	}
	w.invalid("PATCH", path, fields{"name": nil}, "name", "required", "Field is required but missing")
	w.refused(404, "bad_identifier", `{"cause":"nobody","message":"bad identifier"}`, "PATCH", w.rootPath()+"/webhooks/nobody", fields{})
}

func TestADeletedHookIsGone(t *testing.T) {
	w := newWorld(t)
	path := w.hook(w.rootPath())
	got := w.data(200, "DELETE", path, nil)
	if diff := cmp.Diff(fields{"deleted": true}, got["_read_only"]); diff != "" || got["name"] != "one" {
		t.Errorf("%v", got)
	}
	for _, method := range []string{"GET", "DELETE"} {
		w.refused(404, "bad_identifier", `{"cause":"`+tail(path)+`","message":"bad identifier"}`, method, path, nil)
	}
	w.hook(w.rootPath(), fields{"id": tail(path)})
	w.data(200, "DELETE", path+"?should_soft_delete=false", nil)
}

func TestANameThatNoHookCanHaveIsNotFound(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a%00b", "%ff", "%20", "a%2Fb", "ü"} {
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			w.want(404, method, w.rootPath()+"/webhooks/"+name, fields{})
		}
		if n := len(w.list(w.rootPath() + "/webhooks/" + name + "/attempts")); n != 0 {
			t.Error(n)
		}
	}
}

func TestAHookOfAnotherAccountIsNotFound(t *testing.T) {
	w := newWorld(t)
	sub := w.account(w.rootPath(), "sub")
	path := w.hook(sub)
	elsewhere := w.rootPath() + "/webhooks/" + tail(path)
	for _, method := range []string{"GET", "POST", "PATCH", "DELETE"} {
		w.want(404, method, elsewhere, hookFields())
	}
	w.want(200, "GET", path, nil)
}

func TestDescendantsAsAPathListAndCreateInTheAccount(t *testing.T) {
	w := newWorld(t)
	sub := w.account(w.rootPath(), "sub")
	w.hook(sub)
	own := w.hook(w.rootPath() + "/descendants")
	if got := rig.Pluck[string](w.list(w.rootPath()+"/descendants/webhooks"), "id"); len(got) != 1 || got[0] != tail(own) {
		t.Error(got)
	}
}

func TestWhatAModifierFilterCannotBeIsRefused(t *testing.T) {
	w := newWorld(t)
	w.hook(w.rootPath(), fields{"modifiers": fields{"call_direction": "inbound", "from": []string{"a", "b"}}})
	w.want(400, "PUT", w.rootPath()+"/webhooks", hookFields(fields{"modifiers": "x"}))
	w.want(400, "PUT", w.rootPath()+"/webhooks", hookFields(fields{"modifiers": fields{"x": strings.Repeat("y", 9000)}}))
}
