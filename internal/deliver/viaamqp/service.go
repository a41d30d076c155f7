// Package viaamqp is the service "amqp": it publishes an event's payload to an exchange of
// a RabbitMQ, persistent, and counts it as delivered when the broker has confirmed that
// it has it. When to try again, and in which order, is the engine's, so that with
// strict ordering an endpoint is an outbox: events wait in the store while the broker
// is away and arrive in the order of acceptance.
//
// The broker is one that the operator has named, which only those may use who are allowed to, or
// the endpoint's own URL, which is reached through egress alone.
package viaamqp

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/rabbit"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Name is what an endpoint's Service says.
const Name = "amqp"

// Broker is a RabbitMQ of the operator.
type Broker struct {
	URL webhook.Secret // as rabbit.ParseURL takes it
	// Allow says whether an account may publish to it, wherever it likes there. Nil
	// is nobody.
	Allow func(account id.ID) bool
}

// Options configure a Service. Dial and CheckURL are required; zero fields take the
// defaults named.
type Options struct {
	Dial     rabbit.Dial                        // to endpoints' own brokers: that of the egress.Dialer
	CheckURL func(raw string) (*url.URL, error) // that of the egress.Dialer

	Brokers    map[string]Broker // by the name that endpoints say
	BrokerDial rabbit.Dial       // to those; required where there are any

	Connections int           // at the same time: 256
	Channels    int           // of one connection, each with one message in flight: 64
	Idle        time.Duration // after which an unused connection is closed: 5 min
}

// Service publishes to RabbitMQ. It implements deliver.Service.
type Service struct {
	o       Options
	brokers map[string]rabbit.URL
	links   *links
}

// New checks the options and returns the service. Nothing is connected before a
// delivery needs it.
func New(o Options) (*Service, error) {
	if o.Dial == nil || o.CheckURL == nil || len(o.Brokers) > 0 && o.BrokerDial == nil {
		return nil, errors.New("viaamqp: a service needs ways to dial and a check for URLs")
	}
	if o.Connections <= 0 {
		o.Connections = 256
	}
	if o.Channels <= 0 {
		o.Channels = 64
	}
	if o.Idle <= 0 {
		o.Idle = 5 * time.Minute
	}
	s := &Service{o: o, brokers: map[string]rabbit.URL{}}
	for name, b := range o.Brokers {
		u, err := rabbit.ParseURL(b.URL)
		if err != nil {
			return nil, fmt.Errorf("viaamqp: the URL of broker %s %w", name, err)
		}
		s.brokers[name] = u
	}
	s.links = newLinks(o.Connections, o.Channels, o.Idle)
	return s, nil
}

// Close closes every connection. No delivery may be made afterwards.
func (s *Service) Close() { s.links.close() }

// Name returns "amqp".
func (s *Service) Name() string { return Name }

// ConfigSchema returns the JSON Schema of an endpoint's configuration.
func (s *Service) ConfigSchema() json.RawMessage { return json.RawMessage(configSchema) }

// Validate checks an endpoint before it is saved.
func (s *Service) Validate(e *webhook.Endpoint) error {
	c, err := readConfig(e.Config)
	if err != nil {
		return err
	}
	if len(e.Headers) > 0 {
		return webhook.Errorf(webhook.CodeInvalid, "headers", "are not sent by this service: its config has headers")
	}
	_, err = s.target(e, c)
	return err
}

// target is a broker, and how it is reached.
type target struct {
	key  string // the same for connections that may be shared
	url  rabbit.URL
	dial rabbit.Dial
	tls  *tls.Config // nil is the default
}

// target finds where an endpoint leads. The error is a *webhook.Error.
func (s *Service) target(e *webhook.Endpoint, c *config) (target, error) {
	if c.Broker != "" {
		b, ok := s.o.Brokers[c.Broker]
		switch {
		case e.URL != "":
			return target{}, webhook.Errorf(webhook.CodeInvalid, "url", "must be empty where the config names a broker")
		case !ok, b.Allow == nil, !b.Allow(e.AccountID): // no difference, so that names cannot be found out
			return target{}, webhook.Errorf(webhook.CodeInvalid, "config.broker", "there is no broker %.64q for this account", c.Broker)
		case e.TLS != nil:
			return target{}, webhook.Errorf(webhook.CodeInvalid, "tls", "must be empty where the config names a broker")
		}
		return target{key: "broker " + c.Broker, url: s.brokers[c.Broker], dial: s.o.BrokerDial}, nil
	}
	u, err := rabbit.ParseURL(webhook.Secret(e.URL))
	if err != nil {
		return target{}, webhook.Errorf(webhook.CodeInvalid, "url", "%v", err)
	}
	t := target{key: "url " + e.URL + " " + deliver.TLSKey(e), url: u, dial: s.o.Dial}
	scheme := "http"
	if u.TLS() {
		scheme = "https"
	}
	if _, err := s.o.CheckURL(scheme + "://" + u.Addr()); err != nil { // what holds for hosts of http URLs holds here
		return target{}, err
	}
	if e.TLS == nil {
		return t, nil
	}
	t.tls, err = egress.TLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}, e.TLS, u.Host())
	return t, err
}

// Deliver makes one attempt. See deliver.Service.
func (s *Service) Deliver(ctx context.Context, job *deliver.Job) webhook.Outcome {
	if job.Event.PayloadDeleted {
		return webhook.Outcome{Result: webhook.ResultRejected, Detail: "the payload was deleted"}
	}
	p, t, err := s.prepare(job)
	if err != nil {
		return unusable(err)
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, job.Timeout)
	defer cancel()
	out := judge(s.links.publish(ctx, t, p), start)
	out.RequestHeaders = record(&p)
	return out
}

// unusable is the outcome of an attempt that cannot be made.
func unusable(err error) webhook.Outcome {
	text := err.Error()
	if e, ok := errors.AsType[*webhook.Error](err); ok {
		text = e.Field + " " + e.Message
	}
	return webhook.Outcome{Result: webhook.ResultRejected, Detail: webhook.OneLine(text)}
}

// prepare makes the message of an attempt and finds its broker.
func (s *Service) prepare(job *deliver.Job) (rabbit.Publication, target, error) {
	c, err := readConfig(job.Endpoint.Config)
	if err != nil {
		return rabbit.Publication{}, target{}, err
	}
	t, err := s.target(job.Endpoint, c)
	if err != nil {
		return rabbit.Publication{}, target{}, err
	}
	p, err := c.publication(job)
	return p, t, err
}

// judge says what came of publishing. Everything but success may pass: exchanges are
// declared, queues are bound, brokers come back.
func judge(err error, start time.Time) webhook.Outcome {
	out := webhook.Outcome{Result: webhook.ResultRetry}
	returned, isReturned := errors.AsType[*rabbit.ReturnedError](err)
	said, isSaid := errors.AsType[*amqp091.Error](err)
	switch {
	case err == nil:
		out.Result = webhook.ResultDelivered
	case errors.Is(err, context.DeadlineExceeded):
		out.Timeout = true
		out.Detail = "timeout after " + time.Since(start).Round(10*time.Millisecond).String()
	case errors.Is(err, context.Canceled):
		out.Detail = "cancelled"
	case isReturned:
		out.Detail = webhook.OneLine(returned.Error())
	case isSaid && said.Server:
		out.Detail = webhook.OneLine(fmt.Sprintf("the broker says: %d %s", said.Code, said.Reason))
	case isSaid:
		out.Detail = "connection to the broker lost"
	default:
		out.Detail = egress.Reason(err)
	}
	return out
}
