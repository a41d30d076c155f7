package viahttp

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/webhook"
)

// appendHead appends the request line and headers. Nothing in them can end a
// line early: what cannot be sent is an error, fit for people.
func appendHead(dst []byte, t *target, req *deliver.Request) ([]byte, error) {
	method := req.Method
	if method == "" {
		method = "POST"
	}
	if !isToken(method) {
		return dst, fmt.Errorf("the method %q cannot be sent", method)
	}
	dst = append(dst, method...)
	dst = append(dst, ' ')
	dst = appendQuery(append(dst, t.line...), t.line, req.Query)
	dst = append(dst, " HTTP/1.1\r\n"...)
	host, auth := t.host, t.auth
	for i := range req.Headers {
		h := &req.Headers[i]
		if err := checkHeader(h); err != nil {
			return dst, err
		}
		switch {
		case strings.EqualFold(h.Name, "Host"):
			host = h.Value
			continue
		case strings.EqualFold(h.Name, "Authorization"):
			auth = ""
		}
		dst = appendHeader(dst, h.Name, h.Value)
	}
	dst = appendHeader(dst, "Host", host)
	if auth != "" {
		dst = appendHeader(dst, "Authorization", auth)
	}
	if t.proxyAuth != "" {
		dst = appendHeader(dst, "Proxy-Authorization", t.proxyAuth)
	}
	if len(req.Body) > 0 || method != "GET" && method != "HEAD" {
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(req.Body)), 10)
		dst = append(dst, "\r\n"...)
	}
	return append(dst, "\r\n"...), nil
}

func appendHeader(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// checkHeader refuses what cannot be sent: a name that is no token (RFC 9110,
// section 5.1), a value with control characters, and the headers that say where
// a message ends.
func checkHeader(h *webhook.Header) error {
	if !isToken(h.Name) {
		return fmt.Errorf("the header name %.64q cannot be sent", h.Name)
	}
	if !isFieldValue(h.Value) {
		return fmt.Errorf("the value of header %.64s cannot be sent", h.Name)
	}
	switch len(h.Name) {
	case len("Connection"), len("Content-Length"), len("Transfer-Encoding"):
		for _, name := range [...]string{"Connection", "Content-Length", "Transfer-Encoding"} {
			if strings.EqualFold(h.Name, name) {
				return fmt.Errorf("the header %s is not the caller's to send", name)
			}
		}
	}
	return nil
}

func isToken[T string | []byte](s T) bool {
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || c == '-' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' {
			continue
		}
		if strings.IndexByte("!#$%&'*+.^_`|~", c) < 0 {
			return false
		}
	}
	return len(s) > 0
}

// isFieldValue allows everything but control characters; a tab is none here.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
