//go:build unix

package viahttp

import "syscall"

// peek looks whether there is anything to read. Sockets do not block in Go.
func (c *conn) peek(fd uintptr) bool {
	_, _, err := syscall.Recvfrom(int(fd), c.peeked[:], syscall.MSG_PEEK)
	c.isQuiet = err == syscall.EAGAIN
	return true
}
