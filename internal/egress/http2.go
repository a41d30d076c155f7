package egress

import (
	"crypto/tls"
	"net/http"
	"time"
)

// HTTP2 returns a client of HTTP/2 over TLS that connects through the dialer, and
// speaks nothing else. It keeps one connection a host for many requests: for services
// that ask for that. config is the caller's to choose, ALPN aside.
func (d *Dialer) HTTP2(config *tls.Config) *http.Transport {
	var only http.Protocols
	only.SetHTTP2(true)
	return &http.Transport{
		DialContext: d.DialContext, TLSClientConfig: config, Protocols: &only,
		TLSHandshakeTimeout: d.timeout, IdleConnTimeout: 10 * time.Minute, MaxResponseHeaderBytes: 64 << 10,
		HTTP2: &http.HTTP2Config{SendPingTimeout: time.Minute},
	}
}
