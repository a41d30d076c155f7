package viawazo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// maxShown bounds what Wazo's log shows of a request's body, in bytes; of a response's
// it shows what the sender keeps.
const maxShown = 64 << 10

// row is what Wazo's log says of an attempt whose request went out, or was meant to.
type row struct {
	RequestMethod      string            `json:"request_method"`
	RequestURL         string            `json:"request_url"`
	RequestBody        any               `json:"request_body"`
	RequestHeaders     map[string]string `json:"request_headers"`
	ResponseStatusCode *int              `json:"response_status_code"`
	ResponseHeaders    map[string]string `json:"response_headers"`
	ResponseBody       any               `json:"response_body"`
	Error              string            `json:"error,omitempty"`
}

// failed is an attempt that made no request, and that no other one can mend. The text
// is what Wazo's log says.
func failed(text string) webhook.Outcome {
	detail := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, withoutPassword(text))
	return webhook.Outcome{
		Result: webhook.ResultRejected, Detail: strings.ToValidUTF8(detail[:min(len(detail), 300)], ""),
		Extra: wazo.Detail(map[string]string{"error": text}),
	}
}

// judge says what came of the last request of an attempt.
func judge(req *deliver.Request, resp *deliver.Response, err error) webhook.Outcome {
	out := deliver.OutcomeOf(resp, err, time.Now())
	out.RequestHeaders = deliver.AppendHeaders(nil, req.Headers)
	out.RetryAfter = 0
	text := ""
	switch {
	case err != nil:
		if out.Result == webhook.ResultRejected {
			return failed(unsendable(req.URL, out.Detail))
		}
		out.Result, text = webhook.ResultRetry, connectionError(req.URL, out, err)
	case redirected(resp):
		out.Result, text = webhook.ResultRetry, fmt.Sprintf("Exceeded %d redirects.", maxHops)
	case resp.Status >= 400 && resp.Status < 600:
		out.Result, text = webhook.ResultRetry, httpError(resp.Status, req.URL)
		if resp.Status == http.StatusGone {
			out.Result = webhook.ResultGone
		}
	default:
		out.Result, out.Detail = webhook.ResultDelivered, ""
	}
	out.Extra = wazo.Detail(rowOf(req, resp, text))
	return out
}

// redirected says whether a response is one redirect too many.
func redirected(resp *deliver.Response) bool {
	switch resp.Status {
	case 301, 302, 303, 307, 308:
		return resp.Header.Get("Location") != ""
	}
	return false
}

// httpError is python-requests' text for a response that is a failure.
func httpError(status int, to string) string {
	whose := "Client"
	if status >= 500 {
		whose = "Server"
	}
	return fmt.Sprintf("%d %s Error: %s for url: %s", status, whose, http.StatusText(status), withoutPassword(to))
}

// unsendable is the text for a request that the sender refuses: a redirect led to
// what is no URL, or the content type is no header.
func unsendable(to, reason string) string {
	if !sendable(to) {
		return fault(to)
	}
	return reason
}

// connectionError is about what python-requests says when no response came.
func connectionError(to string, out webhook.Outcome, err error) string {
	u, broken := url.Parse(to)
	if broken != nil {
		return out.Detail
	}
	port, pool := u.Port(), "HTTPConnectionPool"
	if u.Scheme == "https" {
		pool = "HTTPSConnectionPool"
	}
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	reason := fmt.Sprintf("Max retries exceeded with url: %s (Caused by %s)", u.RequestURI(), cause(out, err))
	if send, ok := errors.AsType[*deliver.SendError](err); ok && out.Timeout && send.Sent {
		reason = fmt.Sprintf("Read timed out. (read %s)", out.Detail)
	}
	return fmt.Sprintf("%s(host='%s', port=%s): %s", pool, u.Hostname(), port, reason)
}

// cause is why there was no connection, or no answer on it.
func cause(out webhook.Outcome, err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused')"
	case unresolved(err):
		return "NewConnectionError('Failed to establish a new connection: [Errno -2] Name or service not known')"
	case out.Timeout:
		return "ConnectTimeoutError('Connection timed out. (connect " + out.Detail + ")')"
	}
	return "'" + out.Detail + "'"
}

// unresolved says whether the host's name was the reason of an error.
func unresolved(err error) bool {
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

func rowOf(req *deliver.Request, resp *deliver.Response, text string) row {
	r := row{
		RequestMethod: req.Method, RequestURL: shownURL(req.URL),
		RequestHeaders: headers(deliver.AppendHeaders(nil, req.Headers)), ResponseHeaders: map[string]string{},
		RequestBody: "", ResponseBody: "", Error: text,
	}
	r.RequestBody = shown(req.Body[:min(len(req.Body), maxShown)], valueOf(req.Headers, "Content-Type"))
	if len(req.Body) > 0 {
		r.RequestHeaders["Content-Length"] = strconv.Itoa(len(req.Body))
	}
	if resp != nil {
		r.ResponseStatusCode = &resp.Status
		r.ResponseHeaders = headers(resp.Header)
		r.ResponseBody = shown(resp.Body, resp.Header.Get("Content-Type"))
	}
	return r
}

// shownURL is a URL as it was requested, without user and password.
func shownURL(raw string) string {
	u, err := url.Parse(raw)
	if err == nil && u.Path == "" {
		u.Path = "/"
		raw = u.String()
	}
	return withoutPassword(raw)
}

func valueOf(headers []webhook.Header, name string) string {
	for _, h := range headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// shown is a body as Wazo's log shows it: what it says where it is JSON, else text.
func shown(body []byte, contentType string) any {
	if len(body) > 0 && json.Valid(body) {
		return json.RawMessage(body)
	}
	return decode(body, contentType)
}

// headers puts recorded headers into an object. Those of one name are joined.
func headers(lines []byte) map[string]string {
	all := map[string]string{}
	for line := range bytes.Lines(lines) {
		name, value, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), ": ")
		if !ok {
			continue
		}
		if have, ok := all[name]; ok {
			value = have + ", " + value
		}
		all[name] = value
	}
	return all
}
