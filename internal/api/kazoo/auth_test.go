package kazoo_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api/kazoo"
	"github.com/switchhook/switchhook/internal/testkit/rig"
)

func TestAUserLogsInWithTheDigestOfNameAndPassword(t *testing.T) {
	w := newWorld(t)
	sub := w.account(w.rootPath(), "Acme, Inc.")
	w.data(201, "PUT", sub+"/users", fields{"username": "Ann", "password": "Secret"})
	sum := sha1.Sum([]byte("ann:Secret"))
	sha := hex.EncodeToString(sum[:])
	realm := w.data(200, "GET", sub, nil)["realm"].(string)
	nobody := w.as("")
	for _, in := range []fields{
		{"credentials": digest("ann", "Secret"), "account_name": "Acme, Inc."},
		{"credentials": digest("ann", "Secret"), "account_name": "acmeinc", "method": "md5", "unknown": 1},
		{"credentials": sha, "account_name": "ACME inc", "method": "sha"},
		{"credentials": sha, "realm": strings.ToUpper(realm), "method": "sha"},
		{"credentials": sha, "account_realm": realm, "account_name": "other", "phone_number": "+1555", "method": "sha"},
		{"credentials": sha, "account_realm": "nobodys.realm", "account_name": "acme inc", "method": "sha"},
	} {
		got := nobody.want(201, "PUT", "/v2/user_auth", in)
		d := got.fields["data"].(fields)
		if d["account_id"] != tail(sub) || d["account_name"] != "Acme, Inc." || d["reseller_id"] != w.root.ID.Hex() ||
			d["is_reseller"] != false || d["is_master_account"] != false || d["language"] != "en-US" || d["owner_id"] == nil {
			t.Errorf("%v: %v", in, d)
		}
		if got.fields["page_size"] != 1.0 || got.fields["version"] != "5.0" {
			t.Errorf("%s", got.Body)
		}
		w.as(got.fields["auth_token"].(string)).want(200, "GET", sub+"/webhooks", nil)
	}
	for _, in := range []fields{
		{"credentials": digest("ann", "secret"), "account_name": "acmeinc"},
		{"credentials": digest("Ann", "Secret"), "account_name": "acmeinc"},
		{"credentials": strings.ToUpper(digest("ann", "Secret")), "account_name": "acmeinc"},
		{"credentials": sha, "account_name": "acmeinc"},
		{"credentials": digest("ann", "Secret"), "account_name": "nobody"},
		{"credentials": digest("ann", "Secret"), "account_name": "root"},
		{"credentials": digest("ann", "Secret"), "account_name": "!!!"},
		{"credentials": digest("ann", "Secret")},
	} {
		nobody.refused(401, "invalid_credentials", `{"message":"invalid credentials"}`, "PUT", "/v2/user_auth", in)
	}
}

func TestALoginMustBeComplete(t *testing.T) {
	w := newWorld(t).as("")
	w.invalid("PUT", "/v2/user_auth", fields{"account_name": "root"}, "credentials", "required", "Field is required but missing")
	w.invalid("PUT", "/v2/user_auth", fields{
		"credentials": strings.Repeat("x", 65), "method": "sha1", "account_name": "", "account_realm": "a b", "phone_number": 1,
	},
		"credentials", "maxLength", "String must not be more than 64 characters",
		"method", "enum", "Value not found in enumerated list of values",
		"account_name", "minLength", "String must be at least 1 characters",
		"account_realm", "minLength", "String must be at least 4 characters",
		"account_realm", "pattern", `Failed to match pattern '^[.\w_-]+$'`,
		"phone_number", "type", "Value did not match type(s): string",
	)
	w.want(405, "POST", "/v2/user_auth", fields{})
	w.want(405, "GET", "/v2/user_auth", nil)
}

func TestAccountsOfOneNameAreAllTried(t *testing.T) {
	w := newWorld(t)
	a, b := w.account(w.rootPath(), "Twin"), w.account(w.rootPath(), "twin!")
	ann, bob := w.member(a, "ann"), w.member(b, "bob")
	ann.want(200, "GET", a+"/webhooks", nil)
	bob.want(200, "GET", b+"/webhooks", nil)
}

