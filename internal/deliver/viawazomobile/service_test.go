package viawazomobile_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/delivertest"
	"github.com/switchhook/switchhook/internal/deliver/viawazomobile"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/wazo/auth"
	"github.com/switchhook/switchhook/internal/webhook"
)

const (
	tenant   = "11111111-1111-4111-8111-111111111111"
	user     = "22222222-2222-4222-8222-222222222222"
	patience = time.Minute
)

// phones plays wazo-auth.
type phones struct {
	mu     sync.Mutex
	phone  map[string]any // nil is none
	config map[string]any // nil is none
	away   bool
	asked  []string
}

func (p *phones) Get(_ context.Context, path, of string, into any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, of+path)
	what := p.config
	if strings.HasPrefix(path, "/users/") {
		what = p.phone
	}
	switch {
	case p.away:
		return &auth.UnreachableError{Host: "auth", Port: 9497, Reason: "does not answer"}
	case what == nil:
		return &auth.NotFoundError{Path: path}
	}
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func (p *phones) NewToken(_ context.Context, backend string, _ time.Duration) (*auth.Token, error) {
	var t auth.Token
	t.Metadata.JWT = "jwt-of-" + backend
	return &t, nil
}

// clock is a moment that is easy to recognise.
func clock() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC) }

func newService(t *testing.T, o viawazomobile.Options) *viawazomobile.Service {
	t.Helper()
	sender, d := rig.NewSender(t, egress.Options{})
	o.Sender, o.PushSender, o.PushDialer, o.Now = sender, sender, d, clock
	s, err := viawazomobile.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// endpoint is the subscription that a user's phone gets.
func endpoint(t *testing.T, of *string) webhook.Endpoint {
	t.Helper()
	e := webhook.Endpoint{ID: id.New(), Service: wazo.ServiceMobile}
	d := wazo.Document{Name: "n", Service: "mobile", Config: json.RawMessage("{}"), OwnerTenantUUID: tenant, OwnerUserUUID: of, EventsUserUUID: of}
	if err := d.Onto(&e); err != nil {
		t.Fatal(err)
	}
	return e
}

func job(e *webhook.Endpoint, payload string) *deliver.Job {
	return &deliver.Job{
		Event:    &webhook.Event{ID: id.New(), Payload: []byte(payload)},
		Delivery: &webhook.Delivery{}, Endpoint: e, Number: 1, StartedAt: time.Now(), Timeout: patience,
	}
}

func push(t *testing.T, s *viawazomobile.Service, payload string) webhook.Outcome {
	t.Helper()
	u := user
	e := endpoint(t, &u)
	return s.Deliver(t.Context(), job(&e, payload))
}

const (
	missed  = `{"name":"user_missed_call","origin_uuid":"o","data":{"caller_id_number":"1001","caller_id_name":"Zoé","user_uuid":"u","more":1}}`
	call    = `{"name":"call_push_notification","origin_uuid":"o","data":{"peer_caller_id_number":"1001","call_id":"c","n":1.0}}`
	cancel  = `{"name":"call_cancel_push_notification","origin_uuid":"o","data":{"call_id":"c"}}`
	message = `{"name":"chatd_user_room_message_created","origin_uuid":"o","data":{"alias":"Zoé","content":"CONTENT","user_uuid":"other"}}`
	mail    = `{"name":"global_voicemail_message_created","origin_uuid":"o","data":{"message":{"caller_id_name":"Zoé","caller_id_num":"1001"},"voicemail_id":3}}`
)

func TestServiceConforms(t *testing.T) {
	for name, payload := range map[string]string{"data": missed, "a call": call} {
		t.Run(name, func(t *testing.T) {
			delivertest.Run(t, func(t *testing.T) delivertest.Target {
				r := testkit.NewReceiver(t)
				answers := map[delivertest.Behaviour]testkit.Answer{
					delivertest.Accepts: testkit.Respond(200, `{"success":1,"failure":0}`), delivertest.Fails: testkit.Status(500),
					delivertest.Hangs: testkit.Hang(), delivertest.Rejects: testkit.Status(404), delivertest.Breaks: testkit.Close(), delivertest.Babbles: testkit.Raw("220 mail\r\n", false),
				}
				u := user
				list := endpoint(t, &u)
				list.Config = json.RawMessage("[]")
				return delivertest.Target{
					Service: newService(t, viawazomobile.Options{
						Auth: &phones{phone: map[string]any{"token": "device"}}, FCMEndpoint: r.URL(),
					}),
					Endpoint: endpoint(t, &u), Payload: []byte(payload), Received: r.Count, Secrets: []string{"jwt-of"},
					Invalid: map[string]webhook.Endpoint{"a list": list},
					Behave: func(b delivertest.Behaviour) bool {
						answer, ok := answers[b]
						if ok {
							r.Script("", answer)
						}
						return ok
					},
				}
			})
		})
	}
}

const stamp = `"notification_timestamp":"2026-01-02T03:04:05.000006+00:00"`

func TestAProxyIsSpokenToInFirebasesOldManner(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("", testkit.Respond(200, `{"success":1,"failure":0,"results":[{"message_id":"m"}]}`))
	known := &phones{phone: map[string]any{"token": "device"}}
	s := newService(t, viawazomobile.Options{Auth: known, FCMEndpoint: r.URLFor("/send")})
	for _, c := range []struct{ payload, want string }{
		{missed, `{"data":{"items":{"caller_id_name":"Zo\u00e9","caller_id_number":"1001","data_only":true,` + stamp + `},"notification_type":"missedCall"},"priority":"high","to":"device"}`},
		{call, `{"data":{"items":{"call_id":"c","n":1.0,` + stamp + `,"peer_caller_id_number":"1001"},"notification_type":"incomingCall"},"notification":{},"priority":"high","to":"device"}`},
		{cancel, `{"data":{"items":{"call_id":"c","data_only":true,` + stamp + `},"notification_type":"cancelIncomingCall"},"priority":"high","to":"device"}`},
	} {
		r.Reset()
		r.Script("", testkit.Respond(200, `{"success":1,"failure":0}`))
		out := push(t, s, c.payload)
		got := r.Requests()[0]
		if diff := cmp.Diff(c.want, string(got.Body)); diff != "" || got.Target != "/send" || got.Header.Get("Authorization") != "key=jwt-of-wazo_user" {
			t.Errorf("%s %v\n%s", got.Target, got.Header, diff)
		}
		want := map[string]any{"success": true, "protocol_used": "fcm", "full_response": map[string]any{"success": 1., "failure": 0.}}
		if diff := cmp.Diff(want, delivertest.Detail(t, out)); diff != "" || out.Result != webhook.ResultDelivered {
			t.Errorf("%v %s", out.Result, diff)
		}
	}
	if want := []string{tenant + "/users/" + user + "/external/mobile", tenant + "/external/mobile/config"}; !cmp.Equal(want, known.asked[:2]) {
		t.Errorf("asked wazo-auth for %v", known.asked[:2])
	}
}

func TestWhatAReceiverSaysOfAPush(t *testing.T) {
	r := testkit.NewReceiver(t)
	s := newService(t, viawazomobile.Options{Auth: &phones{phone: map[string]any{"token": "d"}, config: map[string]any{"fcm_api_key": "k"}}, FCMEndpoint: r.URL()})
	for _, c := range []struct {
		answer  testkit.Answer
		result  webhook.Result
		success bool
	}{
		{testkit.Respond(200, `{"success":0,"failure":1,"results":[{"error":"NotRegistered"}]}`), webhook.ResultDelivered, false},
		{testkit.Respond(200, `fine`), webhook.ResultDelivered, true},
		{testkit.Respond(404, `{"error":{"status":"UNREGISTERED"}}`), webhook.ResultRejected, false},
		{testkit.Status(401), webhook.ResultRejected, false},
		{testkit.Status(500), webhook.ResultRetry, false},
		{testkit.Status(429), webhook.ResultThrottled, false},
		{testkit.Close(), webhook.ResultRetry, false},
	} {
		r.Script("", c.answer)
		out := push(t, s, missed)
		if d := delivertest.Detail(t, out); out.Result != c.result || d["success"] != c.success || d["protocol_used"] != "fcm" {
			t.Errorf("%v %s", out.Result, out.Extra)
		}
	}
	if got := r.Requests()[0].Header.Get("Authorization"); got != "key=k" {
		t.Errorf("Authorization is %s", got)
	}
}

func TestWhenNothingIsSent(t *testing.T) {
	u := user
	own := strings.Replace(message, `"other"`, `"`+user+`"`, 1)
	for _, c := range []struct {
		about   string
		auth    viawazomobile.Auth
		of      *string
		payload string
		result  webhook.Result
		empty   bool
	}{
		{"for no user", &phones{}, nil, missed, webhook.ResultRejected, false},
		{"the user's own message", &phones{}, &u, own, webhook.ResultDelivered, true},
		{"another event", &phones{}, &u, `{"name":"user_created","data":{}}`, webhook.ResultDelivered, true},
		{"no event", &phones{}, &u, `{"name":"user_missed_call"}`, webhook.ResultRejected, false},
		{"no phone", &phones{}, &u, missed, webhook.ResultRejected, false},
		{"no token", &phones{phone: map[string]any{}}, &u, missed, webhook.ResultRejected, false},
		{"no way", &phones{phone: map[string]any{"token": "d"}}, &u, missed, webhook.ResultRejected, false},
		{"no token of Apple's for it", &phones{phone: map[string]any{"apns_voip_token": "v"}}, &u, missed, webhook.ResultRejected, false},
		{"a broken account", &phones{phone: map[string]any{"token": "d"}, config: map[string]any{"fcm_service_account_info": "{}"}}, &u, missed, webhook.ResultRejected, false},
		{"no wazo-auth", nil, &u, missed, webhook.ResultRejected, false},
		{"wazo-auth is away", &phones{away: true}, &u, missed, webhook.ResultRetry, false},
	} {
		e := endpoint(t, c.of)
		out := newService(t, viawazomobile.Options{Auth: c.auth}).Deliver(t.Context(), job(&e, c.payload))
		d := delivertest.Detail(t, out)
		if text, _ := d["error"].(string); out.Result != c.result || (len(d) == 0) != c.empty || !c.empty && text == "" {
			t.Errorf("%s: %v %s", c.about, out.Result, out.Extra)
		}
		if c.about == "no token of Apple's for it" && d["error_id"] != "notification-error" {
			t.Errorf("%s: %v", c.about, d)
		}
	}
}

// serviceAccount is a key file whose tokens come from a receiver.
func serviceAccount(t *testing.T, tokenURI string) (string, *rsa.PrivateKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "my project", "client_email": "a@b", "private_key_id": "k1", "token_uri": tokenURI,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text), key
}

