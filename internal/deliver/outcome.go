package deliver

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/retry"
	"github.com/switchhook/switchhook/internal/webhook"
)

// OutcomeOf says what came of an exchange, judged as Standard Webhooks does: any
// 2xx is delivered, 410 is gone, 429, 502, 503 and 504 ask for less, everything
// else may be tried again, redirects included, unless the request cannot be sent
// at all. What Sender.Send returned goes in. A service with other rules changes
// Result. Dates in Retry-After are compared with now.
func OutcomeOf(resp *Response, err error, now time.Time) webhook.Outcome {
	out := webhook.Outcome{Result: webhook.ResultRetry}
	if resp != nil {
		out.StatusCode = resp.Status
		out.ResponseHeaders = resp.Header
		out.ResponseBody = resp.Body
	}
	if err != nil {
		out.Detail = "the request could not be sent"
		if s, ok := errors.AsType[*SendError](err); ok {
			out.Detail, out.Timeout = s.Reason, s.Timeout
			if s.Invalid {
				out.Result = webhook.ResultRejected
			}
		}
		return out
	}
	switch s := resp.Status; {
	case s >= 200 && s <= 299:
		out.Result = webhook.ResultDelivered
		return out
	case s == 410:
		out.Result = webhook.ResultGone
	case s == 429 || s >= 502 && s <= 504:
		out.Result = webhook.ResultThrottled
	}
	out.Detail = StatusDetail(resp.Status)
	out.RetryAfter, _ = retry.ParseRetryAfter(resp.Header.Get("Retry-After"), now)
	return out
}

// StatusDetail is the detail of an outcome whose response has this status.
func StatusDetail(status int) string { return fmt.Sprintf("status %d", status) }

// AppendHeaders appends request headers to dst as an outcome records them:
// "Name: value\n" lines, the values of sensitive ones redacted.
func AppendHeaders(dst []byte, headers []webhook.Header) []byte {
	for i := range headers {
		h := &headers[i]
		dst = append(dst, h.Name...)
		dst = append(dst, ": "...)
		if SensitiveHeader(h.Name) {
			dst = append(dst, webhook.Redacted...)
		} else {
			dst = append(dst, h.Value...)
		}
		dst = append(dst, '\n')
	}
	return dst
}

// SensitiveHeader says whether a header of this name is likely to hold a secret.
// Signatures are none: they are worth nothing without the body.
func SensitiveHeader(name string) bool {
	name = strings.ToLower(name)
	for _, word := range [...]string{"authorization", "cookie", "token", "secret", "key", "password"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