func TestWhoIsDisabledCannotLogIn(t *testing.T) {
	w := newWorld(t)
	sub := w.account(w.rootPath(), "sub")
	user := sub + "/users/" + w.data(201, "PUT", sub+"/users", fields{"username": "ann", "password": "secret"})["id"].(string)
	in := fields{"credentials": digest("ann", "secret"), "account_name": "sub"}
	token := w.login("ann", "secret", "sub")
	w.data(200, "PATCH", user, fields{"enabled": false})
	w.want(401, "PUT", "/v2/user_auth", in)
	w.as(token).want(401, "GET", sub+"/webhooks", nil)
	w.data(200, "PATCH", user, fields{"enabled": true})
	w.want(201, "PUT", "/v2/user_auth", in)

	w.data(200, "PATCH", sub, fields{"enabled": false})
	got := w.want(400, "PUT", "/v2/user_auth", in)
	if got.fields["message"] != "validation error" || !strings.Contains(got.Body, `"account":{"disabled"`) {
		t.Errorf("%s", got.Body)
	}
	w.data(200, "PATCH", sub, fields{"enabled": true})
	w.data(200, "DELETE", user, nil)
	w.want(401, "PUT", "/v2/user_auth", in)
}

func TestATokenComesByManyWays(t *testing.T) {
	w := newWorld(t)
	path, nobody := w.rootPath()+"/webhooks", w.as("")
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(w.root.ID.Hex()+":"+digest("admin", w.password)))
	nobody.want(200, "GET", path, nil, "X-Auth-Token", w.token)
	nobody.want(200, "GET", path+"?auth_token="+w.token, nil)
	nobody.want(200, "GET", path, nil, "Authorization", "Bearer "+w.token)
	nobody.want(200, "GET", path+"?authorization=Bearer+"+w.token, nil)
	nobody.want(200, "GET", path, nil, "Authorization", basic)
	nobody.want(201, "PUT", path, `{"auth-token":"`+w.token+`","data":{"name":"x","uri":"https://receiver.example/","hook":"all"}}`)
	nobody.want(201, "PUT", path, hookFields(fields{"auth_token": w.token}))
	for _, wrong := range []string{"Basic", "Basic ???", "Basic " + base64.StdEncoding.EncodeToString([]byte(w.root.ID.Hex()+":x")), "Bearer x", "Digest x"} {
		nobody.want(401, "GET", path, nil, "Authorization", wrong)
	}
}

func TestATokenIsGoodForItsTimeAlone(t *testing.T) {
	w := newWorld(t, func(o *kazoo.Options) { o.TokenLifetime = time.Minute })
	path := w.rootPath() + "/webhooks"
	w.clock.move(59 * time.Second)
	w.want(200, "GET", path, nil)
	w.clock.move(time.Second)
	w.refused(401, "invalid credentials", `{}`, "GET", path, nil)
	w.refused(401, "invalid credentials", `{}`, "GET", "/v2/webhooks", nil)
	w.refused(401, "invalid credentials", `{}`, "GET", "/v2/no/such/path", nil)
}

