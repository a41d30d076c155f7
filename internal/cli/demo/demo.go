// Package demo shows Switchhook at work on one machine, from nothing: a real server
// in a process of its own, a few receivers, and what happens to them. It is also a
// test: it says at the end whether everything that it promises was seen.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/switchhook/switchhook/internal/cli/client"
)

// Options say how the demo is shown.
type Options struct {
	Out    io.Writer
	Binary string // of switchhook, which serves
	Colour bool
	Quick  bool // no pauses for reading
	Keep   bool // leave the server running at the end, until ctx is done
}

// limit bounds the whole story.
const limit = 30 * time.Second

// Run tells the story. The error says what was not seen.
func Run(ctx context.Context, o Options) (err error) {
	dir, err := os.MkdirTemp("", "switchhook-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &story{o: o, show: &screen{w: o.Out, colour: o.Colour}, server: &process{binary: o.Binary, dir: dir}}
	defer s.server.stop()
	defer func() {
		if s.post != nil {
			s.post.close()
		}
	}()
	if err := s.tell(ctx); err != nil {
		return fmt.Errorf("%w\n%s", err, s.server.lastWords())
	}
	if o.Keep {
		s.keep(ctx)
	}
	return nil
}

// story is one run of the demo.
type story struct {
	o      Options
	show   *screen
	server *process
	post   *post // the receivers
	api    *client.Client
	app    string
	sender *sender
}

// tell goes through the chapters and then counts.
func (s *story) tell(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, chapter := range []func(context.Context) error{
		s.begin, s.subscribe, s.sendSome, s.sendToFlaky, s.sendPastDead, s.crash,
	} {
		if err := chapter(ctx); err != nil {
			if ctx.Err() == context.DeadlineExceeded {
				err = errors.Join(errors.New("the demo took too long"), err)
			}
			return err
		}
		s.pause(ctx)
	}
	return s.count()
}

func (s *story) pause(ctx context.Context) {
	if s.o.Quick {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
}

// begin starts the server.
func (s *story) begin(ctx context.Context) error {
	s.show.chapter("A server, in an empty directory")
	start := time.Now()
	if err := s.server.start(ctx); err != nil {
		return err
	}
	s.show.line("it made its database and a key, and listens on %s after %s", s.server.local.URL, since(start))
	var err error
	s.api, err = client.New(s.server.local.URL, s.server.local.APIKey)
	return err
}

// subscribe makes an account with five endpoints.
func (s *story) subscribe(ctx context.Context) error {
	s.show.chapter("Five subscribers")
	app, err := s.api.CreateApp(ctx, map[string]any{"name": "demo", "uid": "demo"}, false)
	if err != nil {
		return err
	}
	s.app = app.Value.ID
	if s.post, err = openPost(s.show); err != nil {
		return err
	}
	for _, b := range s.post.boxes {
		f := map[string]any{"url": s.post.url(b), "description": b.name, "uid": b.name, "retrySchedule": []string{"1s", "1s", "2s", "4s"}}
		if len(b.types) > 0 {
			f["eventTypes"] = b.types
		}
		if b.dead {
			f["timeoutSeconds"] = 5
		}
		for _, t := range b.types {
			if err := s.declare(ctx, t); err != nil {
				return err
			}
		}
		e, err := s.api.Endpoints(s.app).Create(ctx, f)
		if err != nil {
			return fmt.Errorf("endpoint %s: %w", b.name, err)
		}
		k, err := s.api.Secret(ctx, s.app, e.Value.ID)
		if err != nil {
			return err
		}
		b.secret = k.Value.Key
		s.show.line("%-10s %s", b.name, b.about)
	}
	s.sender = &sender{api: s.api, app: s.app, post: s.post}
	return nil
}

// declare puts an event type into the catalogue, once.
func (s *story) declare(ctx context.Context, name string) error {
	_, err := s.api.EventTypes().Create(ctx, map[string]any{"name": name, "description": ""})
	if e, ok := errors.AsType[*client.Error](err); ok && e.Status == 409 {
		return nil
	}
	return err
}

// sendSome sends a few events and shows each delivery.
func (s *story) sendSome(ctx context.Context) error {
	s.show.chapter("Events go out, each delivery signed")
	for _, t := range []string{typeCreated, typePaid, typeShipped} {
		if err := s.sender.send(ctx, t); err != nil {
			return err
		}
	}
	return s.post.settled(ctx, healthy)
}

// sendToFlaky waits for the endpoint that fails twice.
func (s *story) sendToFlaky(ctx context.Context) error {
	s.show.chapter("An endpoint fails twice, and is tried again")
	s.show.line("flaky answers 500 to the first two attempts at each event; its waits are 1 s")
	return s.post.settled(ctx, everybodyAlive)
}

// sendPastDead sends while one endpoint hangs.
func (s *story) sendPastDead(ctx context.Context) error {
	s.show.chapter("A dead endpoint delays nobody")
	s.show.line("dead takes every connection and never answers; 200 events go to everyone, it included")
	s.post.quiet(true)
	const events = 200
	if err := s.sender.sendMany(ctx, events, 8, nil); err != nil {
		return err
	}
	if err := s.post.settled(ctx, healthy); err != nil {
		return err
	}
	p50, p99 := s.post.latency(healthy)
	s.show.line("the others: %d deliveries, half of them within %s, 99 of 100 within %s; dead: %d requests, 0 answers",
		s.post.arrived(healthy), round(p50), round(p99), s.post.knocks())
	if s.post.knocks() == 0 {
		return errors.New("nothing was ever sent to the dead endpoint")
	}
	if p99 > 2*time.Second {
		return fmt.Errorf("the others waited up to %s while one endpoint was dead", round(p99))
	}
	return nil
}

// crash kills the server while it works, and counts after a restart.
func (s *story) crash(ctx context.Context) error {
	s.show.chapter("kill -9, with work in hand")
	s.post.slow(20 * time.Millisecond) // so that there is something in hand
	const events, enough = 600, 250
	sendErr := s.sender.sendMany(ctx, events, 16, func(accepted int) {
		if accepted == enough {
			s.server.kill()
		}
	})
	if sendErr == nil {
		return errors.New("the server outlived its kill")
	}
	waiting := s.post.missing(everybodyAlive)
	s.show.line("killed the process with %d events of this chapter accepted and %d deliveries not made yet", s.sender.acceptedInBurst(), waiting)
	if waiting == 0 {
		return errors.New("everything was delivered before the kill: nothing was shown")
	}
	start := time.Now()
	if err := s.server.start(ctx); err != nil {
		return err
	}
	s.show.line("started it again; it was ready after %s", since(start))
	s.post.slow(0)
	var err error
	if s.api, err = client.New(s.server.local.URL, s.server.local.APIKey); err != nil {
		return err
	}
	s.sender.api = s.api
	if err := s.post.settled(ctx, everybodyAlive); err != nil {
		return err
	}
	s.show.line("everything that was accepted has arrived, %s after the restart", since(start))
	return nil
}

// count ends the story with numbers.
func (s *story) count() error {
	c := s.post.counts(everybodyAlive)
	s.show.chapter("Counts")
	s.show.line("%d events accepted, %d deliveries expected, %d made, %d lost, %d repeated by the kill, %d signatures verified, %d wrong, %d retries",
		s.sender.accepted(), c.expected, c.made, c.expected-c.made, c.repeated, c.verified, c.forged, c.retried)
	switch {
	case c.made != c.expected:
		return fmt.Errorf("%d deliveries were lost", c.expected-c.made)
	case c.forged > 0:
		return fmt.Errorf("%d deliveries were not signed as they should be", c.forged)
	case c.retried < 2:
		return errors.New("nothing was retried")
	}
	return nil
}

// keep leaves the server to the person.
func (s *story) keep(ctx context.Context) {
	s.show.chapter("The server stays, until Ctrl-C")
	s.show.line("export SWITCHHOOK_URL=%s SWITCHHOOK_API_KEY=%s", s.server.local.URL, s.server.local.APIKey)
	s.show.line("switchhook endpoint list demo")
	s.post.quiet(false)
	<-ctx.Done()
}

func since(t time.Time) time.Duration { return round(time.Since(t)) }

func round(d time.Duration) time.Duration {
	switch {
	case d > time.Second:
		return d.Round(100 * time.Millisecond)
	case d > 10*time.Millisecond:
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Microsecond)
}
