package server

import (
	"context"
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/api/kazoo/intake"
	"github.com/switchhook/switchhook/internal/bus"
	"github.com/switchhook/switchhook/internal/bus/fromamqp"
	"github.com/switchhook/switchhook/internal/render"
	"github.com/switchhook/switchhook/internal/render/py"
	"github.com/switchhook/switchhook/internal/webhook"
)

// kazooHooks is what the hooks of the Kazoo dialect need beside its API.
type kazooHooks struct {
	node   func() string                                                               // what messages say that come from here
	enable func(ctx context.Context, account *webhook.Account, descendants bool) error // the API's
	types  *hooktype.Catalogue
	intake *intake.Intake
	bus    *fromamqp.Source // nil where none is configured
}

// makeKazooHooks reads the hook types and makes what takes in events for them.
func (s *Server) makeKazooHooks() (*kazooHooks, error) {
	c := s.config.Dialects.Kazoo
	types, err := hooktype.Open(hooktype.Env{
		ObjectTypes: c.ObjectTypes, Reseller: func(string) string { return s.root.Hex() },
	}, c.HookTypesDir)
	if err != nil {
		return nil, err
	}
	k := &kazooHooks{types: types, node: func() string { return "switchhook@" + s.kazooCluster() }}
	if k.intake, err = intake.New(intake.Options{
		Types: types, Directory: s.directory, Events: s.ingest, Endpoints: s.control, RetryDelay: c.RetryDelay, Node: k.node,
		Enable: func(ctx context.Context, account *webhook.Account, descendants bool) error {
			return k.enable(ctx, account, descendants)
		},
		Publish: func(ctx context.Context, m bus.Message) error { return k.bus.Publish(ctx, m) },
	}); err != nil {
		return nil, err
	}
	if c.AMQPURL != "" {
		k.bus, err = s.kazooBus(k)
	}
	return k, err
}

// kazooBus makes the source of the platform's events.
func (s *Server) kazooBus(k *kazooHooks) (*fromamqp.Source, error) {
	c := s.config.Dialects.Kazoo
	o := fromamqp.Options{Queue: fromamqp.Queue{Name: c.AMQPQueue}, Handle: k.intake.Handle}
	o.Exchanges, o.Bindings = k.topology()
	return s.rabbit("kazoo", c.AMQPURL, o)
}

// topology is where the messages of the hook types are.
func (k *kazooHooks) topology() (exchanges []fromamqp.Exchange, bindings []fromamqp.Binding) {
	for _, b := range k.types.Bindings() {
		e := fromamqp.Exchange{Name: b.Exchange, Kind: "topic"}
		if !slices.ContainsFunc(exchanges, func(have fromamqp.Exchange) bool { return have.Name == e.Name }) {
			exchanges = append(exchanges, e)
		}
		bindings = append(bindings, fromamqp.Binding{Exchange: b.Exchange, RoutingKey: b.RoutingKey})
	}
	return append(exchanges, fromamqp.Exchange{Name: "targeted", Kind: "direct"}), bindings // where answers go
}

// rebind asks the bus for the messages of the hook types as they are now. A broker that
// is away is asked when it is back.
func (k *kazooHooks) rebind(ctx context.Context) error {
	if k.bus == nil {
		return nil
	}
	exchanges, bindings := k.topology()
	err := k.bus.SetTopology(ctx, exchanges, bindings)
	if webhook.CodeOf(err) == webhook.CodeUnavailable {
		return nil
	}
	return err
}

// run takes in the platform's events until ctx is done.
func (k *kazooHooks) run(ctx context.Context) error {
	if k.bus == nil {
		<-ctx.Done()
		return nil
	}
	return k.bus.Run(ctx)
}

// disabled is what Kazoo tells of a hook that failed too often, as a message and as the
// event that hooks get; ok is false where that dialect is not served, or e is no hook of it.
func (k *kazooHooks) disabled(e *webhook.Endpoint) (m hooktype.Message, event webhook.Event, ok bool) {
	if k == nil || e.Service != hook.Service {
		return m, event, false
	}
	c, err := hook.ParseConfig(e.Config)
	if err != nil {
		return m, event, false
	}
	m = hooktype.DisabledMessage(e.AccountID.Hex(), hook.ID(e, c, &event))
	m.Set("Node", py.Str(k.node()))
	events, err := k.types.Events(m)
	if err != nil || len(events) != 1 {
		return m, event, false
	}
	event, err = events[0].Webhook()
	return m, event, err == nil
}

// publishTimeout is how long the broker may take to take a message.
const publishTimeout = 10 * time.Second

// publish tells the rest of the platform what hooks here were told already.
func (k *kazooHooks) publish(ctx context.Context, m hooktype.Message) error {
	if k.bus == nil {
		return nil
	}
	body, err := render.JSON(m.Dict)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	return k.bus.Publish(ctx, bus.Message{
		Exchange: "notifications", RoutingKey: "notifications.webhook.disabled", ContentType: "application/json", Body: body,
	})
}
