//go:build !unix

package sqlite

import (
	"fmt"
	"os"
)

// lock keeps the lock file open, which on Windows keeps it from being removed; it
// does not keep other processes out there.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	return f, nil
}
