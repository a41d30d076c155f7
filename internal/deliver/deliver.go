// Package deliver is the seam between the engine and the ways to deliver. A
// Service turns one delivery into one attempt; a Sender carries an HTTP request
// for the services that speak HTTP. Retrying, limits, health and records are the
// engine's, never a service's.
package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// Service is a way to deliver. Implementations are safe for concurrent use and
// pass the suite in delivertest.
type Service interface {
	// Name is what an endpoint's Service field says.
	Name() string

	// Validate checks an endpoint's configuration before it is saved. The error
	// is a *webhook.Error that names the field.
	Validate(e *webhook.Endpoint) error

	// Deliver makes one attempt and says what came of it. It returns soon after
	// ctx is done. It never panics on anything the receiver or the event holds;
	// whatever goes wrong is an Outcome. Latency is filled in by the caller.
	Deliver(ctx context.Context, job *Job) webhook.Outcome
}

// Job is what a service needs for one attempt. Everything in it is read-only.
type Job struct {
	Event        *webhook.Event
	Delivery     *webhook.Delivery
	Endpoint     *webhook.Endpoint
	Subscription *webhook.Subscription // nil unless the service implements NeedsSubscription
	Number       int32                 // of the attempt; 1 is the first
	StartedAt    time.Time             // the attempt's time, which is signed
	Timeout      time.Duration         // how long the attempt may take in all; never 0
}

// NeedsSubscription is implemented by services that look at the subscription.
type NeedsSubscription interface{ NeedsSubscription() }

// ConfigSchema is implemented by services whose configuration has a JSON Schema.
type ConfigSchema interface{ ConfigSchema() json.RawMessage }

// ChecksConfig is implemented by services that may know better than a dialect's
// general rule which configurations are good: a plug-in that has told a JSON
// Schema. Validate then holds a configuration to it. What it says may change while
// the server runs, and it may take seconds to find out.
type ChecksConfig interface{ ChecksConfig() bool }

// Sender carries one HTTP request and reads its response. It follows no
// redirect, retries nothing that may have reached the receiver, and connects only
// through egress. The error is a *SendError. A request that went out and was not
// answered is an error with Sent set; one whose answer broke off behind its
// headers is an error and a response, which holds what came.
type Sender interface {
	Send(ctx context.Context, req *Request) (*Response, error)
}

// Request is an HTTP request. The body is sent as it is.
type Request struct {
	Method  string // "POST" when empty
	URL     string // absolute, http or https; user:password in it becomes basic authentication
	Query   string // joins the query that the URL has, as it is
	Headers []webhook.Header
	Body    []byte
	TLS     *webhook.TLS // nil is the default
	// TLSKey names the TLS settings for connection reuse: requests with the same
	// key share connections. Use the endpoint's id and version; empty when TLS is nil.
	TLSKey string
	// Timeout is the deadline over the whole exchange, from connecting to the end
	// of the response; 0 leaves it to ctx. It costs less than a context with a
	// timeout of its own.
	Timeout time.Duration
	// Connect is how long connecting may take, TLS included; Silence is how long the
	// other side may say nothing before its answer is whole. 0 is Timeout.
	Connect, Silence time.Duration
	// BodyLimit is the number of response body bytes kept; 0 is 64 KiB. The rest
	// is not read: the connection is closed instead.
	BodyLimit int
}

// TLSKey names an endpoint's TLS settings, for Request.TLSKey: empty where it has none.
func TLSKey(e *webhook.Endpoint) string {
	if e.TLS == nil || e.ID.IsZero() {
		return ""
	}
	return e.ID.Hex() + "/" + strconv.FormatInt(e.Version, 10)
}

// Response is what came back.
type Response struct {
	Status int
	Header Header
	Body   []byte // at most BodyLimit bytes
	// Truncated says that the response had more.
	Truncated bool
}

// IsJSON says whether the whole body came and is JSON, with a byte order mark or
// without, whatever its type is said to be.
func (r *Response) IsJSON() bool { return !r.Truncated && json.Valid(r.Text()) }

// Text returns the body without its byte order mark.
func (r *Response) Text() []byte { return bytes.TrimPrefix(r.Body, []byte("\xef\xbb\xbf")) }

// Header holds the headers of a response as "Name: value\n" lines, in the order
// and spelling in which they came: the form in which an outcome keeps them.
type Header []byte

// Get returns the value of the first header with this name, in any case of
// letters, or "".
func (h Header) Get(name string) string {
	for line := range bytes.Lines(h) {
		n, v, ok := bytes.Cut(line, []byte(": "))
		if ok && len(n) == len(name) && strings.EqualFold(string(n), name) {
			return string(bytes.TrimSuffix(v, []byte("\n")))
		}
	}
	return ""
}

// SendError says why no response came.
type SendError struct {
	Reason  string // one line for people, no secret and no query string in it
	Timeout bool   // a deadline passed
	Refused bool   // egress refused the address: trying again cannot help until the configuration changes
	Invalid bool   // the URL or a header cannot be sent at all
	Sent    bool   // at least one byte of the request may have reached the receiver
	Err     error  // the cause
}

// Error returns the reason.
func (e *SendError) Error() string { return e.Reason }

// Unwrap returns the cause.
func (e *SendError) Unwrap() error { return e.Err }
