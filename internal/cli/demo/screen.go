package demo

import (
	"fmt"
	"io"
	"sync"
)

// screen prints lines from everywhere, one at a time.
type screen struct {
	mu     sync.Mutex
	w      io.Writer
	colour bool
}

// The colours of terminals (ECMA-48).
const (
	bold  = "\x1b[1m"
	green = "\x1b[32m"
	red   = "\x1b[31m"
	plain = "\x1b[0m"
)

func (s *screen) paint(colour, text string) string {
	if !s.colour {
		return text
	}
	return colour + text + plain
}

func (s *screen) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.w, text)
}

func (s *screen) chapter(title string) { s.print("\n" + s.paint(bold, title)) }

func (s *screen) line(format string, args ...any) { s.print("  " + fmt.Sprintf(format, args...)) }

// delivery shows one delivery.
func (s *screen) delivery(ok bool, format string, args ...any) {
	mark := s.paint(green, "ok  ")
	if !ok {
		mark = s.paint(red, "fail")
	}
	s.line("%s %s", mark, fmt.Sprintf(format, args...))
}
