package viahttp

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// idle makes a connection that is idle, and says whether it is closed.
func idle(key string) (c *conn, closed func() bool) {
	near, far := net.Pipe()
	c = newConn(near, nil, connKey{addr: key})
	return c, func() bool {
		_ = far.SetReadDeadline(time.Unix(1, 0))
		_, err := far.Read(make([]byte, 1))
		e, ok := err.(net.Error)
		return !ok || !e.Timeout()
	}
}

func TestIdleConnectionUsedLastIsTakenFirst(t *testing.T) {
	p := newIdleConns(4, 10, time.Minute)
	defer p.close()
	a, _ := idle("h")
	b, _ := idle("h")
	p.put(a)
	p.put(b)
	if p.take(connKey{addr: "h"}) != b || p.take(connKey{addr: "h"}) != a || p.take(connKey{addr: "h"}) != nil {
		t.Error("the order is wrong")
	}
	if p.take(connKey{addr: "h", tls: true}) != nil || p.take(connKey{addr: "other"}) != nil {
		t.Error("a connection was taken for another key")
	}
	a.Close()
	b.Close()
}

func TestIdleConnectionsAreBoundedPerHostAndInAll(t *testing.T) {
	p := newIdleConns(2, 3, time.Minute)
	a1, a1Closed := idle("a")
	a2, a2Closed := idle("a")
	a3, a3Closed := idle("a")
	b1, b1Closed := idle("b")
	c1, c1Closed := idle("c")
	for _, c := range []*conn{a1, a2, a3, b1, c1} {
		p.put(c)
	}
	if !a1Closed() || !a2Closed() || a3Closed() || b1Closed() || c1Closed() {
		t.Error("the wrong connections were closed")
	}
	if p.count != 3 || p.oldest != a3 || p.newest != c1 {
		t.Errorf("%d are kept", p.count)
	}
	p.close()
	if !a3Closed() || !b1Closed() || !c1Closed() || p.count != 0 {
		t.Error("close leaves connections open")
	}
	late, lateClosed := idle("a")
	p.put(late)
	if !lateClosed() {
		t.Error("a connection is kept after close")
	}
}

func TestIdleConnectionsAreClosedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newIdleConns(4, 10, 90*time.Second)
		old, oldClosed := idle("a")
		p.put(old)
		time.Sleep(60 * time.Second)
		young, youngClosed := idle("b")
		p.put(young)
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if !oldClosed() || youngClosed() {
			t.Error("after 91 s: the wrong connections were closed")
		}
		time.Sleep(60 * time.Second)
		synctest.Wait()
		if !youngClosed() || p.count != 0 || len(p.byKey) != 0 || p.sweeps != nil {
			t.Error("after 151 s: something is left")
		}
	})
}

func TestConnectionThatCannotBeLookedAtIsReusedWhileFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := idle("a")
		defer c.Close()
		c.idleSince = time.Now()
		if !c.quiet() {
			t.Error("a fresh connection is not reused")
		}
		time.Sleep(2 * time.Second)
		if c.quiet() {
			t.Error("an old connection is reused unseen")
		}
	})
}
