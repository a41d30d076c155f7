// Package server puts the parts together: it opens the store, makes the engine,
// binds the listeners, and runs and ends everything in order. It holds the only
// list of kinds: databases, services, APIs. It decides nothing else.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/switchhook/switchhook/internal/api/operator"
	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viaplugin"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/dispatch"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/janitor"
	"github.com/switchhook/switchhook/internal/journal"
	"github.com/switchhook/switchhook/internal/seal"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/telemetry"
	"github.com/switchhook/switchhook/internal/wazo/auth"
)

// Options are what the configuration does not say.
type Options struct {
	Logger *slog.Logger // nil logs nothing
	// Level is that of Logger; a dialect may change it. nil is one that nobody minds.
	Level *slog.LevelVar
	// Wrap, when set, returns the store that is used in the place of the one that
	// was opened: measurements and tests stand in between.
	Wrap func(store.Store) store.Store
}

// Server is one node. Make it with New, then Run it.
type Server struct {
	config  *config.Config
	options Options
	log     *slog.Logger
	closers []func() error // last in, first out

	box        *seal.Box
	store      store.Store
	cluster    store.Cluster // nil where the database is this node's alone
	nodeFile   *nodeFile
	dialer     *egress.Dialer // the way to what tenants name
	direct     *egress.Dialer // … to the operator's own brokers, wherever they are
	sender     deliver.Sender
	services   map[string]deliver.Service
	plugins    []*viaplugin.Service // those of services that are plug-ins
	metrics    *telemetry.Metrics
	directory  *directory.Directory
	journal    *journal.Journal
	dispatcher *dispatch.Dispatcher
	ingest     *ingest.Ingest
	janitor    *janitor.Janitor
	control    *control.Control
	health     *health
	bodies     *httpx.Bodies
	fronts     []*front // the main one first

	wazoClient *auth.Client // nil where no wazo-auth is configured
	kazooHooks *kazooHooks  // nil where the dialect is not enabled

	dialects []*dialect
	operator *operator.API

	writing atomic.Bool // the journal takes in events

	root id.ID       // the root account, once load is done
	made Credentials // what this start made, shown nowhere else
}

// New makes a server: the database is open, made on first start, and the
// listeners are bound. Nothing runs and nothing is answered before Run. Close
// gives everything back when Run is not called.
func New(ctx context.Context, c *config.Config, o Options) (*Server, error) {
	s := prepare(c, o)
	if err := s.take(ctx, s.openStore, s.makeServices, s.addPlugins, s.makeEngine, s.makeDialects, s.makeOperator, s.load, s.bind); err != nil {
		return nil, err
	}
	return s, nil
}

// bodyPatience is how long a large request waits for the bodies of others.
const bodyPatience = 5 * time.Second

func prepare(c *config.Config, o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Level == nil {
		o.Level = new(slog.LevelVar)
	}
	return &Server{config: c, options: o, log: o.Logger, bodies: httpx.NewBodies(int64(c.Limits.Bodies), bodyPatience)}
}

// take takes the steps in order. After a failure everything is given back.
func (s *Server) take(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	return nil
}

// Close gives back what New took.
func (s *Server) Close() error {
	var errs []error
	for _, c := range slices.Backward(s.closers) {
		errs = append(errs, c())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// URL is how this machine reaches the main listener.
func (s *Server) URL() string { return s.fronts[0].url() }

// RootKey returns the API key of the root account when this server has just made
// it, else "". It is shown nowhere else.
func (s *Server) RootKey() string { return s.made.RootAPIKey }

// Made returns the credentials that this start made. They are shown nowhere else.
func (s *Server) Made() Credentials {
	c := s.made
	c.DataDir, c.URL = s.config.DataDir, s.URL()
	return c
}

// load reads what is configured and makes, on first start, the root account and what
// the dialects begin with.
func (s *Server) load(ctx context.Context) error {
	if err := s.directory.Load(ctx); err != nil {
		return fmt.Errorf("load what is configured: %w", err)
	}
	root, key, err := s.control.EnsureRoot(ctx)
	if err != nil {
		return fmt.Errorf("make the root account: %w", err)
	}
	s.root, s.made.RootAPIKey = root.ID, key
	return s.beginDialects(ctx)
}

// How long requests may take to end after a request to stop, and forgetting the node.
const (
	endRequests = 5 * time.Second
	endNode     = 5 * time.Second
)

// Run serves until ctx is done, then drains: it accepts nothing new, finishes what
// is in flight within limits.drain, and gives everything back. An error means that
// the server could not go on.
func (s *Server) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.dispatcher.Join(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // asked to stop before it began
		}
		return err
	}
	// The journal outlives everybody who writes.
	writing, endWriting := context.WithCancel(context.WithoutCancel(ctx))
	written := make(chan error, 1)
	go func() { written <- s.journal.Run(writing) }()
	s.writing.Store(true)

	endPlugins := s.runPlugins(ctx)
	err = s.serve(ctx)
	endPlugins()

	endWriting()
	err = errors.Join(err, <-written)
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), endNode)
	defer cancel()
	if lerr := s.dispatcher.Leave(leaving); lerr != nil {
		s.log.Warn("node is not signed off; it is found dead later", "error", lerr)
	}
	return err
}

// serve runs everything that reads from the journal's other side: listeners, lanes,
// and what the clock does. Listeners end first, lanes when nothing comes in any more.
func (s *Server) serve(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	sending, endSending := context.WithCancel(context.WithoutCancel(ctx))
	defer endSending()
	all.Go(func() error {
		err := s.dispatcher.Run(sending)
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	})
	all.Go(func() error { return s.directory.Run(ctx) })
	all.Go(func() error { return s.janitor.Run(ctx) })
	for _, f := range s.fronts {
		all.Go(f.serve)
	}
	for _, d := range s.dialects {
		if d.run != nil && s.config.Cluster.Has(config.RoleBus) {
			all.Go(func() error { return d.run(ctx) })
		}
	}
	all.Go(func() error {
		<-ctx.Done()
		s.log.Info("stopping", "drain", s.config.Limits.Drain)
		s.health.draining.Store(true)
		for _, f := range s.fronts {
			f.shutdown(endRequests)
		}
		endSending()
		return nil
	})
	s.log.Info("listening", "url", s.URL(), "version", telemetry.Version(), "pid", os.Getpid())
	return all.Wait()
}

// publicURL is how the main listener is reached from outside.
func (s *Server) publicURL() string {
	if u := s.config.PublicURL; u != "" {
		return strings.TrimRight(u, "/")
	}
	return s.URL()
}
