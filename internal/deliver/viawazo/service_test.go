package viawazo_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/delivertest"
	"github.com/switchhook/switchhook/internal/deliver/viawazo"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

const patience = time.Minute

func newSender(t *testing.T, o egress.Options) deliver.Sender {
	t.Helper()
	s, _ := rig.NewSender(t, o)
	return s
}

func newService(t *testing.T, log *slog.Logger) *viawazo.Service {
	t.Helper()
	s, err := viawazo.New(viawazo.Options{
		Sender: newSender(t, egress.Options{}), UserSender: newSender(t, egress.Options{NotThisMachine: true}),
		UserAgent: "Switchhook/test", Logger: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// endpoint is a subscription with a configuration, of a user when owner is one.
func endpoint(t *testing.T, config map[string]string, owner string) webhook.Endpoint {
	t.Helper()
	e := webhook.Endpoint{ID: id.New(), Service: wazo.ServiceHTTP}
	d := wazo.Document{Name: "n", Service: "http", Config: encoded(t, config), OwnerTenantUUID: id.New().String()}
	if owner != "" {
		d.OwnerUserUUID = &owner
	}
	if err := d.Onto(&e); err != nil {
		t.Fatal(err)
	}
	return e
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

const event = `{"name": "user_created", "origin_uuid": "o-1", "data": {"b": 1.0, "a": "é😀</&", "n": null, "l": [1, true]}, "tenant_uuid": "t"}`

func job(e *webhook.Endpoint, payload string) *deliver.Job {
	return &deliver.Job{
		Event:    &webhook.Event{ID: id.New(), Payload: []byte(payload)},
		Delivery: &webhook.Delivery{}, Endpoint: e, Number: 1, StartedAt: time.Now(), Timeout: patience,
	}
}

// try makes one attempt with a configuration.
func try(t *testing.T, config map[string]string, payload string) webhook.Outcome {
	t.Helper()
	e := endpoint(t, config, "")
	return newService(t, nil).Deliver(t.Context(), job(&e, payload))
}

func TestServiceConforms(t *testing.T) {
	config := func(change map[string]string) webhook.Endpoint {
		c := map[string]string{"url": "http://example.com/", "method": "post"}
		for k, v := range change {
			c[k] = v
		}
		return endpoint(t, c, "")
	}
	bare := config(nil)
	bare.Config = json.RawMessage(`["a list"]`)
	delivertest.RunHTTP(t, delivertest.HTTP{
		Service: func(t *testing.T) deliver.Service { return newService(t, nil) },
		Endpoint: func(url string) webhook.Endpoint {
			return config(map[string]string{"url": strings.Replace(url, "http://", "http://user:hush@", 1)})
		},
		Payload: []byte(event),
		Secrets: []string{"hush"},
		Invalid: map[string]webhook.Endpoint{
			"a list":         bare,
			"a method":       config(map[string]string{"method": "patch"}),
			"certificates":   config(map[string]string{"verify_certificate": "maybe"}),
			"a long URL":     config(map[string]string{"url": strings.Repeat("é", 8193)}),
			"a long body":    config(map[string]string{"body": strings.Repeat("é", 16385)}),
			"a content type": config(map[string]string{"content_type": strings.Repeat("é", 257)}),
		},
		Results: func(status int) webhook.Result {
			switch {
			case status == 410:
				return webhook.ResultGone
			case status >= 400 && status < 600:
				return webhook.ResultRetry
			}
			return webhook.ResultDelivered
		},
		Follows: true, OwnPlan: true,
	})
}

// sent delivers once and returns what the receiver got, or nil.
func sent(t *testing.T, config map[string]string, payload string) (*testkit.Request, webhook.Outcome) {
	t.Helper()
	r := testkit.NewReceiver(t)
	c := map[string]string{"url": r.URL(), "method": "post"}
	for k, v := range config {
		c[k] = strings.ReplaceAll(v, "RECEIVER", r.Addr())
	}
	out := try(t, c, payload)
	if r.Count() == 0 {
		return nil, out
	}
	return &r.Requests()[0], out
}

func TestTheDefaultBodyIsPythonsJSON(t *testing.T) {
	for data, want := range map[string]string{
		`{"b":1.0,"a":"é😀</&>","n":null,"l":[1,true,{}],"e":1E3,"big":123456789012345678901234567890}`: `{"b": 1.0, "a": "\u00e9\ud83d\ude00</&>", "n": null, "l": [1, true, {}], "e": 1000.0, "big": 123456789012345678901234567890}`,
		`"text"`: `"text"`, `null`: `null`, `[ ]`: `[]`, `"\ud800"`: `"\ud800"`,
	} {
		for _, method := range []string{"post", "Put", "GET", "head", "delete"} {
			got, out := sent(t, map[string]string{"method": method, "content_type": "text/xml"}, `{"data":`+data+`,"name":"n","origin_uuid":"o"}`)
			if got == nil {
				t.Fatalf("nothing was sent: %s", out.Extra)
			}
			if string(got.Body) != want || got.Method != strings.ToUpper(method) || got.Header.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("%s %s %q, want %q", got.Method, got.Header.Get("Content-Type"), got.Body, want)
			}
		}
	}
}

func TestURLAndBodyAreTemplates(t *testing.T) {
	got, out := sent(t, map[string]string{
		"url":  "http://RECEIVER/{{ event_name }}/é b?{{ event|urlencode }}&w={{ wazo_uuid }}#fragment",
		"body": "{{ event_name }}:{{ event['a'] }}:{{ event.missing }}\n",
	}, event)
	if got == nil {
		t.Fatalf("nothing was sent: %s", out.Extra)
	}
	const target = "/user_created/%C3%A9%20b?b=1.0&a=%C3%A9%F0%9F%98%80%3C%2F%26&n=None&l=%5B1%2C+True%5D&w=o-1"
	if got.Target != target || string(got.Body) != "user_created:é😀</&:" || got.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%s %q %s", got.Target, got.Body, got.Header.Get("Content-Type"))
	}
}

func TestATemplateMayComeToNothing(t *testing.T) {
	got, _ := sent(t, map[string]string{"body": "{{ nothing }}"}, event)
	if got == nil || len(got.Body) != 0 || got.Header.Get("Content-Length") != "0" {
		t.Errorf("%+v", got)
	}
	got, _ = sent(t, map[string]string{"body": ""}, event)
	if got == nil || got.Header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("an empty body is none: %+v", got)
	}
}

func TestContentTypesAndCharsets(t *testing.T) {
	for _, c := range []struct{ given, want, body string }{
		{"", "text/plain; charset=utf-8", "é€"},
		{`Text/HTML; Charset="UTF-8"; x; A="b;c"`, "text/html; charset=UTF-8; a=b;c", "é€"},
		{"text/xml;boundary=q;charset=utf-16-le", "text/xml; boundary=q; charset=utf-16-le", "\xe9\x00\xac\x20"},
		{"nonsense; charset=utf-16", "text/plain; charset=utf-16", "\xff\xfe\xe9\x00\xac\x20"},
		{"a/b/c; charset=CP1252", "text/plain; charset=CP1252", "\xe9\x80"},
		{"a/b; charset=iso-8859-15; charset=ascii", "a/b; charset=iso-8859-15", "\xe9\xa4"},
		{"a/b; charset=utf-8-sig", "a/b; charset=utf-8-sig", "\xef\xbb\xbfé€"},
		{"a/b; charset=UTF_32_BE", "a/b; charset=UTF_32_BE", "\x00\x00\x00\xe9\x00\x00\x20\xac"},
	} {
		got, out := sent(t, map[string]string{"body": "é€", "content_type": c.given}, event)
		if got == nil {
			t.Errorf("%q: %s", c.given, out.Extra)
		} else if got.Header.Get("Content-Type") != c.want || string(got.Body) != c.body {
			t.Errorf("%q: %q %q, want %q", c.given, got.Header.Get("Content-Type"), got.Body, c.body)
		}
	}
	for _, given := range []string{"a/b; charset=latin-1", "a/b; charset=us-ascii", "a/b; charset=klingon", "a/b; charset=koi8-r", "a/b\r\nX: y", "a/b\n", "a/\x01"} {
		got, out := sent(t, map[string]string{"body": "é€", "content_type": given}, event)
		if got != nil || out.Result != webhook.ResultRejected || delivertest.Detail(t, out)["error"] == "" || len(delivertest.Detail(t, out)) != 1 {
			t.Errorf("%q: %v %s", given, got, out.Extra)
		}
	}
	got, _ := sent(t, map[string]string{"body": "é", "content_type": "a/b; charset=latin-1"}, event)
	if got == nil || string(got.Body) != "\xe9" {
		t.Errorf("Latin-1: %+v", got)
	}
}

func TestWhatCannotBeSentIsAnErrorAtOnce(t *testing.T) {
	for _, c := range []struct {
		about, payload string
		config         map[string]string
		want           string
	}{
		{"no name", `{"data":{},"origin_uuid":"o"}`, nil, "'name'"},
		{"no data", `{"name":"n","origin_uuid":"o"}`, nil, "'data'"},
		{"no origin", `{"name":"n","data":{}}`, nil, "'origin_uuid'"},
		{"no object", `[]`, nil, "'list' object is not an event"},
		{"a broken template", event, map[string]string{"url": "http://RECEIVER/{{ x"}, ""},
		{"a broken body", event, map[string]string{"body": "{% if %}"}, ""},
		{"undefined of undefined", event, map[string]string{"body": "{{ a.b }}"}, "'a' is undefined"},
		{"unsafe", event, map[string]string{"body": "{{ ''.__class__.__mro__ }}"}, ""},
		{"a file", event, map[string]string{"body": "{% include '/etc/passwd' %}"}, ""},
		{"a long range", event, map[string]string{"body": "{{ range(100001) }}"}, ""},
		{"too much", event, map[string]string{"body": "{% for a in range(99999) %}{% for b in range(99999) %}xxxxxxxxxxxxxxxx{% endfor %}{% endfor %}"}, ""},
		{"no scheme", event, map[string]string{"url": "host/x"}, "Invalid URL 'host/x': No scheme supplied. Perhaps you meant http://host/x?"},
		{"an empty URL", event, map[string]string{"url": ""}, "Invalid URL '': No scheme supplied. Perhaps you meant http://?"},
		{"a host with a port", event, map[string]string{"url": "localhost:8080"}, "No connection adapters were found for 'localhost:8080'"},
		{"another scheme", event, map[string]string{"url": "ftp://host/x"}, "No connection adapters were found for 'ftp://host/x'"},
		{"no host", event, map[string]string{"url": "http:///x"}, "Invalid URL 'http:///x': No host supplied"},
		{"a bad port", event, map[string]string{"url": "http://user:pw@localhost:99999/x"}, "Failed to parse: http://***@localhost:99999/x"},
		{"no such file", event, map[string]string{"url": "https://RECEIVER/", "verify_certificate": "/no/such"}, "Could not find a suitable TLS CA certificate bundle, invalid path: /no/such"},
		{"no certificate", event, map[string]string{"url": "https://RECEIVER/", "verify_certificate": "/etc/hostname"}, "Could not find a suitable TLS CA certificate bundle, invalid path: /etc/hostname"},
	} {
		got, out := sent(t, c.config, c.payload)
		text, _ := delivertest.Detail(t, out)["error"].(string)
		if got != nil || out.Result != webhook.ResultRejected || text == "" || len(delivertest.Detail(t, out)) != 1 {
			t.Errorf("%s: sent %v, %v %s", c.about, got != nil, out.Result, out.Extra)
		}
		if c.want != "" && text != c.want {
			t.Errorf("%s: %q, want %q", c.about, text, c.want)
		}
	}
}

func TestTheLogSaysWhatWasSentAndAnswered(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("/ok", testkit.Respond(200, `{"ok": true}`, "X-A: 1", "X-A: 2", "Content-Type: application/json"))
	r.Script("/text", testkit.Respond(200, "\xe9", "Content-Type: text/plain"))
	r.Script("/busy", testkit.Respond(503, "later", "Retry-After: 60"))
	r.Script("/gone", testkit.Respond(410, ""))
	for _, c := range []struct {
		path   string
		result webhook.Result
		want   map[string]any
	}{
		{"/ok", webhook.ResultDelivered, map[string]any{"response_status_code": 200., "response_body": map[string]any{"ok": true}}},
		{"/text", webhook.ResultDelivered, map[string]any{"response_status_code": 200., "response_body": "é"}},
		{"/busy", webhook.ResultRetry, map[string]any{"response_status_code": 503., "response_body": "later", "error": "503 Server Error: Service Unavailable for url: " + r.URLFor("/busy")}},
		{"/gone", webhook.ResultGone, map[string]any{"response_status_code": 410., "response_body": "", "error": "410 Client Error: Gone for url: " + r.URLFor("/gone")}},
	} {
		out := try(t, map[string]string{"url": r.URLFor(c.path), "method": "put", "body": "{{ event.b }}"}, event)
		got := delivertest.Detail(t, out)
		request, response := got["request_headers"].(map[string]any), got["response_headers"].(map[string]any)
		delete(got, "request_headers")
		delete(got, "response_headers")
		c.want["request_method"], c.want["request_url"], c.want["request_body"] = "PUT", r.URLFor(c.path), 1.
		if diff := cmp.Diff(c.want, got); diff != "" || out.Result != c.result || out.RetryAfter != 0 {
			t.Errorf("%s: %v, wait %v\n%s", c.path, out.Result, out.RetryAfter, diff)
		}
		if request["Content-Type"] != "text/plain; charset=utf-8" || request["Content-Length"] != "3" || request["User-Agent"] != "Switchhook/test" {
			t.Errorf("%s: request headers are %v", c.path, request)
		}
		if c.path == "/ok" && response["X-A"] != "1, 2" {
			t.Errorf("response headers are %v", response)
		}
	}
}

func TestTheLogOfAFailedConnectionHasTheSameKeys(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Close()
	out := try(t, map[string]string{"url": r.URL(), "method": "get"}, event)
	got := delivertest.Detail(t, out)
	text, _ := got["error"].(string)
	if out.Result != webhook.ResultRetry || got["response_status_code"] != nil || got["response_body"] != "" || len(got) != 8 ||
		!strings.HasPrefix(text, "HTTPConnectionPool(host='127.0.0.1', port=") || !strings.Contains(text, "Max retries exceeded with url: / (Caused by NewConnectionError(") || !strings.Contains(text, "[Errno 111] Connection refused") {
		t.Errorf("%v %s", out.Result, out.Extra)
	}
}

func TestRedirectsAreFollowedAsRequestsDoes(t *testing.T) {
	r := testkit.NewReceiver(t)
	for path, status := range map[string]int{"/301": 301, "/302": 302, "/303": 303, "/307": 307, "/308": 308} {
		r.Script(path, testkit.Redirect(status, "/end with blank?é"))
	}
	r.Script("/loop", testkit.Redirect(302, "/loop"))
	for _, c := range []struct{ method, path, want string }{
		{"post", "/301", "GET"}, {"post", "/302", "GET"}, {"put", "/303", "GET"}, {"head", "/302", "HEAD"}, {"post", "/307", "POST"}, {"put", "/308", "PUT"},
	} {
		before := r.Count()
		out := try(t, map[string]string{"url": r.URLFor(c.path), "method": c.method, "body": "b"}, event)
		last := r.Requests()[before+1]
		body := "b"
		if c.want == "GET" || c.want == "HEAD" {
			body = ""
		}
		got := delivertest.Detail(t, out)
		if last.Method != c.want || string(last.Body) != body || last.Target != "/end%20with%20blank?%C3%A9" || out.Result != webhook.ResultDelivered {
			t.Errorf("%s %s became %s %s %q", c.method, c.path, last.Method, last.Target, last.Body)
		}
		if got["request_method"] != c.want || got["request_url"] != r.URLFor("/end%20with%20blank?%C3%A9") || got["request_body"] != body {
			t.Errorf("%s %s: the log says %v %v %v", c.method, c.path, got["request_method"], got["request_url"], got["request_body"])
		}
	}
	before := r.Count()
	out := try(t, map[string]string{"url": r.URLFor("/loop"), "method": "post"}, event)
	if out.Result != webhook.ResultRetry || delivertest.Detail(t, out)["error"] != "Exceeded 30 redirects." || r.Count()-before != 31 {
		t.Errorf("a loop: %v, %d requests, %s", out.Result, r.Count()-before, out.Extra)
	}
}

func TestWebhooksOfUsersDoNotReachThisMachine(t *testing.T) {
	inside := testkit.NewReceiver(t)
	_, port, _ := strings.Cut(inside.Addr(), ":")
	var log bytes.Buffer
	s := newService(t, slog.New(slog.NewTextHandler(&log, nil)))
	for _, host := range []string{"127.0.0.1", "127.0.0.2", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"} {
		log.Reset()
		e := endpoint(t, map[string]string{"url": "http://" + host + ":" + port + "/", "method": "post"}, "u")
		out := s.Deliver(t.Context(), job(&e, event))
		if out.Result != webhook.ResultDelivered || len(delivertest.Detail(t, out)) != 0 || !strings.Contains(log.String(), e.ID.String()) {
			t.Errorf("%s: %v %s, log %q", host, out.Result, out.Extra, log.String())
		}
	}
	e := endpoint(t, map[string]string{"url": "http://name.invalid/", "method": "post"}, "u")
	if out := s.Deliver(t.Context(), job(&e, event)); out.Result != webhook.ResultRejected || len(delivertest.Detail(t, out)) != 1 {
		t.Errorf("a name that does not resolve: %v %s", out.Result, out.Extra)
	}
	if inside.Connections() != 0 {
		t.Error("this machine was connected to")
	}
	admin := endpoint(t, map[string]string{"url": "http://127.0.0.1:" + port + "/", "method": "post"}, "")
	if out := s.Deliver(t.Context(), job(&admin, event)); out.Result != webhook.ResultDelivered || inside.Count() != 1 {
		t.Errorf("an administrator: %v %s", out.Result, out.Extra)
	}
}

func TestCertificatesAreVerifiedAsTheSubscriptionSays(t *testing.T) {
	r := testkit.NewReceiverWith(t, testkit.Options{TLS: true})
	dir := t.TempDir()
	file := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(file, []byte(r.Authority().CAPEM), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := testkit.NewReceiver(t)
	plain.Script("", testkit.Redirect(307, r.URL()))
	for verify, want := range map[string]webhook.Result{"": webhook.ResultRetry, file: webhook.ResultDelivered, "/no/such": webhook.ResultRetry} {
		if out := try(t, map[string]string{"url": plain.URL(), "method": "post", "verify_certificate": verify}, event); out.Result != want {
			t.Errorf("redirected with %q: %v %s", verify, out.Result, out.Extra)
		}
	}
	for verify, want := range map[string]webhook.Result{
		"": webhook.ResultRetry, "true": webhook.ResultRetry, "false": webhook.ResultDelivered, file: webhook.ResultDelivered, dir: webhook.ResultDelivered,
	} {
		out := try(t, map[string]string{"url": r.URL(), "method": "post", "verify_certificate": verify}, event)
		if out.Result != want {
			t.Errorf("%q: %v %s", verify, out.Result, out.Extra)
		}
	}
}

func TestASilentReceiverTimesOut(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("", testkit.Hang())
	e := endpoint(t, map[string]string{"url": r.URL(), "method": "post"}, "")
	j := job(&e, event)
	j.Timeout = 50 * time.Millisecond
	out := newService(t, nil).Deliver(t.Context(), j)
	if text, _ := delivertest.Detail(t, out)["error"].(string); out.Result != webhook.ResultRetry || !out.Timeout || !strings.Contains(text, "Read timed out.") {
		t.Errorf("%v %s", out.Result, out.Extra)
	}
}

func TestARequestCarriesTheIDOfItsEvent(t *testing.T) {
	r := testkit.NewReceiver(t)
	e := endpoint(t, map[string]string{"url": "http://us%20er:pw@" + r.Addr() + "/", "method": "post"}, "")
	j := job(&e, event)
	newService(t, nil).Deliver(t.Context(), j)
	newService(t, nil).Deliver(t.Context(), j)
	for _, got := range r.Requests() {
		req := http.Request{Header: got.Header}
		user, password, _ := req.BasicAuth()
		if got.Header.Get("webhook-id") != j.Event.ID.Prefixed("msg_") || user != "us er" || password != "pw" {
			t.Errorf("%v", got.Header)
		}
	}
}

func TestARequestOnTheWire(t *testing.T) {
	r := testkit.NewReceiver(t)
	e := endpoint(t, map[string]string{
		"url": "http://" + r.Addr() + "/hook?{{ event|urlencode }}", "method": "put", "body": "{{ event_name }}={{ event.a }}", "content_type": "Text/CSV; Header=present",
	}, "")
	j := job(&e, event)
	if out := newService(t, nil).Deliver(t.Context(), j); out.Result != webhook.ResultDelivered {
		t.Fatalf("%v %s", out.Result, out.Extra)
	}
	want := "PUT /hook?b=1.0&a=%C3%A9%F0%9F%98%80%3C%2F%26&n=None&l=%5B1%2C+True%5D HTTP/1.1\r\n" +
		"User-Agent: Switchhook/test\r\n" +
		"Accept: */*\r\n" +
		"Content-Type: text/csv; header=present; charset=utf-8\r\n" +
		"webhook-id: " + j.Event.ID.Prefixed("msg_") + "\r\n" +
		"Host: " + r.Addr() + "\r\n" +
		"Content-Length: 22\r\n\r\n" +
		"user_created=é😀</&"
	got := r.Requests()[0]
	if diff := cmp.Diff(want, got.Head+string(got.Body)); diff != "" {
		t.Error(diff)
	}
}
