// Package pywebhooks speaks the API of PyWebhooks below /v1, so that its clients
// work unchanged. It translates: an account of the wire is an account below the root
// with one endpoint, a registration is an event type with a fixed payload that the
// account owns, and a subscription leads from a registration to the subscriber's own
// endpoint. How deliveries look is the business of the service that the endpoints name.
package pywebhooks

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Prefix is what all paths of the API begin with.
const Prefix = "/v1"

// Intake takes what is triggered. *ingest.Ingest is one.
type Intake interface {
	Accept(ctx context.Context, s ingest.Submission) (ingest.Receipt, error)
}

// Options configure an API. Zero fields take the defaults named.
type Options struct {
	Control *control.Control // required
	Intake  Intake           // required
	Logger  *slog.Logger

	// Service is the name of the service that delivers to accounts' endpoints, and
	// EventAttribute the attribute of an event in which it finds what the header
	// "event" says. Required.
	Service, EventAttribute string

	// Sender carries the requests that prove endpoints and bring keys to them;
	// CheckURL is that of the egress.Dialer. Required.
	Sender    deliver.Sender
	CheckURL  func(raw string) (*url.URL, error)
	UserAgent string // "Switchhook"

	Policy Policy

	// ResetRate is how many resets of keys there may be in a minute, for each username
	// and for each address; LoginRate how many failed logins for each address. 0 is
	// any number.
	ResetRate, LoginRate int
	// BodyLimit bounds request bodies in bytes: 2 MiB.
	BodyLimit int64
	// Contacts is how many endpoints are contacted at the same time: 64.
	Contacts int
}

// Policy is how deliveries are made to accounts' endpoints. Zero fields take the
// defaults of PyWebhooks.
type Policy struct {
	RequestTimeout time.Duration // 5 s, also when an endpoint is proven or brought a key
	Retry          time.Duration // before the second and the third attempt: 2 min
	FinalRetry     time.Duration // before the fourth and last attempt: 1 h
	MaxFailedCount int           // failures in a row beyond which an endpoint gets nothing new: 250
	InsecureTLS    bool          // do not verify the certificates of endpoints
}

func (p *Policy) fill() {
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{{&p.RequestTimeout, 5 * time.Second}, {&p.Retry, 2 * time.Minute}, {&p.FinalRetry, time.Hour}} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	if p.MaxFailedCount <= 0 {
		p.MaxFailedCount = 250
	}
}

// set gives an endpoint the policy.
func (p Policy) set(e *webhook.Endpoint) {
	e.Timeout = p.RequestTimeout
	e.Retry = webhook.RetryPolicy{Schedule: []time.Duration{p.Retry, p.Retry, p.FinalRetry}}
	e.Health = webhook.HealthPolicy{MaxFailuresInRow: p.MaxFailedCount, CloseOnly: true, NoBreaker: true}
	e.TLS = p.tls()
}

// tls returns how connections to endpoints are secured.
func (p Policy) tls() *webhook.TLS {
	if !p.InsecureTLS {
		return nil
	}
	return &webhook.TLS{Insecure: true}
}

// API serves the API. Make one with New.
type API struct {
	Options
	routes   []route
	contacts *contacts
	resets   *limit // by username and by address
	logins   *limit // by address
	turns    turns  // of resets
	top      atomic.Pointer[webhook.Account]
}

// New returns an API.
func New(o Options) (*API, error) {
	if o.Control == nil || o.Intake == nil || o.Sender == nil || o.CheckURL == nil {
		return nil, errors.New("pywebhooks: control, intake, a sender and a check for URLs are required")
	}
	if o.Service == "" || o.EventAttribute == "" {
		return nil, errors.New("pywebhooks: the names of the service and of the event's attribute are required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.UserAgent == "" {
		o.UserAgent = "Switchhook"
	}
	if o.BodyLimit <= 0 {
		o.BodyLimit = 2 << 20
	}
	if o.Contacts <= 0 {
		o.Contacts = 64
	}
	o.Policy.fill()
	return &API{
		Options: o, routes: routes(), resets: newLimit(o.ResetRate), logins: newLimit(o.LoginRate),
		contacts: &contacts{
			sender: o.Sender, check: o.CheckURL, agent: o.UserAgent,
			timeout: o.Policy.RequestTimeout, tls: o.Policy.tls(), slots: make(chan struct{}, o.Contacts),
		},
	}, nil
}

// Handler returns the whole API with its middleware.
func (a *API) Handler() http.Handler {
	broken := func(w http.ResponseWriter) {
		writeJSON(w, http.StatusInternalServerError, messageOut{"Internal Server Error"})
	}
	return httpx.Edge(httpx.EdgeOptions{Logger: a.Logger, Broken: broken}, http.HandlerFunc(a.serve))
}

// root returns the account that is above all accounts of this API. It never changes.
func (a *API) root(ctx context.Context) (*webhook.Account, error) {
	if root := a.top.Load(); root != nil {
		return root, nil
	}
	root, err := a.Control.Root(ctx)
	if err == nil {
		a.top.Store(root)
	}
	return root, err
}

// now is the time that is stored.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
