package viawazomobile_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/deliver/delivertest"
	"github.com/switchhook/switchhook/internal/deliver/viawazomobile"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/webhook"
)

// appleServer plays APNs: HTTP/2 that demands a client certificate.
type appleServer struct {
	*httptest.Server
	authority *testkit.Authority

	mu     sync.Mutex
	status int
	got    []*http.Request
	bodies []string
}

func newApple(t *testing.T, http2 bool) *appleServer {
	t.Helper()
	authority, err := testkit.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	a := &appleServer{authority: authority, status: 200}
	a.Server = httptest.NewUnstartedServer(a)
	a.EnableHTTP2 = http2
	a.TLS = authority.ServerConfig(true)
	a.StartTLS()
	t.Cleanup(a.Close)
	return a
}

func (a *appleServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.got, a.bodies = append(a.got, r), append(a.bodies, string(body))
	status := a.status
	a.mu.Unlock()
	w.WriteHeader(status)
	if status != 200 {
		_, _ = io.WriteString(w, `{"reason":"Unregistered"}`)
	}
}

// service is one whose phones are reached by way of a.
func (a *appleServer) service(t *testing.T, phone map[string]any) *viawazomobile.Service {
	t.Helper()
	cert, key, err := a.authority.ClientPEM("tenant")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(a.authority.CAPEM))
	host, port := hostPort(t, a.Listener.Addr().String())
	return newService(t, viawazomobile.Options{
		Auth:     &phones{phone: phone, config: map[string]any{"ios_apn_certificate": cert, "ios_apn_private": key, "use_sandbox": true}},
		APNsHost: host, APNsPort: port, RootCAs: pool,
	})
}

func TestAppleIsSpokenToOverHTTP2WithTheTenantsCertificate(t *testing.T) {
	a := newApple(t, true)
	s := a.service(t, map[string]any{"token": "t", "apns_voip_token": "voip", "apns_notification_token": "note", "apns_call_topic": "my.voip"})
	item := func(rest string) string { return "{" + rest + stamp + "}" }
	for _, c := range []struct {
		payload, path, topic, push, priority, want string
	}{
		{
			call, "/3/device/voip", "my.voip", "voip", "10",
			`{"aps":{"alert":{"items":ITEMS,"notification_type":"incomingCall"},"badge":1},"items":ITEMS,"notification_type":"incomingCall"}`,
		},
		{
			cancel, "/3/device/note", "org.wazo-platform", "alert", "5",
			`{"aps":{"badge":1,"content-available":1,"sound":"default"},"items":` + item(`"call_id":"c","data_only":true,`) + `,"notification_type":"cancelIncomingCall"}`,
		},
		{
			missed, "/3/device/note", "org.wazo-platform", "alert", "10",
			`{"aps":{"alert":{"body":"From: Zoé (1001)","title":"Missed Call"},"badge":1,"content-available":1,"sound":"default"},"data":{"items":` +
				item(`"caller_id_name":"Zo\u00e9","caller_id_number":"1001","data_only":true,`) + `,"notification_type":"missedCall"}}`,
		},
		{
			mail, "/3/device/note", "org.wazo-platform", "alert", "10",
			`{"aps":{"alert":{"body":"From: Zoé (1001)","title":"New Voicemail"},"badge":1,"content-available":1,"sound":"default"},"data":{"items":` +
				item(`"message":{"caller_id_name":"Zoé","caller_id_num":"1001"},"voicemail_id":3,"data_only":true,`) + `,"notification_type":"voicemailReceived"}}`,
		},
	} {
		out := push(t, s, c.payload)
		if out.Result != webhook.ResultDelivered || delivertest.Detail(t, out)["protocol_used"] != "apns" || delivertest.Detail(t, out)["success"] != true {
			t.Fatalf("%v %s", out.Result, out.Extra)
		}
		r, body := a.got[len(a.got)-1], a.bodies[len(a.bodies)-1]
		if r.ProtoMajor != 2 || r.Method != "POST" || r.URL.Path != c.path || r.TLS.PeerCertificates[0].Subject.CommonName != "tenant" {
			t.Errorf("%s %s %s", r.Proto, r.Method, r.URL)
		}
		for name, want := range map[string]string{
			"apns-topic": c.topic, "apns-push-type": c.push, "apns-priority": c.priority, "apns-expiration": "0",
			"User-Agent": "wazo-webhookd", "Authorization": "Bearer jwt-of-wazo_user", "X-Use-Sandbox": "1",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", c.path, name, got, want)
			}
		}
		same(t, body, c.want, `{"call_id":"c","n":1.0,"peer_caller_id_number":"1001",`+stamp+`}`)
	}
}

// same compares JSON; ITEMS stands for items in want.
func same(t *testing.T, got, want, items string) {
	t.Helper()
	var g, w any
	want = strings.ReplaceAll(want, "ITEMS", items)
	if err := errors.Join(json.Unmarshal([]byte(got), &g), json.Unmarshal([]byte(want), &w)); err != nil {
		t.Fatalf("%s, want %s: %v", got, want, err)
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Error(diff)
	}
}

func TestWhatAppleRefuses(t *testing.T) {
	a := newApple(t, true)
	s := a.service(t, map[string]any{"apns_notification_token": "n"})
	for status, want := range map[int]webhook.Result{
		400: webhook.ResultRejected, 403: webhook.ResultRejected, 410: webhook.ResultRejected, 429: webhook.ResultThrottled, 500: webhook.ResultRetry, 503: webhook.ResultThrottled,
	} {
		a.mu.Lock()
		a.status = status
		a.mu.Unlock()
		out := push(t, s, missed)
		response, _ := delivertest.Detail(t, out)["full_response"].(map[string]any)
		if out.Result != want || out.StatusCode != status || response["reason"] != "Unregistered" || delivertest.Detail(t, out)["success"] != false {
			t.Errorf("%d: %v %s", status, out.Result, out.Extra)
		}
	}
}

func TestAServerThatIsNotApplesIsNotTold(t *testing.T) {
	for name, a := range map[string]*appleServer{"HTTP/1.1 alone": newApple(t, false), "a stranger": newApple(t, true)} {
		s := a.service(t, map[string]any{"apns_notification_token": "n"})
		if name == "a stranger" {
			host, port := hostPort(t, a.Listener.Addr().String())
			s = newService(t, viawazomobile.Options{
				Auth: &phones{phone: map[string]any{"apns_notification_token": "n"}}, APNsHost: host, APNsPort: port, RootCAs: x509.NewCertPool(),
			})
		}
		if out := push(t, s, missed); out.Result != webhook.ResultRetry || out.StatusCode != 0 || len(a.got) != 0 {
			t.Errorf("%s: %v %s", name, out.Result, out.Extra)
		}
	}
	a := newApple(t, true)
	host, port := hostPort(t, a.Listener.Addr().String())
	s := newService(t, viawazomobile.Options{
		Auth:     &phones{phone: map[string]any{"apns_notification_token": "n"}, config: map[string]any{"ios_apn_certificate": "junk"}},
		APNsHost: host, APNsPort: port,
	})
	if out := push(t, s, missed); out.Result != webhook.ResultRejected {
		t.Errorf("a broken certificate: %v %s", out.Result, out.Extra)
	}
}
