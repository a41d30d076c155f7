package egress_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/testkit"
)

func forwardProxy(t *testing.T, o testkit.ForwardOptions) *testkit.ForwardProxy {
	t.Helper()
	p, err := testkit.StartForwardProxy(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// get makes one bare request through d and returns the status.
func get(t *testing.T, d *egress.Dialer, addr string) (int, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", addr)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}

func TestProxyIsGivenTheAddressThatWasChecked(t *testing.T) {
	r := testkit.NewReceiver(t)
	_, port, _ := net.SplitHostPort(r.Addr())
	for _, o := range []testkit.ForwardOptions{
		{}, {User: "u", Password: "p@ss"}, {SOCKS5: true}, {SOCKS5: true, User: "u", Password: "p@ss"},
	} {
		p := forwardProxy(t, o)
		resolver := &names{answers: map[string][][]string{"receiver.test": {{"127.0.0.1"}}, "inside.test": {{"127.0.0.9"}}}}
		d := dialer(t, egress.Options{
			Proxy: strings.ReplaceAll(p.URL(), "p@ss", "p%40ss"), Resolver: resolver, Allow: []string{"127.0.0.1"},
		})
		if status, err := get(t, d, "receiver.test:"+port); status != 200 {
			t.Fatalf("%+v: got %d, %v", o, status, err)
		}
		want := []string{"127.0.0.1:" + port}
		if !o.SOCKS5 {
			want[0] = "CONNECT " + want[0]
		}
		if got := p.Asked(); !slices.Equal(got, want) {
			t.Errorf("the proxy was asked for %q, want %q", got, want)
		}
		mustRefuse(t, d, "inside.test:"+port)
		mustRefuse(t, d, "10.0.0.1:"+port)
		if got := p.Asked(); len(got) != 1 {
			t.Errorf("the proxy was asked for %q", got)
		}
	}
}

func TestProxyMayResolveNamesWhenToldSo(t *testing.T) {
	r := testkit.NewReceiver(t)
	_, port, _ := net.SplitHostPort(r.Addr())
	for _, socks := range []bool{false, true} {
		p := forwardProxy(t, testkit.ForwardOptions{SOCKS5: socks, Hosts: map[string]string{"receiver.test:" + port: r.Addr()}})
		d := dialer(t, egress.Options{Proxy: p.URL(), ProxyResolves: true, Resolver: &names{}})
		if status, err := get(t, d, "receiver.test:"+port); status != 200 {
			t.Fatalf("got %d, %v", status, err)
		}
		mustRefuse(t, d, "127.0.0.1:"+port)
		mustRefuse(t, d, "localhost:"+port)
		mustRefuse(t, d, "LocalHost.:"+port)
		if got := p.Asked(); len(got) != 1 || !strings.HasSuffix(got[0], "receiver.test:"+port) {
			t.Errorf("the proxy was asked for %q", got)
		}
	}
}

func TestNoProxyConnectsDirectly(t *testing.T) {
	r := testkit.NewReceiver(t)
	_, port, _ := net.SplitHostPort(r.Addr())
	resolver := &names{answers: map[string][][]string{
		"receiver.test": {{"127.0.0.1"}}, "a.receiver.test": {{"127.0.0.1"}}, "notreceiver.test": {{"127.0.0.1"}},
	}}
	for _, c := range []struct {
		except string
		direct []string
		via    []string
	}{
		{"receiver.test", []string{"receiver.test", "a.receiver.test", "Receiver.test"}, []string{"notreceiver.test"}},
		{".receiver.test", []string{"a.receiver.test"}, []string{"receiver.test"}},
		{"*.receiver.test", []string{"a.receiver.test"}, []string{"receiver.test"}},
		{"127.0.0.1", []string{"127.0.0.1"}, []string{"receiver.test"}},
		{"127.0.0.0/8", []string{"127.0.0.1"}, []string{"receiver.test"}},
		{"*", []string{"127.0.0.1", "receiver.test"}, nil},
	} {
		p := forwardProxy(t, testkit.ForwardOptions{})
		resolver.answers["Receiver.test"] = [][]string{{"127.0.0.1"}}
		d := dialer(t, egress.Options{Proxy: p.URL(), NoProxy: []string{c.except}, Resolver: resolver, Allow: []string{"loopback"}})
		for _, h := range c.direct {
			if status, err := get(t, d, h+":"+port); status != 200 || len(p.Asked()) != 0 {
				t.Errorf("except %s, %s: got %d, %v; proxy asked for %q", c.except, h, status, err, p.Asked())
			}
		}
		for i, h := range c.via {
			if status, err := get(t, d, h+":"+port); status != 200 || len(p.Asked()) != i+1 {
				t.Errorf("except %s, %s: got %d, %v; proxy asked for %q", c.except, h, status, err, p.Asked())
			}
		}
	}
}

func TestProxyFailuresNameNoAddress(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	locked := forwardProxy(t, testkit.ForwardOptions{User: "u", Password: "p"})
	lockedSOCKS := forwardProxy(t, testkit.ForwardOptions{SOCKS5: true, User: "u", Password: "p"})
	garbage := testkit.NewReceiver(t)
	garbage.Script("", testkit.Raw("220 smtp ready\r\n\r\n", false))
	flood := testkit.NewReceiver(t)
	flood.Script("", testkit.Flood("HTTP/1.1 200 OK\r\n", "A: b\r\n"))
	closing, _ := listen(t, "127.0.0.1:0")
	short := testkit.NewReceiver(t)
	short.Script("", testkit.Raw("HTTP/1.1 200 OK\r\n", false))
	for name, url := range map[string]string{
		"closed":         "http://" + closed.Addr().String(),
		"wrong password": strings.Replace(locked.URL(), "u:p@", "u:x@", 1),
		"wrong SOCKS":    strings.Replace(lockedSOCKS.URL(), "u:p@", "u:x@", 1),
		"garbage":        garbage.URL(),
		"flood":          flood.URL(),
		"short":          short.URL(),
		"not TLS":        "https://127.0.0.1:" + closing,
	} {
		d := dialer(t, egress.Options{Proxy: url, Allow: []string{"*"}})
		_, err := get(t, d, "192.0.2.1:80")
		if _, ok := errors.AsType[*egress.ProxyError](err); !ok {
			t.Errorf("%s: got %v, want a proxy error", name, err)
		} else if strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProxyThatHangsIsGivenUp(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("", testkit.Hang())
	d := dialer(t, egress.Options{Proxy: r.URL(), Allow: []string{"*"}, ConnectTimeout: 50 * time.Millisecond})
	_, err := get(t, d, "192.0.2.1:80")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the connect time-out", err)
	}
}
