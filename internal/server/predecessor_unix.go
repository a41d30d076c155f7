//go:build unix

package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// nodeFile holds the number of the node of this data directory. Its lock ends with the
// process: who has it knows that the node in it is dead, however it died.
type nodeFile struct{ file *os.File }

// openNodeFile locks the file and returns the number in it. When another process of
// this data directory has the lock, there is no file and no number.
func openNodeFile(dir string) (n *nodeFile, predecessor int64, err error) {
	f, err := os.OpenFile(filepath.Join(dir, "node"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, 0, nil
		}
		return nil, 0, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	text := make([]byte, 20)
	k, _ := f.ReadAt(text, 0)                                                      // an empty file ends at once
	predecessor, _ = strconv.ParseInt(strings.TrimSpace(string(text[:k])), 10, 64) // anything else is nobody
	return &nodeFile{f}, predecessor, nil
}

// write replaces the number.
func (n *nodeFile) write(node int64) error {
	if n == nil {
		return nil
	}
	_, err := n.file.WriteAt(fmt.Appendf(nil, "%-19d\n", node), 0)
	return err
}

func (n *nodeFile) close() error {
	if n == nil {
		return nil
	}
	return n.file.Close()
}
