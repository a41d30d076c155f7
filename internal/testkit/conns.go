package testkit

import (
	"net"
	"sync"
)

// connSet holds open connections so that they can be closed together.
type connSet struct {
	mu     sync.Mutex
	open   map[net.Conn]bool
	closed bool
}

// add takes a connection, or closes it when the set is closed.
func (s *connSet) add(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = c.Close()
		return false
	}
	if s.open == nil {
		s.open = make(map[net.Conn]bool)
	}
	s.open[c] = true
	return true
}

// remove closes a connection and forgets it.
func (s *connSet) remove(c net.Conn) {
	_ = c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// closeAll closes every connection; final closes those that come later too.
func (s *connSet) closeAll(final bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = s.closed || final
	for c := range s.open {
		_ = c.Close()
	}
}
