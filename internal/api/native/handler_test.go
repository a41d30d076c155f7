package native_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// FuzzRequests throws anything at the whole API: it never answers with an error of its
// own, and what it answers is JSON.
func FuzzRequests(f *testing.F) {
	w := newWorld(f)
	app := w.app()
	to := w.endpoint(app, "/200")
	msg := app + "/msg/" + w.send(app)["id"].(string)
	methods := []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
	for i, path := range []string{app, to, msg, to + "/headers", to + "/recover", app + "/msg/batch", "/event-type/x", "/key", "/auth/app-portal-access/x"} {
		f.Add(byte(i), path, "limit=5&iterator=x", []byte(`{"name":"x","url":"https://x.example","eventType":"a","payload":{}}`))
		f.Add(byte(i+1), path+"//", "with_content=1&event_types=a", []byte(`[{}]`))
	}
	f.Fuzz(func(t *testing.T, method byte, path, query string, body []byte) {
		u := &url.URL{Scheme: "http", Host: "x", Path: "/api/v1" + path, RawQuery: query}
		r := httptest.NewRequest("GET", "/", bytes.NewReader(body))
		r.Method, r.URL = methods[int(method)%len(methods)], u
		r.Header.Set("Authorization", "Bearer "+w.key)
		r.Header.Set("Idempotency-Key", query)
		rec := httptest.NewRecorder()
		w.h.ServeHTTP(rec, r)
		switch {
		case rec.Code >= 500 && rec.Code != http.StatusNotImplemented, rec.Code >= 300 && rec.Code < 400:
			t.Fatalf("%s %s?%s %q: %d %s", r.Method, u.Path, query, body, rec.Code, rec.Body)
		case rec.Code == http.StatusNoContent && rec.Body.Len() > 0, rec.Body.Len() > 0 && !json.Valid(rec.Body.Bytes()):
			t.Fatalf("%s %s: %d %q", r.Method, u.Path, rec.Code, rec.Body)
		}
	})
}
