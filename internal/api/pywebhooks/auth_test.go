package pywebhooks_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/api/pywebhooks"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestLoginsFailInTheirOrder(t *testing.T) {
	w := newWorld(t)
	user := w.join("user", w.receiver())
	path := "/account/" + user.id
	for _, c := range []struct {
		headers []string
		text    string
	}{
		{[]string{"-api-key", "", "-username", ""}, "Missing API key header value"},
		{[]string{"-api-key", "", "username", "nobody"}, "Missing API key header value"},
		{[]string{"-username", ""}, "Missing username header value"},
		{[]string{"username", "nobody"}, "Invalid API key or Username"},
		{[]string{"username", ""}, "Invalid API key or Username"},
		{[]string{"username", "USER"}, "Invalid API key or Username"},
		{[]string{"api-key", ""}, "Invalid API key"},
		{[]string{"api-key", w.admin.key}, "Invalid API key"},
		{[]string{"api-key", strings.ToUpper(user.key)}, "Invalid API key"},
		{[]string{"api-key", user.secret}, "Invalid API key"},
		{[]string{"api-key", w.want(200, user, "GET", path, "")["api_key"].(string)}, "Invalid API key"},
	} {
		w.fails(401, c.text, user, "GET", path, "", c.headers...)
	}
	w.want(200, user, "GET", path, "")
}

func TestNamesBeyondASCIIAreUnderstoodAsTheyAreSent(t *testing.T) {
	w := newWorld(t)
	user := w.join("jürgen", w.receiver())
	w.want(200, user, "GET", "/account/"+user.id, "")
	w.want(200, user, "GET", "/account/"+user.id, "", "username", "j\xfcrgen") // Latin-1
	w.fails(401, "Invalid API key or Username", user, "GET", "/account/"+user.id, "", "username", "j\xfcrgen?")
}

func TestFailedLoginsAreLimitedByAddressAndTheRightKeyIsNot(t *testing.T) {
	w := newWorld(t, func(o *pywebhooks.Options) { o.LoginRate = 1 })
	user := w.join("user", w.receiver())
	wrong := account{name: "user", key: "wrong"}
	w.fails(401, "Invalid API key", wrong, "GET", "/account/"+user.id, "")
	got := w.do(wrong, "GET", "/account/"+user.id, "")
	if got.Status != 429 || got.Body != "{\"Error\": \"Too many requests\"}\n" || got.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v %s", got.Status, got.Header, got.Body)
	}
	w.want(429, account{name: "nobody", key: "x"}, "GET", "/account/"+user.id, "")
	w.want(200, user, "GET", "/account/"+user.id, "")
	// Others are not held to it.
	r := httptest.NewRequest("GET", "http://hooks.example/v1/account/"+user.id, nil)
	r.RemoteAddr = "192.0.2.77:1234"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("username", "user")
	r.Header.Set("api-key", "wrong")
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	if rec.Code != 401 {
		t.Errorf("another address: %d", rec.Code)
	}
}

func TestLimitsCanBeSwitchedOff(t *testing.T) {
	w := newWorld(t, func(o *pywebhooks.Options) { o.LoginRate, o.ResetRate = 0, 0 })
	r := w.receiver()
	user := w.join("user", r)
	for range 400 {
		w.want(401, account{name: "user", key: "wrong"}, "GET", "/account/"+user.id, "")
	}
	for range 100 {
		w.want(200, account{}, "POST", "/account/reset/apikey", "", "username", "user")
	}
}

func TestAnAppOfTheNativeAPIIsAnAccountHere(t *testing.T) {
	w := newWorld(t)
	app, _, err := w.control.CreateAccount(t.Context(), webhook.Account{ParentID: w.root().ID, UID: "shop", Name: "The Shop"}, nil)
	w.must(err)
	_, _, err = w.control.CreateAccount(t.Context(), webhook.Account{ParentID: w.root().ID, Name: "without a uid"}, nil)
	w.must(err)
	key := func(scope webhook.Scope) account {
		_, text, err := w.control.CreateKey(t.Context(), webhook.Credential{AccountID: app.ID, Scope: scope})
		w.must(err)
		return account{id: app.ID.String(), name: "shop", key: text}
	}
	all := w.records(w.admin, "/accounts", "accounts")
	if len(all) != 3 || all[1]["username"] != "shop" || all[1]["endpoint"] != "" || all[2]["username"] != all[2]["id"] {
		t.Errorf("the admin sees %v", all)
	}
	r := w.receiver()
	w.fails(409, "Username already exists", account{}, "POST", "/account", `{"username": "shop", "endpoint": "`+r.URL()+`"}`)
	w.fails(404, "Endpoint not found", account{}, "POST", "/account/reset/apikey", "", "username", "shop")

	// Its own API keys let it in, and it can do all there is.
	shop := key(webhook.ScopeAccount)
	w.fails(401, "Invalid API key", key(webhook.ScopeReadOnly), "GET", "/account/"+shop.id, "")
	registration := w.register(shop, "sold")
	w.subscribe(shop, registration)
	w.sums("replaced", 1, shop, "PATCH", "/account", `{"endpoint": "`+r.URLFor("/shop")+`"}`)
	o := w.want(200, shop, "GET", "/account/"+shop.id, "")
	if o["failed_count"] != 0.0 || len(o["secret_key"].(string)) != 40 {
		t.Errorf("its record is %v", o)
	}
	w.trigger(shop, registration)
	w.posts(r, 1)
	w.want(200, account{}, "POST", "/account/reset/apikey", "", "username", "shop")
	// What was made elsewhere is not cleared here.
	w.sums("deleted", 0, w.admin, "DELETE", "/accounts", "")
	w.want(200, shop, "GET", "/account/"+shop.id, "")
}

func TestAnAppCannotBeTakenForTheAdmin(t *testing.T) {
	w := newWorld(t)
	app, _, err := w.control.CreateAccount(t.Context(), webhook.Account{ParentID: w.root().ID, UID: "admin", Name: "admin"}, nil)
	w.must(err)
	_, key, err := w.control.CreateKey(t.Context(), webhook.Credential{AccountID: app.ID, Scope: webhook.ScopeAccount})
	w.must(err)
	w.fails(401, "Invalid API key", account{name: "admin", key: key}, "DELETE", "/accounts", "")
	all := w.records(w.admin, "/accounts", "accounts")
	if len(all) != 2 || all[0]["username"] != "admin" || all[1]["username"] != app.ID.String() || all[1]["is_admin"] != false {
		t.Errorf("the admin sees %v", all)
	}
	listed, err := w.control.Accounts(t.Context(), w.root().ID, webhook.Page{Limit: 10})
	w.must(err)
	if len(listed.Items) != 1 || listed.Items[0].ID != app.ID {
		t.Errorf("the native API lists %v", listed.Items)
	}
}

func TestNoKeyIsLogged(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	user := w.join("user", r)
	w.want(200, account{}, "POST", "/account/reset/apikey", "", "username", "user")
	w.want(401, user, "POST", "/account/reset/secretkey", "")
	requests := w.came(r, "GET", 2)
	key := requests[1].Target[strings.LastIndexByte(requests[1].Target, '=')+1:]
	if log := w.log.String(); !strings.Contains(log, "key reset") || strings.Contains(log, key) || strings.Contains(log, user.key) || strings.Contains(log, user.secret) {
		t.Errorf("the log has a key, or no reset: %s", log)
	}
}
