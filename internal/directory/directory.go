// Package directory is a node's picture of what is configured: an index of all
// subscriptions, and bounded caches of accounts, credentials, event types and
// subscriptions. It follows the store's change feed, so that a change made
// anywhere is seen here soon, and one made on this node at once. It changes
// nothing itself: that is package control's.
package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/match"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Store is what the directory reads.
type Store interface {
	store.Accounts
	store.Credentials
	store.EventTypes
	store.Endpoints
	store.Subscriptions
	store.Changes
}

// Options configure a Directory. Zero fields take the defaults named.
type Options struct {
	Store  Store // required
	Logger *slog.Logger

	// PollEvery is how often Run looks for changes of other nodes; 0 is never.
	PollEvery time.Duration
	// CacheSize is how many entries each cache holds at most: 20,000.
	CacheSize int
}

// Directory answers what is configured. Make one with New, register with
// OnEndpointChange, Load, then Run. It is safe for concurrent use. What its methods
// return is shared and read-only.
type Directory struct {
	store     Store
	log       *slog.Logger
	pollEvery time.Duration
	changed   []func(endpoint id.ID)

	picture atomic.Pointer[picture]
	version int64        // of the feed, up to which the picture goes; owned by who has the turn
	seen    atomic.Int64 // the same, for everybody
	rounds  rounds
	behind  chan struct{} // holds a token when a Refresh failed

	accounts      *cache[id.ID, id.ID, *webhook.Account]
	uids          *cache[uidKey, id.ID, id.ID]
	credentials   *cache[[32]byte, id.ID, *webhook.Credential]
	strangers     *cache[[32]byte, id.ID, *webhook.Credential] // keys that no credential has
	eventTypes    *cache[typeKey, id.ID, *webhook.EventType]
	subscriptions *cache[id.ID, id.ID, *webhook.Subscription]
	schemas       *cache[*webhook.EventType, id.ID, *Schemas]

	buffers sync.Pool // of *[]*match.Sub
}

type uidKey struct {
	parent id.ID
	uid    string
}

type typeKey struct {
	account id.ID
	name    string
}

// How many entries the caches hold.
const (
	defaultCacheSize  = 20_000
	schemaCacheSize   = 1_000
	strangerCacheSize = 4_000
)

// New returns a Directory that knows nothing yet.
func New(o Options) (*Directory, error) {
	if o.Store == nil {
		return nil, errors.New("directory: a store is required")
	}
	if o.PollEvery < 0 || o.CacheSize < 0 {
		return nil, errors.New("directory: neither the time between polls nor the cache size may be negative")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	size := o.CacheSize
	if size == 0 {
		size = defaultCacheSize
	}
	d := &Directory{
		store: o.Store, log: o.Logger, pollEvery: o.PollEvery,
		rounds: rounds{turn: make(chan struct{}, 1)},
		behind: make(chan struct{}, 1),

		accounts:      newCache[id.ID, id.ID, *webhook.Account](size),
		uids:          newCache[uidKey, id.ID, id.ID](size),
		credentials:   newCache[[32]byte, id.ID, *webhook.Credential](size),
		strangers:     newCache[[32]byte, id.ID, *webhook.Credential](min(size, strangerCacheSize)),
		eventTypes:    newCache[typeKey, id.ID, *webhook.EventType](size),
		subscriptions: newCache[id.ID, id.ID, *webhook.Subscription](size),
		schemas:       newCache[*webhook.EventType, id.ID, *Schemas](min(size, schemaCacheSize)),
	}
	d.buffers.New = func() any { return new([]*match.Sub) }
	d.picture.Store(newPicture())
	return d, nil
}

// OnEndpointChange registers a function that is told of every endpoint that
// changed, was deleted, or had its health reset or its subscriptions changed, once
// the index has the change. It must not call Refresh. All functions are
// registered before Load.
func (d *Directory) OnEndpointChange(f func(endpoint id.ID)) { d.changed = append(d.changed, f) }

// Load reads all that is configured. It is called once, before anything else is
// asked.
func (d *Directory) Load(ctx context.Context) error {
	select {
	case d.rounds.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.rounds.turn }()
	return d.load(ctx)
}

// Refresh follows the change feed: whatever was committed before the call is in
// the picture when it returns nil. Calls at the same time share one reading. After
// an error Run keeps trying.
func (d *Directory) Refresh(ctx context.Context) error {
	err := d.rounds.do(ctx, d.follow)
	if err != nil {
		select {
		case d.behind <- struct{}{}:
		default:
		}
		return fmt.Errorf("follow changes: %w", err)
	}
	return nil
}

// Version is that of the change feed, up to which the picture goes.
func (d *Directory) Version() int64 { return d.seen.Load() }

// retryEvery is the time between tries after the feed could not be read.
const retryEvery = time.Second

// Run looks for changes of other nodes when Options.PollEvery says so, and tries
// again where a Refresh failed. It blocks until ctx is done and returns nil.
func (d *Directory) Run(ctx context.Context) error {
	var poll <-chan time.Time
	if d.pollEvery > 0 {
		t := time.NewTicker(d.pollEvery)
		defer t.Stop()
		poll = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-poll:
		case <-d.behind:
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(retryEvery):
			}
		}
		if err := d.Refresh(ctx); err != nil && ctx.Err() == nil {
			d.log.Error("changes cannot be followed, trying again", "error", err)
		}
	}
}