func TestATokenThatProvesNothingIsNone(t *testing.T) {
	w := newWorld(t)
	parts := strings.Split(w.token, ".")
	forged := parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"kazoo","account_id":"`+w.root.ID.String()+`","exp":9999999999}`)) + "." + parts[2]
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
	for _, token := range []string{"x", "a.b.c", w.token + "x", w.token[:len(w.token)-2], forged, none, strings.ToUpper(w.token)} {
		w.as(token).refused(401, "invalid_credentials", `{"message":"invalid credentials"}`, "GET", w.rootPath()+"/webhooks", nil)
		got := w.as(token).want(200, "GET", "/v2/webhooks", nil)
		if got.fields["version"] != nil || got.fields["auth_token"] != nil {
			t.Errorf("%s", got.Body)
		}
	}
}

func TestADroppedTokenEnds(t *testing.T) {
	w := newWorld(t)
	other := w.login("admin", w.password, "root")
	if d := w.data(200, "GET", "/v2/token_auth", nil); d["account_id"] != w.root.ID.Hex() {
		t.Error(d)
	}
	w.want(200, "GET", "/v2/user_auth/"+w.token, nil)
	w.want(401, "GET", "/v2/user_auth/"+other, nil)
	w.want(200, "DELETE", "/v2/token_auth", nil)
	w.want(401, "GET", "/v2/token_auth", nil)
	w.want(401, "DELETE", "/v2/token_auth", nil)
	w.as(other).want(200, "GET", "/v2/token_auth", nil)
}

func TestANewPasswordEndsTheTokensOfTheOldOne(t *testing.T) {
	w := newWorld(t)
	sub := w.account(w.rootPath(), "sub")
	ann := w.member(sub, "ann")
	user := sub + "/users/" + rig.Pluck[string](w.list(sub+"/users"), "id")[0]
	ann.want(200, "GET", user, nil)
	w.data(200, "PATCH", user, fields{"first_name": "Ann"})
	ann.want(200, "GET", user, nil)
	w.invalid("PATCH", user, fields{"username": "anna"}, "password", "required", "a new username needs the password")
	w.data(200, "PATCH", user, fields{"password": "another"})
	ann.want(401, "GET", user, nil)
	w.as(w.login("ann", "another", "sub")).want(200, "GET", user, nil)
}

func TestAnAPIKeyLogsAnAccountIn(t *testing.T) {
	w := newWorld(t)
	sub := w.account(w.rootPath(), "sub")
	key := w.data(201, "PUT", sub+"/api_key", nil)["api_key"].(string)
	nobody := w.as("")
	got := nobody.want(201, "PUT", "/v2/api_auth", fields{"api_key": key})
	if d := got.fields["data"].(fields); d["account_id"] != tail(sub) || d["owner_id"] != nil {
		t.Error(d)
	}
	in := w.as(got.fields["auth_token"].(string))
	in.want(200, "GET", sub+"/webhooks", nil)
	in.want(403, "GET", w.rootPath()+"/webhooks", nil)

	w.data(201, "PUT", sub+"/api_key", nil)
	nobody.refused(404, "bad identifier", `["`+key+`"]`, "PUT", "/v2/api_auth", fields{"api_key": key})
	in.want(401, "GET", sub+"/webhooks", nil)
	nobody.invalid("PUT", "/v2/api_auth", fields{}, "api_key", "required", "Field is required but missing")
	nobody.invalid("PUT", "/v2/api_auth", fields{"api_key": "short", "more": 1},
		"api_key", "minLength", "String must be at least 64 characters", "more", "additionalProperties", "This field is not known here")
}

func TestAnAccountIsReachedFromItselfAndFromAbove(t *testing.T) {
	w := newWorld(t)
	a := w.account(w.rootPath(), "a")
	b := w.account(a, "b")
	c := w.account(w.rootPath(), "c")
	ann, bob := w.member(a, "ann"), w.member(b, "bob")
	for _, one := range []struct {
		who    *world
		path   string
		status int
	}{
		{w, a, 200},
		{w, b, 200},
		{ann, a, 200},
		{ann, b, 200},
		{ann, c, 403},
		{ann, w.rootPath(), 403},
		{bob, b, 200},
		{bob, a, 403},
		{w.as(""), a, 401},
	} {
		one.who.want(one.status, "GET", one.path+"/webhooks", nil)
	}
	ann.want(201, "PUT", "/v2/account/webhooks", hookFields())
	if got := ann.list(a + "/webhooks"); len(got) != 1 {
		t.Error(got)
	}
	w.as("").want(401, "GET", "/v2/account/webhooks", nil)
}

func TestTheAccountOfThePathIsLookedAtBeforeTheToken(t *testing.T) {
	w := newWorld(t).as("")
	unknown := strings.Repeat("a", 32)
	w.refused(404, "bad identifier", `{"message":"invalid account_id 'abc'"}`, "GET", "/v2/accounts/abc/webhooks", nil)
	w.refused(404, "bad_identifier", `{"cause":"`+unknown+`","message":"bad identifier"}`, "GET", "/v2/accounts/"+unknown+"/webhooks", nil)
	w.refused(404, "bad_identifier", `{"cause":"`+strings.Repeat("X", 32)+`","message":"bad identifier"}`, "GET", "/v2/accounts/"+strings.Repeat("X", 32), nil)
	w.refused(404, "not_found", `{"message":"not found"}`, "GET", "/v2/accounts/abc/webhooks/x/y", nil)
	w.refused(405, "invalid_method", `{"message":"method not allowed"}`, "DELETE", "/v2/accounts/abc/webhooks", nil)
	w.refused(401, "invalid_credentials", `{"message":"invalid credentials"}`, "GET", w.rootPath()+"/webhooks", nil, "Accept", "text/html")
}

func TestNobodyMayTouchHooksWithoutAnAccount(t *testing.T) {
	w := newWorld(t)
	for _, one := range [][2]string{
		{"PUT", "/v2/webhooks"},
		{"PATCH", "/v2/webhooks"},
		{"GET", "/v2/webhooks/x"},
		{"POST", "/v2/webhooks/x"},
		{"PATCH", "/v2/webhooks/x"},
		{"DELETE", "/v2/webhooks/x"},
		{"GET", "/v2/webhooks/attempts"},
		{"GET", "/v2/webhooks/x/attempts"},
	} {
		w.refused(403, "forbidden", `{"message":"forbidden"}`, one[0], one[1], nil)
		w.as("").refused(401, "invalid_credentials", `{"message":"invalid credentials"}`, one[0], one[1], nil)
	}
	w.want(405, "DELETE", "/v2/webhooks", nil)
	w.want(405, "POST", "/v2/webhooks/samples", nil)
}

func TestCallersWithoutATokenAndLoginsPayFromABucket(t *testing.T) {
	w := newWorld(t, func(o *kazoo.Options) { o.RequestBurst, o.RequestsPerSecond = 3, 1 })
	nobody := w.as("") // the login took one
	got := nobody.want(200, "GET", "/v2/webhooks", nil)
	if diff := cmp.Diff(fields{"consumed": 1.0, "remaining": 1.0}, got.fields["tokens"]); diff != "" {
		t.Error(diff)
	}
	nobody.want(401, "PUT", "/v2/user_auth", fields{"credentials": "x"})
	for range 2 {
		nobody.refused(429, "too_many_requests", `{"message":"too many requests"}`, "GET", "/v2/webhooks", nil)
		nobody.want(429, "PUT", "/v2/user_auth", fields{"credentials": "x"})
		nobody.want(429, "GET", w.rootPath()+"/webhooks", nil, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(w.root.ID.Hex()+":x")))
	}
	w.want(200, "GET", w.rootPath()+"/webhooks", nil) // who has a token does not pay
	w.clock.move(time.Second)
	nobody.want(200, "GET", "/v2/webhooks", nil)
	nobody.want(429, "GET", "/v2/webhooks", nil)
}

func TestVerifiersAreSlowHashesAndThePasswordIsNowhere(t *testing.T) {
	w := newWorld(t)
	users, err := w.control.Users(t.Context(), w.root.ID)
	w.must(err)
	for scheme, hash := range users[0].Verifiers {
		if !strings.HasPrefix(hash, "$argon2id$") || strings.Contains(hash, digest("admin", w.password)) {
			t.Errorf("%s: %s", scheme, hash)
		}
	}
	if raw := string(users[0].Annotations["kazoo"]); strings.Contains(raw, w.password) {
		t.Error(raw)
	}
	if got := w.want(http.StatusOK, "GET", w.rootPath()+"/users/"+users[0].ID.Hex(), nil); strings.Contains(got.Body, "password") {
		t.Errorf("%s", got.Body)
	}
}

func TestTheFirstUserIsMadeOnce(t *testing.T) {
	w := newWorld(t)
	again, err := w.api.Begin(t.Context())
	w.must(err)
	if again != nil {
		t.Errorf("%+v", again)
	}
}

func TestNoTokenIsInALog(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, func(o *kazoo.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	w.want(200, "GET", "/v2/user_auth/"+w.token, nil)
	w.want(200, "GET", "/v2/webhooks?auth_token="+w.token, nil)
	w.want(401, "GET", "/v2/user_auth/secret%2Fword", nil)
	if text := log.String(); strings.Contains(text, w.token) || strings.Contains(text, "secret") || !strings.Contains(text, "user_auth") {
		t.Error(text)
	}
}
