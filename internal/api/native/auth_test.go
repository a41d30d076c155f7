package native_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/api/native"
)

// portal lets a browser see the application and returns the world through its eyes.
func (w *world) portal(app string, body any) *world {
	w.Helper()
	out := w.want(200, "POST", "/auth/app-portal-access/"+tail(app), body)
	token := out["token"].(string)
	if url := out["url"]; url != "https://hooks.example/console#key="+token {
		w.Errorf("url %v", url)
	}
	return w.as(token)
}

func TestAPortalKeyReachesItsOwnApplicationAlone(t *testing.T) {
	w := newWorld(t)
	w.types("a.b")
	mine, other := w.app(), w.app()
	to := w.endpoint(mine, "/ok")
	p := w.portal(mine, object{})
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"POST", "/app", object{"name": "x"}},
		{"GET", "/app", nil},
		{"PUT", mine, object{"name": "x"}},
		{"PATCH", mine, object{"name": "x"}},
		{"DELETE", mine, nil},
		{"POST", mine + "/msg", object{"eventType": "a.b", "payload": object{}}},
		{"POST", mine + "/msg/batch", []object{{"eventType": "a.b", "payload": object{}}}},
		{"POST", to + "/send-example", object{"eventType": "svix.ping"}},
		{"POST", "/event-type", object{"name": "x", "description": ""}},
		{"PUT", "/event-type/a.b", object{"description": ""}},
		{"DELETE", "/event-type/a.b", nil},
		{"POST", "/auth/app-portal-access/" + tail(mine), object{}},
		{"POST", "/key", object{}},
		{"GET", "/key", nil},
	} {
		p.code(403, "insufficient access", c.method, c.path, c.body)
	}
	p.want(200, "GET", mine, nil)
	p.code(404, "not_found", "GET", other, nil)
	p.code(404, "not_found", "GET", other+"/endpoint", nil)
	p.code(404, "not_found", "POST", other+"/endpoint", object{"url": "https://x.example"})
	made := p.endpoint(mine, "/x")
	p.want(200, "GET", made, nil)
	p.want(200, "GET", made+"/secret", nil)
	p.want(204, "POST", made+"/secret/rotate", nil)
	p.want(204, "DELETE", made, nil)
	p.want(200, "GET", "/event-type", nil)
	p.want(200, "GET", "/event-type/a.b", nil)
}

func TestAReadOnlyPortalKeyChangesNothing(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	to := w.endpoint(app, "/ok")
	m := w.send(app)
	p := w.portal(app, object{"readOnly": true})
	p.want(200, "GET", app, nil)
	p.want(200, "GET", app+"/endpoint", nil)
	p.want(200, "GET", to, nil)
	p.want(200, "GET", app+"/msg", nil)
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"POST", app + "/endpoint", object{"url": "https://x.example"}},
		{"PUT", to, object{"url": "https://x.example"}},
		{"PATCH", to, object{}},
		{"DELETE", to, nil},
		{"GET", to + "/secret", nil},
		{"POST", to + "/secret/rotate", object{}},
		{"PUT", to + "/headers", object{"headers": object{}}},
		{"POST", to + "/recover", object{"since": time.Now()}},
		{"POST", app + "/msg/" + m["id"].(string) + "/endpoint/" + tail(to) + "/resend", nil},
	} {
		p.code(403, "insufficient access", c.method, c.path, c.body)
	}
}

func TestPortalKeysHaveTheirCapabilities(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	to := w.endpoint(app, "/ok")
	m := w.send(app)
	resend := app + "/msg/" + m["id"].(string) + "/endpoint/" + tail(to) + "/resend"
	for name, can := range map[string]map[string]bool{
		"ViewBase":             {},
		"ViewEndpointSecret":   {"secret": true},
		"ManageEndpointSecret": {"secret": true, "rotate": true},
		"CreateAttempts":       {"resend": true},
		"ManageEndpoint":       {"secret": true, "rotate": true, "patch": true},
	} {
		p := w.portal(app, object{"capabilities": []string{"ViewBase", name}})
		p.want(200, "GET", to, nil)
		for what, c := range map[string][3]any{
			"secret": {"GET", to + "/secret", 200}, "rotate": {"POST", to + "/secret/rotate", 204},
			"patch": {"PATCH", to, 200}, "resend": {"POST", resend, 202},
		} {
			want := 403
			if can[what] {
				want = c[2].(int)
			}
			if got := p.do(c[0].(string), c[1].(string), nil); got.Status != want {
				t.Errorf("%s, %s: %d, want %d", name, what, got.Status, want)
			}
		}
	}
}

