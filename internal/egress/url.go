package egress

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/internal/webhook"
	"golang.org/x/net/idna"
)

// MaxURLLength is the number of bytes a URL may have that is saved.
const MaxURLLength = 4096

// maxMadeLength is the number of bytes a URL may have that was made for one request,
// of a template for example.
const maxMadeLength = 64 << 10

// maxHostLength bounds a host as it is given, in bytes of UTF-8; in ASCII it may
// have 253 (RFC 1035, section 2.3.4).
const maxHostLength = 1024

// CheckURL checks a URL when it is saved. The error is a *webhook.Error for the
// field "url": it is not a URL that can be posted to, or one that is refused
// whatever its name resolves to. Names are not resolved: the guard looks at their
// addresses when they are dialled.
func (d *Dialer) CheckURL(raw string) (*url.URL, error) {
	u, err := d.CheckForm(raw)
	if err != nil {
		return nil, err
	}
	if err := d.Permit(u); err != nil {
		return nil, invalidURL("%s", err)
	}
	return u, nil
}

// CheckForm is CheckURL without a look at where the URL leads: an address inside passes,
// and is refused when it is dialled. It is for APIs that keep such URLs.
func (d *Dialer) CheckForm(raw string) (*url.URL, error) {
	if len(raw) > MaxURLLength {
		return nil, invalidURL("is longer than %d bytes", MaxURLLength)
	}
	u, err := ParseURL(raw)
	if err != nil {
		return nil, err
	}
	if err := d.permitScheme(u); err != nil {
		return nil, invalidURL("%s", err)
	}
	return u, nil
}

// Permit refuses what can be refused without resolving a name: an http URL where
// only https is allowed, an address, and names of this machine. The error is a
// *RefusedError. The URL is one that ParseURL returned.
func (d *Dialer) Permit(u *url.URL) error {
	if err := d.permitScheme(u); err != nil {
		return err
	}
	return d.permitHost(u.Hostname())
}

func (d *Dialer) permitScheme(u *url.URL) error {
	if d.httpsOnly && u.Scheme != "https" {
		return &RefusedError{Message: "only https is allowed"}
	}
	return nil
}

func (d *Dialer) permitHost(host string) error {
	if a, err := netip.ParseAddr(host); err == nil {
		return d.guard.check(a)
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if (host == "localhost" || strings.HasSuffix(host, ".localhost")) && !d.guard.localhost {
		return &RefusedError{Message: "host " + host + " is not allowed", ThisMachine: d.guard.notHere}
	}
	return nil
}

// ParseURL reads an absolute http or https URL. The result's host is in lower
// case, without a trailing dot, in ASCII (IDNA); a port is a number from 1 to
// 65535, absent when it was not given. Addresses have their usual spelling:
// numbers that some resolvers take for an address (2130706433, 0x7f.1, 127.1)
// are not hosts. The error is a *webhook.Error for the field "url".
func ParseURL(raw string) (*url.URL, error) {
	if len(raw) > maxMadeLength {
		return nil, invalidURL("is longer than %d bytes", maxMadeLength)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, invalidURL("is not a URL") // the cause would repeat the password in it
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, invalidURL("must begin with http:// or https://")
	}
	host, err := asciiHost(u)
	if err != nil {
		return nil, err
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	port := u.Port()
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return nil, invalidURL("port %s is not a number from 1 to 65535", port)
		}
		host = net.JoinHostPort(strings.Trim(host, "[]"), strconv.FormatUint(n, 10))
	}
	u.Host = host
	return u, nil
}

// asciiHost returns the host as it is resolved, without brackets.
func asciiHost(u *url.URL) (string, error) {
	host := u.Hostname()
	if host == "" {
		return "", invalidURL("has no host")
	}
	if strings.HasPrefix(u.Host, "[") {
		a, err := netip.ParseAddr(host)
		if err != nil || !a.Is6() || a.Zone() != "" {
			return "", invalidURL("host is not an IPv6 address without a zone")
		}
		return a.String(), nil
	}
	if len(host) > maxHostLength {
		return "", invalidURL("host is too long")
	}
	// idna.Lookup without its rule against underscores, which private names have.
	profile := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false))
	host, err := profile.ToASCII(host)
	if err == nil {
		host, err = profile.ToASCII(host) // what was made must be valid too
	}
	if err != nil {
		return "", invalidURL("host is not a domain name")
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if a, err := netip.ParseAddr(host); err == nil {
		return a.String(), nil
	}
	if !validName(host) {
		return "", invalidURL("host is not a domain name")
	}
	if endsInNumber(host) {
		return "", invalidURL("host %s is a number, not a domain name or an address in its usual spelling", host)
	}
	return host, nil
}

// validName says whether host is made of labels that a resolver can be asked for.
func validName(host string) bool {
	if len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}

// endsInNumber says whether the last label reads as a number, which makes the
// whole host an address to some parsers (WHATWG URL, "ends in a number checker").
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if digits, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

func invalidURL(format string, args ...any) error {
	return webhook.Errorf(webhook.CodeInvalid, "url", format, args...)
}
