// Package operator serves what the operators of an installation do and no tenant
// may: moving in from other servers, upkeep, a look at all accounts. It is for the
// holder of the root account's API key, and for the command line of the server's own
// machine, which reaches it without a server running. What there is to do is the
// dialects' and the server's; here it is put on the wire.
package operator

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Prefix is what all paths begin with.
const Prefix = "/api/v1/operator"

// Options configure an API. Logger may be nil.
type Options struct {
	Control *control.Control // required
	Logger  *slog.Logger
	// Operations are those of each part, which are served below its name.
	Operations map[string]httpx.Operations
}

// API serves operations. Make one with New.
type API struct {
	control *control.Control
	log     *slog.Logger
	mux     *http.ServeMux
}

// New returns an API.
func New(o Options) (*API, error) {
	if o.Control == nil {
		return nil, errors.New("operator: control is required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a := &API{control: o.Control, log: o.Logger, mux: http.NewServeMux()}
	for part, operations := range o.Operations {
		for pattern, do := range operations {
			method, path, _ := strings.Cut(pattern, " ")
			a.mux.Handle(method+" "+Prefix+"/"+part+path, a.serve(do))
		}
	}
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.refuse(w, webhook.Errorf(webhook.CodeNotFound, "", "there is no operation %s %s", r.Method, r.URL.Path))
	})
	return a, nil
}

// Handler serves the holder of the root account's API key.
func (a *API) Handler() http.Handler {
	return httpx.Edge(httpx.EdgeOptions{Logger: a.log}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := a.admit(r); err != nil {
			a.refuse(w, err)
			return
		}
		// A whole installation may come in one request.
		c := http.NewResponseController(w)
		if err := errors.Join(c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{})); err != nil {
			a.log.Warn("deadlines stay as they are", "error", err)
		}
		a.mux.ServeHTTP(w, r)
	}))
}

// Trusted serves whoever asks. It is for callers in this process that hold the data
// directory, and never for a listener.
func (a *API) Trusted() http.Handler { return a.mux }

func (a *API) admit(r *http.Request) error {
	who, err := a.control.Authenticate(r.Context(), httpx.Bearer(r))
	if err != nil {
		return err
	}
	if !who.Organisation() || !who.Account.IsRoot() {
		return webhook.Errorf(webhook.CodeForbidden, "", "this is for the holder of the root account's API key")
	}
	return nil
}

func (a *API) serve(do httpx.Operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := do(r)
		if err != nil {
			a.refuse(w, err)
			return
		}
		body, err := json.Marshal(answer)
		if err != nil {
			a.refuse(w, err)
			return
		}
		httpx.WriteJSON(w, http.StatusOK, body)
	})
}

type errorOut struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// refuse answers with an error. What is not the caller's is logged and not told.
func (a *API) refuse(w http.ResponseWriter, err error) {
	e, ok := errors.AsType[*webhook.Error](err)
	if !ok {
		a.log.Error("operation failed", "error", err, "request_id", httpx.RequestID(w))
		e = &webhook.Error{Code: "internal", Message: "the operation failed; the server's log says why"}
	}
	out := errorOut{string(e.Code), e.Message}
	if e.Field != "" {
		out.Detail = e.Field + ": " + e.Message
	}
	body, _ := json.Marshal(out) // two texts can be encoded
	httpx.SetRetryAfter(w, e.RetryAfter)
	httpx.WriteJSON(w, status(e.Code), body)
}

func status(code webhook.Code) int {
	switch code {
	case webhook.CodeInvalid:
		return http.StatusUnprocessableEntity
	case webhook.CodeUnauthorized:
		return http.StatusUnauthorized
	case webhook.CodeForbidden:
		return http.StatusForbidden
	case webhook.CodeNotFound:
		return http.StatusNotFound
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
