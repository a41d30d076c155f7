package delivertest

import (
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/webhook"
)

// HTTP describes a service that delivers over HTTP.
type HTTP struct {
	// Service makes the service. It may reach loopback and nothing else.
	Service func(t *testing.T) deliver.Service

	// Endpoint makes an endpoint that leads to url.
	Endpoint func(url string) webhook.Endpoint

	Invalid map[string]webhook.Endpoint // as in Target
	Payload []byte                      // as in Target
	Secrets []string                    // as in Target

	// Success is an answer that counts as received; nil is an empty 200.
	Success testkit.Answer

	// Results says what a response with this status and no body comes to. Nil is
	// what Standard Webhooks says.
	Results func(status int) webhook.Result

	Follows bool // redirects, as another server does
	OwnPlan bool // a receiver's Retry-After changes nothing
}

// RunHTTP runs Run and checks what holds for every service over HTTP.
func RunHTTP(t *testing.T, h HTTP) {
	if h.Success == nil {
		h.Success = testkit.Status(200)
	}
	if h.Results == nil {
		h.Results = standardResult
	}
	Run(t, func(t *testing.T) Target {
		tg, _ := h.target(t)
		return tg
	})
	for name, test := range map[string]func(HTTP, *testing.T){
		"each status has its result":         HTTP.statuses,
		"redirects stay outside":             HTTP.redirects,
		"the response is on record":          HTTP.records,
		"Retry-After is passed on":           HTTP.retryAfter,
		"hostile receivers are survived":     HTTP.hostile,
		"addresses inside are refused":       HTTP.refused,
		"a receiver that is gone is a retry": HTTP.unreachable,
	} {
		t.Run(name, func(t *testing.T) { test(h, t) })
	}
}

// standardResult is what the Standard Webhooks specification says of a status.
func standardResult(status int) webhook.Result {
	switch status {
	case 410:
		return webhook.ResultGone
	case 429, 502, 503, 504:
		return webhook.ResultThrottled
	}
	if status >= 200 && status <= 299 {
		return webhook.ResultDelivered
	}
	return webhook.ResultRetry
}

func (h HTTP) target(t *testing.T) (Target, *testkit.Receiver) {
	r := testkit.NewReceiver(t)
	r.Script("", h.Success)
	answers := map[Behaviour]testkit.Answer{
		Accepts: h.Success,
		Fails:   testkit.Status(500),
		Hangs:   testkit.Hang(),
		Breaks:  testkit.Close(),
		Babbles: testkit.Raw("220 mail.test ESMTP\r\n", false),
	}
	return Target{
		Service:  h.Service(t),
		Endpoint: h.Endpoint(r.URLFor("/hook")),
		Invalid:  h.Invalid,
		Payload:  h.Payload,
		Secrets:  h.Secrets,
		Received: r.Count,
		Behave: func(b Behaviour) bool {
			answer, ok := answers[b]
			if ok {
				r.Script("", answer)
			}
			return ok
		},
	}, r
}

func (h HTTP) statuses(t *testing.T) {
	tg, r := h.target(t)
	for _, status := range []int{200, 201, 202, 204, 299, 300, 301, 304, 308, 400, 401, 403, 404, 408, 409, 410, 418, 422, 429, 500, 501, 502, 503, 504, 507, 599, 999} {
		r.Script("", testkit.Status(status))
		out := tg.attempt(t, t.Context(), tg.job(tg.payload()))
		if want := h.Results(status); out.Result != want || out.StatusCode != status {
			t.Errorf("status %d is %v with %d, want %v", status, out.Result, out.StatusCode, want)
		}
	}
}

func (h HTTP) redirects(t *testing.T) {
	tg, r := h.target(t)
	other := testkit.NewReceiver(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		r.Script("", testkit.Redirect(status, other.URLFor("/inside")))
		want := status
		if h.Follows {
			want = 200
		}
		if out := tg.attempt(t, t.Context(), tg.job(tg.payload())); out.StatusCode != want {
			t.Errorf("a redirect with %d is recorded as %d", status, out.StatusCode)
		}
		r.Script("", testkit.Redirect(status, "http://10.0.0.1/"))
		if out := tg.attempt(t, t.Context(), tg.job(tg.payload())); out.Result == webhook.ResultDelivered {
			t.Errorf("a redirect inside with %d was delivered", status)
		}
	}
	if !h.Follows && other.Connections() != 0 {
		t.Error("a redirect was followed")
	}
}

