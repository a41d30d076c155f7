package viakazoo_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/delivertest"
	"github.com/switchhook/switchhook/internal/deliver/viakazoo"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/testkit/golden"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/webhook"
)

const cluster = "0123456789abcdef0123456789abcdef"

// newService makes a service that may reach loopback.
func newService(t testing.TB, change func(*viakazoo.Options)) *viakazoo.Service {
	t.Helper()
	sender, d := rig.NewSender(t, egress.Options{})
	o := viakazoo.Options{Sender: sender, CheckURL: d.CheckForm, ClusterID: func() string { return cluster }}
	if change != nil {
		change(&o)
	}
	s, err := viakazoo.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// endpoint makes the endpoint of a hook.
func endpoint(t testing.TB, uri string, c hook.Config, retries int) *webhook.Endpoint {
	t.Helper()
	config, err := c.Raw()
	if err != nil {
		t.Fatal(err)
	}
	owner, err := id.Parse("a1b2c3d4e5f60718293a4b5c6d7e8f90")
	if err != nil {
		t.Fatal(err)
	}
	own, err := id.Parse("00112233445566778899aabbccddeeff")
	if err != nil {
		t.Fatal(err)
	}
	return &webhook.Endpoint{
		ID: own, AccountID: owner, URL: uri, Service: hook.Service, Config: config, Retry: hook.Retry(retries, 2*time.Second),
	}
}

// patience is long enough for a busy machine.
const patience = 30 * time.Second

func job(e *webhook.Endpoint, payload string, number int32) *deliver.Job {
	return &deliver.Job{
		Event: &webhook.Event{Payload: []byte(payload)}, Delivery: &webhook.Delivery{}, Endpoint: e, Number: number,
		StartedAt: time.Now(), Timeout: patience,
	}
}

func TestServiceConforms(t *testing.T) {
	for _, verb := range []string{hook.Post, hook.Put, hook.Get} {
		valid := func(url string) webhook.Endpoint { return *endpoint(t, url, hook.Config{Verb: verb, Hook: "all"}, 2) }
		invalid := func(change func(*webhook.Endpoint)) webhook.Endpoint {
			e := valid("https://example.com/hook")
			change(&e)
			return e
		}
		suite := delivertest.HTTP{
			Service:  func(t *testing.T) deliver.Service { return newService(t, nil) },
			Endpoint: valid,
			Invalid: map[string]webhook.Endpoint{
				"no URL":            invalid(func(e *webhook.Endpoint) { e.URL = "" }),
				"no host":           invalid(func(e *webhook.Endpoint) { e.URL = "http:///x" }),
				"another scheme":    invalid(func(e *webhook.Endpoint) { e.URL = "ftp://example.com/" }),
				"a scheme in large": invalid(func(e *webhook.Endpoint) { e.URL = "HTTP://example.com/" }),
				"headers":           invalid(func(e *webhook.Endpoint) { e.Headers = []webhook.Header{{Name: "A", Value: "b"}} }),
				"another verb":      invalid(func(e *webhook.Endpoint) { e.Config = []byte(`{"http_verb":"delete"}`) }),
				"another format":    invalid(func(e *webhook.Endpoint) { e.Config = []byte(`{"format":"xml"}`) }),
				"odd custom data":   invalid(func(e *webhook.Endpoint) { e.Config = []byte(`{"custom_data":[1]}`) }),
				"no configuration":  invalid(func(e *webhook.Endpoint) { e.Config = []byte(`[]`) }),
			},
			Follows: verb == hook.Get,
			Results: func(status int) webhook.Result {
				if status == 200 || status == 201 && verb == hook.Put {
					return webhook.ResultDelivered
				}
				return webhook.ResultRejected
			},
		}
		t.Run(verb, func(t *testing.T) { delivertest.RunHTTP(t, suite) })
	}
}

// TestRequestsOnTheWire holds whole requests to a transcript.
func TestRequestsOnTheWire(t *testing.T) {
	const payload = `{"hook_event":"channel_create","call_id":"abc@1.2.3.4","from":"+1555 0001","is_internal_leg":false,"timestamp":63724403408,` +
		`"type":"user","ratio":0.5,"nothing":null,"empty":{},"list":["a","b c"],"custom_channel_vars":{"Bridge-ID":"ü/&=","deep":{"x":[1,true]}},"people":[{"n":1}]}`
	var transcript strings.Builder
	for _, c := range []hook.Config{
		{Verb: hook.Get},
		{Verb: hook.Post},
		{Verb: hook.Put, Format: hook.JSON},
		{ID: "63940000000", Verb: hook.Post, CustomData: json.RawMessage(`{"type":"user","action":"all","from":"mine","my key":"v","cluster_id":"x"}`)},
		{Verb: hook.Get, CustomData: json.RawMessage(`{"a #key":"v"}`)},
	} {
		for _, path := range []string{"/hook", "/hook?a=b"} {
			r := testkit.NewReceiver(t)
			s := newService(t, nil)
			if out := s.Deliver(t.Context(), job(endpoint(t, r.URLFor(path), c, 2), payload, 1)); out.Result != webhook.ResultDelivered {
				t.Fatalf("%v %s", out.Result, out.Detail)
			}
			got := r.Requests()[0]
			fmt.Fprintf(&transcript, "=== %s\n%s%s\n", path, strings.ReplaceAll(strings.ReplaceAll(got.Head, r.Addr(), "HOST"), "\r\n", "\n"), got.Body)
		}
	}
	golden.Compare(t, "requests.txt", transcript.String())
}

func TestRedirectsAreFollowedByGetAlone(t *testing.T) {
	for verb, want := range map[string]webhook.Result{
		hook.Get: webhook.ResultDelivered, hook.Post: webhook.ResultRejected, hook.Put: webhook.ResultRejected,
	} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			r := testkit.NewReceiver(t)
			r.Script("/old", testkit.Redirect(status, "/new?x=1"))
			out := newService(t, nil).Deliver(t.Context(), job(endpoint(t, r.URLFor("/old"), hook.Config{Verb: verb}, 2), `{"a":1}`, 1))
			if out.Result != want {
				t.Errorf("%s, %d: %v %s", verb, status, out.Result, out.Detail)
			}
			if all := r.Requests(); verb == hook.Get && (len(all) != 2 || all[1].Target != "/new?x=1" || all[1].Method != "GET") {
				t.Errorf("%d: the redirect was followed to %v", status, all[len(all)-1].Target)
			}
		}
	}
}

