package viahttp_test

import (
	"net"
	"slices"
	"testing"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viahttp"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestProxiesCarryRequests(t *testing.T) {
	a, err := testkit.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	plain := testkit.NewReceiver(t)
	secure := testkit.NewReceiverWith(t, testkit.Options{TLS: true, Authority: a})
	_, plainPort, _ := net.SplitHostPort(plain.Addr())
	_, securePort, _ := net.SplitHostPort(secure.Addr())
	const host = "a.receiver.test:"
	for _, c := range []struct {
		name             string
		socks, resolves  bool
		plain, encrypted string // what the proxy is asked for
	}{
		{"HTTP", false, false, "CONNECT 127.0.0.1:" + plainPort, "CONNECT 127.0.0.1:" + securePort},
		{"HTTP that resolves", false, true, "POST http://" + host + plainPort + "/p?q", "CONNECT " + host + securePort},
		{"SOCKS5", true, false, "127.0.0.1:" + plainPort, "127.0.0.1:" + securePort},
		{"SOCKS5 that resolves", true, true, host + plainPort, host + securePort},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := testkit.StartForwardProxy(testkit.ForwardOptions{
				SOCKS5: c.socks, User: "u", Password: "p",
				Hosts: map[string]string{host + plainPort: plain.Addr(), host + securePort: secure.Addr()},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.Close)
			s := newSenderWith(t, egress.Options{
				Allow: []string{"loopback"}, Proxy: p.URL(), ProxyResolves: c.resolves, Resolver: hosts{"a.receiver.test": "127.0.0.1"},
			}, viahttp.SenderOptions{})
			plain.Reset()
			mustSend(t, s, deliver.Request{URL: "http://" + host + plainPort + "/p?q", Body: []byte("x")}, 200)
			mustSend(t, s, deliver.Request{
				URL: "https://" + host + securePort + "/", TLS: &webhook.TLS{CAPEM: a.CAPEM}, TLSKey: "k",
			}, 200)
			if want := []string{c.plain, c.encrypted}; !slices.Equal(p.Asked(), want) {
				t.Errorf("the proxy was asked for %q, want %q", p.Asked(), want)
			}
			got := plain.Requests()[0]
			if got.Target != "/p?q" || got.Host != host+plainPort || string(got.Body) != "x" || got.Header.Get("Proxy-Authorization") != "" {
				t.Errorf("got %q", got.Head)
			}
		})
	}
}

func TestProxyFailureIsToldWithoutItsAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	s := newSenderWith(t, egress.Options{Proxy: "http://" + l.Addr().String()}, viahttp.SenderOptions{})
	_, err = send(t, s, deliver.Request{URL: "http://192.88.98.1/"})
	if e := sendError(t, err); e.Reason != "proxy: connection refused" || e.Sent || e.Refused {
		t.Errorf("got %+v", e)
	}
}
