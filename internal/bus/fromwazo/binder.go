package fromwazo

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Names are the events that subscriptions want, once each.
type Names func(ctx context.Context) ([]string, error)

// BinderOptions configure a Binder. Names and Bind are required.
type BinderOptions struct {
	Names Names
	// Bind makes the queue have the events with these names and no others. An
	// error says that it is not so yet; it becomes so when the bus is back.
	Bind   func(ctx context.Context, names []string) error
	Logger *slog.Logger

	Every time.Duration // how often Names is asked again: 1 min
	Wait  time.Duration // how long the bus is waited for: 5 s
}

// Binder keeps the queue bound to the events that are wanted, and to those that
// Switchhook obeys. Make one with NewBinder and Run it.
type Binder struct {
	o BinderOptions

	mu     sync.Mutex
	wanted map[string]bool
	// fresh are names that were followed since Names was last asked, which may not have
	// seen them.
	fresh map[string]bool
	bound map[string]bool // what the bus is known to have
	stale chan struct{}   // holds a token when Names is to be asked again
	turn  chan struct{}   // holds a token while nobody binds: what is wanted later is bound later
}

// NewBinder returns a Binder.
func NewBinder(o BinderOptions) (*Binder, error) {
	if o.Names == nil || o.Bind == nil {
		return nil, errors.New("fromwazo: a binder needs names and a way to bind")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Every <= 0 {
		o.Every = time.Minute
	}
	if o.Wait <= 0 {
		o.Wait = 5 * time.Second
	}
	b := &Binder{
		o: o, wanted: map[string]bool{}, fresh: map[string]bool{},
		stale: make(chan struct{}, 1), turn: make(chan struct{}, 1),
	}
	b.turn <- struct{}{}
	for _, name := range obeyed() {
		b.wanted[name] = true
	}
	return b, nil
}

// Wanted returns the names that the queue is bound to, to begin with those that
// Switchhook obeys.
func (b *Binder) Wanted() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.wanted))
}

// Follow is told of a subscription that was made, changed or deleted, with the names
// of the events that it wants now. They are bound when it returns, unless the bus
// is away; then they will be.
func (b *Binder) Follow(ctx context.Context, names []string) {
	b.mu.Lock()
	lacks := false
	for _, name := range names {
		if bindable(name) {
			lacks = lacks || !b.bound[name]
			b.wanted[name], b.fresh[name] = true, true
		}
	}
	b.mu.Unlock()
	select {
	case b.stale <- struct{}{}: // others may be wanted no longer, and these are bound soon if not now
	default:
	}
	if lacks {
		b.bind(ctx)
	}
}

// bind makes the queue have what is wanted, or lets it become so when the bus is back.
func (b *Binder) bind(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, b.o.Wait)
	defer cancel()
	select {
	case <-b.turn:
		defer func() { b.turn <- struct{}{} }()
	case <-ctx.Done():
		return // who has the turn binds, or is told that the bus is away
	}
	b.mu.Lock()
	now := maps.Clone(b.wanted)
	b.mu.Unlock()
	if err := b.o.Bind(ctx, slices.Sorted(maps.Keys(now))); err != nil {
		b.o.Logger.Info("events are bound when the bus is back", "error", err)
		return
	}
	b.mu.Lock()
	b.bound = now
	b.mu.Unlock()
}

// Run asks for names from time to time, and soon after a change, until ctx is done.
func (b *Binder) Run(ctx context.Context) error {
	every := time.NewTicker(b.o.Every)
	defer every.Stop()
	for {
		if err := b.ask(ctx); err != nil && ctx.Err() == nil {
			b.o.Logger.Warn("events that subscriptions want cannot be read", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-b.stale:
		case <-every.C:
		}
	}
}

// ask makes the queue have what is wanted now.
func (b *Binder) ask(ctx context.Context) error {
	b.mu.Lock()
	b.fresh = map[string]bool{}
	b.mu.Unlock()
	names, err := b.o.Names(ctx)
	if err != nil {
		return err
	}
	b.mu.Lock()
	now := maps.Clone(b.fresh) // a subscription may be newer than the answer
	for _, name := range slices.Concat(names, obeyed()) {
		if bindable(name) {
			now[name] = true
		}
	}
	same := maps.Equal(now, b.bound)
	b.wanted = now
	b.mu.Unlock()
	if !same {
		b.bind(ctx)
	}
	return nil
}

// bindable says whether an event can have the name: messages without one are no events.
func bindable(name string) bool { return name != "" }
