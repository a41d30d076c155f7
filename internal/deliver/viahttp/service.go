package viahttp

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/webhook"
)

// ServiceOptions configure the service "http". Sender and CheckURL are required.
type ServiceOptions struct {
	Sender    deliver.Sender
	CheckURL  func(raw string) (*url.URL, error) // that of the egress.Dialer
	UserAgent string                             // "Switchhook" when empty

	SvixHeaders bool // send svix-* headers beside webhook-* to every endpoint
}

// Service is the built-in service: it POSTs the payload as it was received, with
// the headers of Standard Webhooks. It implements deliver.Service.
type Service struct {
	options ServiceOptions
	plans   *plans
	spare   sync.Pool // of *attempt
}

// attempt is what one attempt needs for its duration. It is used again for
// another one.
type attempt struct {
	text    []byte
	own     [6]webhook.Header // those that differ from attempt to attempt
	headers []webhook.Header
	request deliver.Request
}

// NewService checks the options and returns the service.
func NewService(o ServiceOptions) (*Service, error) {
	if o.Sender == nil || o.CheckURL == nil {
		return nil, errors.New("viahttp: a service needs a sender and a check for URLs")
	}
	o.UserAgent = orDefault(o.UserAgent, "Switchhook")
	return &Service{
		options: o,
		plans:   newPlans(o),
		spare:   sync.Pool{New: func() any { return new(attempt) }},
	}, nil
}

// Name returns "http".
func (s *Service) Name() string { return webhook.ServiceHTTP }

// Deliver makes one attempt. See deliver.Service.
func (s *Service) Deliver(ctx context.Context, job *deliver.Job) webhook.Outcome {
	if job.Event.PayloadDeleted {
		return webhook.Outcome{Result: webhook.ResultRejected, Detail: "the payload was deleted"}
	}
	p := s.plans.of(job.Endpoint)
	if p.unusable != "" {
		return webhook.Outcome{Result: webhook.ResultRejected, Detail: p.unusable}
	}
	a := s.spare.Get().(*attempt)
	defer s.recycle(a)
	own := a.sign(p, job)
	a.headers = append(append(a.headers[:0], p.headers...), own...)
	a.request = deliver.Request{
		URL:     job.Endpoint.URL,
		Headers: a.headers,
		Body:    job.Event.Payload,
		TLS:     job.Endpoint.TLS,
		TLSKey:  p.tlsKey,
		Timeout: orDefault(job.Timeout, MaxTimeout),
	}
	resp, err := s.options.Sender.Send(ctx, &a.request)
	out := deliver.OutcomeOf(resp, err, time.Now())
	out.RequestHeaders = append(make([]byte, 0, len(p.record)+p.ownRecord), p.record...)
	out.RequestHeaders = deliver.AppendHeaders(out.RequestHeaders, own)
	return out
}

func (s *Service) recycle(a *attempt) {
	clear(a.headers)
	clear(a.own[:])
	a.request = deliver.Request{}
	s.spare.Put(a)
}

// sign returns the headers that identify and sign the event (Standard Webhooks,
// "Webhook headers"). The timestamp is that of the attempt.
func (a *attempt) sign(p *plan, job *deliver.Job) []webhook.Header {
	id := job.Event.ID.Prefixed("msg_")
	ts := job.StartedAt.Unix()
	a.text = strconv.AppendInt(a.text[:0], ts, 10)
	n := len(a.text)
	a.text = p.signer.AppendHeader(a.text, job.StartedAt, id, ts, job.Event.Payload)
	text := string(a.text)
	stamp, signature := text[:n], text[n:]
	own := append(a.own[:0], webhook.Header{Name: "webhook-id", Value: id}, webhook.Header{Name: "webhook-timestamp", Value: stamp})
	if signature != "" {
		own = append(own, webhook.Header{Name: "webhook-signature", Value: signature})
	}
	if !p.svix {
		return own
	}
	own = append(own, webhook.Header{Name: "svix-id", Value: id}, webhook.Header{Name: "svix-timestamp", Value: stamp})
	if signature != "" {
		own = append(own, webhook.Header{Name: "svix-signature", Value: signature})
	}
	return own
}
