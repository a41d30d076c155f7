package viakazoo_test

import (
	"context"
	"encoding/json"
	"net"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viakazoo"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/webhook"
)

// shown is an attempt as the API shows it, without what differs from run to run.
func shown(t *testing.T, out webhook.Outcome) map[string]any {
	t.Helper()
	a, ok := hook.Shown(&webhook.Attempt{Outcome: out})
	if !ok {
		t.Fatalf("no record in %q", out.Extra)
	}
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[0-9a-f]{10}$`).MatchString(m["event_id"].(string)) {
		t.Errorf("event_id %v", m["event_id"])
	}
	if at := hook.FromGregorian(int64(m["timestamp"].(float64))); time.Since(at) > time.Hour || time.Since(at) < -time.Hour {
		t.Errorf("timestamp %v", m["timestamp"])
	}
	delete(m, "event_id")
	delete(m, "timestamp")
	return m
}

func TestAttemptsAreTold(t *testing.T) {
	r := testkit.NewReceiver(t)
	s := newService(t, nil)
	common := func(more map[string]any) map[string]any {
		m := map[string]any{
			"hook_id": "00112233445566778899aabbccddeeff", "hook_event": "CHANNEL_CREATE", "uri": r.URLFor("/Hook?q=1"), "method": "post",
			"req_headers": map[string]any{
				"x-hook-id": "00112233445566778899aabbccddeeff", "x-account-id": "a1b2c3d4e5f60718293a4b5c6d7e8f90",
				"content-type": "application/x-www-form-urlencoded",
			},
			"req_body": "a=B&cluster_id=" + cluster,
		}
		for name, v := range more {
			m[name] = v
		}
		return m
	}
	c := hook.Config{Hook: "channel_create"}
	for name, tc := range map[string]struct {
		number int32
		answer testkit.Answer
		want   map[string]any
	}{
		"success": {1, testkit.Respond(200, "OK", "X-Reason: Good"), map[string]any{
			"result": "success", "resp_status_code": "200", "resp_body": "OK",
		}},
		"bad response": {1, testkit.Respond(500, "", "X-Reason: Good"), map[string]any{
			"result": "failure", "reason": "bad response code", "resp_status_code": "500", "resp_body": "", "try": 3.0, "retries_left": 2.0,
		}},
		"last bad response": {3, testkit.Respond(404, "no", "X-Reason: Good"), map[string]any{
			"result": "failure", "reason": "bad response code", "resp_status_code": "404", "resp_body": "no", "try": 1.0, "retries_left": "retries exceeded",
		}},
		"client error": {2, testkit.Close(), map[string]any{
			"result": "failure", "reason": "kazoo http client error", "client_error": "unknown", "retries": 2.0, "retries_left": 2.0,
		}},
		"last client error": {3, testkit.Close(), map[string]any{
			"result": "failure", "reason": "kazoo http client error", "client_error": "unknown", "retries": 1.0, "retries_left": "retries exceeded",
		}},
	} {
		r.Script("/Hook", tc.answer)
		got := shown(t, s.Deliver(t.Context(), job(endpoint(t, r.URLFor("/Hook?q=1"), c, 3), `{"a":"B"}`, tc.number)))
		if headers, ok := got["resp_headers"].(map[string]any); ok && headers["x-reason"] != "good" || ok != (tc.want["resp_status_code"] != nil) {
			t.Errorf("%s: response headers %v", name, got["resp_headers"])
		}
		delete(got, "resp_headers")
		if diff := cmp.Diff(common(tc.want), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAGetIsToldWithoutItsQuery(t *testing.T) {
	r := testkit.NewReceiver(t)
	uri := strings.Replace(r.URLFor("/x"), "http://", "http://user:hush@", 1)
	got := shown(t, newService(t, nil).Deliver(t.Context(), job(endpoint(t, uri, hook.Config{Verb: hook.Get, Hook: "object"}, 1), `{"a":1}`, 1)))
	if got["uri"] != r.URLFor("/x") || got["req_body"] != "" || got["method"] != "get" || got["hook_event"] != "object" {
		t.Errorf("got %v", got)
	}
	if auth := r.Requests()[0].Header.Get("Authorization"); auth == "" {
		t.Error("user and password of the URI are not sent")
	}
}

func TestAPutAnsweredWith201IsASuccess(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("", testkit.Status(201))
	for verb, want := range map[string]string{hook.Put: "success", hook.Post: "failure", hook.Get: "failure"} {
		out := newService(t, nil).Deliver(t.Context(), job(endpoint(t, r.URL(), hook.Config{Verb: verb}, 1), `{}`, 1))
		if got := shown(t, out); got["result"] != want || got["resp_status_code"] != "201" {
			t.Errorf("%s: %v", verb, got)
		}
	}
}

func TestAllTriesOfAFiringHaveOneEventID(t *testing.T) {
	e := endpoint(t, "http://127.0.0.1:1/", hook.Config{}, 3)
	delivery := webhook.DeliveryID{Event: id.New()}
	eventID := func(d webhook.DeliveryID, number int32) string {
		raw, err := hook.Record(hook.Request{Endpoint: e, Delivery: d, Number: number, HookID: "h", ClientError: "x"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		var a hook.Attempt
		if err := json.Unmarshal(raw, &a); err != nil {
			t.Fatal(err)
		}
		return a.EventID
	}
	first := eventID(delivery, 1)
	if again := eventID(delivery, 2); again != first {
		t.Errorf("tries have %s and %s", first, again)
	}
	other := delivery
	other.N = 1
	if eventID(other, 1) == first {
		t.Error("another firing has the same")
	}
}

func TestWhatOthersDeliveredIsNotToldAsKazoos(t *testing.T) {
	for _, extra := range []string{"", "{}", "x", `{"other":1}`} {
		if a, ok := hook.Shown(&webhook.Attempt{Outcome: webhook.Outcome{Extra: []byte(extra)}}); ok {
			t.Errorf("%q is told as %+v", extra, a)
		}
	}
}

// failing is a sender that fails.
type failing struct{ err error }

func (f failing) Send(context.Context, *deliver.Request) (*deliver.Response, error) {
	return nil, f.err
}

func TestErrorsHaveTheWordsOfKazoosClient(t *testing.T) {
	for want, err := range map[string]error{
		"timeout":                      &deliver.SendError{Timeout: true},
		"failed_connect: econnrefused": &deliver.SendError{Err: &net.OpError{Err: syscall.ECONNREFUSED}},
		"failed_connect: ehostunreach": &deliver.SendError{Err: syscall.EHOSTUNREACH},
		"failed_connect: enetunreach":  &deliver.SendError{Err: syscall.ENETUNREACH},
		"failed_connect: nxdomain":     &deliver.SendError{Err: &net.DNSError{IsNotFound: true}},
		"unknown":                      &deliver.SendError{Err: syscall.ECONNRESET, Sent: true},
	} {
		s := newService(t, func(o *viakazoo.Options) { o.Sender = failing{err} })
		out := s.Deliver(t.Context(), job(endpoint(t, "http://example.com/", hook.Config{}, 2), `{}`, 1))
		if got := shown(t, out); got["client_error"] != want || out.Result != webhook.ResultRetry {
			t.Errorf("%v is told as %v", err, got["client_error"])
		}
	}
}
