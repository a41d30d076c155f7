package server

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/internal/api/native"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// notice tells an endpoint's account that the endpoint was switched off: by an
// event of its own, which goes to whoever subscribed to it there. For a hook of Kazoo it
// is the notification that Kazoo has for this, which the platform's bus is told, too.
func (s *Server) notice(ctx context.Context, e *webhook.Endpoint, h webhook.Health, reason string) (*store.Intake, func(error)) {
	account, err := s.directory.Account(ctx, e.AccountID)
	if err != nil {
		s.log.Error("nobody is told that an endpoint was disabled", "endpoint", e.ID, "error", err)
		return nil, nil
	}
	if message, event, ok := s.kazooHooks.disabled(e); ok {
		in, pass := s.ingest.Prepare(account, event)
		return in, func(err error) {
			pass(err)
			if err != nil {
				return
			}
			if err := s.kazooHooks.publish(ctx, message); err != nil {
				s.log.Warn("the rest of the platform is not told that a hook was disabled", "endpoint", e.ID, "error", err)
			}
		}
	}
	return s.ingest.Prepare(account, native.EndpointDisabled(e, h, reason, time.Now().UTC()))
}