func TestTheBlacklistLooksAtWhatAURISays(t *testing.T) {
	s := newService(t, func(o *viakazoo.Options) {
		o.BlacklistCIDRs, o.BlacklistHosts = []string{"127.0.0.1/32", "192.0.2.0/24", "198.51.100.9", "::1/128"}, []string{"localhost", "Intern.example.com"}
		o.CheckURL = func(raw string) (*url.URL, error) { return egress.ParseURL(raw) }
	})
	for uri, refused := range map[string]bool{
		"http://127.0.0.1/": true, "http://127.0.0.2/": false, "http://LOCALHOST:80/x": true, "http://localhost.example.com/": false,
		"https://192.0.2.77/": true, "https://198.51.100.9/": true, "https://198.51.100.8/": false, "http://[::1]/": true,
		"http://[::ffff:127.0.0.1]/": true, "http://user:pw@intern.EXAMPLE.com/": true, "http://example.com/": false,
	} {
		err := s.Validate(endpoint(t, uri, hook.Config{}, 2))
		if (err != nil) != refused {
			t.Errorf("%s: %v", uri, err)
		}
	}
	if _, err := viakazoo.New(viakazoo.Options{Sender: nopSender{}, CheckURL: egress.ParseURL, ClusterID: func() string { return "" }, BlacklistCIDRs: []string{"x"}}); err == nil {
		t.Error("a range that is none is taken")
	}
}

func TestAnAddressInsideIsKeptAndNotReached(t *testing.T) {
	s := newService(t, nil)
	e := endpoint(t, "http://10.0.0.1/", hook.Config{}, 2)
	if err := s.Validate(e); err != nil {
		t.Error(err)
	}
	out := s.Deliver(t.Context(), job(e, `{}`, 1))
	if got := shown(t, out); got["client_error"] != "failed_connect: eacces" || out.Result != webhook.ResultRetry {
		t.Errorf("%v, %v", out.Result, got)
	}
}

func TestCertificatesAreVerifiedUnlessTheConfigurationSaysOtherwise(t *testing.T) {
	authority, err := testkit.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	r := testkit.NewReceiver(t)
	at, err := url.Parse(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	secured, err := testkit.NewTLSProxy(at.Host, authority)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(secured.Close)
	for insecure, want := range map[bool]webhook.Result{false: webhook.ResultRetry, true: webhook.ResultDelivered} {
		s := newService(t, func(o *viakazoo.Options) { o.InsecureTLS = insecure })
		out := s.Deliver(t.Context(), job(endpoint(t, "https://"+secured.Addr()+"/", hook.Config{}, 2), `{}`, 1))
		if out.Result != want {
			t.Errorf("insecure %v: %v, %s", insecure, out.Result, out.Detail)
		}
	}
}

type nopSender struct{ deliver.Sender }

func TestAnAnswerHasATimeoutOfItsOwn(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("", testkit.Hang())
	s := newService(t, func(o *viakazoo.Options) { o.RequestTimeout = 50 * time.Millisecond })
	out := s.Deliver(t.Context(), job(endpoint(t, r.URL(), hook.Config{}, 2), `{}`, 1))
	if out.Result != webhook.ResultRetry || !out.Timeout || out.StatusCode != 0 {
		t.Errorf("%+v", out)
	}
}
