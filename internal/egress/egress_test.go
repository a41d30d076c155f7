package egress_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/egress"
)

// names is a resolver that knows what it was given. Each lookup of a name takes
// its next answer; the last one is repeated.
type names struct {
	mu      sync.Mutex
	answers map[string][][]string
	lookups int
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lookups++
	answers := n.answers[host]
	if len(answers) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if len(answers) > 1 {
		n.answers[host] = answers[1:]
	}
	var addrs []netip.Addr
	for _, s := range answers[0] {
		addrs = append(addrs, netip.MustParseAddr(s))
	}
	return addrs, nil
}

func dialer(t *testing.T, o egress.Options) *egress.Dialer {
	t.Helper()
	d, err := egress.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// listen accepts connections on address and counts them until the test ends.
func listen(t *testing.T, address string) (port string, accepted func() int) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	n := 0
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			n++
			mu.Unlock()
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close() })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, func() int { mu.Lock(); defer mu.Unlock(); return n }
}

func mustRefuse(t *testing.T, d *egress.Dialer, addr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	c, err := d.DialContext(ctx, "tcp", addr)
	if err == nil {
		c.Close()
		t.Fatalf("%s was connected to", addr)
	}
	if _, ok := errors.AsType[*egress.RefusedError](err); !ok {
		t.Fatalf("%s: got %v, want a refusal", addr, err)
	}
}

func TestSpecialAddressesAreRefused(t *testing.T) {
	d := dialer(t, egress.Options{})
	for _, a := range []string{
		"0.0.0.0", "0.1.2.3", // this network
		"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", // private
		"100.64.0.1", "100.127.255.255", "100.100.100.200", // carrier grade NAT
		"127.0.0.1", "127.1.2.3", "127.255.255.255", // loopback
		"169.254.0.1", "169.254.169.254", "169.254.170.2", // link local, metadata
		"168.63.129.16",            // metadata at a public address
		"192.0.0.1", "192.0.0.192", // protocol assignments
		"192.0.2.1", "198.51.100.1", "203.0.113.1", // documentation
		"192.88.99.1",              // 6to4 relays
		"198.18.0.1", "198.19.0.1", // benchmarks
		"224.0.0.1", "239.255.255.255", // multicast
		"240.0.0.1", "255.255.255.255", // reserved, broadcast
		"::", "::1", // unspecified, loopback
		"::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", // IPv4-mapped
		"::10.0.0.1", "::8.8.8.8", "::7f00:1", // IPv4-compatible
		"::ffff:0:127.0.0.1",                    // IPv4-translated
		"64:ff9b::10.0.0.1", "64:ff9b::808:808", // NAT64
		"64:ff9b:1::a00:1",                                // local NAT64
		"100::1",                                          // discard
		"2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", // Teredo
		"2001:2::1", "2001:10::1", "2001:20::1", // benchmarks, ORCHID
		"2001:db8::1", "3fff::1", // documentation
		"2002:a00:1::1", "2002:808:808::1", // 6to4
		"fc00::1", "fd12:3456::1", "fd00:ec2::254", // unique local, metadata
		"fe80::1", "fe80::1%eth0", "fec0::1", // link local, site local
		"ff02::1", "ff0e::1", // multicast
		"4000::1", "e000::1", // not assigned
	} {
		mustRefuse(t, d, net.JoinHostPort(a, "80"))
	}
}

