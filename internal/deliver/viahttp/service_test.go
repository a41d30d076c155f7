package viahttp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/delivertest"
	"github.com/switchhook/switchhook/internal/deliver/viahttp"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/sign"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/webhook"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func newService(t *testing.T, svix bool) *viahttp.Service {
	t.Helper()
	sender, d := rig.NewSender(t, egress.Options{})
	s, err := viahttp.NewService(viahttp.ServiceOptions{
		Sender: sender, CheckURL: d.CheckURL, UserAgent: "Switchhook/test", SvixHeaders: svix,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// job makes a job for one event to e.
func job(e *webhook.Endpoint, payload string) *deliver.Job {
	return &deliver.Job{
		Event:     &webhook.Event{ID: id.New(), Payload: []byte(payload)},
		Delivery:  &webhook.Delivery{},
		Endpoint:  e,
		Number:    1,
		StartedAt: time.Now(),
		Timeout:   300 * time.Millisecond,
	}
}

func TestServiceConforms(t *testing.T) {
	valid := func(url string) webhook.Endpoint {
		return webhook.Endpoint{
			ID: id.New(), URL: url, Keys: []webhook.SigningKey{{Key: sign.NewSymmetric()}},
			Headers: []webhook.Header{{Name: "Authorization", Value: "Bearer hush-hush"}},
		}
	}
	invalid := func(change func(*webhook.Endpoint)) webhook.Endpoint {
		e := valid("https://example.com/hook")
		change(&e)
		return e
	}
	header := func(name, value string) webhook.Endpoint {
		return invalid(func(e *webhook.Endpoint) { e.Headers = []webhook.Header{{Name: name, Value: value}} })
	}
	delivertest.RunHTTP(t, delivertest.HTTP{
		Service:  func(t *testing.T) deliver.Service { return newService(t, false) },
		Endpoint: valid,
		Secrets:  []string{"hush-hush", "whsec_"},
		Invalid: map[string]webhook.Endpoint{
			"no URL":             invalid(func(e *webhook.Endpoint) { e.URL = "" }),
			"another scheme":     invalid(func(e *webhook.Endpoint) { e.URL = "ftp://example.com/" }),
			"an address inside":  invalid(func(e *webhook.Endpoint) { e.URL = "http://10.0.0.1/" }),
			"a short time-out":   invalid(func(e *webhook.Endpoint) { e.URL, e.Timeout = "http://10.0.0.1/", time.Millisecond }),
			"a CA of nonsense":   invalid(func(e *webhook.Endpoint) { e.TLS = &webhook.TLS{CAPEM: "x"} }),
			"half a certificate": invalid(func(e *webhook.Endpoint) { e.TLS = &webhook.TLS{CertificatePEM: "x"} }),
			"a broken header":    header("a b", "c"),
			"a line in a header": header("a", "b\r\nc: d"),
		},
	})
}

func TestPayloadIsSignedAndSentByteForByte(t *testing.T) {
	r := testkit.NewReceiver(t)
	key := sign.NewSymmetric()
	e := &webhook.Endpoint{ID: id.New(), URL: r.URL(), Keys: []webhook.SigningKey{{Key: key}}}
	payload := "{ \"b\" : 1.0,\n\"a\":\"\\u00e9\" }"
	j := job(e, payload)
	if out := newService(t, false).Deliver(t.Context(), j); out.Result != webhook.ResultDelivered {
		t.Fatalf("got %v: %s", out.Result, out.Detail)
	}
	got := r.Requests()[0]
	if string(got.Body) != payload {
		t.Errorf("body is %q", got.Body)
	}
	verifier, err := standardwebhooks.NewWebhook(key.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Verify(got.Body, got.Header); err != nil {
		t.Errorf("the signature does not verify: %v", err)
	}
	want := http.Header{
		"Content-Type":      {"application/json"},
		"User-Agent":        {"Switchhook/test"},
		"Accept":            {"*/*"},
		"Webhook-Id":        {j.Event.ID.Prefixed("msg_")},
		"Webhook-Timestamp": {strconv.FormatInt(j.StartedAt.Unix(), 10)},
		"Webhook-Signature": got.Header["Webhook-Signature"],
		"Content-Length":    {strconv.Itoa(len(payload))},
	}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(got.Head, "\r\nwebhook-id: msg_") {
		t.Errorf("got %q", got.Head)
	}
}

func TestEveryLiveKeySigns(t *testing.T) {
	r := testkit.NewReceiver(t)
	now := time.Now()
	current, old, expired := sign.NewSymmetric(), sign.NewSymmetric(), sign.NewSymmetric()
	e := &webhook.Endpoint{ID: id.New(), URL: r.URL(), Keys: []webhook.SigningKey{
		{Key: current}, {Key: old, ExpiresAt: now.Add(time.Hour)}, {Key: expired, ExpiresAt: now.Add(-time.Second)},
	}}
	newService(t, false).Deliver(t.Context(), job(e, "{}"))
	got := r.Requests()[0]
	for key, want := range map[webhook.Secret]bool{current: true, old: true, expired: false} {
		verifier, err := standardwebhooks.NewWebhook(key.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify(got.Body, got.Header); (err == nil) != want {
			t.Errorf("verifies: %v, want %v", err == nil, want)
		}
	}
}

func TestChangedEndpointIsNoticed(t *testing.T) {
	r := testkit.NewReceiver(t)
	s := newService(t, false)
	e := &webhook.Endpoint{ID: id.New(), URL: r.URL(), Version: 1, Headers: []webhook.Header{{Name: "X-V", Value: "1"}}}
	s.Deliver(t.Context(), job(e, "{}"))
	next := *e
	next.Version, next.Headers = 2, []webhook.Header{{Name: "X-V", Value: "2"}}
	s.Deliver(t.Context(), job(&next, "{}"))
	got := r.Requests()
	if a, b := got[0].Header.Get("X-V"), got[1].Header.Get("X-V"); a != "1" || b != "2" {
		t.Errorf("got %s, then %s", a, b)
	}
	if got[0].Header.Get("webhook-signature") != "" {
		t.Error("an endpoint without keys is signed")
	}
}

func TestSvixHeadersAreSentWhenAskedFor(t *testing.T) {
	for _, c := range []struct {
		server bool
		native string
		want   bool
	}{{false, "", false}, {true, "", true}, {false, `{"svixHeaders":true}`, true}, {false, `{"svixHeaders":false}`, false}, {false, `broken`, false}} {
		r := testkit.NewReceiver(t)
		e := &webhook.Endpoint{
			ID: id.New(), URL: r.URL(), Keys: []webhook.SigningKey{{Key: sign.NewSymmetric()}},
			Annotations: webhook.Annotations{"native": json.RawMessage(c.native)},
		}
		out := newService(t, c.server).Deliver(t.Context(), job(e, "{}"))
		h := r.Requests()[0].Header
		for _, name := range []string{"id", "timestamp", "signature"} {
			if got := h.Get("svix-" + name); (got != "") != c.want || got != "" && got != h.Get("webhook-"+name) {
				t.Errorf("%+v: svix-%s is %q", c, name, got)
			}
		}
		if got := strings.Contains(string(out.RequestHeaders), "svix-signature: v1,"); got != c.want {
			t.Errorf("%+v: recorded: %v", c, got)
		}
	}
}

func TestCustomHeadersKeepTheirSpellingAndNeverReplaceOurs(t *testing.T) {
	r := testkit.NewReceiver(t)
	e := &webhook.Endpoint{ID: id.New(), URL: r.URL(), Keys: []webhook.SigningKey{{Key: sign.NewSymmetric()}}, Headers: []webhook.Header{
		{Name: "x-CuStOm", Value: "1"},
		{Name: "content-type", Value: "application/cloudevents+json"},
		{Name: "USER-AGENT", Value: "mine"},
		{Name: "X-Api-Key", Value: "hush-hush"},
		{Name: "cookie", Value: "hush-hush=1"},
		{Name: "X-Access-Token", Value: "hush-hush"},
		{Name: "Webhook-Id", Value: "forged"},
		{Name: "Svix-Id", Value: "forged"},
		{Name: "Content-Length", Value: "1"},
		{Name: "Host", Value: "forged"},
	}}
	out := newService(t, false).Deliver(t.Context(), job(e, "{}"))
	if out.Result != webhook.ResultDelivered {
		t.Fatalf("got %v: %s", out.Result, out.Detail)
	}
	head := r.Requests()[0].Head
	for _, want := range []string{"\r\nx-CuStOm: 1\r\n", "\r\ncontent-type: application/cloudevents+json\r\n", "\r\nUSER-AGENT: mine\r\n", "\r\nX-Api-Key: hush-hush\r\n", "\r\nContent-Length: 2\r\n"} {
		if !strings.Contains(head, want) {
			t.Errorf("%q is not in %q", want, head)
		}
	}
	if strings.Contains(head, "forged") || strings.Contains(head, "application/json") || strings.Contains(head, "Switchhook") {
		t.Errorf("got %q", head)
	}
	record := string(out.RequestHeaders)
	if strings.Contains(record, "hush-hush") || strings.Count(record, webhook.Redacted) != 3 || !strings.Contains(record, "x-CuStOm: 1\n") || !strings.Contains(record, "webhook-signature: v1,") {
		t.Errorf("recorded as %q", record)
	}
}

func TestDetailIsOnePlainLine(t *testing.T) {
	r := testkit.NewReceiver(t)
	s := newService(t, false)
	r.Script("/500", testkit.Status(500))
	r.Script("/hang", testkit.Hang())
	for url, want := range map[string]string{
		r.URLFor("/500"):   "status 500",
		r.URLFor("/hang"):  "timeout after 300ms",
		"http://10.0.0.1/": "address 10.0.0.1 is not allowed",
		"http://127.1/":    "url host 127.1 is a number, not a domain name or an address in its usual spelling",
	} {
		out := s.Deliver(t.Context(), job(&webhook.Endpoint{ID: id.New(), URL: url}, "{}"))
		if out.Detail != want {
			t.Errorf("%s: %q, want %q", url, out.Detail, want)
		}
	}
}

func TestBodyThatNeverEndsLeavesItsStatusOnRecord(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("", testkit.HangAfter("HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 10\r\n\r\nhalf"))
	out := newService(t, false).Deliver(t.Context(), job(&webhook.Endpoint{ID: id.New(), URL: r.URL()}, "{}"))
	if out.Result != webhook.ResultRetry || !out.Timeout || out.StatusCode != 200 || string(out.ResponseBody) != "half" || !strings.HasPrefix(string(out.ResponseHeaders), "X-A: b\n") {
		t.Errorf("got %+v", out)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	s := newService(t, false)
	for name, c := range map[string]struct {
		change func(*webhook.Endpoint)
		field  string // "" is valid
	}{
		"as it is":        {func(*webhook.Endpoint) {}, ""},
		"an empty config": {func(e *webhook.Endpoint) { e.Config = json.RawMessage(" {} ") }, ""},
		"a config":        {func(e *webhook.Endpoint) { e.Config = json.RawMessage(`{"a":1}`) }, "config"},
		"the longest":     {func(e *webhook.Endpoint) { e.Timeout = viahttp.MaxTimeout }, ""},
		"too long":        {func(e *webhook.Endpoint) { e.Timeout = viahttp.MaxTimeout + 1 }, "timeout"},
		"negative":        {func(e *webhook.Endpoint) { e.Timeout = -time.Second }, "timeout"},
		"content type":    {func(e *webhook.Endpoint) { e.Headers = []webhook.Header{{Name: "Content-Type", Value: "a/b"}} }, ""},
		"tab and UTF-8":   {func(e *webhook.Endpoint) { e.Headers = []webhook.Header{{Name: "A", Value: "b\tü"}} }, ""},
		"host":            {func(e *webhook.Endpoint) { e.Headers = []webhook.Header{{Name: "hOst", Value: "a"}} }, "headers.hOst"},
		"signature":       {func(e *webhook.Endpoint) { e.Headers = []webhook.Header{{Name: "Webhook-Signature", Value: "a"}} }, "headers.Webhook-Signature"},
		"svix":            {func(e *webhook.Endpoint) { e.Headers = []webhook.Header{{Name: "svix-x", Value: "a"}} }, "headers.svix-x"},
		"proxy":           {func(e *webhook.Endpoint) { e.Headers = []webhook.Header{{Name: "Proxy-Authorization", Value: "a"}} }, "headers.Proxy-Authorization"},
		"line feed":       {func(e *webhook.Endpoint) { e.Headers = []webhook.Header{{Name: "A", Value: "a\nb"}} }, "headers.A"},
		"bad name":        {func(e *webhook.Endpoint) { e.Headers = []webhook.Header{{Name: "A B", Value: "a"}} }, "headers"},
		"bad CA":          {func(e *webhook.Endpoint) { e.TLS = &webhook.TLS{CAPEM: "x"} }, "tls.ca"},
		"bad certificate": {func(e *webhook.Endpoint) { e.TLS = &webhook.TLS{KeyPEM: "x"} }, "tls.certificate"},
	} {
		e := &webhook.Endpoint{URL: "https://example.com/hook"}
		c.change(e)
		err := s.Validate(e)
		field := ""
		if we, ok := err.(*webhook.Error); ok {
			field = we.Field
		}
		if field != c.field || (err == nil) != (c.field == "") {
			t.Errorf("%s: got %v, want an error for %q", name, err, c.field)
		}
	}
}

func TestNewServiceChecksItsOptions(t *testing.T) {
	check := func(string) (*url.URL, error) { return nil, nil }
	for _, o := range []viahttp.ServiceOptions{
		{},
		{CheckURL: check},
		{Sender: nobody{}},
	} {
		if _, err := viahttp.NewService(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

type nobody struct{}

func (nobody) Send(context.Context, *deliver.Request) (*deliver.Response, error) { return nil, nil }
