package viahttp

import (
	"bytes"
	"crypto/tls"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Bounds on the time-out that an endpoint may ask for.
const (
	MinTimeout = time.Second
	MaxTimeout = 60 * time.Second
)

// Validate checks what only this service knows of an endpoint before it is saved.
// See deliver.Service. Fields are "url", "timeout", "config", "headers" and those
// below "headers" and "tls".
func (s *Service) Validate(e *webhook.Endpoint) error {
	if _, err := s.options.CheckURL(e.URL); err != nil {
		return err
	}
	if e.Timeout != 0 && (e.Timeout < MinTimeout || e.Timeout > MaxTimeout) {
		return webhook.Errorf(webhook.CodeInvalid, "timeout", "must be between %v and %v", MinTimeout, MaxTimeout)
	}
	if c := bytes.TrimSpace(e.Config); len(c) > 0 && string(c) != "{}" && string(c) != "null" {
		return webhook.Errorf(webhook.CodeInvalid, "config", "the service http has none")
	}
	if err := validateHeaders(e.Headers); err != nil {
		return err
	}
	if _, err := egress.TLSConfig(&tls.Config{}, e.TLS, ""); err != nil {
		return err
	}
	return nil
}

func validateHeaders(headers []webhook.Header) error {
	for i := range headers {
		h := &headers[i]
		switch {
		case !isToken(h.Name):
			return webhook.Errorf(webhook.CodeInvalid, "headers", "%.64q is not the name of a header", h.Name)
		case reservedHeader(h.Name):
			return webhook.Errorf(webhook.CodeInvalid, "headers."+h.Name, "this header cannot be set")
		case !isFieldValue(h.Value):
			return webhook.Errorf(webhook.CodeInvalid, "headers."+h.Name, "the value has control characters")
		}
	}
	return nil
}

// reservedHeader says whether a header belongs to the connection, to the framing
// of the message or to the signature, and not to the endpoint.
func reservedHeader(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "host", "content-length", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect":
		return true
	}
	return strings.HasPrefix(name, "webhook-") || strings.HasPrefix(name, "svix-") || strings.HasPrefix(name, "proxy-")
}

func has(headers []webhook.Header, name string) bool {
	for i := range headers {
		if strings.EqualFold(headers[i].Name, name) {
			return true
		}
	}
	return false
}
