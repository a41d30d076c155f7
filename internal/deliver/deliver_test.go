package deliver_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestHeaderIsFoundInAnyCase(t *testing.T) {
	h := deliver.Header("X-A: first\nx-a: second\nEmpty: \nX: a: b\n")
	for name, want := range map[string]string{"x-A": "first", "EMPTY": "", "x": "a: b", "none": "", "": ""} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestOutcomeFollowsTheStatus(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		status     int
		header     string
		result     webhook.Result
		detail     string
		retryAfter time.Duration
	}{
		{204, "", webhook.ResultDelivered, "", 0},
		{200, "Retry-After: 9\n", webhook.ResultDelivered, "", 0},
		{301, "", webhook.ResultRetry, "status 301", 0},
		{410, "", webhook.ResultGone, "status 410", 0},
		{429, "Retry-After: 9\n", webhook.ResultThrottled, "status 429", 9 * time.Second},
		{500, "Retry-After: 9\n", webhook.ResultRetry, "status 500", 9 * time.Second},
		{502, "", webhook.ResultThrottled, "status 502", 0},
		{503, "retry-after: Fri, 02 Jan 2026 03:05:05 GMT\n", webhook.ResultThrottled, "status 503", time.Minute},
		{504, "Retry-After: soon\n", webhook.ResultThrottled, "status 504", 0},
		{505, "", webhook.ResultRetry, "status 505", 0},
	} {
		resp := &deliver.Response{Status: c.status, Header: deliver.Header(c.header), Body: []byte("b")}
		want := webhook.Outcome{
			Result: c.result, StatusCode: c.status, Detail: c.detail, RetryAfter: c.retryAfter,
			ResponseHeaders: []byte(c.header), ResponseBody: []byte("b"),
		}
		if diff := cmp.Diff(want, deliver.OutcomeOf(resp, nil, now)); diff != "" {
			t.Errorf("%d: %s", c.status, diff)
		}
	}
}

func TestOutcomeOfAnErrorHasItsReason(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		resp *deliver.Response
		err  error
		want webhook.Outcome
	}{
		{nil, &deliver.SendError{Reason: "timeout after 1s", Timeout: true}, webhook.Outcome{Result: webhook.ResultRetry, Detail: "timeout after 1s", Timeout: true}},
		{nil, &deliver.SendError{Reason: "no", Refused: true}, webhook.Outcome{Result: webhook.ResultRetry, Detail: "no"}},
		{nil, &deliver.SendError{Reason: "bad", Invalid: true}, webhook.Outcome{Result: webhook.ResultRejected, Detail: "bad"}},
		{nil, errors.New("inner\nsecret"), webhook.Outcome{Result: webhook.ResultRetry, Detail: "the request could not be sent"}},
		{&deliver.Response{Status: 200}, &deliver.SendError{Reason: "cut"}, webhook.Outcome{Result: webhook.ResultRetry, Detail: "cut", StatusCode: 200}},
	} {
		if diff := cmp.Diff(c.want, deliver.OutcomeOf(c.resp, c.err, now)); diff != "" {
			t.Errorf("%v: %s", c.err, diff)
		}
	}
}

func TestSensitiveHeadersAreRecordedRedacted(t *testing.T) {
	got := string(deliver.AppendHeaders([]byte("first: 1\n"), []webhook.Header{
		{Name: "X-Open", Value: "seen"},
		{Name: "AUTHORIZATION", Value: "hush"},
		{Name: "Set-Cookie2", Value: "hush"},
		{Name: "x-api-key", Value: "hush"},
		{Name: "X-Auth-Token", Value: "hush"},
		{Name: "client_secret", Value: "hush"},
		{Name: "Db-Password", Value: "hush"},
	}))
	if strings.Contains(got, "hush") || strings.Count(got, webhook.Redacted) != 6 || !strings.HasPrefix(got, "first: 1\nX-Open: seen\n") {
		t.Errorf("got %q", got)
	}
}
