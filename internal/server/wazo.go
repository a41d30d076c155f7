package server

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	api "github.com/switchhook/switchhook/internal/api/wazo"
	"github.com/switchhook/switchhook/internal/store/postgres"
	"github.com/switchhook/switchhook/internal/wazo"
)

// wazo makes the dialect of wazo-webhookd.
func (s *Server) wazo() (*dialect, error) {
	c := s.config.Dialects.Wazo
	known := s.wazoAuth()
	bus, err := s.makeWazoBus()
	if err != nil {
		return nil, err
	}
	tenants := api.NewTenants(s.control, known)
	o := api.Options{
		Control: s.control, Auth: known, Tenants: tenants, Logger: s.log,
		Services: s.wazoServices(), Reserved: s.builtIn,
		Retry: wazo.Retry(c.MaxAttempts, c.CountdownFactor), Timeout: time.Minute,
		Settings: &wazoSettings{config: s.config, level: s.options.Level, usual: s.options.Level.Level(), services: s.wazoServices()},
		Original: postgres.WazoSubscriptions, Notifier: &wazoNotifier{control: s.control, tenants: tenants},
	}
	if c.CORS.Enabled {
		o.CORS = &api.CORSOptions{AllowHeaders: c.CORS.AllowHeaders}
	}
	if bus != nil {
		o.Outbox, o.Follow, o.BusUp = bus.outbox, bus.follow, bus.up
	}
	a, err := api.New(o)
	if err != nil {
		return nil, err
	}
	if bus != nil {
		if err := bus.listen(s, a, tenants); err != nil {
			return nil, err
		}
	}
	return &dialect{
		name: "wazo", prefix: api.Prefix, listen: c.Listen, handler: a.Handler(), operations: a.Operations(),
		first: func(ctx context.Context) (Block, error) { return wazoFirst(ctx, a, bus) },
		run:   func(ctx context.Context) error { return s.runWazo(ctx, a, known, bus) },
	}, nil
}

// wazoFirst makes what an installation begins with.
func wazoFirst(ctx context.Context, a *api.API, bus *wazoBus) (Block, error) {
	if bus != nil {
		if err := bus.outbox.Ensure(ctx); err != nil {
			return nil, err
		}
	}
	token, tenant, err := a.Begin(ctx)
	if token == "" || err != nil {
		return nil, err
	}
	return Block{{"token", token}, {"master_token", token}, {"tenant_uuid", tenant}}, nil
}

// runWazo keeps a token of wazo-auth, where there is one, listens to the bus, and lets
// what is configured hold for subscriptions that were saved before.
func (s *Server) runWazo(ctx context.Context, a *api.API, known api.Auth, bus *wazoBus) error {
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error {
		if err := a.GovernAll(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("older subscriptions keep their hook_max_attempts until the next start", "error", err)
		}
		return nil
	})
	if remote, ok := known.(api.Remote); ok {
		all.Go(func() error { return remote.Run(ctx) })
	}
	if bus != nil {
		all.Go(func() error { return bus.run(ctx) })
	}
	all.Go(func() error {
		<-ctx.Done()
		return nil
	})
	return all.Wait()
}

// wazoServices are the services that subscriptions can name: by Wazo's names, ours.
func (s *Server) wazoServices() map[string]string {
	names := map[string]string{}
	for theirs, ours := range map[string]string{"http": wazo.ServiceHTTP, "mobile": wazo.ServiceMobile} {
		if s.services[ours] != nil {
			names[theirs] = ours
		}
	}
	for _, p := range s.plugins {
		names[p.Name()] = p.Name()
	}
	return names
}

// builtIn says whether a name is that of a service of Switchhook's own, whether this
// server has it or not.
func (s *Server) builtIn(name string) bool {
	if slices.Contains([]string{"amqp", "nats", "kafka"}, name) {
		return true
	}
	for _, p := range s.plugins {
		if p.Name() == name {
			return false
		}
	}
	return s.services[name] != nil
}

// wazoAuth is who knows tokens and tenants: the wazo-auth that is configured, or the
// credentials that are kept here.
func (s *Server) wazoAuth() api.Auth {
	if s.wazoClient != nil {
		return api.Remote{Client: s.wazoClient}
	}
	return api.NewKeys(s.control, s.config.Dialects.Wazo.UUID)
}
