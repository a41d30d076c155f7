package egress

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"

	"github.com/switchhook/switchhook/internal/webhook"
)

// Reason tells in one line of ASCII why a connection failed, without addresses that the
// tenant does not know already.
func Reason(err error) string {
	for _, known := range [...]struct {
		err  error
		text string
	}{
		{syscall.ECONNREFUSED, "connection refused"},
		{syscall.ECONNRESET, "connection reset"},
		{syscall.EPIPE, "connection closed"},
		{syscall.EHOSTUNREACH, "host unreachable"},
		{syscall.ENETUNREACH, "network unreachable"},
	} {
		if errors.Is(err, known.err) {
			if _, ok := errors.AsType[*ProxyError](err); ok {
				return "proxy: " + known.text
			}
			return known.text
		}
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return "no such host"
		}
		return "the host's name cannot be resolved"
	}
	if verify, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "TLS: " + webhook.OneLine(verify.Err.Error())
	}
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return refused.Message
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return webhook.OneLine(op.Err.Error()) // without the addresses
	}
	return webhook.OneLine(err.Error())
}
