package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	xproxy "golang.org/x/net/proxy"
)

// ProxyError says that the configured proxy could not be reached or did not
// connect. Its text names no address.
type ProxyError struct{ Err error }

// Error tells the cause.
func (e *ProxyError) Error() string {
	cause := e.Err
	if op, ok := errors.AsType[*net.OpError](cause); ok {
		cause = op.Err // without the addresses
	}
	return "proxy: " + cause.Error()
}

// Unwrap returns the cause.
func (e *ProxyError) Unwrap() error { return e.Err }

// socksClient speaks SOCKS5 on a connection to the proxy.
type socksClient interface {
	DialWithConn(ctx context.Context, c net.Conn, network, address string) (net.Addr, error)
}

// proxy is the operator's own, so its address is not guarded.
type proxy struct {
	addr          string
	tls           *tls.Config // nil without https to the proxy
	socks         socksClient // nil for HTTP proxies
	authorization string      // for HTTP proxies: the value of Proxy-Authorization, or ""
	except        []exception
	dialer        net.Dialer
}

func newProxy(raw string, noProxy []string) (*proxy, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("the proxy is not a URL with a host") // the cause would repeat the password in it
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080"}[u.Scheme]
	}
	p := &proxy{addr: net.JoinHostPort(u.Hostname(), port)}
	password, _ := u.User.Password()
	switch u.Scheme {
	case "https":
		p.tls = &tls.Config{ServerName: u.Hostname(), NextProtos: []string{"http/1.1"}}
		fallthrough
	case "http":
		if u.User != nil {
			p.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
		}
	case "socks5":
		var auth *xproxy.Auth
		if u.User != nil {
			auth = &xproxy.Auth{User: u.User.Username(), Password: password}
		}
		client, err := xproxy.SOCKS5("tcp", p.addr, auth, nil)
		if err != nil {
			return nil, fmt.Errorf("proxy: %w", err)
		}
		p.socks = client.(socksClient)
	default:
		return nil, fmt.Errorf("the proxy's scheme %q is not http, https or socks5", u.Scheme)
	}
	for _, s := range noProxy {
		e, err := parseException(s)
		if err != nil {
			return nil, err
		}
		p.except = append(p.except, e)
	}
	return p, nil
}

// serves says whether connections to host go through p. A nil p serves none.
func (p *proxy) serves(host string) bool {
	if p == nil {
		return false
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, e := range p.except {
		if e.matches(host) {
			return false
		}
	}
	return true
}

// tunnel connects to target, "host:port", through the proxy.
func (p *proxy) tunnel(ctx context.Context, target string) (net.Conn, error) {
	c, err := p.dial(ctx)
	if err != nil {
		return nil, err
	}
	if p.socks != nil {
		_, err = p.socks.DialWithConn(ctx, c, "tcp", target)
	} else {
		err = interruptible(ctx, c, func() error { return p.connect(c, target) })
	}
	if err != nil {
		c.Close()
		return nil, &ProxyError{err}
	}
	return c, nil
}

// dial connects to the proxy itself.
func (p *proxy) dial(ctx context.Context) (net.Conn, error) {
	c, err := p.dialer.DialContext(ctx, "tcp", p.addr)
	if err != nil {
		return nil, &ProxyError{err}
	}
	if p.tls == nil {
		return c, nil
	}
	secure := tls.Client(c, p.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, &ProxyError{err}
	}
	return secure, nil
}

// connect asks an HTTP proxy for a tunnel (RFC 9110, section 9.3.6).
func (p *proxy) connect(c net.Conn, target string) error {
	req := "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n"
	if p.authorization != "" {
		req += "Proxy-Authorization: " + p.authorization + "\r\n"
	}
	if _, err := c.Write([]byte(req + "\r\n")); err != nil {
		return err
	}
	head, err := readHead(c)
	if err != nil {
		return err
	}
	status, _, _ := bytes.Cut(head, []byte("\r\n"))
	version, rest, _ := strings.Cut(string(status), " ")
	code, _, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseUint(code, 10, 16)
	if err != nil || !strings.HasPrefix(version, "HTTP/1.") {
		return errors.New("the answer to CONNECT is not HTTP")
	}
	if n < 200 || n > 299 {
		return fmt.Errorf("CONNECT was answered with status %d", n)
	}
	return nil
}

// maxProxyHead bounds the answer to CONNECT.
const maxProxyHead = 8 << 10

// readHead reads up to the empty line and not a byte further, because what
// follows belongs to the tunnel.
func readHead(c net.Conn) ([]byte, error) {
	head := make([]byte, 0, 256)
	var b [1]byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		if len(head) == maxProxyHead {
			return nil, errors.New("the answer to CONNECT is too long")
		}
		if _, err := c.Read(b[:]); err != nil {
			return nil, err
		}
		head = append(head, b[0])
	}
	return head, nil
}

// interruptible runs f, which uses c, and makes it fail when ctx is done.
func interruptible(ctx context.Context, c net.Conn, f func() error) error {
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	err := f()
	if !stop() {
		return ctx.Err()
	}
	return err
}

// Forward says whether a request for u is written to the HTTP proxy in absolute
// form, on a connection from DialForward, and returns the value of the
// Proxy-Authorization header to send with it, which may be empty. The URL is one
// that ParseURL returned.
func (d *Dialer) Forward(u *url.URL) (authorization string, ok bool) {
	if !d.proxyResolves || u.Scheme != "http" || !d.proxy.serves(u.Hostname()) || d.proxy.socks != nil {
		return "", false
	}
	return d.proxy.authorization, true
}

// DialForward connects to the proxy for requests for u in absolute form. It
// refuses what Permit refuses.
func (d *Dialer) DialForward(ctx context.Context, u *url.URL) (net.Conn, error) {
	if err := d.Permit(u); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	return d.proxy.dial(ctx)
}

// exception is one entry of the NoProxy list.
type exception struct {
	all    bool
	prefix netip.Prefix // of hosts given by address; not valid for domains
	suffix string       // ".example.com"
	name   string       // "example.com" too; "" for subdomains only
}

func parseException(s string) (exception, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "*" {
		return exception{all: true}, nil
	}
	if p, err := parsePrefix(s); err == nil {
		return exception{prefix: p}, nil
	}
	name := strings.TrimPrefix(strings.TrimPrefix(s, "*"), ".")
	if !validName(name) {
		return exception{}, fmt.Errorf("no proxy: %q is not a domain, an address, a prefix or \"*\"", s)
	}
	e := exception{suffix: "." + name}
	if name == s {
		e.name = name
	}
	return e, nil
}

func (e exception) matches(host string) bool {
	if e.all {
		return true
	}
	if e.prefix.IsValid() {
		a, err := netip.ParseAddr(host)
		return err == nil && e.prefix.Contains(a)
	}
	return host == e.name || strings.HasSuffix(host, e.suffix)
}
