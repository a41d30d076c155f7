package viaplugin

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// MemoryIsHeld says whether Options.Memory has an effect on this system.
const MemoryIsHeld = true

// ownGroup makes a process the first of a group, and lets it die with the thread that
// starts it.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// holdTo bounds the memory that each process of the group may write to, and lets none leave a
// core, which would have payloads in it.
func holdTo(pid int, memory int64) error {
	none := unix.Rlimit{}
	err := unix.Prlimit(pid, unix.RLIMIT_CORE, &none, nil)
	if memory > 0 {
		limit := unix.Rlimit{Cur: uint64(memory), Max: uint64(memory)}
		err = errors.Join(err, unix.Prlimit(pid, unix.RLIMIT_DATA, &limit, nil))
	}
	if errors.Is(err, unix.ESRCH) {
		return nil // it is gone
	}
	return err
}

// waitUnreaped waits until the process ended and leaves its number taken, so that
// its group can be killed before somebody else gets it.
func waitUnreaped(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }
