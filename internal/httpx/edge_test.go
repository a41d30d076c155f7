package httpx_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/webhook"
)

// pathSeen returns the path that a handler behind CleanPath sees.
func pathSeen(t *testing.T, target string) (path, raw string) {
	t.Helper()
	h := httpx.CleanPath(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		path, raw = r.URL.Path, r.URL.EscapedPath()
	}))
	r := httptest.NewRequest("POST", "http://host/", nil)
	u, err := url.Parse("http://host" + target)
	if err != nil {
		t.Fatal(err)
	}
	r.URL = u
	h.ServeHTTP(httptest.NewRecorder(), r)
	return path, raw
}

func TestPathsAreCleanedWithoutARedirect(t *testing.T) {
	for target, want := range map[string]string{
		"/api/v1/app":          "/api/v1/app",
		"/api/v1/app/":         "/api/v1/app",
		"//api/v1/app":         "/api/v1/app",
		"//api//v1///app//":    "/api/v1/app",
		"/":                    "/",
		"//":                   "/",
		"/api/v1/app/a%2Fb/":   "/api/v1/app/a%2Fb",
		"//api/v1/app/a%2F%2F": "/api/v1/app/a",
		"/api/./v1/../app":     "/api/./v1/../app",
	} {
		if _, raw := pathSeen(t, target); raw != want {
			t.Errorf("%s: %s, want %s", target, raw, want)
		}
	}
}

func TestBodiesAreReadUpToTheLimit(t *testing.T) {
	for name, c := range map[string]struct {
		body    io.Reader
		length  int64
		want    string
		code    webhook.Code
		drained bool
	}{
		"none":                     {nil, 0, "", "", false},
		"with a length":            {strings.NewReader("12345678"), 8, "12345678", "", false},
		"without a length":         {strings.NewReader("12345678"), -1, "12345678", "", false},
		"empty and chunked":        {strings.NewReader(""), -1, "", "", false},
		"too long":                 {strings.NewReader("123456789"), 9, "", webhook.CodeTooLarge, true},
		"too long, without length": {strings.NewReader("123456789abcdef"), -1, "", webhook.CodeTooLarge, true},
		"broken off":               {io.MultiReader(strings.NewReader("123"), failing{}), 8, "", webhook.CodeInvalid, false},
		"broken off, chunked":      {io.MultiReader(strings.NewReader("123"), failing{}), -1, "", webhook.CodeInvalid, false},
		"shorter than its length":  {strings.NewReader("123"), 8, "", webhook.CodeInvalid, false},
	} {
		r := httptest.NewRequest("POST", "/", c.body)
		r.ContentLength = c.length
		got, err := httpx.ReadBody(r, 8)
		if string(got) != c.want || webhook.CodeOf(err) != c.code || (err != nil) != (c.code != "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if rest, _ := io.ReadAll(r.Body); c.drained && len(rest) > 0 {
			t.Errorf("%s: %d bytes left", name, len(rest))
		}
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection lost") }

func TestAPanicIsAnsweredAndLogged(t *testing.T) {
	var log bytes.Buffer
	h := httpx.Edge(httpx.EdgeOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))},
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/x?token=abc", nil))
	if w.Code != 500 || w.Body.String() != "{}" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if s := log.String(); !strings.Contains(s, "boom") || !strings.Contains(s, "status=500") || strings.Contains(s, "abc") {
		t.Error(s)
	}
}

func TestAnAbortedRequestStaysAborted(t *testing.T) {
	h := httpx.Edge(httpx.EdgeOptions{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("swallowed")
		}
	}()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

func TestTheAccessLineHasNoSecret(t *testing.T) {
	var log bytes.Buffer
	h := httpx.Edge(httpx.EdgeOptions{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))},
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { httpx.WriteJSON(w, 201, []byte(`{"a":1}`)) }))
	r := httptest.NewRequest("POST", "/api/v1/app?key=s3cret", nil)
	r.Header.Set("Authorization", "Bearer s3cret")
	r.Header.Set("X-Request-Id", "abc-1")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	line := log.String()
	for _, want := range []string{"method=POST", "path=/api/v1/app ", "status=201", "bytes=7", "request_id=abc-1"} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
	if strings.Contains(line, "s3cret") || strings.Count(line, "\n") != 1 {
		t.Error(line)
	}
}

func TestEveryAnswerHasARequestIDAndSafeHeaders(t *testing.T) {
	h := httpx.Edge(httpx.EdgeOptions{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	for sent, kept := range map[string]bool{"": false, "good_1.2-x": true, "no spaces\n": false, strings.Repeat("x", 65): false} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["X-Request-Id"] = []string{sent}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := httpx.RequestID(w)
		if got == "" || (got == sent) != kept {
			t.Errorf("sent %q, got %q", sent, got)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cache-Control") != "no-store" {
			t.Error(w.Header())
		}
	}
}

func TestPagesOfAnyOriginMayCall(t *testing.T) {
	called := false
	h := httpx.CORS(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	r := httptest.NewRequest("OPTIONS", "/api/v1/app", nil)
	r.Header.Set("Origin", "https://app.example")
	r.Header.Set("Access-Control-Request-Method", "POST")
	r.Header.Set("Access-Control-Request-Headers", "authorization,idempotency-key,svix-req-id")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	got := map[string]string{}
	for name := range w.Header() {
		got[name] = w.Header().Get(name)
	}
	want := map[string]string{
		"Access-Control-Allow-Origin":  "*",
		"Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
		"Access-Control-Allow-Headers": "authorization,idempotency-key,svix-req-id",
		"Access-Control-Max-Age":       "86400",
		"Vary":                         "Access-Control-Request-Headers",
	}
	if diff := cmp.Diff(want, got); diff != "" || w.Code != 204 || called {
		t.Errorf("%d, called %v\n%s", w.Code, called, diff)
	}
	r = httptest.NewRequest("GET", "/api/v1/app", nil)
	r.Header.Set("Origin", "https://app.example")
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if !called || w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Error("a plain request is not marked")
	}
}

func TestBearerTokens(t *testing.T) {
	for header, want := range map[string]string{
		"Bearer abc": "abc", "bearer  abc ": "abc", "Basic abc": "", "Bearer": "", "Bearer ": "", "": "",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", header)
		if got := httpx.Bearer(r); got != want {
			t.Errorf("%q: %q", header, got)
		}
	}
}

func TestRetryAfterIsInWholeSeconds(t *testing.T) {
	for wait, want := range map[time.Duration]string{0: "", time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2"} {
		w := httptest.NewRecorder()
		httpx.SetRetryAfter(w, wait)
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("%s: %q", wait, got)
		}
	}
}

func BenchmarkEdge(b *testing.B) {
	h := httpx.Edge(httpx.EdgeOptions{}, httpx.CleanPath(httpx.CORS(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))))
	r := httptest.NewRequestWithContext(context.Background(), "POST", "/api/v1/app/x/msg", nil)
	w := &nothing{h: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

type nothing struct{ h http.Header }

func (n *nothing) Header() http.Header         { return n.h }
func (n *nothing) Write(b []byte) (int, error) { return len(b), nil }
func (n *nothing) WriteHeader(int)             {}
