package viaplugin

import (
	"context"
	"sync"
	"time"

	"github.com/switchhook/switchhook/plugin"
)

// How long to wait before a process that ended is started again: longer each time,
// until it has run for a while.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = time.Minute
	longRun   = 10 * time.Second
)

// Announce says that Run is about to be called: from now on deliveries and checks wait for
// the plug-in to start. Run does it, too.
func (s *Service) Announce() {
	s.mu.Lock()
	s.running = true
	s.mu.Unlock()
	s.places.hope()
}

// Run keeps the plug-in's processes running until ctx is done, then ends them: they
// are told by the end of their input, and killed after Options.Stop. What a plug-in does
// never makes it return earlier. It is called once.
func (s *Service) Run(ctx context.Context) error {
	s.Announce()
	var all sync.WaitGroup
	for range s.o.Processes {
		all.Go(func() { s.keep(ctx) })
	}
	all.Wait()
	s.settled()
	s.places.down("the plug-in does not run", time.Time{})
	return nil
}

// keep runs one process after the other.
func (s *Service) keep(ctx context.Context) {
	wait := firstWait
	for {
		s.places.hope()
		began := time.Now()
		why := s.runOne(ctx)
		s.settled()
		if ctx.Err() != nil {
			s.o.Logger.Info("plug-in ended")
			return
		}
		if time.Since(began) > longRun {
			wait = firstWait
		}
		s.o.Logger.Error("plug-in failed", "reason", why, "again_in", wait)
		s.places.down(line("the plug-in failed: "+why.Error(), maxReason), time.Now().Add(wait))
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		wait = min(2*wait, lastWait)
	}
}

// runOne runs one process from start to end, and says why it ended.
func (s *Service) runOne(ctx context.Context) error {
	p, err := s.start()
	if err != nil {
		return err
	}
	select {
	case <-p.exited:
	case <-p.quiet: // it was killed, or is about to be gone
	case <-ctx.Done():
		p.stop()
	}
	return p.bury()
}

// greet takes a process in that said hello as it should.
func (s *Service) greet(p *process, h *hello) {
	s.mu.Lock()
	s.hello = h
	s.mu.Unlock()
	s.places.add(p, h.Concurrency)
	s.settled()
	p.log.Info("plug-in runs", "version", h.Version, "concurrency", h.Concurrency, "schema", h.schema != nil)
}

// settled says that the first start came to something, or to nothing.
func (s *Service) settled() { s.once.Do(func() { close(s.first) }) }

// Check starts the plug-in once, without delivering anything, and says what it said of
// itself, or what is wrong with it. It is for a Service that does not run.
func (s *Service) Check(ctx context.Context) (plugin.Hello, error) {
	p, err := s.start()
	if err != nil {
		return plugin.Hello{}, err
	}
	select {
	case <-s.first:
	case <-p.exited:
	case <-p.quiet:
	case <-ctx.Done():
		p.kill(ctx.Err())
	}
	p.stop()
	why := p.bury()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.hello == nil:
		return plugin.Hello{}, why
	case !p.clean():
		return s.hello.Hello, why
	}
	return s.hello.Hello, nil
}
