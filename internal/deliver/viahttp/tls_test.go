package viahttp_test

import (
	"crypto/x509"
	"net"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viahttp"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestReceiverIsVerified(t *testing.T) {
	r := testkit.NewReceiverWith(t, testkit.Options{TLS: true})
	_, port, _ := net.SplitHostPort(r.Addr())
	ca := r.Authority().CAPEM
	s := newSenderWith(t, egress.Options{
		Allow:    []string{"loopback"},
		Resolver: hosts{"a.receiver.test": "127.0.0.1", "other.test": "127.0.0.1"},
	}, viahttp.SenderOptions{})
	for _, c := range []struct {
		name   string
		url    string
		tls    *webhook.TLS
		reason string // "" is success
	}{
		{"unknown authority", r.URL(), nil, "TLS: x509: certificate signed by unknown authority"},
		{"own authority", r.URL(), &webhook.TLS{CAPEM: ca}, ""},
		{"by name", "https://a.receiver.test:" + port, &webhook.TLS{CAPEM: ca}, ""},
		{"other name", "https://other.test:" + port, &webhook.TLS{CAPEM: ca}, "TLS: x509: certificate is valid for"},
		{"name expected", "https://other.test:" + port, &webhook.TLS{CAPEM: ca, ServerName: "receiver.test"}, ""},
		{"not verified", "https://other.test:" + port, &webhook.TLS{Insecure: true}, ""},
	} {
		req := deliver.Request{URL: c.url, TLS: c.tls}
		if c.tls != nil {
			req.TLSKey = c.name
		}
		_, err := send(t, s, req)
		if c.reason == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if e := sendError(t, err); e.Sent || !strings.HasPrefix(e.Reason, c.reason) {
			t.Errorf("%s: got %+v", c.name, e)
		}
	}
}

func TestPlainTextWhereTLSIsExpectedIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			c.Close()
		}
	}()
	_, err = send(t, newSender(t), deliver.Request{URL: "https://" + l.Addr().String()})
	if e := sendError(t, err); e.Sent || e.Timeout {
		t.Errorf("got %+v", e)
	}
}

func TestClientCertificateIsShown(t *testing.T) {
	a, err := testkit.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	r := testkit.NewReceiverWith(t, testkit.Options{TLS: true, RequireClient: true, Authority: a})
	cert, key, err := a.ClientPEM("sender")
	if err != nil {
		t.Fatal(err)
	}
	s := newSender(t)
	mustSend(t, s, deliver.Request{
		URL:    r.URL(),
		TLS:    &webhook.TLS{CAPEM: a.CAPEM, CertificatePEM: cert, KeyPEM: webhook.Secret(key)},
		TLSKey: "e1/1",
	}, 200)
	if !r.Requests()[0].Client {
		t.Error("no client certificate was shown")
	}
	_, err = send(t, s, deliver.Request{URL: r.URL(), TLS: &webhook.TLS{CAPEM: a.CAPEM}, TLSKey: "e2/1"})
	if e := sendError(t, err); !strings.Contains(e.Reason, "certificate required") {
		t.Errorf("got %+v", e)
	}
}

func TestTLSConnectionsAreSharedByKeyOnly(t *testing.T) {
	r := testkit.NewReceiverWith(t, testkit.Options{TLS: true})
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(r.Authority().CAPEM))
	s := newSenderWith(t, egress.Options{Allow: []string{"loopback"}}, viahttp.SenderOptions{RootCAs: pool})
	own := &webhook.TLS{CAPEM: r.Authority().CAPEM}
	for _, c := range []struct {
		tls   *webhook.TLS
		key   string
		conns int
	}{
		{nil, "", 1}, {nil, "", 1}, {own, "e1/1", 2}, {own, "e1/1", 2}, {own, "e1/2", 3}, {nil, "", 3}, {own, "", 4}, {own, "", 5},
	} {
		mustSend(t, s, deliver.Request{URL: r.URL(), TLS: c.tls, TLSKey: c.key}, 200)
		if got := r.Connections(); got != c.conns {
			t.Fatalf("%+v: %d connections, want %d", c, got, c.conns)
		}
	}
}
