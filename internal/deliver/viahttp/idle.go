package viahttp

import (
	"maps"
	"sync"
	"time"
)

// idleConns holds connections between two exchanges. The one used last is taken
// first. It starts no goroutine: a timer runs while it holds something.
type idleConns struct {
	maxPerKey int
	max       int
	timeout   time.Duration

	mu     sync.Mutex
	byKey  map[connKey][]*conn // each in the order of becoming idle
	oldest *conn
	newest *conn
	count  int
	sweeps *time.Timer // nil while byKey is empty
	closed bool
}

func newIdleConns(maxPerKey, maxAll int, timeout time.Duration) *idleConns {
	return &idleConns{maxPerKey: maxPerKey, max: maxAll, timeout: timeout, byKey: make(map[connKey][]*conn)}
}

// take returns an idle connection, or nil.
func (p *idleConns) take(key connKey) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.byKey[key]
	if len(list) == 0 {
		return nil
	}
	c := list[len(list)-1]
	list[len(list)-1] = nil
	p.byKey[key] = list[:len(list)-1]
	p.unlink(c)
	return c
}

// put keeps a connection. Where there are too many, the oldest is closed.
func (p *idleConns) put(c *conn) {
	c.idleSince = time.Now()
	p.mu.Lock()
	victim := p.insert(c)
	p.mu.Unlock()
	if victim != nil {
		victim.Close()
	}
}

// insert returns the connection that has to be closed, or nil.
func (p *idleConns) insert(c *conn) (victim *conn) {
	if p.closed {
		return c
	}
	if list := p.byKey[c.key]; len(list) >= p.maxPerKey {
		victim = list[0]
	} else if p.count >= p.max {
		victim = p.oldest
	}
	if victim != nil {
		p.evict(victim)
	}
	p.byKey[c.key] = append(p.byKey[c.key], c)
	c.older, c.newer = p.newest, nil
	if p.newest != nil {
		p.newest.newer = c
	} else {
		p.oldest = c
	}
	p.newest = c
	p.count++
	if p.sweeps == nil {
		p.sweeps = time.AfterFunc(p.timeout, p.sweep)
	}
	return victim
}

// evict forgets c, which is the oldest of its key.
func (p *idleConns) evict(c *conn) {
	list := p.byKey[c.key]
	p.byKey[c.key] = append(list[:0], list[1:]...)
	p.unlink(c)
}

func (p *idleConns) unlink(c *conn) {
	if c.older != nil {
		c.older.newer = c.newer
	} else {
		p.oldest = c.newer
	}
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		p.newest = c.older
	}
	c.older, c.newer = nil, nil
	p.count--
}

// sweep closes what has been idle for too long and arms the next sweep.
func (p *idleConns) sweep() {
	var old []*conn
	now := time.Now()
	p.mu.Lock()
	for p.oldest != nil && now.Sub(p.oldest.idleSince) >= p.timeout {
		old = append(old, p.oldest)
		p.evict(p.oldest)
	}
	maps.DeleteFunc(p.byKey, func(_ connKey, list []*conn) bool { return len(list) == 0 })
	switch {
	case p.closed || len(p.byKey) == 0:
		p.sweeps = nil
	default:
		p.sweeps.Reset(p.oldest.idleSince.Add(p.timeout).Sub(now))
	}
	p.mu.Unlock()
	for _, c := range old {
		c.Close()
	}
}

// close closes every connection, and from now on what is put.
func (p *idleConns) close() {
	p.mu.Lock()
	lists := p.byKey
	p.byKey = make(map[connKey][]*conn)
	p.oldest, p.newest, p.count = nil, nil, 0
	p.closed = true
	if p.sweeps != nil {
		p.sweeps.Stop()
		p.sweeps = nil
	}
	p.mu.Unlock()
	for _, list := range lists {
		for _, c := range list {
			c.Close()
		}
	}
}
