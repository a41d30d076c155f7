// Package wazo speaks the API of wazo-webhookd below /1.0, so that Wazo's clients
// and services work unchanged, and carries out what Wazo's bus asks of it. It
// translates: a subscription is an endpoint with one filter or two, a tenant is an
// account, a log row is an attempt. How a subscription is kept is in package
// internal/wazo, where the services and the bus find it, too.
package wazo

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Options configure an API. Zero fields take the defaults named.
type Options struct {
	Control *control.Control // required
	Auth    Auth             // required
	Tenants *Tenants         // required
	Logger  *slog.Logger

	// Services are those that are there, by Wazo's names, with ours: {"http":
	// "wazo"}. A plug-in has one name in both.
	Services map[string]string
	// Reserved says whether one of our own services, which is none of Wazo's, has
	// the name: a subscription's service of that name is another one. nil is none.
	Reserved func(service string) bool

	// Retry is the policy of subscriptions; Timeout bounds one attempt.
	Retry   webhook.RetryPolicy
	Timeout time.Duration

	// Follow is told which events a subscription that was made or changed wants now,
	// before that is answered; nil names say that one was deleted. nil is nobody.
	Follow func(ctx context.Context, names []string)

	Outbox   *Outbox      // tells the bus of changes; nil tells nobody
	Notifier Notifier     // sends notifications to phones; nil sends none
	BusUp    func() bool  // says whether the bus is connected; nil is no bus
	Original Original     // reads what is moved in from; nil is nothing
	Settings Settings     // what /config shows; nil is an empty one
	CORS     *CORSOptions // nil is no CORS

	// MasterWait is how long a subscription that is to be kept waits for wazo-auth to tell
	// the master tenant: 5 s.
	MasterWait time.Duration

	BodyLimit int64            // of requests, in bytes: 1 MiB
	Now       func() time.Time // time.Now
}

// CORSOptions say what pages of other origins may send.
type CORSOptions struct{ AllowHeaders []string }

// Notifier sends push notifications to the phones of users.
type Notifier interface {
	// Notify takes a notification on. It may be sent later; nobody learns whether it
	// arrived.
	Notify(ctx context.Context, n Notification) error
}

// Notification is what a user is to be told.
type Notification struct {
	Type       string
	TenantUUID string
	UserUUID   string
	Title      string
	Body       string
	Extra      []byte // a JSON object
}

// Settings are the configuration as /config shows it, and the one part of it that can
// be changed there.
type Settings interface {
	// Show returns the configuration without its secrets, with the master tenant that
	// is known.
	Show(master string) map[string]any
	// SetDebug switches the log's debug level on or off, until the next start.
	SetDebug(on bool)
}

// API serves the API. Make one with New.
type API struct {
	Options
	routes []route
	mobile sync.Mutex // held while the subscriptions for a user's phones are looked at and changed
}

// New returns an API.
func New(o Options) (*API, error) {
	if o.Control == nil || o.Auth == nil || o.Tenants == nil {
		return nil, errors.New("wazo: control, auth and tenants are required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Reserved == nil {
		o.Reserved = func(string) bool { return false }
	}
	if o.Follow == nil {
		o.Follow = func(context.Context, []string) {}
	}
	if o.Settings == nil {
		o.Settings = noSettings{}
	}
	if o.BodyLimit <= 0 {
		o.BodyLimit = 1 << 20
	}
	if o.MasterWait <= 0 {
		o.MasterWait = 5 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &API{Options: o}
	a.routes = routes()
	return a, nil
}

type noSettings struct{}

func (noSettings) Show(string) map[string]any { return map[string]any{} }
func (noSettings) SetDebug(bool)              {}

// Prefix is what all paths of the API begin with.
const Prefix = "/1.0"

func routes() []route {
	return []route{
		{"GET", "/subscriptions", "webhookd.subscriptions.read", (*API).listSubscriptions},
		{"POST", "/subscriptions", "webhookd.subscriptions.create", (*API).createSubscription},
		{"GET", "/subscriptions/services", "webhookd.subscriptions.services.read", (*API).listServices},
		{"GET", "/subscriptions/{uuid}", "webhookd.subscriptions.{uuid}.read", (*API).getSubscription},
		{"PUT", "/subscriptions/{uuid}", "webhookd.subscriptions.{uuid}.update", (*API).updateSubscription},
		{"DELETE", "/subscriptions/{uuid}", "webhookd.subscriptions.{uuid}.delete", (*API).deleteSubscription},
		{"GET", "/subscriptions/{uuid}/logs", "webhookd.subscriptions.{uuid}.logs.read", (*API).listLogs},
		{"GET", "/users/me/subscriptions", "webhookd.users.me.subscriptions.read", (*API).listMine},
		{"POST", "/users/me/subscriptions", "webhookd.users.me.subscriptions.create", (*API).createMine},
		{"GET", "/users/me/subscriptions/{uuid}", "webhookd.users.me.subscriptions.{uuid}.read", (*API).getMine},
		{"PUT", "/users/me/subscriptions/{uuid}", "webhookd.users.me.subscriptions.{uuid}.update", (*API).updateMine},
		{"DELETE", "/users/me/subscriptions/{uuid}", "webhookd.users.me.subscriptions.{uuid}.delete", (*API).deleteMine},
		{"GET", "/status", "webhookd.status.read", (*API).status},
		{"GET", "/config", "webhookd.config.read", (*API).showConfig},
		{"PATCH", "/config", "webhookd.config.update", (*API).patchConfig},
		{"POST", "/mobile/notifications", "webhookd.mobile.notifications.send", (*API).sendNotification},
		{"GET", "/api/api.yml", public, (*API).document},
	}
}

// call is one request being served.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	uuid   string // in the path
	token  string
	access string // that the operation needs of the token
	tenant string // of the header Wazo-Tenant; "" is the token's own
	holder *holder
}

func (c *call) ctx() context.Context { return c.r.Context() }
