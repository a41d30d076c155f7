// Package httpx holds what every API needs of HTTP and JSON and none should
// write twice: middleware, bounded bodies, a strict and cheap JSON reader that
// names the member that is wrong, and writers. It knows no dialect, no route and no
// noun: how an error looks on the wire is each API's own.
package httpx

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// contentType is set by assignment, which costs no canonicalization.
const contentTypeKey = "Content-Type"

// WriteJSON answers with a body that is JSON already.
func WriteJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h[contentTypeKey] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller is gone: nobody is left to tell
}

// SetRetryAfter says in whole seconds, 1 at least, when to come again. Nothing is
// said when wait is not positive.
func SetRetryAfter(w http.ResponseWriter, wait time.Duration) {
	if wait > 0 {
		seconds := (wait + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
}

// Bearer returns the token of an "Authorization: Bearer" header, or "".
func Bearer(r *http.Request) string {
	const scheme = "bearer "
	h := r.Header["Authorization"]
	if len(h) != 1 || len(h[0]) <= len(scheme) || !strings.EqualFold(h[0][:len(scheme)], scheme) {
		return ""
	}
	return strings.TrimSpace(h[0][len(scheme):])
}

// errTooLarge is what a body over the limit comes to.
func errTooLarge(limit int64) error {
	return webhook.Errorf(webhook.CodeTooLarge, "", "the request body is larger than %d bytes", limit)
}