func TestFirebaseIsSpokenToWithTheTenantsAccount(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("/token", testkit.Respond(200, `{"access_token":"access","expires_in":3600}`))
	account, key := serviceAccount(t, r.URLFor("/token"))
	s := newService(t, viawazomobile.Options{
		Auth:        &phones{phone: map[string]any{"token": "device"}, config: map[string]any{"fcm_service_account_info": account}},
		FCMEndpoint: r.URLFor("/v1/projects/{project_id}/messages:send"),
	})
	for _, payload := range []string{strings.Replace(message, "CONTENT", strings.Repeat("é", 101), 1), call} {
		if out := push(t, s, payload); out.Result != webhook.ResultDelivered {
			t.Fatalf("%v %s", out.Result, out.Extra)
		}
	}
	all := r.Requests()
	if len(all) != 3 || all[1].Target != "/v1/projects/my%20project/messages:send" || all[1].Header.Get("Authorization") != "Bearer access" {
		t.Fatalf("%d requests; %s %v", len(all), all[1].Target, all[1].Header)
	}
	checkAssertion(t, all[0].Body, &key.PublicKey, r.URLFor("/token"))
	var got map[string]any
	if err := json.Unmarshal(all[1].Body, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"message": map[string]any{
		"token": "device", "android": map[string]any{"priority": "high", "ttl": "0s"},
		"data": map[string]any{
			"notification_type": "messageReceived",
			"items":             `{"alias": "Zo\u00e9", "content": "` + strings.Repeat(`\u00e9`, 101) + `", "user_uuid": "other", "notification_timestamp": "2026-01-02T03:04:05.000006+00:00", "data_only": true}`,
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// checkAssertion holds a request for a token to RFC 7523.
func checkAssertion(t *testing.T, body []byte, key *rsa.PublicKey, uri string) {
	t.Helper()
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		t.Fatalf("%s: %v", body, err)
	}
	parts := strings.Split(form.Get("assertion"), ".")
	if len(parts) != 3 {
		t.Fatalf("the assertion is %q", form.Get("assertion"))
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
		t.Errorf("the signature does not fit: %v", err)
	}
	var claims map[string]any
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &claims) != nil || claims["iss"] != "a@b" || claims["aud"] != uri ||
		claims["scope"] != "https://www.googleapis.com/auth/firebase.messaging" || claims["exp"] != float64(clock().Unix()+3600) {
		t.Errorf("the claims are %s", text)
	}
}

func TestATokenThatWasTakenBackIsReplaced(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("/token", testkit.Respond(200, `{"access_token":"one","expires_in":3600}`), testkit.Respond(200, `{"access_token":"two","expires_in":3600}`))
	r.Script("/push", testkit.Status(401), testkit.Respond(200, "{}"))
	account, _ := serviceAccount(t, r.URLFor("/token"))
	s := newService(t, viawazomobile.Options{
		Auth:        &phones{phone: map[string]any{"token": "device"}, config: map[string]any{"fcm_service_account_info": account}},
		FCMEndpoint: r.URLFor("/push"),
	})
	for _, want := range []webhook.Result{webhook.ResultRetry, webhook.ResultDelivered} {
		if out := push(t, s, missed); out.Result != want {
			t.Errorf("%v %s, want %v", out.Result, out.Extra, want)
		}
	}
}

func TestATokenThatIsRefusedIsAnError(t *testing.T) {
	r := testkit.NewReceiver(t)
	account, _ := serviceAccount(t, r.URL())
	s := newService(t, viawazomobile.Options{
		Auth:        &phones{phone: map[string]any{"token": "device"}, config: map[string]any{"fcm_service_account_info": account}},
		FCMEndpoint: "http://127.0.0.1:1/",
	})
	for status, want := range map[int]webhook.Result{400: webhook.ResultRejected, 500: webhook.ResultRetry} {
		r.Script("", testkit.Status(status))
		if out := push(t, s, missed); out.Result != want || !strings.Contains(out.Detail, "no access token") {
			t.Errorf("%d: %v %s", status, out.Result, out.Extra)
		}
	}
	r.Script("", testkit.Respond(200, "{}"))
	if out := push(t, s, missed); out.Result != webhook.ResultRetry {
		t.Errorf("an answer without a token: %v %s", out.Result, out.Extra)
	}
}

func TestANotificationByNameIsShown(t *testing.T) {
	r := testkit.NewReceiver(t)
	s := newService(t, viawazomobile.Options{Auth: &phones{phone: map[string]any{"token": "device"}}, FCMEndpoint: r.URL()})
	e := webhook.Endpoint{ID: id.New(), Service: wazo.ServiceMobile, Annotations: webhook.Annotations{viawazomobile.Annotation: json.RawMessage("{}")}}
	text, err := json.Marshal(viawazomobile.Notification{Type: "custom", TenantUUID: tenant, UserUUID: user, Title: "T", Body: "B", Extra: json.RawMessage(`{"z":1,"a":[2]}`)})
	if err != nil {
		t.Fatal(err)
	}
	if out := s.Deliver(t.Context(), job(&e, string(text))); out.Result != webhook.ResultDelivered {
		t.Fatalf("%v %s", out.Result, out.Extra)
	}
	want := `{"data":{"items":{"a":[2],` + stamp + `,"z":1},"notification_type":"custom"},"notification":{"android_channel_id":"io.wazo.songbird","badge":1,"body":"B","title":"T"},"priority":"high","to":"device"}`
	if diff := cmp.Diff(want, string(r.Requests()[0].Body)); diff != "" {
		t.Error(diff)
	}
}

func hostPort(t *testing.T, addr string) (string, int) {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return a.IP.String(), a.Port
}
