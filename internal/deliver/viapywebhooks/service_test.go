package viapywebhooks_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/delivertest"
	"github.com/switchhook/switchhook/internal/deliver/viapywebhooks"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/sign"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/webhook"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const secretKey = "5a4a1cf4895441a1dfaa504c471510be819198e7"

func newService(t *testing.T) *viapywebhooks.Service {
	t.Helper()
	sender, d := rig.NewSender(t, egress.Options{})
	s, err := viapywebhooks.New(viapywebhooks.Options{Sender: sender, CheckURL: d.CheckURL, UserAgent: "Switchhook/test"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func endpoint(url string) webhook.Endpoint {
	return webhook.Endpoint{
		ID: id.New(), Service: viapywebhooks.Name, URL: url, Enabled: true,
		Keys: []webhook.SigningKey{{Key: secretKey, CreatedAt: time.Now().Add(-time.Hour)}},
	}
}

func job(e webhook.Endpoint, event, payload string) *deliver.Job {
	self := id.New()
	return &deliver.Job{
		Event: &webhook.Event{
			ID: self, Payload: []byte(payload), CreatedAt: self.Time(), Attributes: map[string]string{viapywebhooks.EventAttribute: event},
		},
		Delivery: &webhook.Delivery{}, Endpoint: &e, Number: 1, StartedAt: time.Now(), Timeout: 30 * time.Second,
	}
}

// deliverTo makes one attempt that has to end as wanted, and returns what the receiver
// got last.
func deliverTo(t *testing.T, r *testkit.Receiver, want webhook.Result, j *deliver.Job) testkit.Request {
	t.Helper()
	if out := newService(t).Deliver(t.Context(), j); out.Result != want {
		t.Fatalf("got %v: %s", out.Result, out.Detail)
	}
	all := r.Requests()
	if len(all) == 0 {
		t.Fatal("nothing came")
	}
	return all[len(all)-1]
}

func TestServiceConforms(t *testing.T) {
	invalid := func(change func(*webhook.Endpoint)) webhook.Endpoint {
		e := endpoint("https://example.com/hook")
		change(&e)
		return e
	}
	delivertest.RunHTTP(t, delivertest.HTTP{
		Service:  func(t *testing.T) deliver.Service { return newService(t) },
		Endpoint: endpoint,
		Secrets:  []string{secretKey},
		Success:  testkit.Respond(200, "{}"),
		Results:  func(int) webhook.Result { return webhook.ResultRetry }, // without a body nothing is a success
		Follows:  true,
		OwnPlan:  true,
		Invalid: map[string]webhook.Endpoint{
			"no URL":            invalid(func(e *webhook.Endpoint) { e.URL = "" }),
			"another scheme":    invalid(func(e *webhook.Endpoint) { e.URL = "ftp://example.com/" }),
			"an address inside": invalid(func(e *webhook.Endpoint) { e.URL = "http://10.0.0.1/" }),
			"no secret key":     invalid(func(e *webhook.Endpoint) { e.Keys = nil }),
			"headers":           invalid(func(e *webhook.Endpoint) { e.Headers = []webhook.Header{{Name: "A", Value: "b"}} }),
			"a foreign config":  invalid(func(e *webhook.Endpoint) { e.Config = []byte(`[]`) }),
		},
	})
}

func TestAnAccountWithoutAnEndpointIsValid(t *testing.T) {
	e := endpoint("")
	e.Enabled = false
	if err := newService(t).Validate(&e); err != nil {
		t.Error(err)
	}
}

func TestTheRequestIsThatOfPyWebhooks(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("", testkit.Respond(200, "{}"))
	j := job(endpoint(r.URLFor("/sub?tok=1")), "my.event",
		`{"z":1,"a":{"y":2.0,"b":[1,2,1.5,1e16,1e-7,-0.0,12345678901234567000.5,true,null]},"uni":"hé€😀","esc":"<&>\"\\/\u0001\u007f\n\t\b\f\r"}`)
	got := deliverTo(t, r, webhook.ResultDelivered, j)
	want := `{"a": {"b": [1, 2, 1.5, 1e+16, 1e-07, -0.0, 1.2345678901234567e+19, true, null], "y": 2}, ` +
		`"esc": "<&>\"\\/\u0001\u007f\n\t\b\f\r", "uni": "h\u00e9\u20ac\ud83d\ude00", "z": 1}`
	if diff := cmp.Diff(want, string(got.Body)); diff != "" {
		t.Error(diff)
	}
	for _, line := range []string{
		"POST /sub?tok=1 HTTP/1.1\r\n", "\r\nUser-Agent: Switchhook/test\r\n", "\r\nAccept: application/json\r\n",
		"\r\nContent-Type: application/json\r\n", "\r\nevent: my.event\r\n",
		"\r\npywebhooks-signature: " + sign.SHA1Hex(secretKey, []byte(want)) + "\r\n", "\r\nContent-Length: 174\r\n",
	} {
		if !strings.Contains(got.Head, line) {
			t.Errorf("there is no %q in %q", line, got.Head)
		}
	}
}

func TestBodiesHaveTheSignaturesOfPyWebhooks(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("", testkit.Respond(200, "{}"))
	for payload, want := range map[string]struct{ body, signature string }{
		`{"message":"hello world","items":[{"item1":1},{"item2":2}]}`: {
			`{"items": [{"item1": 1}, {"item2": 2}], "message": "hello world"}`, "6f03a972308786b9d21b41fb821a3ce8dc51cafa",
		},
		`{}`:     {`{}`, "f1d4e47d8d83b77608bac560e047c19ebca19a5f"},
		`[]`:     {`[]`, "7cb155c27d10404508129e38445515b1908d13e5"},
		`null`:   {`null`, "9cd9714c22c5e77622374ea405a5fee4f31efc25"},
		`"text"`: {`"text"`, "0aae32fed4dda76aca2f93179854aff00cf07932"},
		"{\"a\":\"\u2028\u007f😀/\\\\\\\"\"}": {
			`{"a": "\u2028\u007f\ud83d\ude00/\\\""}`, "10d2097aabe345590b8fa305751e0bb16421f68c",
		},
	} {
		got := deliverTo(t, r, webhook.ResultDelivered, job(endpoint(r.URL()), "e", payload))
		if string(got.Body) != want.body || got.Header.Get("pywebhooks-signature") != want.signature {
			t.Errorf("%s: %s with %s", payload, got.Body, got.Header.Get("pywebhooks-signature"))
		}
	}
}

func TestStandardWebhooksHeadersComeOnTop(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("", testkit.Respond(200, "{}"))
	got := deliverTo(t, r, webhook.ResultDelivered, job(endpoint(r.URL()), "e", `{"a":1}`))
	verifier, err := standardwebhooks.NewWebhook(viapywebhooks.StandardKey(secretKey).Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Verify(got.Body, got.Header); err != nil {
		t.Error(err)
	}
}

func TestAnEventOfNothingHasNoHeader(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("", testkit.Respond(200, "{}"))
	for event, want := range map[string]string{"": "", "a b": "a b", "é": "\xe9", "€": ""} {
		got := deliverTo(t, r, webhook.ResultDelivered, job(endpoint(r.URL()), event, "1"))
		if v := got.Header.Get("event"); v != want || strings.Contains(got.Head, "\r\nevent:") != (want != "") {
			t.Errorf("%q: header %q", event, v)
		}
	}
}

func TestOnlyAWholeAnswerInJSONIsASuccess(t *testing.T) {
	r := testkit.NewReceiver(t)
	for body, want := range map[string]webhook.Result{
		"{}": webhook.ResultDelivered, " [1, 2]\n": webhook.ResultDelivered, `"ok"`: webhook.ResultDelivered, "5": webhook.ResultDelivered,
		"null": webhook.ResultDelivered, "\xef\xbb\xbf{}": webhook.ResultDelivered,
		"": webhook.ResultRetry, "ok": webhook.ResultRetry, "{": webhook.ResultRetry, "{} {}": webhook.ResultRetry,
		`"` + strings.Repeat("x", 70<<10) + `"`: webhook.ResultRetry,
	} {
		r.Script("", testkit.Respond(200, body, "Content-Type: text/plain"))
		deliverTo(t, r, want, job(endpoint(r.URL()), "e", "{}"))
	}
	for _, status := range []int{201, 202, 204, 400, 410, 500} {
		r.Script("", testkit.Respond(status, "{}"))
		deliverTo(t, r, webhook.ResultRetry, job(endpoint(r.URL()), "e", "{}"))
	}
}

func TestRedirectsAreFollowedAsPythonDoes(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("/end", testkit.Respond(200, "{}"))
	for status, method := range map[int]string{301: "GET", 302: "GET", 303: "GET", 307: "POST", 308: "POST"} {
		r.Script("/hook", testkit.Redirect(status, "/end"))
		got := deliverTo(t, r, webhook.ResultDelivered, job(endpoint(r.URLFor("/hook")), "e", "{}"))
		body := map[string]string{"GET": "", "POST": "{}"}[method]
		if got.Method != method || string(got.Body) != body || got.Header.Get("event") != "e" || got.Header.Get("pywebhooks-signature") == "" {
			t.Errorf("%d: %s %q %v", status, got.Method, got.Body, got.Header)
		}
		if typed := got.Header.Get("Content-Type") != ""; typed != (method == "POST") {
			t.Errorf("%d: Content-Type %q", status, got.Header.Get("Content-Type"))
		}
	}
	r.Script("/loop", testkit.Redirect(http.StatusFound, "/loop"))
	deliverTo(t, r, webhook.ResultRetry, job(endpoint(r.URLFor("/loop")), "e", "{}"))
}

func TestDeliveriesGoWhereTheEndpointLedWhenTheyWereTriggered(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("", testkit.Respond(200, "{}"))
	e := endpoint(r.URLFor("/0"))
	base := time.Now().UTC().Truncate(time.Microsecond).Add(-time.Hour)
	e.Keys[0].CreatedAt = base
	for n := 1; n <= 3; n++ {
		at := base.Add(time.Duration(n) * time.Minute)
		if err := deliver.Move(&e, r.URLFor("/"+strconv.Itoa(n)), at); err != nil {
			t.Fatal(err)
		}
		deliver.Rekey(&e, webhook.Secret(strings.Repeat(strconv.Itoa(n), 40)), at)
	}
	for n := range 4 {
		j := job(e, "e", "{}")
		j.Event.CreatedAt = base.Add(time.Duration(n)*time.Minute + time.Second)
		got := deliverTo(t, r, webhook.ResultDelivered, j)
		want := "f1d4e47d8d83b77608bac560e047c19ebca19a5f"
		if n > 0 {
			want = sign.SHA1Hex(strings.Repeat(strconv.Itoa(n), 40), got.Body)
		}
		if got.Target != "/"+strconv.Itoa(n) || got.Header.Get("pywebhooks-signature") != want {
			t.Errorf("%d: %s with %s", n, got.Target, got.Header.Get("pywebhooks-signature"))
		}
	}
}
