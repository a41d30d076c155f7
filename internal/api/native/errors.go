package native

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/webhook"
)

// refusal is an error as the wire spells it: with items a validation error, else a
// code with a sentence.
type refusal struct {
	status int
	code   string
	detail string
	items  []item
}

// item is one thing that is wrong with a request.
type item struct {
	Loc  []any  `json:"loc"`
	Msg  string `json:"msg"`
	Type string `json:"type"`
}

type errorOut struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

type invalidOut struct {
	Detail []item `json:"detail"`
}

// Error returns what is wrong.
func (e *refusal) Error() string {
	if len(e.items) > 0 {
		return e.items[0].Msg
	}
	return e.detail
}

// badRequest is a refusal for what is no matter of one field.
func badRequest(code, detail string) error {
	return &refusal{status: http.StatusBadRequest, code: code, detail: detail}
}

// invalidAt is a validation error somewhere else than in a body: a query
// parameter, or a member with a type of error of its own.
func invalidAt(kind, msg string, loc ...any) error {
	return &refusal{status: http.StatusUnprocessableEntity, items: []item{{loc, msg, kind}}}
}

func invalidQuery(name, msg string) error { return invalidAt(valueError, msg, "query", name) }

func invalidBody(field, format string, args ...any) error {
	return webhook.Errorf(webhook.CodeInvalid, field, format, args...)
}

const valueError = "value_error"

func notFound() error { return webhook.Errorf(webhook.CodeNotFound, "", "not visible to the caller") }

func forbidden() error {
	return webhook.Errorf(webhook.CodeForbidden, "", "Insufficient access for the given operation.")
}

// spelling is how a webhook.Code looks on the wire.
type spelling struct {
	status int
	code   string
}

// spell is the table from webhook.Code to the wire.
func spell(code webhook.Code) (spelling, bool) {
	s, ok := map[webhook.Code]spelling{
		webhook.CodeInvalid:      {http.StatusUnprocessableEntity, ""},
		webhook.CodeUnauthorized: {http.StatusUnauthorized, "authentication_failed"},
		webhook.CodeForbidden:    {http.StatusForbidden, "insufficient access"},
		webhook.CodeNotFound:     {http.StatusNotFound, "not_found"},
		webhook.CodeConflict:     {http.StatusConflict, "conflict"},
		webhook.CodeTooLarge:     {http.StatusRequestEntityTooLarge, "payload_too_large"},
		webhook.CodeLimit:        {http.StatusBadRequest, "limit_reached"},
		webhook.CodeBusy:         {http.StatusTooManyRequests, "rate_limited"},
		webhook.CodeUnavailable:  {http.StatusServiceUnavailable, "unavailable"},
	}[code]
	return s, ok
}

// refuse answers with an error.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if ref, ok := errors.AsType[*refusal](err); ok {
		writeRefusal(w, ref)
		return
	}
	e, ok := errors.AsType[*webhook.Error](err)
	if !ok {
		if r.Context().Err() != nil {
			return // the caller is gone
		}
		a.Logger.Error("request failed", "request_id", httpx.RequestID(w),
			"method", r.Method, "path", r.URL.Path, "error", err)
		httpx.WriteJSON(w, http.StatusInternalServerError, []byte("{}"))
		return
	}
	writeRefusal(w, translate(w, e))
}

// translate spells a domain error for the wire.
func translate(w http.ResponseWriter, e *webhook.Error) *refusal {
	s, ok := spell(e.Code)
	if !ok {
		return &refusal{status: http.StatusInternalServerError}
	}
	httpx.SetRetryAfter(w, e.RetryAfter)
	switch e.Code {
	case webhook.CodeInvalid:
		return &refusal{status: s.status, items: []item{{location(e.Field), e.Message, valueError}}}
	case webhook.CodeNotFound:
		return &refusal{status: s.status, code: s.code, detail: "Entity not found"}
	case webhook.CodeConflict:
		switch e.Field {
		case "idempotency-key":
			s.code = "idempotency_conflict"
		case "uid":
			return &refusal{status: s.status, code: s.code, detail: "This uid is taken."}
		}
	case webhook.CodeUnavailable, webhook.CodeBusy:
		if e.RetryAfter <= 0 {
			w.Header().Set("Retry-After", "1")
		}
	}
	return &refusal{status: s.status, code: s.code, detail: e.Message}
}

// location spells the place of a body's member. The first part is a number when the
// body is an array.
func location(field string) []any {
	loc := []any{"body"}
	if field == "" {
		return loc
	}
	for i, part := range strings.Split(field, ".") {
		if n, err := strconv.Atoi(part); err == nil && i == 0 {
			loc = append(loc, n)
			continue
		}
		loc = append(loc, part)
	}
	return loc
}

func writeRefusal(w http.ResponseWriter, e *refusal) {
	var out any = errorOut{e.code, e.detail}
	switch {
	case len(e.items) > 0:
		out = invalidOut{e.items}
	case e.code == "":
		out = struct{}{}
	}
	body, err := json.Marshal(out)
	if err != nil { // texts and numbers alone
		body = []byte("{}")
	}
	httpx.WriteJSON(w, e.status, body)
}

// fieldOf returns the field of a domain error.
func fieldOf(err error) string {
	if e, ok := errors.AsType[*webhook.Error](err); ok {
		return e.Field
	}
	return ""
}
