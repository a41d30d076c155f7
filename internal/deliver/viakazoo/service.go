// Package viakazoo is the service "kazoo": it delivers the way Kazoo's webhooks do, over
// the shared HTTP sender, by GET, POST or PUT, as a form or as JSON. What counts as a
// success is Kazoo's too. When to try again is the endpoint's policy, not this
// package's.
package viakazoo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/render"
	"github.com/switchhook/switchhook/internal/render/py"
	"github.com/switchhook/switchhook/internal/webhook"
)

const (
	// maxHops is how many redirects of a get are followed.
	maxHops = 9
	// maxEncoded is how long a payload may become in its encoding, in bytes.
	maxEncoded = 8 << 20
)

// Options configure a Service. Sender and CheckURL are required.
type Options struct {
	Sender    deliver.Sender
	CheckURL  func(raw string) (*url.URL, error) // CheckForm of the egress.Dialer: Kazoo keeps URIs that lead inside
	ClusterID func() string                      // of the installation; every payload has it

	BlacklistCIDRs []string // addresses that a URI may not name
	BlacklistHosts []string // host names that a URI may not have

	InsecureTLS bool // do not verify the certificates of hooks' servers

	// How long connecting may take, and how long the answer may keep us waiting after
	// that; 0 is as long as the attempt may take in all.
	ConnectTimeout, RequestTimeout time.Duration
}

// Service delivers like Kazoo. It implements deliver.Service.
type Service struct {
	o         Options
	blacklist blacklist
}

// New checks the options and returns the service.
func New(o Options) (*Service, error) {
	if o.Sender == nil || o.CheckURL == nil || o.ClusterID == nil {
		return nil, errors.New("viakazoo: a service needs a sender, a check for URLs and the cluster's id")
	}
	b, err := newBlacklist(o.BlacklistCIDRs, o.BlacklistHosts)
	if err != nil {
		return nil, fmt.Errorf("viakazoo: %w", err)
	}
	return &Service{o, b}, nil
}

// Name returns "kazoo".
func (s *Service) Name() string { return hook.Service }

// Validate checks what only this service knows of an endpoint.
func (s *Service) Validate(e *webhook.Endpoint) error {
	if err := s.checkURI(e.URL); err != nil {
		return err
	}
	if len(e.Headers) > 0 {
		return webhook.Errorf(webhook.CodeInvalid, "headers", "are not sent by this service")
	}
	_, err := hook.ParseConfig(e.Config)
	return err
}

// checkURI wants what Kazoo wants of a URI, which has its scheme in small letters. Whether
// an address may be connected to is seen when it is.
func (s *Service) checkURI(uri string) error {
	if !strings.HasPrefix(uri, "http://") && !strings.HasPrefix(uri, "https://") {
		return webhook.Errorf(webhook.CodeInvalid, "url", "must begin with http:// or https://")
	}
	u, err := s.o.CheckURL(uri)
	if err != nil {
		return err
	}
	if s.blacklist.has(u.Hostname()) {
		return webhook.Errorf(webhook.CodeInvalid, "url", "names a host that webhooks may not go to")
	}
	return nil
}

// Deliver makes one attempt.
func (s *Service) Deliver(ctx context.Context, job *deliver.Job) webhook.Outcome {
	c, req, err := s.request(job)
	if err != nil {
		return webhook.Outcome{Result: webhook.ResultRejected, Detail: err.Error()}
	}
	hops := 0
	if c.Verb == hook.Get {
		hops = maxHops
	}
	resp, err := deliver.Follow(ctx, s.o.Sender, req, hops)
	out := judge(c, resp, err)
	out.RequestHeaders = deliver.AppendHeaders(nil, req.Headers)
	out.Extra = record(job, c, req, out, err)
	return out
}

// request is what an attempt sends. The error is fit for people.
func (s *Service) request(job *deliver.Job) (hook.Config, *deliver.Request, error) {
	c, err := hook.ParseConfig(job.Endpoint.Config)
	if err != nil {
		return c, nil, errors.New("the endpoint's configuration cannot be read")
	}
	if job.Event.PayloadDeleted {
		return c, nil, errors.New("the payload was deleted")
	}
	payload, err := s.payload(job.Event.Payload, c)
	if err != nil {
		return c, nil, err
	}
	req := &deliver.Request{
		Method: strings.ToUpper(c.Verb), URL: job.Endpoint.URL,
		Timeout: job.Timeout, Connect: s.o.ConnectTimeout, Silence: s.o.RequestTimeout,
		Headers: []webhook.Header{
			{Name: "X-Hook-ID", Value: hook.ID(job.Endpoint, c, job.Event)},
			{Name: "X-Account-ID", Value: job.Endpoint.AccountID.Hex()},
		},
	}
	req.TLS, req.TLSKey = s.trust(job.Endpoint)
	if c.Verb != hook.Get && c.Format == hook.JSON {
		req.Headers = append(req.Headers, webhook.Header{Name: "Content-Type", Value: "application/json"})
		req.Body, err = render.PrettyJSON(payload, maxEncoded)
		return c, req, err
	}
	form, err := render.Form(payload, maxEncoded)
	if c.Verb == hook.Get {
		req.Query = string(form)
		return c, req, err
	}
	req.Headers = append(req.Headers, webhook.Header{Name: "Content-Type", Value: "application/x-www-form-urlencoded"})
	req.Body = form
	return c, req, err
}

// payload is what is sent of an event: custom data joins it and wins, but for what only
// chooses events, and the id of the installation comes last.
func (s *Service) payload(raw []byte, c hook.Config) (*py.Dict, error) {
	payload, err := object(raw)
	if err != nil {
		return nil, errors.New("the payload is not a JSON object")
	}
	if len(c.CustomData) > 0 {
		custom, err := object(c.CustomData)
		if err != nil {
			return nil, errors.New("the custom data is not a JSON object")
		}
		for key, v := range custom.All() {
			if name, _ := py.Text(key); name != "type" && name != "action" {
				payload.Set(name, v)
			}
		}
	}
	payload.Delete("cluster_id")
	payload.Set("cluster_id", py.Str(s.o.ClusterID()))
	return payload, nil
}

func object(raw []byte) (*py.Dict, error) {
	v, err := render.Decode(raw)
	if err != nil {
		return nil, err
	}
	d, ok := v.(*py.Dict)
	if !ok {
		return nil, errors.New("not an object")
	}
	return d, nil
}

// trust is how an endpoint's server is verified, its own settings first. Requests whose
// key is the same share connections.
func (s *Service) trust(e *webhook.Endpoint) (own *webhook.TLS, key string) {
	switch {
	case e.TLS != nil && !e.ID.IsZero():
		return e.TLS, fmt.Sprintf("%s/%d", e.ID.Hex(), e.Version)
	case e.TLS == nil && s.o.InsecureTLS:
		return &webhook.TLS{Insecure: true}, "kazoo/insecure"
	}
	return e.TLS, ""
}