func (h HTTP) records(t *testing.T) {
	tg, r := h.target(t)
	body := "sorry\x00\xff" + strings.Repeat("x", 1<<20)
	r.Script("", testkit.Respond(500, body, "X-Reason: full"))
	out := tg.attempt(t, t.Context(), tg.job(tg.payload()))
	if !strings.Contains(string(out.ResponseHeaders), "X-Reason: full\n") {
		t.Errorf("response headers are recorded as %q", out.ResponseHeaders)
	}
	if n := len(out.ResponseBody); n == 0 || n > 64<<10 || string(out.ResponseBody) != body[:n] {
		t.Errorf("%d bytes of the response body are recorded", n)
	}
	if len(out.RequestHeaders) == 0 {
		t.Error("no request header is recorded")
	}
}

func (h HTTP) retryAfter(t *testing.T) {
	tg, r := h.target(t)
	for value, want := range map[string]time.Duration{"7": 7 * time.Second, "x": 0, "-7": 0} {
		if h.OwnPlan {
			want = 0
		}
		r.Script("", testkit.Respond(503, "", "Retry-After: "+value))
		if out := tg.attempt(t, t.Context(), tg.job(tg.payload())); out.RetryAfter != want {
			t.Errorf("Retry-After: %s is a wait of %v", value, out.RetryAfter)
		}
	}
}

func (h HTTP) hostile(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, answer := range map[string]testkit.Answer{
		"endless headers":        testkit.Flood(ok, "A: b\r\n"),
		"endless interim":        testkit.Flood("", "HTTP/1.1 100 Continue\r\n\r\n"),
		"garbage":                testkit.Flood("", "\x00\xff"),
		"close in mid-header":    testkit.Raw(ok+"Content-Le", false),
		"close in mid-body":      testkit.Raw(ok+"Content-Length: 9\r\n\r\nhalf", false),
		"broken chunk":           testkit.Raw(ok+"Transfer-Encoding: chunked\r\n\r\nzz\r\n", false),
		"contradicting lengths":  testkit.Raw(ok+"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", false),
		"switching of protocols": testkit.Raw("HTTP/1.1 101 Switching Protocols\r\n\r\n", false),
	} {
		tg, r := h.target(t)
		r.Script("", answer)
		if out := tg.attempt(t, t.Context(), tg.job(tg.payload())); out.Result != webhook.ResultRetry {
			t.Errorf("%s: got %v: %s", name, out.Result, out.Detail)
		}
	}
	tg, r := h.target(t)
	for name, answer := range map[string]testkit.Answer{
		"dripped headers": testkit.Drip(20*time.Millisecond, ok+strings.Repeat("A: b\r\n", 1000)),
		"dripped body":    testkit.Drip(5*time.Millisecond, ok+"Content-Length: 10000\r\n\r\n"+strings.Repeat("x", 10000)),
	} {
		r.Script("", answer)
		t.Log(name)
		job := tg.job(tg.payload())
		job.Timeout = shortly
		tg.mustTimeOut(t, t.Context(), job)
	}
}

func (h HTTP) refused(t *testing.T) {
	tg, _ := h.target(t)
	for _, url := range []string{"http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://[::ffff:10.0.0.1]/"} {
		tg.Endpoint = h.Endpoint(url)
		if out := tg.attempt(t, t.Context(), tg.job(tg.payload())); out.Result != webhook.ResultRetry || !strings.Contains(out.Detail, "not allowed") {
			t.Errorf("%s: got %v: %s", url, out.Result, out.Detail)
		}
	}
}

func (h HTTP) unreachable(t *testing.T) {
	tg, r := h.target(t)
	r.Close()
	if out := tg.attempt(t, t.Context(), tg.job(tg.payload())); out.Result != webhook.ResultRetry || out.StatusCode != 0 || out.Detail != "connection refused" {
		t.Errorf("got %v: %s", out.Result, out.Detail)
	}
}
