package client

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// answering returns a client whose server answers every request like this, and
// what it was sent last.
func answering(t *testing.T, status int, body string) (*Client, *http.Request, *[]byte) {
	t.Helper()
	last, sent := &http.Request{}, &[]byte{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*last = *r
		*sent, _ = io.ReadAll(r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	c, err := New(s.URL+"/", "the-key")
	if err != nil {
		t.Fatal(err)
	}
	return c, last, sent
}

func TestErrorsSayWhatTheServerSays(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   string
	}{
		{404, `{"code":"not_found","detail":"there is no such endpoint"}`, "there is no such endpoint"},
		{422, `{"detail":[{"loc":["body","url"],"msg":"is no URL","type":"x"},{"loc":["body","a",3],"msg":"is wrong"}]}`, "url: is no URL; a.3: is wrong"},
		{422, `{"detail":[{"loc":[],"msg":"is empty"}]}`, "is empty"},
		{401, `{"code":"authentication_failed","detail":"Invalid token"}`, "Invalid token; give a key with --api-key or SWITCHHOOK_API_KEY"},
		{500, `{}`, "the server answered 500 Internal Server Error"},
		{502, `<html>`, "the server answered 502 Bad Gateway"},
	} {
		api, _, _ := answering(t, c.status, c.body)
		_, err := api.Apps().Get(t.Context(), "x", nil)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Error() != c.want || e.Status != c.status || IsNotFound(err) != (c.status == 404) {
			t.Errorf("%d %s: %v", c.status, c.body, err)
		}
	}
}

func TestPathsAndPayloadsArriveAsTheyAre(t *testing.T) {
	api, last, sent := answering(t, 202, `{"id":"msg_1"}`)
	m, err := api.Send(t.Context(), "a/b c", []byte("{\"x\":  \"<&>\"\n}"), map[string]any{"eventType": "t"})
	if err != nil || m.Value.ID != "msg_1" {
		t.Fatalf("%+v, %v", m, err)
	}
	if last.URL.EscapedPath() != "/api/v1/app/a%2Fb%20c/msg" || last.Header.Get("Authorization") != "Bearer the-key" {
		t.Errorf("sent to %s with %v", last.URL.EscapedPath(), last.Header)
	}
	if want := "{\"payload\":{\"x\":  \"<&>\"\n},\"eventType\":\"t\"}"; string(*sent) != want {
		t.Errorf("sent %s", *sent)
	}
}

func TestABaseThatIsNoURLIsRefused(t *testing.T) {
	for _, base := range []string{"", "127.0.0.1:8080", "ftp://x", "http://"} {
		if _, err := New(base, ""); err == nil {
			t.Errorf("%q is taken", base)
		}
	}
}
