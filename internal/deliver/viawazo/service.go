// Package viawazo is the service "wazo": it delivers the way the service http of
// wazo-webhookd does, over the shared HTTP sender. URL and body are Jinja templates;
// without a body template the body is the event's data as Python writes JSON. When
// to try again is the endpoint's policy, not this package's.
package viawazo

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// What an exchange may take: how many redirects are followed, how long connecting may
// take, and how long the receiver may say nothing.
const (
	maxHops = 30
	connect = 5 * time.Second
	silence = 15 * time.Second
)

// Options configure a Service. Both senders are required.
type Options struct {
	Sender deliver.Sender
	// UserSender sends what users own, who are not administrators. It must not reach
	// this machine: see egress.Options.NotThisMachine.
	UserSender deliver.Sender
	UserAgent  string // "Switchhook" when empty
	Logger     *slog.Logger
}

// Service delivers like the service http of wazo-webhookd. It implements
// deliver.Service.
type Service struct{ o Options }

// New checks the options and returns the service.
func New(o Options) (*Service, error) {
	if o.Sender == nil || o.UserSender == nil {
		return nil, errors.New("viawazo: a service needs a sender, and one for users")
	}
	if o.UserAgent == "" {
		o.UserAgent = "Switchhook"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{o}, nil
}

// Name returns the name of the service.
func (s *Service) Name() string { return wazo.ServiceHTTP }

// Validate checks an endpoint's configuration. Templates are not looked at: what is
// wrong with them shows when they are filled in.
func (s *Service) Validate(e *webhook.Endpoint) error {
	_, err := readConfig(wazo.ConfigOf(e))
	return err
}

// Deliver makes one attempt. Outcome.Extra says in "detail" what Wazo's log says of it.
func (s *Service) Deliver(ctx context.Context, job *deliver.Job) webhook.Outcome {
	if job.Event.PayloadDeleted {
		return failed("the payload was deleted")
	}
	d, err := wazo.DocumentFor(job.Endpoint, job.Event, job.Delivery)
	if err != nil {
		return failed(err.Error())
	}
	c, err := readConfig(d.Config)
	if err != nil {
		return failed(err.Error())
	}
	req, err := s.compose(c, job)
	if err != nil {
		return failed(err.Error())
	}
	sender, owned := s.o.Sender, d.OwnerUserUUID != nil // by a user, and not by an administrator
	if owned {
		sender = s.o.UserSender
	}
	last, resp, err := deliver.FollowTo(ctx, sender, req, maxHops)
	if owned && resp == nil {
		if out, refused := s.refusedToUser(job.Endpoint, last.URL == req.URL, err); refused {
			return out
		}
	}
	return judge(last, resp, err)
}

// refusedToUser says what comes of an attempt of a user that leads to this machine,
// or nowhere. Wazo does not send the first, and calls it a success without a trace in
// the log of deliveries. A receiver that leads there by a redirect has failed.
func (s *Service) refusedToUser(e *webhook.Endpoint, first bool, err error) (webhook.Outcome, bool) {
	if r, ok := errors.AsType[*egress.RefusedError](err); ok && r.ThisMachine {
		s.o.Logger.Warn("webhook of a user leads to this machine, it is not sent", "endpoint", e.ID)
		if first {
			return webhook.Outcome{Result: webhook.ResultDelivered, Extra: wazo.Detail(struct{}{})}, true
		}
		return failed("the receiver redirects to this machine"), true
	}
	if first && unresolved(err) {
		return failed("[Errno -2] Name or service not known"), true
	}
	return webhook.Outcome{}, false
}
