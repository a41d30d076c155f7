package viaplugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
	"github.com/switchhook/switchhook/plugin"
)

// Service delivers through one plug-in. It implements deliver.Service. Until Run
// is called, and after it ended, every delivery is to be tried again later.
type Service struct {
	o      Options
	places places

	mu      sync.Mutex
	running bool
	hello   *hello        // the latest one; nil before the first
	first   chan struct{} // closed when the first start came to something, or to nothing
	once    sync.Once
}

// New checks the options and returns the service.
func New(o Options) (*Service, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Service{o: o, first: make(chan struct{})}
	s.places.down("the plug-in does not run", time.Time{})
	return s, nil
}

// Name returns the name of the plug-in.
func (s *Service) Name() string { return s.o.Name }

// NeedsSubscription says that deliveries name their subscription.
func (s *Service) NeedsSubscription() {}

// Hello returns what the plug-in said of itself when it was last started; ok is false
// before it said anything.
func (s *Service) Hello() (h plugin.Hello, ok bool) {
	if said := s.said(); said != nil {
		return said.Hello, true
	}
	return plugin.Hello{}, false
}

// firstWords is how long who asks waits for the first hello.
const firstWords = 10 * time.Second

// said returns the latest hello. While the plug-in starts for the first time it
// waits for that.
func (s *Service) said() *hello {
	s.mu.Lock()
	running := s.running
	s.mu.Unlock()
	if running {
		t := time.NewTimer(firstWords)
		defer t.Stop()
		select {
		case <-s.first:
		case <-t.C:
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hello
}

// ChecksConfig says whether the plug-in told a JSON Schema of its configuration.
func (s *Service) ChecksConfig() bool {
	h := s.said()
	return h != nil && h.schema != nil
}

// Validate holds the configuration to the plug-in's JSON Schema. One without a schema, or
// that was never heard of, takes any object.
func (s *Service) Validate(e *webhook.Endpoint) error {
	config := orEmpty(wazo.ConfigOf(e))
	if !isObject(config) {
		return webhook.Errorf(webhook.CodeInvalid, "config", "must be an object")
	}
	h := s.said()
	if h == nil || h.schema == nil {
		return nil
	}
	if err := h.schema.Validate(config); err != nil {
		return webhook.Errorf(webhook.CodeInvalid, "config", "%v", err)
	}
	return nil
}

// orEmpty makes an object of no configuration.
func orEmpty(config json.RawMessage) json.RawMessage {
	if len(config) == 0 {
		return json.RawMessage("{}")
	}
	return config
}

// Deliver makes one attempt.
func (s *Service) Deliver(ctx context.Context, job *deliver.Job) webhook.Outcome {
	if why := s.unfit(job); why != "" {
		return failed(webhook.ResultRejected, why)
	}
	timeout := job.Timeout
	if s.o.Timeout > 0 && job.Endpoint.Timeout == 0 {
		timeout = s.o.Timeout
	}
	deadline := time.Now().Add(timeout)
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	p, err := s.places.take(ctx, timer.C)
	switch {
	case errors.Is(err, errBusy):
		return failed(webhook.ResultThrottled, fmt.Sprintf("the plug-in was busy for %s", timeout))
	case errors.Is(err, errNotUp):
		return timedOut(fmt.Sprintf("the plug-in did not start within %s", timeout))
	case err != nil:
		return ended(ctx, err.Error())
	}
	c := p.send(job, deadline)
	select {
	case r := <-c.done:
		return r
	case <-timer.C:
		if !p.late(c) {
			return <-c.done
		}
		return timedOut(fmt.Sprintf("no answer of the plug-in within %s", timeout))
	case <-ctx.Done():
		if !p.late(c) {
			return <-c.done
		}
		return ended(ctx, "cancelled")
	}
}

// unfit says why a job is none for this plug-in, or "".
func (s *Service) unfit(job *deliver.Job) string {
	switch e := job.Endpoint; {
	case e.Service != s.o.Name:
		return "the endpoint is for another service"
	case !isObject(orEmpty(wazo.ConfigOf(e))):
		return "the endpoint's configuration is not an object"
	case job.Event.PayloadDeleted:
		return "the payload was deleted"
	case !json.Valid(job.Event.Payload):
		return "the payload is not JSON"
	}
	return ""
}

// ended is the outcome of an attempt that ended with its context, or why it could not
// begin.
func ended(ctx context.Context, why string) webhook.Outcome {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return timedOut("the deadline passed")
	}
	return failed(webhook.ResultRetry, why)
}
