package egress

import (
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/switchhook/switchhook/internal/testkit"
)

func TestEverySocketIsCheckedAsItConnects(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	// Around every check that comes before the socket.
	c, err := d.direct.DialContext(t.Context(), "tcp", l.Addr().String())
	if err == nil {
		c.Close()
		t.Fatal("connected")
	}
	if r, ok := errors.AsType[*RefusedError](err); !ok || r.Addr.String() != "127.0.0.1" {
		t.Fatalf("got %v, want a refusal of 127.0.0.1", err)
	}
}

func TestProxyOverTLSIsVerified(t *testing.T) {
	// A receiver takes CONNECT like any request, and then another one.
	r := testkit.NewReceiverWith(t, testkit.Options{TLS: true})
	r.Script("", testkit.Raw("HTTP/1.1 200 OK\r\n\r\n", true))
	d, err := New(Options{Proxy: r.URL(), Allow: []string{"192.0.2.0/24"}})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := d.DialContext(t.Context(), "tcp", "192.0.2.1:80"); err == nil {
		c.Close()
		t.Fatal("a proxy with a certificate from nobody was used")
	}
	d.proxy.tls.RootCAs = x509.NewCertPool()
	d.proxy.tls.RootCAs.AppendCertsFromPEM([]byte(r.Authority().CAPEM))
	c, err := d.DialContext(t.Context(), "tcp", "192.0.2.1:80")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := r.Requests()[0]; got.Method != "CONNECT" || got.Target != "192.0.2.1:80" {
		t.Errorf("the proxy was asked for %s %s", got.Method, got.Target)
	}
}

func TestThisMachineIsRefusedWhateverIsAllowed(t *testing.T) {
	for _, allow := range [][]string{{"*"}, {"loopback", "127.0.0.1"}, {"0.0.0.0/0", "::/0"}, nil} {
		d, err := New(Options{Allow: allow, NotThisMachine: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, addr := range []string{
			"127.0.0.1:1", "127.9.9.9:1", "0.0.0.0:1", "0.1.2.3:1", "[::1]:1", "[::]:1", "[::ffff:127.0.0.1]:1", "[::127.0.0.1]:1", "localhost:1",
		} {
			_, err := d.DialContext(t.Context(), "tcp", addr)
			if r, ok := errors.AsType[*RefusedError](err); !ok || !r.ThisMachine {
				t.Errorf("allowed %v: %s: %v", allow, addr, err)
			}
		}
		if u, err := ParseURL("http://a.localhost/"); err != nil || d.Permit(u) == nil {
			t.Errorf("allowed %v: a name of this machine is permitted: %v", allow, err)
		}
	}
	d, err := New(Options{Allow: []string{"*"}, NotThisMachine: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{"10.0.0.1", "1.2.3.127", "fd00::7f00:1", "2001:db8::1"} {
		if err := d.guard.check(netip.MustParseAddr(addr)); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
}
