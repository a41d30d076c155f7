package testkit

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync"
)

// Proxy passes TCP connections on to a target and breaks them on command.
type Proxy struct {
	target   string
	listener net.Listener
	conns    connSet
	loops    sync.WaitGroup

	mu   sync.Mutex
	cut  bool
	thaw chan struct{} // closed while bytes may pass
}

// NewProxy starts a proxy in front of target, "host:port". Close stops it.
func NewProxy(target string) (*Proxy, error) { return newProxy(target, nil) }

// NewTLSProxy starts a proxy that secures what it passes on in the clear, with a
// certificate of the authority.
func NewTLSProxy(target string, a *Authority) (*Proxy, error) {
	return newProxy(target, a.ServerConfig(false))
}

func newProxy(target string, secure *tls.Config) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("testkit: listen: %w", err)
	}
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	p := &Proxy{target: target, listener: l, thaw: make(chan struct{})}
	close(p.thaw)
	p.loops.Go(p.accept)
	return p, nil
}

// Addr is the proxy's own "host:port".
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut closes every connection, and new ones as soon as they are made.
func (p *Proxy) Cut() {
	p.set(true, false)
	p.conns.closeAll(false)
}

// Freeze leaves connections open and passes nothing on.
func (p *Proxy) Freeze() { p.set(false, true) }

// Restore passes everything on again, what was frozen included.
func (p *Proxy) Restore() { p.set(false, false) }

// Close stops the proxy.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.Restore()
	p.conns.closeAll(true)
	p.loops.Wait()
}

func (p *Proxy) set(cut, frozen bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	select {
	case <-p.thaw:
		if frozen {
			p.thaw = make(chan struct{})
		}
	default:
		if !frozen {
			close(p.thaw)
		}
	}
}

func (p *Proxy) state() (cut bool, thaw <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut, p.thaw
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		if cut, _ := p.state(); cut || !p.conns.add(c) {
			_ = c.Close()
			continue
		}
		p.loops.Go(func() { p.pass(c) })
	}
}

func (p *Proxy) pass(c net.Conn) {
	defer p.conns.remove(c)
	up, err := net.Dial("tcp", p.target)
	if err != nil || !p.conns.add(up) {
		return
	}
	defer p.conns.remove(up)
	var both sync.WaitGroup
	both.Go(func() { p.copy(up, c) })
	both.Go(func() { p.copy(c, up) })
	both.Wait()
}

// copy passes on what from sends, and then its end.
func (p *Proxy) copy(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		_, thaw := p.state()
		<-thaw
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				_ = from.Close()
				return
			}
		}
		if err != nil {
			_ = to.(interface{ CloseWrite() error }).CloseWrite()
			return
		}
	}
}