func TestAPortalKeyEndsInTime(t *testing.T) {
	now := time.Now()
	w := newWorld(t)
	app := w.app()
	w.portal(app, object{"expiry": 3600}).want(200, "GET", app, nil)
	keys := w.list("/key?appId=" + tail(app))
	expires, err := time.Parse(time.RFC3339, keys[0]["expiresAt"].(string))
	w.must(err)
	if d := expires.Sub(now); d < 59*time.Minute || d > 61*time.Minute {
		t.Errorf("expires in %s", d)
	}
	p := w.portal(app, object{"expiry": 1})
	deadline := time.After(10 * time.Second)
	for p.do("GET", app, nil).Status != 401 {
		select {
		case <-deadline:
			t.Fatal("it never expires")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestPortalAccessNeedsNoBody(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	for _, path := range []string{"app-portal-access", "dashboard-access"} {
		for _, body := range []any{nil, "", "{}", " ", "null"} {
			w.want(200, "POST", "/auth/"+path+"/"+tail(app)+"/", body)
		}
	}
}

func TestPortalAccessMakesTheApplication(t *testing.T) {
	w := newWorld(t)
	path := "/auth/app-portal-access/new"
	w.code(404, "not_found", "POST", path, object{"featureFlags": []string{}})
	w.want(200, "POST", path, object{"application": object{"name": "New", "uid": "new"}})
	w.want(200, "POST", path, object{"application": object{"name": "Ignored", "uid": "new"}})
	if name := w.want(200, "GET", "/app/new", nil)["name"]; name != "New" {
		t.Error(name)
	}
	w.invalid("body.application.uid", "POST", "/auth/app-portal-access/other", object{"application": object{"name": "x", "uid": "new"}})
	w.invalid("body.application.uid", "POST", "/auth/app-portal-access/other", object{"application": object{"name": "x"}})
	w.invalid("body.application.name", "POST", path, object{"application": object{"uid": "new"}})
	w.invalid("body.expiry", "POST", path, object{"expiry": 0})
	w.invalid("body.capabilities.0", "POST", path, object{"capabilities": []string{"Everything"}})
	w.invalid("body.capabilities.0", "POST", path, object{"capabilities": []string{"ManageTransformations"}})
	w.invalid("body.nope", "POST", path, object{"nope": true})
}

func TestWrongCredentialsAreToldApart(t *testing.T) {
	w := newWorld(t, func(o *native.Options) { o.JWTSecret = "the secret of the tokens" })
	secret := w.want(200, "GET", w.endpoint(w.app(), "/")+"/secret", nil)["key"].(string)
	said := map[string]string{}
	for _, key := range []string{"", "nonsense", "a.b.c", secret, "the secret of the tokens", w.root + "x", w.root[:len(w.root)-1] + "!"} {
		out := w.as(key).want(401, "POST", "/app", object{"name": "x"})
		if out["code"] != "authentication_failed" {
			t.Errorf("%q: %v", key, out)
		}
		said[key] = out["detail"].(string)
	}
	if said["nonsense"] != "Invalid token" || said[""] != "Invalid token" || said["a.b.c"] != "Invalid token" {
		t.Error(said)
	}
	if said[secret] == said["nonsense"] || said[secret] != said["the secret of the tokens"] || !strings.Contains(said[secret], "signing secret") {
		t.Error(said)
	}
}

func TestLogoutIsNotThere(t *testing.T) {
	w := newWorld(t)
	w.code(501, "not_implemented", "POST", "/auth/logout", nil)
}

// jwt makes a token as a Svix server would.
func jwt(secret, header, claims string) string {
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestTokensOfASvixServerAreTaken(t *testing.T) {
	const secret, header = "x]6.ARq@zV", `{"alg":"HS256","typ":"JWT"}`
	w := newWorld(t, func(o *native.Options) { o.JWTSecret = secret })
	now := time.Now().Unix()
	claims := func(sub string, exp, nbf int64) string {
		return fmt.Sprintf(`{"iat":%d,"exp":%d,"nbf":%d,"iss":"svix-server","sub":%q}`, now, exp, nbf, sub)
	}
	good := claims("org_23rb8YdGqMT0qIzpgGwdXfHirMu", now+3600, now)
	w.as(jwt(secret, header, good)).want(201, "POST", "/app", object{"name": "x"})
	for name, token := range map[string]string{
		"another secret":    jwt("y", header, good),
		"no algorithm":      jwt(secret, `{"alg":"none"}`, good),
		"another algorithm": jwt(secret, `{"alg":"HS512"}`, good),
		"over":              jwt(secret, header, claims("org_x", now-3600, now-7200)),
		"not yet":           jwt(secret, header, claims("org_x", now+7200, now+3600)),
		"an application's":  jwt(secret, header, `{"sub":"app_x","org":"org_x"}`),
		"nobody's":          jwt(secret, header, `{}`),
		"no JSON":           jwt(secret, header, `x`),
		"no base64":         "!.!.!",
		"cut":               strings.TrimRight(jwt(secret, header, good), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"),
	} {
		if got := w.as(token).do("GET", "/app", nil); got.Status != 401 {
			t.Errorf("%s: %d", name, got.Status)
		}
	}
	other := newWorld(t)
	if got := other.as(jwt(secret, header, good)).do("GET", "/app", nil); got.Status != 401 {
		t.Errorf("without a secret: %d", got.Status)
	}
}

func TestKeysAreMadeListedAndRevoked(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	key := w.want(201, "POST", "/key", object{"name": "CI", "scope": "account", "appId": tail(app)})
	mine := w.as(key["key"].(string))
	if m := mine.send(app); m["id"] == "" { // an application's own key may send
		t.Error(m)
	}
	mine.want(403, "GET", "/app", nil)
	list := w.list("/key?appId=" + tail(app))
	delete(key, "key")
	if len(list) != 1 || list[0]["id"] != key["id"] || list[0]["key"] != nil || list[0]["appId"] != tail(app) {
		t.Error(list)
	}
	if roots := w.list("/key"); len(roots) != 1 || roots[0]["scope"] != "root" || roots[0]["appId"] != nil {
		t.Error(roots)
	}
	w.want(204, "DELETE", "/key/"+key["id"].(string), nil)
	mine.want(401, "GET", app, nil)
	w.want(404, "DELETE", "/key/"+key["id"].(string), nil)
	w.want(404, "DELETE", "/key/nonsense", nil)
	w.invalid("body.scope", "POST", "/key", object{"scope": "all"})
	w.invalid("body.expiresAt", "POST", "/key", object{"expiresAt": "2001-01-01T00:00:00Z"})
	w.want(404, "POST", "/key", object{"appId": "nobody"})
	ro := w.as(w.want(201, "POST", "/key", object{"scope": "read-only", "appId": tail(app)})["key"].(string))
	ro.want(200, "GET", app, nil)
	ro.want(403, "POST", app+"/msg", object{"eventType": "a", "payload": object{}})
}
