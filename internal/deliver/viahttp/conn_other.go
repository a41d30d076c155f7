//go:build !unix

package viahttp

import "time"

// peek cannot look without taking what is there, so it goes by age.
func (c *conn) peek(uintptr) bool {
	c.isQuiet = time.Since(c.idleSince) < maxUnseenIdle
	return true
}
