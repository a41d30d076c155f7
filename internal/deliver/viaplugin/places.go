package viaplugin

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Why a delivery got no place.
var (
	errBusy  = errors.New("no place came free in time")
	errNotUp = errors.New("no process ran in time")
)

// patient is how long deliveries wait for a plug-in that is started again; when it
// takes longer they fail at once.
const patient = 2 * time.Second

// places hands out the places of all processes of a plug-in: first come, first
// served, by the process that has the most free.
type places struct {
	mu      sync.Mutex
	all     []*process
	waiting []chan *process // each gets one place, or is closed: look at why
	why     string          // no process runs, and none will soon; "" while there is hope
}

// take returns a process with a place that belongs to the caller until it is given back. The
// error is errBusy, errNotUp, that of ctx, or why there is no process.
func (s *places) take(ctx context.Context, late <-chan time.Time) (*process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if p := s.freest(); p != nil && len(s.waiting) == 0 {
		p.taken++
		s.mu.Unlock()
		return p, nil
	}
	if s.why != "" {
		defer s.mu.Unlock()
		return nil, errors.New(s.why)
	}
	turn := make(chan *process, 1)
	s.waiting = append(s.waiting, turn)
	s.mu.Unlock()
	var err error
	select {
	case p, ok := <-turn:
		if ok {
			return p, nil
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return nil, errors.New(s.reason())
	case <-ctx.Done():
		err = ctx.Err()
	case <-late:
		err = errBusy
	}
	if s.leave(turn) && err == errBusy {
		err = errNotUp
	}
	return nil, err
}

// reason says why no process runs. The lock is held.
func (s *places) reason() string {
	if s.why == "" {
		return "the plug-in was started again"
	}
	return s.why
}

// leave ends a wait; a place that came all the same goes to the next. It says whether
// there was nothing to wait for.
func (s *places) leave(turn chan *process) (none bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, turn); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	} else if p, ok := <-turn; ok {
		p.taken--
		s.hand()
	}
	return len(s.all) == 0
}

// freest returns the process with the most free places, or nil. The lock is held.
func (s *places) freest() *process {
	var best *process
	for _, p := range s.all {
		if p.taken < p.places && (best == nil || p.places-p.taken > best.places-best.taken) {
			best = p
		}
	}
	return best
}

// hand gives free places to those that wait. The lock is held.
func (s *places) hand() {
	for len(s.waiting) > 0 {
		p := s.freest()
		if p == nil {
			return
		}
		p.taken++
		s.waiting[0] <- p
		s.waiting = s.waiting[1:]
	}
}

// giveBack gives a place of the process back.
func (s *places) giveBack(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.taken--
	s.hand()
}

// add brings a process with so many places.
func (s *places) add(p *process, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.places, s.why = n, ""
	s.all = append(s.all, p)
	s.hand()
}

// remove takes a process out; what is given back for it later counts no more.
func (s *places) remove(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(other *process) bool { return other == p })
}

// hope says that a process is about to start: deliveries wait for it.
func (s *places) hope() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.why = ""
}

// down says that a process ended and starts again at a time, or never if that is zero. Where no
// other runs and that is not soon, nobody waits.
func (s *places) down(why string, again time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) > 0 || !again.IsZero() && time.Until(again) < patient {
		return
	}
	s.why = why
	for _, turn := range s.waiting {
		close(turn)
	}
	s.waiting = nil
}
