package testkit

import (
	"bytes"
	"sync"
)

// Buffer is a log or an output that is read while it is written.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds to the end.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String returns all that was written.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
