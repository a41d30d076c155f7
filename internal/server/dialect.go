package server

import (
	"context"
	"net/http"
	"runtime/debug"

	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/httpx"
)

// dialect is the API of another server, which is served beside the native one.
type dialect struct {
	name       string
	prefix     string           // what its paths on the main listener begin with
	listen     string           // address of a listener of its own; "" is none
	handler    http.Handler     // what the main listener serves below prefix, and its own listener whole
	operations httpx.Operations // for operators
	// first makes what an installation begins with, unless it is there, and returns
	// the credentials that are shown this once; nil where nothing was made.
	first func(ctx context.Context) (Block, error)
	// run does what goes on beside requests, such as listening to a bus, until ctx
	// is done. Its error ends the server. nil is nothing. It runs on every node with the
	// role bus: nodes share a bus by its own means, a durable queue that all of them consume.
	run func(ctx context.Context) error
}

// makeDialects makes those that the configuration enables. Each is in the file of
// its name.
func (s *Server) makeDialects(context.Context) error {
	for _, kind := range []struct {
		enabled bool
		make    func() (*dialect, error)
	}{
		{s.config.Dialects.PyWebhooks.Enabled, s.pywebhooks},
		{s.config.Dialects.Kazoo.Enabled, s.kazoo},
		{s.config.Dialects.Wazo.Enabled, s.wazo},
	} {
		if !kind.enabled {
			continue
		}
		d, err := kind.make()
		if err != nil {
			return err
		}
		s.dialects = append(s.dialects, d)
	}
	return nil
}

// beginDialects lets each dialect make what it begins with.
func (s *Server) beginDialects(ctx context.Context) error {
	for _, d := range s.dialects {
		if d.first == nil {
			continue
		}
		b, err := d.first(ctx)
		if err != nil {
			return err
		}
		if b != nil {
			s.made.Dialects = append(s.made.Dialects, Named{d.name, b})
		}
	}
	if len(s.made.Dialects) > 0 {
		debug.FreeOSMemory() // slow hashes of first passwords took much of it, once
	}
	return nil
}

// bindDialects opens the listeners that dialects have to themselves.
func (s *Server) bindDialects() error {
	if !s.config.Cluster.Has(config.RoleAPI) {
		return nil
	}
	for _, d := range s.dialects {
		if d.listen == "" {
			continue
		}
		f, err := s.open("dialects."+d.name+".listen", d.listen, nil)
		if err != nil {
			return err
		}
		f.server.Handler = d.handler
	}
	return nil
}
