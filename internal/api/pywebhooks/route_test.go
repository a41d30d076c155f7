package pywebhooks_test

import (
	"strings"
	"testing"
)

func TestTheMediaTypeIsLookedAtFirst(t *testing.T) {
	w := newWorld(t)
	for _, method := range []string{"GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"} {
		for _, path := range []string{"/account", "/accounts?start=0&limit=1", "/webhook/triggered/x", "/nowhere"} {
			for _, typ := range []string{"", "text/plain", "text/json", "application/vnd.api+json"} {
				got := w.do(account{}, method, path, "", "Content-Type", typ)
				if got.Status != 415 || got.Body != "Unsupported Media Type" || got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
					t.Errorf("%s %s with %q: %d %q", method, path, typ, got.Status, got.Body)
				}
			}
		}
	}
	for _, typ := range []string{"application/json", "application/json; charset=utf-8", "APPLICATION/JSON"} {
		if got := w.do(w.admin, "GET", "/accounts?start=0&limit=1", "", "Content-Type", typ); got.Status != 200 {
			t.Errorf("%q: %d", typ, got.Status)
		}
	}
}

func TestUnknownPathsAreAPageAndUnknownMethodsAreJSON(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/nowhere", "", "/", "/account//", "/accounts/x", "/webhook", "/webhook/registration/a/b", "//account", "/account/reset/apikey/x"} {
		got := w.do(account{}, "GET", path, "")
		if got.Status != 404 || !strings.Contains(got.Body, "<title>404 Not Found</title>") || got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	for _, c := range []struct{ method, path, allow string }{
		{"PUT", "/account", "DELETE, GET, HEAD, OPTIONS, PATCH, POST"},
		{"POST", "/account/x", "DELETE, GET, HEAD, OPTIONS"},
		{"PATCH", "/account/x", "DELETE, GET, HEAD, OPTIONS"},
		{"POST", "/accounts", "DELETE, GET, HEAD, OPTIONS"},
		{"GET", "/account/reset/apikey", "OPTIONS, POST"},
		{"GET", "/webhook/registration/x", "DELETE, OPTIONS, PATCH"},
		{"POST", "/webhook/registration/x", "DELETE, OPTIONS, PATCH"},
		{"HEAD", "/webhook/subscription/x", "DELETE, OPTIONS, POST"},
		{"GET", "/webhook/triggered/x", "OPTIONS, POST"},
		{"DELETE", "/webhook/triggered/x", "OPTIONS, POST"},
		{"DELETE", "/webhook/triggered", "GET, HEAD, OPTIONS, POST"},
		{"PATCH", "/webhook/subscriptions", "DELETE, GET, HEAD, OPTIONS"},
	} {
		got := w.do(account{}, c.method, c.path, "")
		if got.Status != 405 || got.Header.Get("Allow") != c.allow || got.Body != "{\"message\": \"The method is not allowed for the requested URL.\"}\n" {
			t.Errorf("%s %s: %d %q %s", c.method, c.path, got.Status, got.Header.Get("Allow"), got.Body)
		}
		got = w.do(account{}, "OPTIONS", c.path, "")
		if got.Status != 200 || got.Header.Get("Allow") != c.allow || got.Body != "" {
			t.Errorf("OPTIONS %s: %d %q %q", c.path, got.Status, got.Header.Get("Allow"), got.Body)
		}
	}
}

func TestPathsMayEndInOneSlash(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/accounts/?start=0&limit=1", "/account/" + w.admin.id + "/"} {
		if got := w.do(w.admin, "GET", path, ""); got.Status != 200 {
			t.Errorf("%s: %d", path, got.Status)
		}
	}
	w.fails(400, "Missing account_id", account{}, "GET", "/account/", "")
}

func TestHeadIsAnsweredLikeGet(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]int{"/accounts?start=0&limit=1": 200, "/accounts?start=5&limit=1": 204, "/accounts": 400, "/account/x": 401, "/account": 400} {
		if got := w.do(w.admin, "HEAD", path, ""); got.Status != want {
			t.Errorf("%s: %d, want %d", path, got.Status, want)
		}
	}
}

