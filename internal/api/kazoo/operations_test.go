package kazoo_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api/kazoo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// operate asks for an operation and reads its answer, or returns its error.
func (w *world) operate(pattern, target, body string, into any) error {
	w.Helper()
	mux := http.NewServeMux()
	var failed error
	for at, do := range w.api.Operations() {
		mux.HandleFunc(at, func(rw http.ResponseWriter, r *http.Request) {
			answer, err := do(r)
			if failed = err; err != nil {
				return
			}
			raw, err := json.Marshal(answer)
			w.must(err)
			_, _ = rw.Write(raw)
		})
	}
	r := httptest.NewRequest(pattern, target, strings.NewReader(body))
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, r)
	if rec.Code != 200 {
		w.Fatalf("%s %s: %d", pattern, target, rec.Code)
	}
	if failed == nil && into != nil {
		w.must(json.Unmarshal(rec.Body.Bytes(), into))
	}
	return failed
}

func TestOperatorsSeeWhatIsConfiguredAndWhatFails(t *testing.T) {
	w := newWorld(t)
	sub := w.account(w.rootPath(), "sub")
	w.hook(sub, fields{"id": "on", "http_verb": "get", "retries": 4})
	w.hook(sub, fields{"id": "off", "enabled": false})
	w.hook(w.rootPath(), fields{"id": "root"})
	on := fields{
		"id": "on", "uri": "https://receiver.example/ok", "verb": "get", "event": "CHANNEL_CREATE", "retries": 4.0, "account_id": tail(sub),
	}
	var all, some []fields
	w.must(w.operate("GET", "/hooks", "", &all))
	w.must(w.operate("GET", "/hooks?account="+tail(sub), "", &some))
	if len(all) != 2 || cmp.Diff([]fields{on}, some) != "" {
		t.Error(all, some)
	}

	w.receiver.Play("/bad", 500)
	w.hook(sub, fields{"id": "bad", "uri": "https://receiver.example/bad"})
	for range 3 {
		w.fire(sub)
	}
	failures := func() (list []fields) {
		list = nil
		w.must(w.operate("GET", "/failures?account="+tail(sub), "", &list))
		return list
	}
	for {
		if list := failures(); len(list) == 1 && list[0]["count"] == 3.0 && list[0]["hook_id"] == "bad" {
			break
		}
	}
	var flushed fields
	w.must(w.operate("POST", "/flush?account="+tail(sub)+"&hook=other", "", &flushed))
	if flushed["flushed"] != 0.0 || len(failures()) != 1 {
		t.Error(flushed)
	}
	w.must(w.operate("POST", "/flush?account="+tail(sub)+"&hook=bad", "", &flushed))
	if flushed["flushed"] != 3.0 || len(failures()) != 0 {
		t.Error(flushed)
	}
}

func TestOperatorsEnableWhatDisabledItself(t *testing.T) {
	w := newWorld(t)
	sub := w.account(w.rootPath(), "sub")
	w.failing(sub, "h")
	var got fields
	w.must(w.operate("POST", "/enable", `{"account":"`+w.root.ID.String()+`"}`, &got))
	if diff := cmp.Diff(fields{"enabled": []any{}}, got); diff != "" {
		t.Error(diff)
	}
	w.must(w.operate("POST", "/enable", `{"account":"`+w.root.ID.String()+`","descendants":true}`, &got))
	if diff := cmp.Diff(fields{"enabled": []any{"h"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSettingsReachTheHooksThatAreThere(t *testing.T) {
	w := newWorld(t)
	sub := w.account(w.rootPath(), "sub")
	w.hook(w.rootPath())
	w.hook(sub)
	policy := func(path string) webhook.HealthPolicy {
		hooks, err := w.control.Endpoints(t.Context(), mustID(t, tail(path)), webhook.Page{})
		w.must(err)
		return hooks.Items[0].Health
	}
	var got fields
	w.must(w.operate("PUT", "/settings", `{"account":"`+tail(sub)+`","attempt_failure_count":2}`, &got))
	w.must(w.operate("PUT", "/settings", `{"attempt_failure_count":9,"attempt_failure_expiry_ms":5000}`, &got))
	if got["attempt_failure_count"] != 9.0 || got["attempt_failure_expiry_ms"] != 5000.0 {
		t.Error(got)
	}
	for path, want := range map[string]int{w.rootPath(): 9, sub: 2} {
		if p := policy(path); p.WindowFailures != want || p.Window.Milliseconds() != 5000 || p.Reason != "too many failed attempts" {
			t.Errorf("%s: %+v", path, p)
		}
	}
	if shown := w.data(200, "GET", sub, nil); cmp.Diff(fields{"attempt_failure_count": 2.0}, shown["configs_webhooks"]) != "" {
		t.Error(shown)
	}
	for _, wrong := range []string{`{"attempt_failure_count":0}`, `{"attempt_failure_count":"x"}`, `{"attempt_failure_expiry_ms":1e12}`, `{"account":"x"}`} {
		if err := w.operate("PUT", "/settings", wrong, nil); webhook.CodeOf(err) != webhook.CodeInvalid {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestHookTypesAreReadAgainAndListed(t *testing.T) {
	told := 0
	w := newWorld(t, func(o *kazoo.Options) {
		o.TypesChanged = func(context.Context) error { told++; return nil }
	})
	var got fields
	w.must(w.operate("POST", "/hooktypes", `{"id":"webhooks_sms"}`, &got))
	if diff := cmp.Diff(fields{"hook_types": []any{"webhooks_sms"}}, got); diff != "" {
		t.Error(diff)
	}
	if err := w.operate("POST", "/hooktypes", `{"id":"nope"}`, nil); webhook.CodeOf(err) != webhook.CodeNotFound {
		t.Error(err)
	}
	if told != 2 {
		t.Errorf("whoever has to know was told %d times", told)
	}
}
