package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"regexp"
	"sync"
	"time"
)

// ledger is a file with the id of every event that was accepted, one a line. A
// line is on disk soon after the answer arrived; the file is what is counted in
// the end.
type ledger struct {
	file *os.File
	id   *regexp.Regexp

	mu    sync.Mutex
	lines int
	dirty bool
	stop  chan struct{}
	ended chan error
}

// ledgerEvery is how often the ledger is flushed to disk.
const ledgerEvery = 5 * time.Millisecond

func openLedger(name string) (*ledger, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	l := &ledger{
		file: f, stop: make(chan struct{}), ended: make(chan error, 1),
		id: regexp.MustCompile(`"id":"(msg_[0-9A-Za-z]+)"`),
	}
	go func() { l.ended <- l.flush() }()
	return l, nil
}

// enter writes the ids of an answer to a post.
func (l *ledger) enter(answer []byte) error {
	found := l.id.FindAllSubmatch(answer, -1)
	if len(found) == 0 {
		return fmt.Errorf("an event was accepted without an id: %.200s", answer)
	}
	var lines []byte
	for _, f := range found {
		lines = append(append(lines, f[1]...), '\n')
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines += len(found)
	l.dirty = true
	_, err := l.file.Write(lines)
	return err
}

func (l *ledger) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines
}

// flush brings the file to disk again and again until the ledger is closed.
func (l *ledger) flush() error {
	t := time.NewTicker(ledgerEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-l.stop:
			return l.file.Sync()
		}
		l.mu.Lock()
		dirty := l.dirty
		l.dirty = false
		l.mu.Unlock()
		if dirty {
			if err := l.file.Sync(); err != nil {
				return err
			}
		}
	}
}

// close ends writing. The ledger can be read afterwards.
func (l *ledger) close() error {
	close(l.stop)
	return errors.Join(<-l.ended, l.file.Close())
}

// read returns all ids that the file has.
func (l *ledger) read() ([]string, error) {
	f, err := os.Open(l.file.Name())
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	defer f.Close()
	var ids []string
	s := bufio.NewScanner(f)
	for s.Scan() {
		ids = append(ids, s.Text())
	}
	return ids, s.Err()
}
