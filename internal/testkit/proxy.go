package testkit

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"
)

// Proxy passes TCP connections on to a target, and breaks or slows them on command.
type Proxy struct {
	target   string
	listener net.Listener
	conns    connSet
	loops    sync.WaitGroup

	mu    sync.Mutex
	cut   bool
	delay time.Duration // of what the target sends
	thaw  chan struct{} // closed while bytes may pass
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

// Delay lets what the target sends from now on arrive later by d, so that a round trip
// takes d longer. What is sent close together arrives close together. 0 ends it.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Restore passes everything on again, what was frozen included. A delay stays.
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
	both.Go(func() { p.copy(up, c, p.soon) })
	both.Go(func() { p.copy(c, up, p.later) })
	both.Wait()
}

// chunk is what one read gave, and when it may be passed on.
type chunk struct {
	bytes []byte
	err   error
	due   time.Time
}

func (p *Proxy) soon() time.Time { return time.Time{} }

func (p *Proxy) later() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Add(p.delay)
}

// copy passes on what from sends, and then its end. It reads ahead, so that each chunk
// waits for its own time only.
func (p *Proxy) copy(to, from net.Conn, due func() time.Time) {
	chunks := make(chan chunk, 16)
	p.loops.Go(func() {
		defer close(chunks)
		buf := make([]byte, 32<<10)
		for {
			n, err := from.Read(buf)
			chunks <- chunk{bytes.Clone(buf[:n]), err, due()}
			if err != nil {
				return
			}
		}
	})
	for c := range chunks {
		time.Sleep(time.Until(c.due))
		_, thaw := p.state()
		<-thaw
		if len(c.bytes) > 0 {
			if _, err := to.Write(c.bytes); err != nil {
				_ = from.Close()
				continue // to the end of what was read
			}
		}
		if c.err != nil {
			_ = to.(interface{ CloseWrite() error }).CloseWrite()
		}
	}
}
