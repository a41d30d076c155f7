package testkit

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
)

// ForwardOptions say what a ForwardProxy speaks. The zero value is an HTTP proxy
// for everyone.
type ForwardOptions struct {
	SOCKS5         bool
	User, Password string            // demanded when User is set
	Hosts          map[string]string // where names lead to: "name:port" to "address:port"
}

// ForwardProxy is an HTTP or SOCKS5 proxy. It remembers what it was asked for.
type ForwardProxy struct {
	options  ForwardOptions
	listener net.Listener
	conns    connSet
	loops    sync.WaitGroup

	mu    sync.Mutex
	asked []string
}

// StartForwardProxy starts a forward proxy. Close stops it.
func StartForwardProxy(o ForwardOptions) (*ForwardProxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("testkit: listen: %w", err)
	}
	p := &ForwardProxy{options: o, listener: l}
	p.loops.Go(p.accept)
	return p, nil
}

// URL is what a client is configured with, user and password included.
func (p *ForwardProxy) URL() string {
	scheme, user := "http://", ""
	if p.options.SOCKS5 {
		scheme = "socks5://"
	}
	if p.options.User != "" {
		user = p.options.User + ":" + p.options.Password + "@"
	}
	return scheme + user + p.listener.Addr().String()
}

// Asked returns what the proxy was asked for: "CONNECT host:port" or, for SOCKS5,
// "host:port", or the request line of a request in absolute form.
func (p *ForwardProxy) Asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// Close stops the proxy.
func (p *ForwardProxy) Close() {
	_ = p.listener.Close()
	p.conns.closeAll(true)
	p.loops.Wait()
}

func (p *ForwardProxy) ask(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, what)
}

func (p *ForwardProxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		if !p.conns.add(c) {
			continue
		}
		p.loops.Go(func() {
			defer p.conns.remove(c)
			if p.options.SOCKS5 {
				p.serveSOCKS(c)
			} else {
				p.serveHTTP(c)
			}
		})
	}
}

func (p *ForwardProxy) dial(target string) (net.Conn, error) {
	if to, ok := p.options.Hosts[target]; ok {
		target = to
	}
	return net.Dial("tcp", target)
}

// serveHTTP serves one request; its connection is not used again unless it
// became a tunnel.
func (p *ForwardProxy) serveHTTP(c net.Conn) {
	br := bufio.NewReader(c)
	req, err := http.ReadRequest(br)
	if err != nil {
		return
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.options.User+":"+p.options.Password))
	if p.options.User != "" && req.Header.Get("Proxy-Authorization") != want {
		_, _ = io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
		return
	}
	p.ask(req.Method + " " + req.RequestURI)
	target := req.Host
	if req.URL.Port() == "" && req.Method != http.MethodConnect {
		target = net.JoinHostPort(req.URL.Hostname(), "80")
	}
	up, err := p.dial(target)
	if err != nil {
		_, _ = io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		return
	}
	if req.Method == http.MethodConnect {
		_, _ = io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
	} else {
		req.Header.Del("Proxy-Authorization")
		if err := req.Write(up); err != nil {
			_ = up.Close()
			return
		}
	}
	p.join(c, br, up)
}

// join passes bytes in both directions until both ends are reached.
func (p *ForwardProxy) join(c net.Conn, from io.Reader, up net.Conn) {
	if !p.conns.add(up) {
		return
	}
	defer p.conns.remove(up)
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(up, from)
		_ = up.(*net.TCPConn).CloseWrite()
	})
	both.Go(func() {
		_, _ = io.Copy(c, up)
		_ = c.(*net.TCPConn).CloseWrite()
	})
	both.Wait()
}

// serveSOCKS speaks RFC 1928 and RFC 1929.
func (p *ForwardProxy) serveSOCKS(c net.Conn) {
	target, err := p.greetSOCKS(c)
	if err != nil {
		return
	}
	p.ask(target)
	up, err := p.dial(target)
	if err != nil {
		_, _ = c.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0}) // connection refused
		return
	}
	_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	p.join(c, c, up)
}

func (p *ForwardProxy) greetSOCKS(c net.Conn) (string, error) {
	if _, err := readCounted(c, 1); err != nil { // version, count, methods
		return "", err
	}
	if p.options.User == "" {
		_, _ = c.Write([]byte{5, 0})
	} else {
		_, _ = c.Write([]byte{5, 2})
		user, err := readCounted(c, 1) // version, length, user
		if err != nil {
			return "", err
		}
		password, err := readCounted(c, 0)
		if err != nil {
			return "", err
		}
		if string(user) != p.options.User || string(password) != p.options.Password {
			_, _ = c.Write([]byte{1, 1})
			return "", errors.New("wrong password")
		}
		_, _ = c.Write([]byte{1, 0})
	}
	var req [4]byte // version, command, reserved, address type
	if _, err := io.ReadFull(c, req[:]); err != nil {
		return "", err
	}
	var host []byte
	var err error
	switch req[3] {
	case 1:
		host, err = readN(c, 4)
	case 4:
		host, err = readN(c, 16)
	case 3:
		host, err = readCounted(c, 0)
	}
	if err != nil {
		return "", err
	}
	port, err := readN(c, 2)
	if err != nil {
		return "", err
	}
	name := string(host)
	if a, ok := netip.AddrFromSlice(host); ok && req[3] != 3 {
		name = a.String()
	}
	return net.JoinHostPort(name, strconv.Itoa(int(binary.BigEndian.Uint16(port)))), nil
}

// readCounted skips some bytes, then reads a length byte and that many bytes.
func readCounted(r io.Reader, skip int) ([]byte, error) {
	head, err := readN(r, skip+1)
	if err != nil {
		return nil, err
	}
	return readN(r, int(head[skip]))
}

func readN(r io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	return b, err
}
