package server

import (
	"context"

	"golang.org/x/sync/errgroup"

	api "github.com/switchhook/switchhook/internal/api/wazo"
	"github.com/switchhook/switchhook/internal/bus/fromamqp"
	"github.com/switchhook/switchhook/internal/bus/fromwazo"
)

// wazoBroker is the name of the platform's broker.
const wazoBroker = "wazo"

// wazoBus is the platform's bus: what it tells, and what it is told.
type wazoBus struct {
	source *fromamqp.Source
	binder *fromwazo.Binder
	outbox *api.Outbox
}

// makeWazoBus makes the bus that is configured; nil where there is none. The API is made
// with its outbox and its Follow; listen lets the bus act on the API.
func (s *Server) makeWazoBus() (*wazoBus, error) {
	c := s.config.Dialects.Wazo
	if c.AMQPURL == "" {
		return nil, nil
	}
	outbox, err := api.NewOutbox(api.OutboxOptions{
		Control: s.control, Broker: wazoBroker, Exchange: c.ExchangeName, UUID: c.UUID,
	})
	return &wazoBus{outbox: outbox}, err
}

// listen makes what takes in the platform's events and does what they ask for.
func (b *wazoBus) listen(s *Server, a *api.API, tenants *api.Tenants) error {
	c := s.config.Dialects.Wazo
	handler, err := fromwazo.New(fromwazo.Options{
		Intake: s.ingest, Tenants: tenants, Directory: s.directory, Actions: a, Logger: s.log,
	})
	if err != nil {
		return err
	}
	bindings := func(names []string) []fromamqp.Binding {
		all := make([]fromamqp.Binding, len(names))
		for i, name := range names {
			all[i] = fromamqp.Binding{Exchange: c.ExchangeName, Arguments: map[string]any{"name": name}}
		}
		return all
	}
	b.binder, err = fromwazo.NewBinder(fromwazo.BinderOptions{
		Names: a.EventNames, Logger: s.log,
		Bind: func(ctx context.Context, names []string) error { return b.source.SetBindings(ctx, bindings(names)) },
	})
	if err != nil {
		return err
	}
	b.source, err = s.rabbit(wazoBroker, c.AMQPURL, fromamqp.Options{
		Exchanges: []fromamqp.Exchange{{Name: c.ExchangeName, Kind: "headers", Durable: true}},
		Queue:     fromamqp.Queue{Name: c.AMQPQueue}, Bindings: bindings(b.binder.Wanted()), Handle: handler.Handle,
	})
	return err
}

// follow binds the queue to what a subscription wants.
func (b *wazoBus) follow(ctx context.Context, names []string) { b.binder.Follow(ctx, names) }

// up says whether the bus is connected.
func (b *wazoBus) up() bool { return b.source.Up() }

// run listens until ctx is done.
func (b *wazoBus) run(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return b.source.Run(ctx) })
	all.Go(func() error { return b.binder.Run(ctx) })
	return all.Wait()
}
