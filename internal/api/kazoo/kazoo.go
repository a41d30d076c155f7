// Package kazoo speaks the webhooks API of Kazoo below /v2: the same paths, envelopes
// and errors that Kazoo's crossbar has, for its catalogue of hooks, the hooks of
// accounts, their attempts, and what is needed of logins, accounts and users to get
// there. A hook is an endpoint of the service "kazoo" with one subscription; the
// document that its owner sees is the endpoint's annotation. What hooks exist and
// whom an event is for is package hooktype's; how hooks are fired is the service's.
package kazoo

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/password"
)

// Options configure an API. Zero fields take the defaults named.
type Options struct {
	Control   *control.Control    // required
	Catalogue *hooktype.Catalogue // required
	TokenKey  []byte              // required: signs auth tokens, 32 bytes
	Logger    *slog.Logger

	Settings      Settings
	LogSuccessful bool          // attempts that succeeded are listed, too
	RetryDelay    time.Duration // wait before another attempt: 2 s
	TokenLifetime time.Duration // 1 h
	ClusterID     func() string // of the installation
	Node          string        // of this node, shown as it is
	Version       string        // shown to whoever is logged in

	// Fire takes in a message as if it had come by the platform's bus: that a document
	// was created, edited or deleted by this API. nil tells nobody.
	Fire func(ctx context.Context, m hooktype.Message) error
	// TypesChanged is told that the catalogue was read again; nil is nobody.
	TypesChanged func(ctx context.Context) error
	// CheckURI says whether hooks may name a URI; nil allows all.
	CheckURI func(uri string) error
	// MayHaveHooks says whether an account has endpoints, without asking the database;
	// nil is always.
	MayHaveHooks func(account id.ID) bool

	RequestsPerSecond float64 // of anonymous callers and logins from one address: 10
	RequestBurst      int     // 100
	PasswordCost      password.Cost
	Now               func() time.Time // time.Now
}

// API serves the dialect. Make one with New.
type API struct {
	Options
	routes  []route
	bucket  *buckets
	hashing chan struct{} // bounds how many slow hashes are computed at a time
}

// Prefix is what the paths of the API begin with.
const Prefix = "/v2"

// dialect is the name that the API's annotations go by.
const dialect = "kazoo"

// New returns an API.
func New(o Options) (*API, error) {
	if o.Control == nil || o.Catalogue == nil || len(o.TokenKey) < 32 {
		return nil, errors.New("kazoo: control, catalogue and a token key of 32 bytes are required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Fire == nil {
		o.Fire = func(context.Context, hooktype.Message) error { return nil }
	}
	if o.ClusterID == nil {
		o.ClusterID = func() string { return "" }
	}
	if o.CheckURI == nil {
		o.CheckURI = func(string) error { return nil }
	}
	if o.TypesChanged == nil {
		o.TypesChanged = func(context.Context) error { return nil }
	}
	if o.MayHaveHooks == nil {
		o.MayHaveHooks = func(id.ID) bool { return true }
	}
	if o.RetryDelay <= 0 {
		o.RetryDelay = 2 * time.Second
	}
	if o.TokenLifetime <= 0 {
		o.TokenLifetime = time.Hour
	}
	if o.RequestsPerSecond <= 0 {
		o.RequestsPerSecond = 10
	}
	if o.RequestBurst <= 0 {
		o.RequestBurst = 100
	}
	if o.PasswordCost == (password.Cost{}) {
		o.PasswordCost = password.DefaultCost()
	}
	o.Settings = o.Settings.withDefaults()
	return &API{
		Options: o, routes: routes(), bucket: newBuckets(o.RequestsPerSecond, o.RequestBurst),
		hashing: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}, nil
}

// Handler returns the whole API with its middleware: all paths of a listener of its
// own, or those below Prefix.
func (a *API) Handler() http.Handler {
	return httpx.Edge(httpx.EdgeOptions{Logger: a.Logger, Broken: a.broken}, http.HandlerFunc(a.serve))
}

// object is a JSON object in the order of its members.
func object(namesAndValues ...any) document {
	var d document
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		d.set(namesAndValues[i].(string), namesAndValues[i+1])
	}
	return d
}

// note reads the dialect's annotation of a thing.
func note(annotations map[string]json.RawMessage, into any) error {
	raw := annotations[dialect]
	if raw == nil {
		return nil
	}
	return json.Unmarshal(raw, into)
}
