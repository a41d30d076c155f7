package egress

import (
	"fmt"
	"net/netip"

	"code.dny.dev/ssrf"
)

// RefusedError says that the guard does not let a connection through. Trying
// again does not help until the configuration, or what the name resolves to,
// changes.
type RefusedError struct {
	Addr    netip.Addr // the address; not valid when a name or a scheme is refused
	Message string     // one line, safe to show to the tenant
	// ThisMachine says that it was refused for Options.NotThisMachine alone.
	ThisMachine bool
}

// Error returns the message.
func (e *RefusedError) Error() string { return e.Message }

// guard decides about addresses. What it refuses by default is the IANA special
// purpose registries, multicast, and all of IPv6 outside 2000::/3, which takes
// IPv4-mapped, IPv4-compatible, NAT64 and unique local addresses with it.
type guard struct {
	all       bool
	rules     *ssrf.Guardian
	oneByOne  map[netip.Addr]bool // allowed by address
	metadata  map[netip.Addr]bool
	localhost bool // names that mean this machine are allowed
	notHere   bool // addresses of this machine are refused before all else
}

// metadataAddresses answer with credentials of the machine that asks, on the
// clouds that are common. A prefix in Allow never includes them by accident.
func metadataAddresses() map[netip.Addr]bool {
	m := make(map[netip.Addr]bool)
	for _, s := range []string{
		"169.254.169.254", // nearly all
		"169.254.170.2",   // AWS, containers
		"169.254.170.23",  // AWS, Kubernetes
		"fd00:ec2::254",   // AWS over IPv6
		"fd00:ec2::23",    // AWS, Kubernetes over IPv6
		"fd20:ce::254",    // Google over IPv6
		"100.100.100.200", // Alibaba
		"192.0.0.192",     // Oracle
		"168.63.129.16",   // Azure
	} {
		m[netip.MustParseAddr(s)] = true
	}
	return m
}

// shorthand returns the prefixes that a name stands for, or nil.
func shorthand(name string) []netip.Prefix {
	switch name {
	case "loopback":
		return []netip.Prefix{
			netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
		}
	case "private":
		return []netip.Prefix{
			netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
			netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("fc00::/7"),
		}
	}
	return nil
}

func newGuard(allow []string, notHere bool) (*guard, error) {
	g := &guard{oneByOne: make(map[netip.Addr]bool), metadata: metadataAddresses(), notHere: notHere}
	var v4, v6 []netip.Prefix
	for _, s := range allow {
		if s == "*" {
			g.all = true
			continue
		}
		prefixes := shorthand(s)
		if prefixes == nil {
			p, err := parsePrefix(s)
			if err != nil {
				return nil, fmt.Errorf("allow: %q is not a prefix, an address, \"loopback\", \"private\" or \"*\"", s)
			}
			prefixes = []netip.Prefix{p}
			if p.IsSingleIP() {
				g.oneByOne[p.Addr()] = true
			}
		}
		for _, p := range prefixes {
			if p.Addr().Is4() {
				v4 = append(v4, p)
			} else {
				v6 = append(v6, p)
			}
		}
	}
	g.rules = ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
	g.localhost = g.check(netip.MustParseAddr("127.0.0.1")) == nil
	return g, nil
}

// parsePrefix reads a prefix, or an address as a prefix of its own.
func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Prefix(a.BitLen())
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

// check returns a *RefusedError unless a may be reached.
func (g *guard) check(a netip.Addr) error {
	if g.notHere && thisMachine(a) {
		return &RefusedError{Addr: a, Message: fmt.Sprintf("address %s is not allowed", a), ThisMachine: true}
	}
	if g.all || g.oneByOne[a] {
		return nil
	}
	if g.metadata[a] || g.rules.SafeAddr(a) != nil {
		return &RefusedError{Addr: a, Message: fmt.Sprintf("address %s is not allowed", a)}
	}
	return nil
}

// thisMachine says whether a means the machine that dials it: 127.0.0.0/8, 0.0.0.0/8,
// ::1 and ::, and the first two in the ways IPv6 has to write them.
func thisMachine(a netip.Addr) bool {
	b := a.Unmap().As16()
	ipv4 := a.Is4() || a.Is4In6() || [12]byte(b[:12]) == [12]byte{} // the last is ::, ::1 and ::127.0.0.1
	return ipv4 && (b[12] == 127 || b[12] == 0)
}
