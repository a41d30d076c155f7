// Package control is what people change: accounts, credentials, event types,
// endpoints, subscriptions, and what happened, where they look at it, delete it
// or let it happen again. It holds the rules that are the same in every API:
// what may be kept, who reaches how far, what a change brings with it. It knows
// no wire format, and takes in no events from outside: that is package ingest's.
//
// Errors are *webhook.Error where the caller can do something about them. Field
// names the place in the noun: "name", "uid", "metadata.team", "url", "config",
// "headers.X-Key", "keys.0", "retry.schedule.2",
// "subscriptions.0.filter.types.1". What the methods take is theirs from then on;
// what they return is the caller's, unless they say that it is shared.
package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/switchhook/switchhook/internal/breaker"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/retry"
	"github.com/switchhook/switchhook/internal/sign"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Store is what control needs of the database.
type Store interface {
	store.Accounts
	store.Credentials
	store.EventTypes
	store.Endpoints
	store.Subscriptions
	store.Registrations
	store.Bulk
	store.History
	store.Log
	store.Replay
	Commit(ctx context.Context, b *store.Batch) error
}

// Options configure a Control. Zero fields take the defaults named.
type Options struct {
	Store     Store                      // required
	Directory *directory.Directory       // required
	Services  map[string]deliver.Service // required: the ways to deliver, by name
	// Kick is told of endpoints that have something due that nobody else knows
	// of: dispatch's Kick.
	Kick   func(endpoint id.ID)
	Limits Limits
	Logger *slog.Logger
	Now    func() time.Time // time.Now

	// MayLack says which endpoints may have a service that is not there: those of
	// dialects where it can come later. Their deliveries fail until then. nil is none.
	MayLack func(e *webhook.Endpoint) bool

	// Retry and Health are the policies that DraftEndpoint hands out: nil is
	// retry.Native and breaker.Native.
	Retry  *webhook.RetryPolicy
	Health *webhook.HealthPolicy
	// PayloadKept is when the payload of an event that SendTo makes is deleted: 0
	// is with the event.
	PayloadKept time.Duration
	// Asymmetric makes fresh signing keys ed25519 pairs instead of shared secrets.
	Asymmetric bool
}

// Limits bound what may be kept. Zero fields take the defaults named.
type Limits struct {
	Endpoints      int           // of one account: 10,000
	Subscriptions  int           // of one endpoint: 1,000
	Keys           int           // usable API keys of one account: 10,000
	Headers        int           // of one endpoint: 50
	HeaderBytes    int           // of all headers of one endpoint: 16 KiB
	ConfigBytes    int           // of one endpoint's configuration: 64 KiB
	SchemaBytes    int           // of one event type's schemas, and of its payload: 256 KiB
	MetadataPairs  int           // of one account or endpoint: 50
	AnnotationSize int           // bytes of what dialects keep with one noun: 64 KiB
	Timeout        time.Duration // of one attempt: 5 min
	MaxInFlight    int           // of one endpoint: 10,000
}

// Once makes a creating call repeatable: see store.Once. Control fills in the
// account, and 24 hours where Expires is zero. Hash covers whatever must be the
// same in a repetition, which operation it is included.
type Once = store.Once

// onceKept is how long a repetition is recognised.
const onceKept = 24 * time.Hour

// Control changes what is configured. It is safe for concurrent use. Every change
// is seen by this node when the call that made it returns.
type Control struct {
	store     Store
	directory *directory.Directory
	services  map[string]deliver.Service
	schemas   map[string]*directory.Schema // of services' configurations
	kick      func(endpoint id.ID)
	mayLack   func(e *webhook.Endpoint) bool
	limits    Limits
	log       *slog.Logger
	clock     func() time.Time
	retry     webhook.RetryPolicy
	health    webhook.HealthPolicy
	kept      time.Duration         // payloads of SendTo
	newKey    func() webhook.Secret // for signing
	ids       id.Source
}

// New returns a Control.
func New(o Options) (*Control, error) {
	if o.Store == nil || o.Directory == nil || o.Services == nil {
		return nil, errors.New("control: store, directory and services are required")
	}
	c := &Control{
		store: o.Store, directory: o.Directory, services: o.Services,
		schemas: map[string]*directory.Schema{}, kick: o.Kick, mayLack: o.MayLack, limits: o.Limits.withDefaults(),
		log: o.Logger, clock: o.Now, retry: retry.Native(), health: breaker.Native(),
		kept: o.PayloadKept, newKey: sign.NewSymmetric,
	}
	if o.Asymmetric {
		c.newKey = sign.NewAsymmetric
	}
	if c.kick == nil {
		c.kick = func(id.ID) {}
	}
	if c.mayLack == nil {
		c.mayLack = func(*webhook.Endpoint) bool { return false }
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.clock == nil {
		c.clock = time.Now
	}
	if o.Retry != nil {
		c.retry = *o.Retry
	}
	if o.Health != nil {
		c.health = *o.Health
	}
	if err := errors.Join(retry.Check(c.retry), checkHealth(c.health)); err != nil {
		return nil, fmt.Errorf("control: default policies: %w", err)
	}
	for name, s := range o.Services {
		with, ok := s.(deliver.ConfigSchema)
		if !ok {
			continue
		}
		schema, err := directory.CompileSchema(with.ConfigSchema())
		if err != nil {
			return nil, fmt.Errorf("control: schema of service %q: %w", name, err)
		}
		c.schemas[name] = schema
	}
	return c, nil
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		v   *int
		def int
	}{
		{&l.Endpoints, 10_000},
		{&l.Subscriptions, 1_000},
		{&l.Keys, 10_000},
		{&l.Headers, 50},
		{&l.HeaderBytes, 16 << 10},
		{&l.ConfigBytes, 64 << 10},
		{&l.SchemaBytes, 256 << 10},
		{&l.MetadataPairs, 50},
		{&l.AnnotationSize, 64 << 10},
		{&l.MaxInFlight, 10_000},
	} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	if l.Timeout <= 0 {
		l.Timeout = 5 * time.Minute
	}
	return l
}

// now is the time that is stored: UTC, in the precision of the store.
func (c *Control) now() time.Time { return c.clock().UTC().Truncate(time.Microsecond) }

// seen makes a change that is stored visible on this node. If that fails the
// change stands all the same, and the directory goes on trying.
func (c *Control) seen(ctx context.Context) {
	if err := c.directory.Refresh(context.WithoutCancel(ctx)); err != nil {
		c.log.Error("a change is stored, but this node does not see it yet", "error", err)
	}
}

// prepared completes a Once; nil stays nil.
func (c *Control) prepared(once *Once, account id.ID) (*Once, error) {
	if once == nil {
		return nil, nil
	}
	if err := checkName("idempotency-key", once.Key); err != nil {
		return nil, err
	}
	once.AccountID = account
	if once.Expires.IsZero() {
		once.Expires = c.now().Add(onceKept)
	}
	return once, nil
}

// earlier returns what an earlier call with the same key made.
func earlier(once *Once) (ref id.ID, replayed bool, err error) {
	if once == nil || !once.Replayed {
		return id.ID{}, false, nil
	}
	if len(once.Refs) == 0 {
		return id.ID{}, true, errors.New("an idempotency key is kept without what it made")
	}
	return once.Refs[0], true, nil
}
