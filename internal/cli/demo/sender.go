package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/switchhook/switchhook/internal/cli/client"
	"github.com/switchhook/switchhook/internal/config"
)

// sender sends numbered events and remembers which were accepted.
type sender struct {
	api  *client.Client
	app  string
	post *post

	number atomic.Int64
	taken  atomic.Int64
	burst  atomic.Int64 // accepted by the present sendMany
}

func (s *sender) accepted() int64        { return s.taken.Load() }
func (s *sender) acceptedInBurst() int64 { return s.burst.Load() }

// send sends one event.
func (s *sender) send(ctx context.Context, eventType string) error {
	n := int(s.number.Add(1))
	payload, err := json.Marshal(event{Number: n, Type: eventType, Order: fmt.Sprintf("A-%04d", n)})
	if err != nil {
		return err
	}
	s.post.sending(n, eventType)
	if _, err := s.api.Send(ctx, s.app, payload, map[string]any{"eventType": eventType}); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	s.post.acceptedEvent(n)
	s.taken.Add(1)
	return nil
}

// sendMany sends that many events over some connections at once, and tells after
// each how many were accepted so far. It ends with the first error.
func (s *sender) sendMany(ctx context.Context, events, connections int, told func(accepted int)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.burst.Store(0)
	types := []string{typeCreated, typePaid, typeShipped}
	var left atomic.Int64
	left.Store(int64(events))
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for n := left.Add(-1); n >= 0 && ctx.Err() == nil; n = left.Add(-1) {
				if err := s.send(ctx, types[int(n)%len(types)]); err != nil {
					cancel(err)
					return
				}
				if n := s.burst.Add(1); told != nil {
					told(int(n))
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// withoutSettings drops what would change the server's configuration.
func withoutSettings(environ []string) []string {
	var kept []string
	for _, e := range environ {
		if !strings.HasPrefix(e, config.EnvPrefix) {
			kept = append(kept, e)
		}
	}
	return kept
}
