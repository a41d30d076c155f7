//go:build unix

package main

import "syscall"

// syncDisks waits until everything that was written is on disk.
func syncDisks() { syscall.Sync() }
