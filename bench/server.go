package main

import (
	"context"
	"os"

	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/server"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/telemetry"
)

// serverSpec is what a server is started with.
type serverSpec struct {
	Set      []string // "key=value" of its configuration
	StoreOff bool     // commits write nothing
}

// playServer runs the server as `switchhook serve` does.
func playServer(ctx context.Context, s *stage) error {
	o, err := s.first()
	if err != nil {
		return err
	}
	c, sources, err := config.Load(config.Input{Set: o.Server.Set})
	if err == nil {
		err = c.Check(sources)
	}
	if err != nil {
		return err
	}
	log, _, err := telemetry.NewLogger(os.Stderr, c.Log.Level, c.Log.Format)
	if err != nil {
		return err
	}
	options := server.Options{Logger: log}
	if o.Server.StoreOff {
		options.Wrap = func(s store.Store) store.Store { return forgetful{s} }
	}
	srv, err := server.New(ctx, c, options)
	if err != nil {
		return err
	}
	key := srv.RootKey()
	if key == "" {
		l, err := server.ReadLocal(c.DataDir)
		if err != nil {
			return err
		}
		key = l.APIKey
	}
	go s.obey(reply{URL: srv.URL(), APIKey: key}, nil)
	return srv.Run(ctx)
}

// forgetful is a store that is switched off: what is accepted and what became of it
// is not written. Everything else works.
type forgetful struct{ store.Store }

// Commit writes nothing.
func (forgetful) Commit(context.Context, *store.Batch) error { return nil }
