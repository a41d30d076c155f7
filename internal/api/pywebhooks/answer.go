package pywebhooks

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/render"
	"github.com/switchhook/switchhook/internal/webhook"
)

// answer is what is answered to a call that succeeds.
type answer struct {
	status int
	body   any // nil is none
}

func (o *answer) write(w http.ResponseWriter) {
	if o.body == nil {
		w.WriteHeader(o.status)
		return
	}
	writeJSON(w, o.status, o.body)
}

// The kinds of object that an answer may be beside records. Libraries' own words
// are messages with a small m.
type (
	errorOut   struct{ Error string }
	successOut struct{ Message string }
	messageOut struct {
		Message string `json:"message"`
	}
)

// summaryOut counts what became of records.
type summaryOut struct {
	Deleted   int `json:"deleted"`
	Errors    int `json:"errors"`
	Inserted  int `json:"inserted"`
	Replaced  int `json:"replaced"`
	Skipped   int `json:"skipped"`
	Unchanged int `json:"unchanged"`
}

func summary(o summaryOut) (*answer, error) { return &answer{http.StatusOK, o}, nil }

func updated(changed bool) (*answer, error) {
	if changed {
		return summary(summaryOut{Replaced: 1})
	}
	return summary(summaryOut{Unchanged: 1})
}

// epoch spells a time as seconds since 1970, to the microsecond.
func epoch(t time.Time) json.Number {
	text := strconv.FormatFloat(float64(t.UnixMicro())/1e6, 'f', -1, 64)
	if _, err := strconv.ParseInt(text, 10, 64); err == nil {
		text += ".0"
	}
	return json.Number(text)
}

// refusal is an error with its answer.
type refusal struct {
	status int
	text   string
	wait   time.Duration // when to come again; 0 is unsaid
}

// Error returns the text.
func (e *refusal) Error() string { return e.text }

func refuse(status int, text string) error { return &refusal{status: status, text: text} }

func notAuthorized() error { return refuse(http.StatusUnauthorized, "Not authorized") }

func tooMany(wait time.Duration) error {
	return &refusal{http.StatusTooManyRequests, "Too many requests", wait}
}

// malformed is the error of a body that is no JSON.
type malformed struct{ why error }

// Error says why it is none.
func (e *malformed) Error() string { return "The request body cannot be read: " + e.why.Error() }

// fail answers with an error. What is not the caller's is logged and not told.
func (a *API) fail(c *call, err error) {
	if bad, ok := errors.AsType[*malformed](err); ok {
		writeJSON(c.w, http.StatusBadRequest, messageOut{bad.Error()})
		return
	}
	if no, ok := errors.AsType[*refusal](err); ok {
		httpx.SetRetryAfter(c.w, no.wait)
		writeJSON(c.w, no.status, errorOut{no.text})
		return
	}
	e, ok := errors.AsType[*webhook.Error](err)
	if !ok {
		a.Logger.Error("request failed", "error", err, "request_id", httpx.RequestID(c.w))
		writeJSON(c.w, http.StatusInternalServerError, errorOut{"Internal Server Error"})
		return
	}
	text := e.Message
	if e.Field != "" {
		text = member(e.Field) + " " + e.Message
	}
	httpx.SetRetryAfter(c.w, e.RetryAfter)
	writeJSON(c.w, status(e.Code), errorOut{text})
}

// member is what a field is called here.
func member(field string) string {
	if field == "payload" {
		return "event_data"
	}
	return field
}

// status is the table from code to status for what no route has words of its own for.
func status(code webhook.Code) int {
	switch code {
	case webhook.CodeInvalid:
		return http.StatusBadRequest
	case webhook.CodeNotFound, webhook.CodeUnauthorized, webhook.CodeForbidden:
		return http.StatusUnauthorized // something went between two looks at it
	case webhook.CodeConflict, webhook.CodeLimit:
		return http.StatusConflict
	case webhook.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case webhook.CodeBusy:
		return http.StatusTooManyRequests
	case webhook.CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// writeJSON answers with JSON as PyWebhooks has it: members in the order of the
// alphabet, ASCII alone, a line's end behind.
func writeJSON(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err == nil {
		raw, err = render.PythonJSON(raw, render.JSONStyle{SortKeys: true})
	}
	if err != nil { // a defect: records hold only what was read as JSON
		status, raw = http.StatusInternalServerError, []byte(`{"message": "Internal Server Error"}`)
	}
	httpx.WriteJSON(w, status, append(raw, '\n'))
}

func writeText(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", pathText)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // the caller is gone: nobody is left to tell
}

// object reads a request's body as a JSON object. Anything else that is JSON is an
// object without members, as every member is asked for by name.
func (a *API) object(c *call) (map[string]json.RawMessage, error) {
	body, err := httpx.ReadBody(c.r, a.BodyLimit)
	if err != nil {
		return nil, err
	}
	if _, err := render.Decode(body); err != nil {
		return nil, &malformed{err}
	}
	if !httpx.IsObject(body) {
		return nil, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, &malformed{err}
	}
	return members, nil
}

// required returns a member, or says that it has to be there.
func required(members map[string]json.RawMessage, name string) (json.RawMessage, error) {
	v, ok := members[name]
	if !ok {
		return nil, refuse(http.StatusBadRequest, fmt.Sprintf("Missing %s field", name))
	}
	return v, nil
}
