package viaplugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/delivertest"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
	"github.com/switchhook/switchhook/plugin"
)

// roleVariable makes this test program a plug-in, whose behaviour is in the directory that
// the variable names.
const roleVariable = "PLUGIN_UNDER_TEST"

func TestMain(m *testing.M) {
	if dir := os.Getenv(roleVariable); dir != "" {
		plugin.Main(actor(dir))
	}
	goleak.VerifyTestMain(m)
}

// The files of an actor.
const (
	behaviourFile = "behaviour"
	receivedFile  = "received"
)

// eats is the behaviour of one that wants more memory than it may have.
const eats delivertest.Behaviour = "eats"

// actor is a plug-in that behaves as a file says and counts deliveries in another.
func actor(dir string) plugin.Service {
	return plugin.Service{
		Name: "actor", Version: "1.2", Concurrency: 16,
		ConfigSchema: json.RawMessage(`{"type": "object", "properties": {"level": {"type": "integer"}}}`),
		Deliver: func(ctx context.Context, d *plugin.Delivery) (any, error) {
			received, err := os.OpenFile(filepath.Join(dir, receivedFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			if err != nil {
				return nil, err
			}
			defer received.Close()
			if _, err := received.WriteString("x"); err != nil {
				return nil, err
			}
			behaviour, err := os.ReadFile(filepath.Join(dir, behaviourFile))
			if err != nil {
				return nil, err
			}
			switch b := delivertest.Behaviour(behaviour); b {
			case delivertest.Fails:
				return map[string]any{"mood": "bad"}, plugin.Try("not in the mood", time.Second)
			case delivertest.Rejects:
				return nil, plugin.Reject("not in the mood, ever")
			case delivertest.Hangs:
				<-ctx.Done()
				select {}
			case eats:
				eaten := make([]byte, 4<<30)
				for i := range eaten {
					eaten[i] = 1
				}
			case delivertest.Breaks:
				os.Exit(3)
			case delivertest.Babbles:
				fmt.Printf("{\"id\":%q,\"result\":\"banana\"}\n", d.ID)
				select {}
			}
			return map[string]any{"attempt": d.Attempt, "options": d.Options, "event": d.Event, "subscription": d.Subscription}, nil
		},
	}
}

// running is a plug-in under test.
type running struct {
	*Service
	t    *testing.T
	dir  string // of an actor
	log  *logged
	stop func()
}

// run keeps a plug-in running until the test ends.
func run(t *testing.T, o Options) *running {
	t.Helper()
	r := &running{t: t, log: &logged{}}
	o.Logger = slog.New(slog.NewTextHandler(io.MultiWriter(r.log, t.Output()), nil))
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r.Service = s
	s.Announce()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	r.stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(r.stop)
	return r
}

// runActor runs an actor that accepts.
func runActor(t *testing.T, o Options) *running {
	t.Helper()
	dir := t.TempDir()
	o.Name, o.Command, o.Dir = "actor", self(t), dir
	o.Env = append(o.Env, roleVariable+"="+dir)
	setBehaviour(t, dir, delivertest.Accepts)
	r := run(t, o)
	r.dir = dir
	return r
}

// shell runs a script as the plug-in "script".
func shell(t *testing.T, script string, o Options) *running {
	t.Helper()
	o.Name, o.Command, o.Args = "script", "sh", []string{"-c", script}
	return run(t, o)
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func setBehaviour(t *testing.T, dir string, b delivertest.Behaviour) {
	t.Helper()
	next := filepath.Join(dir, "next")
	if err := errors.Join(os.WriteFile(next, []byte(b), 0o600), os.Rename(next, filepath.Join(dir, behaviourFile))); err != nil {
		t.Fatal(err)
	}
}

func received(t *testing.T, dir string) int {
	t.Helper()
	all, err := os.ReadFile(filepath.Join(dir, receivedFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return len(all)
}

// patience is how long something may take that has to happen.
const patience = time.Minute

// job is a delivery to an endpoint of the service, with its configuration.
func job(service, config string) *deliver.Job {
	account, event := id.New(), id.New()
	endpoint := &webhook.Endpoint{ID: id.New(), AccountID: account, Service: service, Enabled: true}
	if config != "" {
		endpoint.Config = json.RawMessage(config)
	}
	return &deliver.Job{
		Event: &webhook.Event{
			ID: event, AccountID: account, Type: "user_created", Payload: []byte("{\n \"id\": 12 }"),
			CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		},
		Delivery:     &webhook.Delivery{DeliveryID: webhook.DeliveryID{Event: event}, AccountID: account, EndpointID: endpoint.ID},
		Endpoint:     endpoint,
		Subscription: &webhook.Subscription{ID: id.New(), Name: "who joined", Filter: webhook.Filter{Types: []string{"user_*"}}},
		Number:       1, StartedAt: time.Now(), Timeout: patience,
	}
}

// up waits until the plug-in runs: for what is to be quicker than a start may be.
func (r *running) up() *running {
	r.t.Helper()
	if _, ok := r.Hello(); !ok {
		r.t.Fatal("it does not run")
	}
	return r
}

// deliver makes one attempt.
func (r *running) deliver(config string) webhook.Outcome {
	return r.Deliver(r.t.Context(), job(r.Name(), config))
}

// logged is a log that can be waited for.
type logged struct {
	mu    sync.Mutex
	text  strings.Builder
	heard []chan struct{}
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	for _, h := range l.heard {
		close(h)
	}
	l.heard = nil
	return len(p), nil
}

func (l *logged) lines(with string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(strings.Split(l.text.String(), "\n"), func(s string) bool { return !strings.Contains(s, with) })
}

// wait waits until the text was logged so often.
func (l *logged) wait(t *testing.T, text string, times int) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		l.mu.Lock()
		heard := make(chan struct{})
		l.heard = append(l.heard, heard)
		n := strings.Count(l.text.String(), text)
		l.mu.Unlock()
		if n >= times {
			return
		}
		select {
		case <-heard:
		case <-deadline.C:
			t.Fatalf("%q was logged %d times, not %d", text, n, times)
		}
	}
}
