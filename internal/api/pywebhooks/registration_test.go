package pywebhooks_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestARegistrationHoldsWhatItWasGiven(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	user := w.join("user", r)
	for _, c := range []struct{ event, description, data, header, body string }{
		{`"my.event"`, `"text"`, `{"b": 1, "a": [1.0, "é"]}`, "my.event", `{"a": [1, "\u00e9"], "b": 1}`},
		{`"my.event"`, `null`, `null`, "my.event", `null`},
		{`null`, `{"a": 1}`, `"text"`, "", `"text"`},
		{`""`, `5`, `[]`, "", `[]`},
		{`0`, `[]`, `{}`, "", `{}`},
		{`false`, `false`, `true`, "", `true`},
		{`[]`, `""`, `1e400`, "", ""},
	} {
		body := fmt.Sprintf(`{"id": "x", "account_id": "x", "event": %s, "description": %s, "event_data": %s}`, c.event, c.description, c.data)
		if c.body == "" {
			w.want(400, user, "POST", "/webhook/registration", body)
			continue
		}
		made := w.want(201, user, "POST", "/webhook/registration", body)
		w.keys(made, "account_id", "description", "epoch", "event", "event_data", "id")
		id := made["id"].(string)
		if made["account_id"] != user.id || !uuid4.MatchString(id) {
			t.Errorf("got %v", made)
		}
		all := w.records(user, "/webhook/registration", "registrations")
		if diff := cmp.Diff(made, all[len(all)-1]); diff != "" {
			t.Error(diff)
		}
		w.subscribe(user, id)
		w.trigger(user, id)
		posts := w.posts(r, len(all))
		got := posts[len(all)-1]
		if string(got.Body) != c.body || got.Header.Get("event") != c.header || strings.Contains(got.Head, "\r\nevent:") != (c.header != "") {
			t.Errorf("%s: %q with %q, want %q with %q", body, got.Body, got.Header.Get("event"), c.body, c.header)
		}
	}
}

func TestRegistrationsThatMakeNoSenseAreRefused(t *testing.T) {
	w := newWorld(t)
	user := w.join("user", w.receiver())
	for _, body := range []string{
		`{}`, `[]`, `"{}"`, `{"event": "e", "description": ""}`, `{"event": "e", "event_data": {}}`, `{"description": "", "event_data": {}}`,
		`{"Event": "e", "description": "", "event_data": {}}`,
	} {
		if o := w.want(400, user, "POST", "/webhook/registration", body); o["Error"] == nil {
			t.Errorf("%s: %v", body, o)
		}
	}
	for _, event := range []string{`5`, `true`, `[1]`, `{"a": 1}`, `"a\nb"`, `"a\r"`, `"€"`, `"\u0000"`, `" a"`, `"a "`, `"` + strings.Repeat("x", 5000) + `"`} {
		if o := w.want(400, user, "POST", "/webhook/registration", `{"event": `+event+`, "description": "", "event_data": {}}`); o["Error"] == nil {
			t.Errorf("%s: %v", event, o)
		}
	}
	large := w.want(413, user, "POST", "/webhook/registration", `{"event": "e", "description": "", "event_data": "`+strings.Repeat("x", 300<<10)+`"}`)
	if text, _ := large["Error"].(string); !strings.HasPrefix(text, "event_data must have at most ") {
		t.Errorf("the error is %q", text)
	}
	if all := w.records(user, "/webhook/registrations", "registrations"); len(all) != 0 {
		t.Errorf("there are %v", all)
	}
}

