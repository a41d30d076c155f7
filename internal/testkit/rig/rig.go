// Package rig is what tests of the APIs stand on: a whole engine on a database of
// its own, receivers that are played, requests with what came back, and patience.
// What one API alone knows stands in the rig_test.go of that API.
package rig

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/dispatch"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/journal"
	"github.com/switchhook/switchhook/internal/seal"
	"github.com/switchhook/switchhook/internal/store/sqlite"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Options say how an engine delivers, and what else is not as usual. Of Ingest and
// Control only limits and rules are the test's; their parts are the engine's.
type Options struct {
	Services []deliver.Service
	Ingest   ingest.Options
	Control  control.Options
}

// Engine is a whole engine that runs until the test is over.
type Engine struct {
	Directory *directory.Directory
	Lanes     *dispatch.Dispatcher
	Intake    *ingest.Ingest
	Control   *control.Control
	Root      *webhook.Account
	Key       string // of the root
}

// Start starts an engine on a database of its own, with the root account.
func Start(t testing.TB, o Options) *Engine {
	t.Helper()
	s := OpenStore(t)
	services := map[string]deliver.Service{}
	for _, one := range o.Services {
		services[one.Name()] = one
	}
	e := &Engine{}
	var err error
	e.Directory, err = directory.New(directory.Options{Store: s})
	Must(t, err)
	j, err := journal.New(journal.Options{Store: s})
	Must(t, err)
	e.Lanes, err = dispatch.New(dispatch.Options{Store: s, Journal: j, Directory: e.Directory, Services: services})
	Must(t, err)
	o.Ingest.Directory, o.Ingest.Journal, o.Ingest.Outlet, o.Ingest.History = e.Directory, j, e.Lanes, s
	e.Intake, err = ingest.New(o.Ingest)
	Must(t, err)
	o.Control.Store, o.Control.Directory, o.Control.Services, o.Control.Kick = s, e.Directory, services, e.Lanes.Kick
	e.Control, err = control.New(o.Control)
	Must(t, err)
	Must(t, e.Directory.Load(t.Context()))
	Must(t, e.Lanes.Join(t.Context()))
	run(t, j, e.Lanes)
	e.Root, e.Key, err = e.Control.EnsureRoot(t.Context())
	Must(t, err)
	return e
}

// run runs what goes out and what is written until the test is over, and ends them in
// that order.
func run(t testing.TB, j *journal.Journal, lanes *dispatch.Dispatcher) {
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	jctx, jstop := context.WithCancel(context.WithoutCancel(t.Context()))
	quiet := func(err error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	var sending, writing sync.WaitGroup
	sending.Go(func() { quiet(lanes.Run(ctx)) })
	writing.Go(func() { quiet(j.Run(jctx)) })
	t.Cleanup(func() {
		stop()
		sending.Wait()
		jstop()
		writing.Wait()
		quiet(lanes.Leave(context.WithoutCancel(t.Context())))
	})
}

// OpenStore opens a database of the test's own.
func OpenStore(t testing.TB) *sqlite.Store {
	t.Helper()
	box, err := seal.New(make([]byte, seal.KeySize))
	Must(t, err)
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "db"), Box: box})
	Must(t, err)
	t.Cleanup(func() { Must(t, s.Close()) })
	return s
}

// Must ends the test on an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
