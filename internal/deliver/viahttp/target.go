package viahttp

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/webhook"
)

// target is a URL with its TLS settings, ready to be sent to.
type target struct {
	key       connKey
	line      string      // the request target: path and query, or the absolute form for a proxy
	host      string      // the Host header
	auth      string      // Authorization from the URL's user and password, or ""
	proxyAuth string      // Proxy-Authorization, or ""
	forward   *url.URL    // not nil: by way of an HTTP proxy in absolute form
	tls       *tls.Config // nil for http
	private   bool        // its connections are not kept
}

type targetKey struct{ url, tlsKey string }

// target finds or makes the target of a request. The error is a *deliver.SendError:
// the URL or the TLS settings are invalid, or egress refuses them.
func (s *Sender) target(req *deliver.Request) (*target, error) {
	key := targetKey{req.URL, req.TLSKey}
	private := req.TLS != nil && req.TLSKey == ""
	if t, ok := s.targets.get(key); ok && !private {
		return t, nil
	}
	t, err := s.newTarget(req)
	if err != nil {
		if invalid, ok := errors.AsType[*webhook.Error](err); ok {
			return nil, &deliver.SendError{Reason: invalid.Field + " " + invalid.Message, Invalid: true, Err: err}
		}
		return nil, &deliver.SendError{Reason: err.Error(), Refused: true, Err: err}
	}
	if t.private = private; !private && len(req.URL) <= egress.MaxURLLength {
		s.targets.put(key, t)
	}
	return t, nil
}

func (s *Sender) newTarget(req *deliver.Request) (*target, error) {
	u, err := egress.ParseURL(req.URL)
	if err != nil {
		return nil, err
	}
	if err := s.dialer.Permit(u); err != nil {
		return nil, err
	}
	defaultPort := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	port := u.Port()
	if port == "" {
		port = defaultPort
	}
	t := &target{line: requestTarget(req.URL), host: u.Host}
	if port == defaultPort {
		t.host = strings.TrimSuffix(u.Host, ":"+port)
	}
	t.key = connKey{addr: net.JoinHostPort(u.Hostname(), port), tls: u.Scheme == "https", tlsKey: req.TLSKey}
	if u.User != nil {
		password, _ := u.User.Password()
		t.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
	}
	if auth, ok := s.dialer.Forward(u); ok {
		t.forward, t.proxyAuth, t.key.forward = u, auth, true
		t.line = "http://" + t.host + t.line
	}
	if t.key.tls {
		if t.tls, err = egress.TLSConfig(s.tls, req.TLS, u.Hostname()); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// requestTarget returns path and query of a URL that egress.ParseURL took, as
// they were given but for what may not stand in a request line: blanks, control
// and other unsafe characters and everything beyond ASCII is percent-encoded.
func requestTarget(raw string) string {
	raw, _, _ = strings.Cut(raw, "#")
	_, rest, _ := strings.Cut(raw, "//")
	i := strings.IndexAny(rest, "/?")
	if i < 0 {
		return "/"
	}
	rest = rest[i:]
	if rest[0] == '?' {
		rest = "/" + rest
	}
	return deliver.EscapeUnsafe(rest)
}

// appendQuery joins a query to a request target, which may have one. A "#" in it is
// no fragment.
func appendQuery(dst []byte, line, query string) []byte {
	switch {
	case query == "":
		return dst
	case strings.HasSuffix(line, "?") || strings.HasSuffix(line, "&"):
	case strings.Contains(line, "?"):
		dst = append(dst, '&')
	default:
		dst = append(dst, '?')
	}
	return append(dst, strings.ReplaceAll(deliver.EscapeUnsafe(query), "#", "%23")...)
}
