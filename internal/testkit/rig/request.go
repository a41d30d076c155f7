package rig

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Answer is what came back of a request.
type Answer struct {
	Asked  string // the method and the path
	Status int
	Header http.Header
	Body   string
}

// Text is the body that a test writes down: text as it is, nil for none, and anything
// else as JSON.
func Text(t testing.TB, body any) []byte {
	t.Helper()
	switch b := body.(type) {
	case nil:
		return nil
	case string:
		return []byte(b)
	}
	text, err := json.Marshal(body)
	Must(t, err)
	return text
}

// Request makes a request, with a body as Text says. Headers are names and values; the
// last one of a name holds, and a name with "-" in front is left out.
func Request(t testing.TB, method, url string, body any, headers ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(Text(t, body)))
	for i := 0; i+1 < len(headers); i += 2 {
		if name, out := strings.CutPrefix(headers[i], "-"); out {
			r.Header.Del(name)
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	return r
}

// Serve has a handler answer.
func Serve(h http.Handler, r *http.Request) Answer {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return Answer{r.Method + " " + r.URL.Path, rec.Code, rec.Header(), rec.Body.String()}
}

// Send has a server answer, over a socket.
func Send(t testing.TB, r *http.Request) Answer {
	t.Helper()
	r.RequestURI = "" // of a server's request
	resp, err := http.DefaultTransport.RoundTrip(r)
	Must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	Must(t, err)
	return Answer{r.Method + " " + r.URL.Path, resp.StatusCode, resp.Header, string(body)}
}

// Want ends the test unless the answer has the status.
func (a Answer) Want(t testing.TB, status int) Answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("%s: %d, want %d\n%s", a.Asked, a.Status, status, a.Body)
	}
	return a
}

// Object reads the JSON object that the body is. A 204 has none, and no body.
func (a Answer) Object(t testing.TB) (o map[string]any) {
	t.Helper()
	if a.Status == http.StatusNoContent && a.Body == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(a.Body), &o); err != nil || a.Status == http.StatusNoContent {
		t.Fatalf("%s: %d is no object: %v\n%s", a.Asked, a.Status, err, a.Body)
	}
	return o
}

// Pluck returns one member of each object.
func Pluck[T any](list []map[string]any, name string) (all []T) {
	for _, o := range list {
		v, _ := o[name].(T)
		all = append(all, v)
	}
	return all
}
