//go:build unix && !linux

package viaplugin

import "syscall"

// MemoryIsHeld says whether Options.Memory has an effect on this system.
const MemoryIsHeld = false

func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func holdTo(int, int64) error { return nil }

func waitUnreaped(int) {}

func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }
