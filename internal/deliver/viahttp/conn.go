package viahttp

import (
	"context"
	"crypto/tls"
	"net"
	"syscall"
	"time"
)

// conn is one connection to a receiver, plain or TLS.
type conn struct {
	net.Conn
	key connKey

	raw     syscall.RawConn       // of the socket below; nil where there is none to look at
	look    func(fd uintptr) bool // kept, so that looking allocates nothing
	isQuiet bool                  // what look found
	peeked  [1]byte

	expire func() // makes reading and writing fail; kept like look

	idleSince    time.Time
	older, newer *conn // in the order in which they became idle
}

// connKey says what a connection can be used for.
type connKey struct {
	addr    string // "host:port"
	tls     bool
	tlsKey  string // the request's TLS settings; "" is the default ones
	forward bool   // it leads to the proxy, for requests in absolute form
}

// newConn takes a connection that was just made. With config it becomes TLS; the
// handshake is the caller's to make.
func newConn(nc net.Conn, config *tls.Config, key connKey) *conn {
	c := &conn{Conn: nc, key: key, raw: socketBelow(nc)}
	if config != nil {
		c.Conn = tls.Client(nc, config)
	}
	c.expire = func() { _ = c.SetDeadline(time.Unix(1, 0)) }
	c.look = c.peek
	return c
}

// socketBelow returns the socket that nc is, or that it is carried by, or nil.
func socketBelow(nc net.Conn) syscall.RawConn {
	for {
		if sc, ok := nc.(syscall.Conn); ok {
			if raw, err := sc.SyscallConn(); err == nil {
				return raw
			}
			return nil
		}
		below, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		nc = below.NetConn()
	}
}

// handshake agrees upon TLS. It is bounded by the connection's deadline.
func (c *conn) handshake() error {
	if t, ok := c.Conn.(*tls.Conn); ok {
		return t.Handshake()
	}
	return nil
}

// maxUnseenIdle is how old an idle connection may be that cannot be looked at.
const maxUnseenIdle = time.Second

// quiet says whether an idle connection can carry a request: the other side has
// neither closed it nor sent anything. The deadline must lie in the future.
func (c *conn) quiet() bool {
	if c.raw == nil {
		return time.Since(c.idleSince) < maxUnseenIdle
	}
	c.isQuiet = false
	return c.raw.Read(c.look) == nil && c.isQuiet
}

// interruptOn makes reading and writing fail once ctx is done. The function
// returned ends that, and says false when it has happened.
func (c *conn) interruptOn(ctx context.Context) (stop func() bool) {
	if ctx.Done() == nil {
		return func() bool { return true }
	}
	return context.AfterFunc(ctx, c.expire)
}
