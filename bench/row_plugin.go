package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viahttp"
	"github.com/switchhook/switchhook/internal/deliver/viaplugin"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/sign"
	"github.com/switchhook/switchhook/internal/webhook"
	"github.com/switchhook/switchhook/plugin"
)

// rolePlugin is a plug-in that does nothing.
const rolePlugin = "plug-in"

// pluginCallers are the attempts at the same time.
const pluginCallers = 64

// idlePlugin takes every delivery and does nothing. Asked by an option, it says how much processor
// time it used.
func idlePlugin() plugin.Service {
	return plugin.Service{
		Name: rolePlugin, Concurrency: pluginCallers,
		Deliver: func(_ context.Context, d *plugin.Delivery) (any, error) {
			if string(d.Options) == askUsage {
				return map[string]time.Duration{"cpu": ownUsage().CPU}, nil
			}
			return nil, nil
		},
	}
}

// askUsage are the options that ask for it.
const askUsage = `{"usage":true}`

// pluginCost compares a delivery by a plug-in that does nothing with one over HTTP to a receiver that
// does nothing: the services alone, without engine and store.
func pluginCost(ctx context.Context, b *bench, _ string) ([]figure, error) {
	over, err := b.httpCost(ctx)
	if err != nil {
		return nil, fmt.Errorf("over http: %w", err)
	}
	by, err := b.byPluginCost(ctx)
	if err != nil {
		return nil, fmt.Errorf("by a plug-in: %w", err)
	}
	return []figure{{
		What: "CPU a delivery, plug-in / http", Value: by.micros / over.micros, Max: 3,
		Detail: fmt.Sprintf("%.1f / %.1f µs, %.0f / %.0f deliveries/s; server %.1f / %.1f µs",
			by.micros, over.micros, by.rate, over.rate, by.parts["callers"], over.parts["callers"]),
		Values: map[string]float64{"plug-in": by.micros, "http": over.micros},
	}}, nil
}

// httpCost measures the service http.
func (b *bench) httpCost(ctx context.Context) (cost, error) {
	dialer, err := egress.New(egress.Options{Allow: []string{"loopback"}})
	if err != nil {
		return cost{}, err
	}
	sender, err := viahttp.NewSender(viahttp.SenderOptions{Dialer: dialer})
	if err != nil {
		return cost{}, err
	}
	service, err := viahttp.NewService(viahttp.ServiceOptions{Sender: sender, CheckURL: dialer.CheckURL})
	if err != nil {
		return cost{}, err
	}
	endpoint := &webhook.Endpoint{
		ID: id.New(), Service: service.Name(), URL: b.receiver.ready.URL + "/plug-in",
		Keys: []webhook.SigningKey{{Key: sign.NewSymmetric()}},
	}
	return b.attempts(ctx, service, endpoint, part{"receiver", cpuOf(b.receiver)})
}

// byPluginCost measures a plug-in, which is this program again.
func (b *bench) byPluginCost(ctx context.Context) (c cost, err error) {
	binary, err := os.Executable()
	if err != nil {
		return cost{}, err
	}
	service, err := viaplugin.New(viaplugin.Options{Name: rolePlugin, Command: binary, Env: []string{roleVariable + "=" + rolePlugin}})
	if err != nil {
		return cost{}, err
	}
	running, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	service.Announce()
	go func() { ended <- service.Run(running) }()
	defer func() {
		end()
		err = errors.Join(err, <-ended)
	}()
	endpoint := &webhook.Endpoint{ID: id.New(), Service: service.Name()}
	return b.attempts(ctx, service, endpoint, part{rolePlugin, func() (time.Duration, error) { return pluginUsage(ctx, service) }})
}

// pluginUsage asks the plug-in how much it used.
func pluginUsage(ctx context.Context, service deliver.Service) (time.Duration, error) {
	out := service.Deliver(ctx, attemptOf(&webhook.Endpoint{ID: id.New(), Service: service.Name(), Config: json.RawMessage(askUsage)}, newPayload(0)))
	var row struct {
		Detail struct{ CPU time.Duration }
	}
	if err := json.Unmarshal(out.Extra, &row); err != nil || out.Result != webhook.ResultDelivered {
		return 0, fmt.Errorf("ask the plug-in: %v: %s", out.Result, out.Detail)
	}
	return row.Detail.CPU, nil
}

// attempts makes attempts for a while, many at a time, and returns what one costs in this process
// and in the other one.
func (b *bench) attempts(ctx context.Context, service deliver.Service, e *webhook.Endpoint, other part) (cost, error) {
	burst := func(d time.Duration) (int64, error) {
		until := time.Now().Add(d)
		var all sync.WaitGroup
		var n atomic.Int64
		var failed atomic.Pointer[webhook.Outcome]
		for caller := range int64(pluginCallers) {
			all.Go(func() {
				job := attemptOf(e, newPayload(caller))
				for ctx.Err() == nil && failed.Load() == nil && time.Now().Before(until) {
					if out := service.Deliver(ctx, job); out.Result != webhook.ResultDelivered {
						failed.Store(&out)
					}
					n.Add(1)
				}
			})
		}
		all.Wait()
		if out := failed.Load(); out != nil {
			return 0, fmt.Errorf("an attempt came to %v: %s", out.Result, out.Detail)
		}
		return n.Load(), ctx.Err()
	}
	if _, err := burst(200 * time.Millisecond); err != nil { // connections are made, and the plug-in is started
		return cost{}, err
	}
	m := &meter{parts: []part{callers(), other}}
	if err := m.begin(); err != nil {
		return cost{}, err
	}
	began := time.Now()
	n, err := burst(either(b, time.Second, 5*time.Second))
	if err != nil {
		return cost{}, err
	}
	took := time.Since(began)
	parts, cpu, err := m.end()
	c := cost{micros: micros(cpu, n), rate: float64(n) / took.Seconds(), parts: map[string]float64{}}
	for name, used := range parts {
		c.parts[name] = micros(used, n)
	}
	return c, err
}

func micros(cpu time.Duration, n int64) float64 { return float64(cpu.Microseconds()) / float64(n) }

// attemptOf is a first attempt.
func attemptOf(e *webhook.Endpoint, payload []byte) *deliver.Job {
	event := id.New()
	return &deliver.Job{
		Event:        &webhook.Event{ID: event, Type: eventType(0), Payload: payload, CreatedAt: time.Now()},
		Delivery:     &webhook.Delivery{DeliveryID: webhook.DeliveryID{Event: event}, EndpointID: e.ID},
		Endpoint:     e,
		Subscription: &webhook.Subscription{ID: id.New(), EndpointID: e.ID, Enabled: true},
		Number:       1, StartedAt: time.Now(), Timeout: time.Minute,
	}
}
