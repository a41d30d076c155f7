package kazoo_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/webhook"
)

// FuzzEnvelope sends bodies of all kinds. Whatever comes, the answer is an envelope with
// one of the statuses that there are, and what was stored comes back.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range [][2]string{
		{"application/json", `{"data":{"name":"x","uri":"https://receiver.example/","hook":"all"}}`},
		{"application/x-www-form-urlencoded", `{"data":{"name":"x&y=z","uri":"https://receiver.example/?a=b&c","hook":"all","custom_data":{"a":"b"}}}`},
		{"application/x-www-form-urlencoded", "a=b&c"},
		{"", `{"DATA":{"retries":"2.5","enabled":"true","modifiers":{"a":[1,"b"]}},"Verb":"put"}`},
		{"text/plain", "x"},
		{"application/json", `{"data":{"name":"\ud800","hook":"object","custom_data":{"type":"all","action":[]}}}`},
		{"application/json", `{"data":{"name":"x","name":1,"uri":"https://receiver.example","hook":"all","retries":1e400}}`},
		{"application/json", `{"data":[{}],"auth_token":7}`},
		{"application/json", strings.Repeat(`{"data":`, 600) + "{}" + strings.Repeat("}", 600)},
	} {
		f.Add(seed[0], seed[1])
	}
	w := newWorld(f)
	path := w.rootPath() + "/webhooks"
	f.Fuzz(func(t *testing.T, contentType, body string) {
		r := httptest.NewRequest("PUT", path, strings.NewReader(body))
		r.Header.Set("X-Auth-Token", w.token)
		r.Header.Set("Content-Type", contentType)
		rec := httptest.NewRecorder()
		w.h.ServeHTTP(rec, r)
		switch rec.Code {
		case 415:
			return
		case 201, 400, 409, 413:
		default:
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		var out struct {
			Status, Error string
			Data          json.RawMessage
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil || !utf8.Valid(rec.Body.Bytes()) {
			t.Fatalf("%v in %q", err, rec.Body)
		}
		if (rec.Code == 201) != (out.Status == "success") || out.Status == "error" && out.Error == "" {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		if rec.Code != 201 {
			return
		}
		r = httptest.NewRequest("DELETE", rec.Header().Get("Location"), nil)
		r.Header.Set("X-Auth-Token", w.token)
		gone := httptest.NewRecorder()
		w.h.ServeHTTP(gone, r)
		var was struct{ Data json.RawMessage }
		if err := json.Unmarshal(gone.Body.Bytes(), &was); err != nil || gone.Code != 200 {
			t.Fatalf("%d %s: %v", gone.Code, gone.Body, err)
		}
		if got := strings.Replace(string(was.Data), `,"_read_only":{"deleted":true}`, "", 1); got != string(out.Data) {
			t.Fatalf("stored %s, comes back as %s", out.Data, got)
		}
	})
}

// FuzzMovingIn imports files of all kinds. Whatever comes, it is taken in or the error is
// the operator's.
func FuzzMovingIn(f *testing.F) {
	for _, seed := range []string{
		allDocs(oldHook("11111111111111111111111111111111", oldSub, "")),
		allDocs(oldHook("1", oldSub, `,"hook":"inbound_fax"`), oldHook("1", oldSub, "")),
		allDocs(`{"_id":"`+oldSub+`","pvt_type":"account","name":"n","realm":"a b","pvt_tree":["`+oldSub+`"]}`, oldHook("2", oldSub, `,"modifiers":[]`)),
		allDocs(`{"_id":"` + oldMaster + `","pvt_type":"user","pvt_account_id":"` + oldSub + `","username":"","pvt_md5_auth":"x"}`),
		allDocs(`{"_id":"`+oldMaster+`","pvt_type":"user","pvt_account_id":"`+oldSub+`","username":"a\u0000"}`, "null"),
		`{"rows":[{"doc":{}},{"doc":[]}]}`, `{"rows":{}}`, "", "[",
	} {
		f.Add(seed)
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, file string) {
		one := *w
		one.TB = t
		if err := one.operate("POST", "/import", file, nil); err != nil && webhook.CodeOf(err) == "" {
			t.Fatalf("%q: %v", file, err)
		}
	})
}
