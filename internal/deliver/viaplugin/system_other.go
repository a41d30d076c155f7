//go:build !unix

package viaplugin

import (
	"os"
	"syscall"
)

// MemoryIsHeld says whether Options.Memory has an effect on this system.
const MemoryIsHeld = false

func ownGroup() *syscall.SysProcAttr { return nil }

func holdTo(int, int64) error { return nil }

func waitUnreaped(int) {}

func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}
