package hook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// The results of attempts, and the reasons of failures.
const (
	Success = "success"
	Failure = "failure"

	BadResponse = "bad response code"
	ClientError = "kazoo http client error"
)

// exceeded is what retries_left says of the last try.
const exceeded = "retries exceeded"

// maxBody is how much of a request's body is on record, in bytes.
const maxBody = 64 << 10

// Attempt is what Kazoo tells of a request. What the engine keeps of the response
// anyway is not in the record of its own: see Shown.
type Attempt struct {
	HookID      string            `json:"hook_id"`
	HookEvent   string            `json:"hook_event"`
	EventID     string            `json:"event_id"` // the same for all tries of one firing
	URI         string            `json:"uri"`      // without the query of a get
	Method      string            `json:"method"`
	ReqHeaders  map[string]string `json:"req_headers"` // names and values in small letters
	ReqBody     string            `json:"req_body"`
	Result      string            `json:"result"`
	Reason      string            `json:"reason,omitempty"`
	RespStatus  string            `json:"resp_status_code,omitempty"`
	RespHeaders map[string]string `json:"resp_headers,omitempty"`
	RespBody    *string           `json:"resp_body,omitempty"`
	ClientError string            `json:"client_error,omitempty"`
	Try         int               `json:"try,omitempty"`     // tries that were left, of a bad response
	Retries     int               `json:"retries,omitempty"` // the same of a client error
	RetriesLeft any               `json:"retries_left,omitempty"`
	Timestamp   int64             `json:"timestamp"` // in Gregorian seconds
}

// Request is what an attempt sent.
type Request struct {
	Hook       Config
	Endpoint   *webhook.Endpoint
	Delivery   webhook.DeliveryID
	Number     int32 // of the attempt; 1 is the first
	HookID     string
	URI        string
	Headers    []webhook.Header
	Body       []byte
	ResponseOK bool
	// ClientError says why no response came; "" when one did.
	ClientError string
}

// Record is what the engine keeps of an attempt for this dialect, as JSON.
func Record(r Request, now time.Time) ([]byte, error) {
	a := Attempt{
		HookID: r.HookID, HookEvent: r.Hook.Event(), EventID: eventID(r.Delivery), URI: withoutPassword(r.URI), Method: r.Hook.Verb,
		ReqHeaders: map[string]string{}, ReqBody: strings.ToValidUTF8(string(r.Body[:min(len(r.Body), maxBody)]), ""),
		Timestamp: Gregorian(now),
	}
	for _, h := range r.Headers {
		a.ReqHeaders[strings.ToLower(h.Name)] = strings.ToLower(h.Value)
	}
	left := max(r.Endpoint.Retry.MaxAttempts-int(r.Number)+1, 1) // this one included
	switch {
	case r.ClientError != "":
		a.Result, a.Reason, a.ClientError = Failure, ClientError, r.ClientError
		a.Retries, a.RetriesLeft = left, left
		if left == 1 {
			a.RetriesLeft = exceeded
		}
	case r.ResponseOK:
		a.Result = Success
	default:
		a.Result, a.Reason = Failure, BadResponse
		a.Try, a.RetriesLeft = left, left-1
		if left == 1 {
			a.RetriesLeft = exceeded
		}
	}
	return json.Marshal(a)
}

// Shown is an attempt as Kazoo shows it. ok is false for one that was not made by this
// dialect's service.
func Shown(from *webhook.Attempt) (a Attempt, ok bool) {
	if len(from.Outcome.Extra) == 0 || json.Unmarshal(from.Outcome.Extra, &a) != nil || a.HookID == "" {
		return Attempt{}, false
	}
	if a.ClientError != "" {
		return a, true
	}
	a.RespStatus = strconv.Itoa(from.Outcome.StatusCode)
	a.RespHeaders = map[string]string{}
	for line := range bytes.Lines(from.Outcome.ResponseHeaders) {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSuffix(string(line), "\n")), ": ")
		if earlier, twice := a.RespHeaders[name]; twice {
			value = earlier + ", " + value
		}
		a.RespHeaders[name] = value
	}
	body := strings.ToValidUTF8(string(from.Outcome.ResponseBody), "\uFFFD")
	a.RespBody = &body
	return a, true
}

// eventID names a firing in 10 hex digits.
func eventID(d webhook.DeliveryID) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", d.Event.Hex(), d.N))
	return hex.EncodeToString(sum[:5])
}

// withoutPassword leaves user and password out of a URI, for the record.
func withoutPassword(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return "" // what cannot be read may hold one anywhere
	}
	if u.User == nil {
		return uri
	}
	u.User = nil
	return u.String()
}
