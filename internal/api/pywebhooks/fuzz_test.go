package pywebhooks_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/api/pywebhooks"
	"github.com/switchhook/switchhook/internal/webhook"
)

// FuzzRequests holds every request to an answer of a kind that PyWebhooks gives.
func FuzzRequests(f *testing.F) {
	w := newWorld(f, func(o *pywebhooks.Options) { o.LoginRate, o.ResetRate = 0, 0 })
	user := w.join("user", w.receiver())
	registration := w.register(user, "e")
	for _, seed := range []struct{ method, path, body string }{
		{"GET", "/account/" + user.id, ""},
		{"GET", "/webhook/registrations?start=0&limit=+1_0", ""},
		{"POST", "/account", `{"username": "user", "endpoint": 5}`},
		{"PATCH", "/account", `{"endpoint": null}`},
		{"POST", "/webhook/registration", `{"event": "é", "description": [1], "event_data": {"a": 1e400}}`},
		{"PATCH", "/webhook/registration/" + registration, `{"description": "\ud800"}`},
		{"POST", "/webhook/subscription/" + registration, "{"},
		{"POST", "/webhook/triggered/" + registration, ""},
		{"DELETE", "/webhook/subscription//", ""},
		{"OPTIONS", "/account/reset/apikey/", ""},
	} {
		f.Add(seed.method, seed.path, seed.body, "user")
	}
	f.Fuzz(func(t *testing.T, method, path, body, name string) {
		u, err := url.Parse("http://hooks.example/v1" + path)
		if err != nil {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "http://hooks.example/", strings.NewReader(body))
		r.Method, r.URL = method, u
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("username", name)
		r.Header.Set("api-key", user.key)
		rec := httptest.NewRecorder()
		w.h.ServeHTTP(rec, r)
		switch typ := rec.Header().Get("Content-Type"); {
		case rec.Code >= 500:
			t.Fatalf("%s %q %q: %d %s", method, path, body, rec.Code, rec.Body)
		case rec.Code == 204:
			if rec.Body.Len() > 0 {
				t.Fatalf("%s %q: 204 with %q", method, path, rec.Body)
			}
		case typ == "application/json":
			if !json.Valid(rec.Body.Bytes()) || strings.ContainsFunc(rec.Body.String(), func(r rune) bool { return r > '~' }) {
				t.Fatalf("%s %q %q: %q", method, path, body, rec.Body)
			}
		case !strings.HasPrefix(typ, "text/html"):
			t.Fatalf("%s %q %q: %d of type %q", method, path, body, rec.Code, typ)
		}
	})
}

// FuzzMovingIn holds files of all kinds to being taken or refused with the place that is
// wrong.
func FuzzMovingIn(f *testing.F) {
	w := newWorld(f)
	r := w.receiver()
	f.Add([]byte(table(r, oldSarah, oldRegistration, oldSubscription, oldTriggered)))
	f.Add([]byte("[\n" + table(r, oldJohn) + ",\n" + table(r, oldOrphan) + "\n]\n"))
	f.Add([]byte("{}{}"))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add([]byte(`{"username": null}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		here := *w
		here.TB = t
		if _, err := here.moveIn(strings.NewReader(string(file))); err != nil && webhook.CodeOf(err) != webhook.CodeInvalid {
			t.Fatalf("%q: %v", file, err)
		}
	})
}
