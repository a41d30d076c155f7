//go:build unix

package main

import (
	"syscall"
	"time"
)

// ownUsage is what this process has used.
func ownUsage() usage {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return usage{}
	}
	cpu := time.Duration(r.Utime.Nano() + r.Stime.Nano())
	return usage{CPU: cpu, Resident: resident()}
}