// Each operation looks at what is wrong in an order of its own.
func TestChecksHaveTheirOrder(t *testing.T) {
	w := newWorld(t)
	user := w.join("user", w.receiver())
	for _, path := range []string{"/webhook/registration", "/webhook/registrations", "/webhook/subscription"} {
		w.fails(401, "Missing API key header value", account{}, "GET", path, "")
		w.fails(400, "Invalid limit or start parameter", user, "GET", path, "")
	}
	for _, path := range []string{"/webhook/subscriptions", "/webhook/triggered"} {
		w.fails(400, "Invalid limit or start parameter", account{}, "GET", path, "")
		w.fails(401, "Missing API key header value", account{}, "GET", path+"?start=0&limit=1", "")
	}
	w.fails(401, "Missing API key header value", account{}, "GET", "/accounts", "")
	w.fails(401, "Not an Admin", user, "GET", "/accounts", "")
	w.fails(400, "Invalid limit or start parameter", w.admin, "GET", "/accounts", "")
	for _, path := range []string{"/accounts", "/webhook/registrations", "/webhook/subscriptions"} {
		w.fails(401, "Missing API key header value", account{}, "DELETE", path, "")
		w.fails(401, "Not an Admin", user, "DELETE", path, "")
	}
	for _, c := range []struct{ method, path, name string }{
		{"GET", "/account", "account_id"},
		{"DELETE", "/account", "account_id"},
		{"PATCH", "/webhook/registration", "registration_id"},
		{"DELETE", "/webhook/registration", "registration_id"},
		{"POST", "/webhook/subscription", "subscription_id"},
		{"DELETE", "/webhook/subscription", "subscription_id"},
		{"POST", "/webhook/triggered", "registration_id"},
	} {
		w.fails(400, "Missing "+c.name, account{}, c.method, c.path, "")
	}
	// Who may do something is asked before the body is read.
	w.fails(401, "Missing API key header value", account{}, "PATCH", "/account", "{")
	w.fails(401, "Not authorized", user, "PATCH", "/webhook/registration/"+w.admin.id, "{")
}

func TestBodiesAreReadWhereTheyMeanSomething(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	user := w.join("user", r)
	registration := w.register(user, "e")
	for _, body := range []string{"", "{", `"`, "nope", "\xff", "[1,]"} {
		for _, c := range []struct{ method, path string }{
			{"POST", "/account"}, {"PATCH", "/account"}, {"POST", "/webhook/registration"}, {"PATCH", "/webhook/registration/" + registration},
		} {
			if o := w.want(400, user, c.method, c.path, body); o["message"] == "" || len(o) != 1 {
				t.Errorf("%s %s %q: %v", c.method, c.path, body, o)
			}
		}
		w.want(201, user, "POST", "/webhook/subscription/"+registration, body)
		w.want(201, user, "POST", "/webhook/triggered/"+registration, body)
		w.want(200, user, "POST", "/account/reset/secretkey", body)
		w.want(401, user, "DELETE", "/account/x", body)
		w.want(200, user, "GET", "/account/"+user.id, body)
	}
	big := `{"username": "` + strings.Repeat("x", 3<<20) + `"}`
	if got := w.do(account{}, "POST", "/account", big); got.Status != 413 || !strings.HasPrefix(got.Body, `{"Error": `) {
		t.Errorf("a body that is too large: %d %.80s", got.Status, got.Body)
	}
}

func TestRecordsAreSpelledInASCIIWithSortedMembers(t *testing.T) {
	w := newWorld(t)
	user := w.join("jürgen €", w.receiver())
	got := w.do(user, "GET", "/account/"+user.id, "")
	if got.Status != 200 || got.Header.Get("Content-Type") != "application/json" || !strings.HasSuffix(got.Body, "}\n") {
		t.Fatalf("%d %v %s", got.Status, got.Header, got.Body)
	}
	last := -1
	for _, name := range []string{"api_key", "endpoint", "epoch", "failed_count", "id", "is_admin", "secret_key", "username"} {
		at := strings.Index(got.Body, `"`+name+`": `)
		if at <= last {
			t.Errorf("%s is not in its place: %s", name, got.Body)
		}
		last = at
	}
	if !strings.Contains(got.Body, `"j\u00fcrgen \u20ac"`) {
		t.Error(got.Body)
	}
}
