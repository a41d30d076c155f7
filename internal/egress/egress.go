// Package egress is the only way out: every connection that Switchhook opens to
// an address that a tenant chose is dialled here, through one guard. The guard
// looks at addresses, not at names, at the moment of dialling and on every
// address that a name resolved to, so that neither a spelling nor a name that
// changes its mind leads inside. Package egress speaks no HTTP beyond CONNECT,
// but for a client of HTTP/2 for services that want one; connections to the operator's own database or bus do not pass it.
package egress

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"
)

// DefaultConnectTimeout bounds one DialContext, resolving included.
const DefaultConnectTimeout = 10 * time.Second

// Options say what a Dialer may reach and how. The zero value reaches the public
// internet directly.
type Options struct {
	// Allow lists what may be reached beside the public internet: prefixes
	// ("10.1.0.0/16"), addresses, "loopback", "private" (RFC 1918 and unique
	// local), or "*" for everything, which switches the guard off. Addresses of
	// cloud metadata services are reached only when listed one by one.
	Allow []string

	// NotThisMachine refuses addresses that mean this machine (loopback and
	// unspecified ones), and its name, whatever Allow says.
	NotThisMachine bool

	// HTTPSOnly refuses http URLs.
	HTTPSOnly bool

	// Proxy is the URL of a proxy for all connections: http, https or socks5,
	// with user:password where it wants them. It may have any address. Empty
	// connects directly.
	Proxy string

	// NoProxy lists what is connected to directly all the same: a domain with
	// its subdomains ("example.com"), subdomains only (".example.com"),
	// addresses and prefixes of hosts given by address, or "*".
	NoProxy []string

	// ProxyResolves hands names to the proxy and leaves it to the proxy to keep
	// connections from leading inside. Without it names are resolved and checked
	// here and the proxy is given an address, whatever the scheme, by CONNECT or
	// SOCKS; with it plain HTTP goes to an HTTP proxy in absolute form.
	ProxyResolves bool

	ConnectTimeout time.Duration // 0 is DefaultConnectTimeout
	Resolver       Resolver      // nil is the system's
}

// Resolver looks up the addresses of a name. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Dialer opens guarded connections. It is safe for concurrent use.
type Dialer struct {
	guard         *guard
	httpsOnly     bool
	proxy         *proxy // nil is none
	proxyResolves bool
	timeout       time.Duration
	resolver      Resolver
	direct        net.Dialer
}

// New checks the options and returns a Dialer.
func New(o Options) (*Dialer, error) {
	g, err := newGuard(o.Allow, o.NotThisMachine)
	if err != nil {
		return nil, fmt.Errorf("egress: %w", err)
	}
	d := &Dialer{
		guard:         g,
		httpsOnly:     o.HTTPSOnly,
		proxyResolves: o.ProxyResolves,
		timeout:       o.ConnectTimeout,
		resolver:      o.Resolver,
	}
	if d.timeout < 0 {
		return nil, fmt.Errorf("egress: the connect time-out is negative")
	}
	if d.timeout == 0 {
		d.timeout = DefaultConnectTimeout
	}
	if d.resolver == nil {
		d.resolver = net.DefaultResolver
	}
	if o.Proxy != "" {
		if d.proxy, err = newProxy(o.Proxy, o.NoProxy); err != nil {
			return nil, fmt.Errorf("egress: %w", err)
		}
	}
	d.direct.ControlContext = d.control
	return d, nil
}

// control sees the address of every socket just before it connects.
func (d *Dialer) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &RefusedError{Message: "address is not allowed"}
	}
	return d.guard.check(ap.Addr())
}

// DialContext connects to addr, "host:port", where network is tcp, tcp4 or tcp6.
// The error is a *RefusedError when the guard does not let it through. A name
// with several addresses is connected to at the first permitted one that
// answers. With a proxy the connection is a tunnel through it.
func (d *Dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := splitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("egress: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	proxied := d.proxy.serves(host)
	if proxied && d.proxyResolves {
		if err := d.permitHost(host); err != nil {
			return nil, err
		}
		return d.proxy.tunnel(ctx, addr)
	}
	addrs, err := d.resolve(ctx, network, host)
	if err != nil {
		return nil, err
	}
	return race(ctx, addrs, func(ctx context.Context, a netip.Addr) (net.Conn, error) {
		target := netip.AddrPortFrom(a, port).String()
		if proxied {
			return d.proxy.tunnel(ctx, target)
		}
		return d.direct.DialContext(ctx, network, target)
	})
}

// maxAddresses bounds how many addresses of one name are tried.
const maxAddresses = 8

// resolve returns the permitted addresses of host, at least one.
func (d *Dialer) resolve(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		if err := d.guard.check(a); err != nil {
			return nil, err
		}
		return []netip.Addr{a}, nil
	}
	family := map[string]string{"tcp": "ip", "tcp4": "ip4", "tcp6": "ip6"}[network]
	if family == "" {
		return nil, fmt.Errorf("egress: network %q is not TCP", network)
	}
	found, err := d.resolver.LookupNetIP(ctx, family, host)
	if err != nil {
		return nil, err
	}
	var permitted []netip.Addr
	var refused error
	for _, a := range found {
		a = a.Unmap() // an IPv4-mapped answer is dialled as IPv4
		if err := d.guard.check(a); err != nil {
			refused = err
			continue
		}
		permitted = append(permitted, a)
	}
	switch {
	case len(permitted) > 0:
		return alternate(permitted, maxAddresses), nil
	case refused != nil:
		return nil, refused
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func splitHostPort(addr string) (string, uint16, error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.ParseUint(p, 10, 16)
	if err != nil || port == 0 {
		return "", 0, fmt.Errorf("port %q is not a number from 1 to 65535", p)
	}
	return host, uint16(port), nil
}
