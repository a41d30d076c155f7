package viakazoo

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// blacklist is the hosts that operators keep webhooks from. It looks at what a URI says
// and resolves nothing: what a name leads to is egress's to guard.
type blacklist struct {
	prefixes []netip.Prefix
	hosts    []string
}

func newBlacklist(cidrs, hosts []string) (blacklist, error) {
	var b blacklist
	for _, text := range cidrs {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, aerr := netip.ParseAddr(text)
			if aerr != nil {
				return b, fmt.Errorf("%q is not a range of addresses such as 127.0.0.1/32", text)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		b.prefixes = append(b.prefixes, p.Masked())
	}
	for _, host := range hosts {
		b.hosts = append(b.hosts, strings.ToLower(host))
	}
	return b, nil
}

func (b blacklist) has(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		a = a.Unmap()
		return slices.ContainsFunc(b.prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	return slices.Contains(b.hosts, strings.ToLower(host))
}
