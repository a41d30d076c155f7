package webhook

import (
	"strings"
	"time"
)

// Result says what an attempt came to. A receiver that fails is a result, not
// an error: an error means that Switchhook is broken.
type Result int8

// The results.
const (
	ResultDelivered Result = 0 // received
	ResultRetry     Result = 1 // failed; another attempt may help
	ResultRejected  Result = 2 // failed for good; another attempt cannot help
	ResultGone      Result = 3 // the receiver is gone for good (HTTP 410)
	ResultThrottled Result = 4 // failed; the receiver asks for less (HTTP 429, 502, 503, 504)
)

// String names the result, as metrics and logs show it.
func (r Result) String() string {
	return [...]string{"delivered", "retry", "rejected", "gone", "throttled"}[r]
}

// Outcome is what a service says of one attempt.
type Outcome struct {
	Result     Result
	StatusCode int           // of the response; 0 when none came
	Detail     string        // why it failed, in one line: "connection refused", "status 500"; "" on success
	Timeout    bool          // the deadline passed
	RetryAfter time.Duration // the receiver's wish; 0 is none
	Latency    time.Duration // from the start of the attempt to its end

	RequestHeaders   []byte // "Name: value\n" lines as sent, secrets among custom headers redacted
	ResponseHeaders  []byte // "Name: value\n" lines as received
	ResponseBody     []byte // at most the service's limit, any bytes; nil is empty
	ResponseExpunged bool   // the body was deleted afterwards
	Extra            []byte // a dialect's own record of the attempt, as JSON; nil is none
}

// maxLine bounds a line that OneLine makes, in bytes.
const maxLine = 200

// OneLine makes of what others wrote a text that fits into Outcome.Detail: printable
// ASCII, at most 200 bytes.
func OneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s[:min(len(s), 4*maxLine)])
	return s[:min(len(s), maxLine)]
}