func TestOnlyOwnersAndTheAdminChangeARegistration(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	owner, other := w.join("owner", r), w.join("other", r)
	id := w.register(owner, "e")
	path := "/webhook/registration/" + id
	for _, method := range []string{"PATCH", "DELETE"} {
		w.fails(401, "Not authorized", other, method, path, `{"description": "x"}`)
		w.fails(401, "Not authorized", owner, method, "/webhook/registration/"+owner.id, `{"description": "x"}`)
		w.fails(401, "Not authorized", owner, method, "/webhook/registration/garbage", `{"description": "x"}`)
	}
	for _, body := range []string{`{}`, `[]`, `{"Description": ""}`} {
		w.fails(400, "Description field missing", owner, "PATCH", path, body)
	}
	w.sums("skipped", 1, w.admin, "PATCH", "/webhook/registration/garbage", `{"description": "x"}`)
	w.sums("unchanged", 1, owner, "PATCH", path, `{"description": "", "event": "other"}`)
	w.sums("replaced", 1, owner, "PATCH", path, `{"description": {"b": 1, "a": 2}}`)
	w.sums("unchanged", 1, owner, "PATCH", path, `{"description": {"a": 2, "b": 1.0}}`)
	w.sums("replaced", 1, w.admin, "PATCH", path, `{"description": null}`)
	all := w.records(other, "/webhook/registrations", "registrations")
	if len(all) != 1 || all[0]["description"] != nil || all[0]["event"] != "e" || all[0]["account_id"] != owner.id {
		t.Errorf("got %v", all)
	}
	if own := w.records(other, "/webhook/registration", "registrations"); len(own) != 0 {
		t.Errorf("the other owns %v", own)
	}
	w.subscribe(other, id)
	w.sums("deleted", 1, owner, "DELETE", path, "")
	w.fails(401, "Not authorized", owner, "DELETE", path, "")
	w.sums("deleted", 0, w.admin, "DELETE", path, "")
	if all := w.records(other, "/webhook/subscriptions", "subscriptions"); len(all) != 0 {
		t.Errorf("subscriptions stayed: %v", all)
	}
	w.sums("deleted", 1, w.admin, "DELETE", "/webhook/registration/"+w.register(owner, "e"), "")
}

func TestSubscriptionsBelongToWhoSubscribed(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	owner, other := w.join("owner", r), w.join("other", r)
	id := w.register(owner, "e")
	for _, unknown := range []string{owner.id, "garbage"} {
		w.fails(404, "The registration id does not exist", other, "POST", "/webhook/subscription/"+unknown, "")
	}
	made := w.want(201, other, "POST", "/webhook/subscription/"+id, `"{}"`)
	w.keys(made, "account_id", "epoch", "id", "registration_id")
	if made["account_id"] != other.id || made["registration_id"] != id || !uuid4.MatchString(made["id"].(string)) {
		t.Errorf("got %v", made)
	}
	all := w.records(other, "/webhook/subscription", "subscriptions")
	if diff := cmp.Diff([]object{made}, all); diff != "" {
		t.Error(diff)
	}
	if own := w.records(owner, "/webhook/subscription", "subscriptions"); len(own) != 0 {
		t.Errorf("the owner has %v", own)
	}
	path := "/webhook/subscription/" + made["id"].(string)
	w.fails(401, "Not authorized", owner, "DELETE", path, "")
	w.fails(401, "Not authorized", other, "DELETE", "/webhook/subscription/garbage", "")
	w.sums("skipped", 1, w.admin, "DELETE", "/webhook/subscription/garbage", "")
	w.sums("deleted", 1, other, "DELETE", path, "")
	w.fails(401, "Not authorized", other, "DELETE", path, "")
	w.sums("deleted", 1, w.admin, "DELETE", "/webhook/subscription/"+w.subscribe(other, id), "")
}

func TestATriggerReachesEverySubscription(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	owner, other := w.join("owner", r), w.join("other", r)
	id, unheard := w.register(owner, "e"), w.register(owner, "e")
	for _, who := range []account{owner, other, other, w.admin} { // the admin has no endpoint
		w.subscribe(who, id)
	}
	noAccess := "You don't have access to this registration record or it no longer exists"
	w.fails(404, "Registration id not found", owner, "POST", "/webhook/triggered/"+owner.id, "")
	w.fails(404, "Registration id not found", owner, "POST", "/webhook/triggered/garbage", "")
	w.fails(401, noAccess, other, "POST", "/webhook/triggered/"+id, "")
	w.fails(401, noAccess, w.admin, "POST", "/webhook/triggered/"+id, "")
	w.trigger(owner, unheard)
	made := w.want(201, owner, "POST", "/webhook/triggered/"+id, `{"broken`)
	w.keys(made, "epoch", "id", "registration_id")
	all := w.records(other, "/webhook/triggered", "triggered_webhooks")
	if len(all) != 2 || all[0]["registration_id"] != unheard || !uuid4.MatchString(made["id"].(string)) {
		t.Errorf("got %v", all)
	}
	if diff := cmp.Diff(made, all[1]); diff != "" {
		t.Error(diff)
	}
	count := map[string]int{}
	for _, p := range w.posts(r, 3) {
		count[p.Target]++
	}
	if diff := cmp.Diff(map[string]int{"/owner": 1, "/other": 2}, count); diff != "" {
		t.Error(diff)
	}
}
