package wazo

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/webhook"
)

// refusal is an answer that is no success. Without an id it has a message alone.
type refusal struct {
	status  int
	id      string
	message string
	details map[string]any
	wait    time.Duration // when to come again
}

// Error returns the message.
func (e *refusal) Error() string { return e.message }

// plain is a refusal that has a message alone.
func plain(status int, format string, args ...any) *refusal {
	return &refusal{status: status, message: fmt.Sprintf(format, args...)}
}

func invalidData(details map[string]any) error {
	return &refusal{status: http.StatusBadRequest, id: "invalid-data", message: "Sent data is invalid", details: details}
}

func noSubscription(uuid string) error {
	return &refusal{
		status: http.StatusNotFound, id: "no-such-subscription", message: "No such subscription: " + uuid,
		details: map[string]any{"subscription_uuid": uuid},
	}
}

// refuse answers with an error. What is not the caller's is logged and not told.
func (a *API) refuse(w http.ResponseWriter, err error) {
	e, ok := errors.AsType[*refusal](err)
	if !ok {
		if e = refusalOf(err); e.status == http.StatusInternalServerError {
			a.Logger.Error("request failed", "error", err, "request_id", httpx.RequestID(w))
		}
	}
	refuse(w, e, a.Now())
}

// refusalOf is the table from our codes to Wazo's answers.
func refusalOf(err error) *refusal {
	if errors.Is(err, ErrNoMaster) {
		return &refusal{
			status: http.StatusServiceUnavailable, id: "master-tenant-not-initialized",
			message: "wazo-webhookd master tenant is not initialized",
		}
	}
	e, ok := errors.AsType[*webhook.Error](err)
	if !ok {
		return plain(http.StatusInternalServerError, "Internal Server Error")
	}
	switch e.Code {
	case webhook.CodeInvalid:
		return &refusal{
			status: http.StatusBadRequest, id: "invalid-data", message: "Sent data is invalid",
			details: map[string]any{fieldOf(e.Field): []any{e.Message}},
		}
	case webhook.CodeNotFound:
		return plain(http.StatusNotFound, "%s", e.Message)
	case webhook.CodeConflict, webhook.CodeLimit:
		return plain(http.StatusConflict, "%s", e.Message)
	case webhook.CodeTooLarge:
		return plain(http.StatusRequestEntityTooLarge, "%s", e.Message)
	case webhook.CodeBusy, webhook.CodeUnavailable:
		r := plain(http.StatusServiceUnavailable, "%s", e.Message)
		r.wait = e.RetryAfter
		return r
	}
	return plain(http.StatusInternalServerError, "Internal Server Error")
}

// fieldOf is where a caller finds a field of an endpoint.
func fieldOf(field string) string {
	if field == "" {
		return "_schema"
	}
	return strings.TrimPrefix(field, "endpoints.0.")
}

type refusalOut struct {
	Message   string         `json:"message"`
	ErrorID   string         `json:"error_id"`
	Details   map[string]any `json:"details"`
	Timestamp float64        `json:"timestamp"` // seconds since 1970
}

func refuse(w http.ResponseWriter, e *refusal, now time.Time) {
	httpx.SetRetryAfter(w, e.wait)
	if e.id == "" {
		_ = answer(w, e.status, map[string]string{"message": e.message}) // text can be encoded
		return
	}
	out := refusalOut{e.message, e.id, e.details, float64(now.UnixMicro()) / 1e6}
	if out.Details == nil {
		out.Details = map[string]any{}
	}
	_ = answer(w, e.status, out) // as can what details are made of
}