func TestPublicAddressesPass(t *testing.T) {
	d := dialer(t, egress.Options{})
	for _, u := range []string{
		"http://8.8.8.8/", "http://1.1.1.1:8080/", "http://100.63.255.255/", "http://100.128.0.1/",
		"http://172.15.0.1/", "http://172.32.0.1/", "http://223.255.255.255/", "http://169.253.0.1/",
		"https://[2606:4700:4700::1111]/", "https://[2a00:1450:4001:82a::200e]:8443/",
	} {
		if _, err := d.CheckURL(u); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestAllowOpensWhatItNames(t *testing.T) {
	for _, c := range []struct {
		allow      []string
		open, shut []string
	}{
		{[]string{"loopback"}, []string{"127.0.0.1", "127.9.9.9", "[::1]", "localhost", "a.localhost"}, []string{"10.0.0.1", "[::ffff:127.0.0.1]"}},
		{[]string{"private"}, []string{"10.1.1.1", "192.168.1.1", "172.20.0.1", "[fd12::1]"}, []string{"127.0.0.1", "[fd00:ec2::254]", "169.254.169.254", "localhost"}},
		{[]string{"10.1.0.0/16"}, []string{"10.1.2.3"}, []string{"10.2.0.1"}},
		{[]string{"10.1.2.3"}, []string{"10.1.2.3"}, []string{"10.1.2.4"}},
		{[]string{"169.254.0.0/16"}, []string{"169.254.1.1"}, []string{"169.254.169.254"}},
		{[]string{"169.254.169.254"}, []string{"169.254.169.254"}, []string{"169.254.1.1"}},
		{[]string{"64:ff9b::/96"}, []string{"[64:ff9b::808:808]"}, []string{"[64:ff9b:1::1]"}},
		{[]string{"*"}, []string{"169.254.169.254", "[::1]", "localhost", "0.0.0.0"}, nil},
	} {
		d := dialer(t, egress.Options{Allow: c.allow})
		for _, h := range c.open {
			if _, err := d.CheckURL("http://" + h + "/"); err != nil {
				t.Errorf("allow %v: %v", c.allow, err)
			}
		}
		for _, h := range c.shut {
			if _, err := d.CheckURL("http://" + h + "/"); err == nil {
				t.Errorf("allow %v: %s passes", c.allow, h)
			}
		}
	}
}

func TestNewRefusesNonsense(t *testing.T) {
	for _, o := range []egress.Options{
		{Allow: []string{"intern"}},
		{Allow: []string{"10.0.0.0/33"}},
		{ConnectTimeout: -1},
		{Proxy: "ftp://proxy"},
		{Proxy: "http://"},
		{Proxy: "://"},
		{Proxy: "http://proxy", NoProxy: []string{"a b"}},
	} {
		if _, err := egress.New(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

func TestNamesThatResolveInsideAreRefused(t *testing.T) {
	r := &names{answers: map[string][][]string{
		"inside.test":  {{"10.0.0.1"}},
		"mapped.test":  {{"::ffff:127.0.0.1"}},
		"nat64.test":   {{"64:ff9b::7f00:1"}},
		"several.test": {{"10.0.0.1", "192.168.0.1", "fd00::1"}},
		"localhost":    {{"127.0.0.1", "::1"}},
		"2130706433":   {{"127.0.0.1"}}, // some resolvers read numbers
	}}
	d := dialer(t, egress.Options{Resolver: r})
	for name := range r.answers {
		mustRefuse(t, d, name+":80")
	}
}

func TestOnlyPermittedAddressesOfANameAreDialled(t *testing.T) {
	port, inside := listen(t, "127.0.0.1:0")
	listen(t, "127.0.0.2:"+port)
	r := &names{answers: map[string][][]string{"mixed.test": {{"127.0.0.1", "127.0.0.2"}}}}
	d := dialer(t, egress.Options{Resolver: r, Allow: []string{"127.0.0.2"}})
	c, err := d.DialContext(t.Context(), "tcp", "mixed.test:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.RemoteAddr().String(); got != "127.0.0.2:"+port {
		t.Errorf("connected to %s", got)
	}
	if inside() != 0 {
		t.Error("the refused address was connected to")
	}
}

func TestNameThatChangesItsAddressIsNotFollowedInside(t *testing.T) {
	port, inside := listen(t, "127.0.0.1:0")
	listen(t, "127.0.0.2:"+port)
	r := &names{answers: map[string][][]string{"rebind.test": {{"127.0.0.2"}, {"127.0.0.1"}}}}
	d := dialer(t, egress.Options{Resolver: r, Allow: []string{"127.0.0.2"}})
	c, err := d.DialContext(t.Context(), "tcp", "rebind.test:"+port)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if r.lookups != 1 {
		t.Errorf("the name was looked up %d times for one connection", r.lookups)
	}
	mustRefuse(t, d, "rebind.test:"+port)
	if inside() != 0 {
		t.Error("the address inside was connected to")
	}
}

func TestSecondAddressIsTriedWhenTheFirstRefuses(t *testing.T) {
	port, _ := listen(t, "127.0.0.3:0")
	r := &names{answers: map[string][][]string{"two.test": {{"127.0.0.2", "127.0.0.3"}}}}
	d := dialer(t, egress.Options{Resolver: r, Allow: []string{"loopback"}})
	c, err := d.DialContext(t.Context(), "tcp", "two.test:"+port)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	r.answers["none.test"] = [][]string{{"127.0.0.4", "127.0.0.5"}}
	if c, err := d.DialContext(t.Context(), "tcp", "none.test:"+port); err == nil {
		c.Close()
		t.Error("nobody listens there")
	}
}

func TestDialHonoursCancellation(t *testing.T) {
	r := resolverFunc(func(ctx context.Context) ([]netip.Addr, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	d := dialer(t, egress.Options{Resolver: r, ConnectTimeout: 20 * time.Millisecond})
	if _, err := d.DialContext(t.Context(), "tcp", "slow.test:80"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the connect time-out", err)
	}
	d = dialer(t, egress.Options{Resolver: r})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.DialContext(ctx, "tcp", "slow.test:80"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the cancellation", err)
	}
}

type resolverFunc func(ctx context.Context) ([]netip.Addr, error)

func (f resolverFunc) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	return f(ctx)
}

func TestOnlyTCPIsDialled(t *testing.T) {
	d := dialer(t, egress.Options{Allow: []string{"*"}, Resolver: &names{}})
	for _, c := range [][2]string{{"udp", "a.test:80"}, {"unix", "/tmp/x"}, {"tcp", "a.test"}, {"tcp", "a.test:0"}, {"tcp", "a.test:http"}} {
		if conn, err := d.DialContext(t.Context(), c[0], c[1]); err == nil {
			conn.Close()
			t.Errorf("%s %s is dialled", c[0], c[1])
		}
	}
}
