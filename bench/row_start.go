package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// firstDelivery measures from the start of the process, on nothing, until the first
// event is received; the account and its endpoint are made in between.
func firstDelivery(ctx context.Context, b *bench, store string) ([]figure, error) {
	var took []time.Duration
	for range either(b, 3, 5) {
		d, err := b.firstOnce(ctx, store)
		if err != nil {
			return nil, err
		}
		took = append(took, d)
	}
	slices.Sort(took)
	return []figure{{
		What: "empty directory to first delivery", Value: took[len(took)/2].Seconds(), Unit: "s", Max: 1,
		Detail: fmt.Sprintf("median of %d; longest %.2f s", len(took), took[len(took)-1].Seconds()),
	}}, nil
}

func (b *bench) firstOnce(ctx context.Context, store string) (time.Duration, error) {
	if err := b.reset(); err != nil {
		return 0, err
	}
	begin := time.Now()
	r, err := b.newRig(ctx, store, false)
	if err != nil {
		return 0, err
	}
	defer r.close()
	path, err := r.app(ctx, "bench", endpoint{group: "first"})
	if err != nil {
		return 0, err
	}
	c := newConn(r.server.ready.URL, r.server.ready.APIKey, path)
	defer c.close()
	if _, err := send(ctx, c, newMessage(eventType(0), 1), time.Now()); err != nil {
		return 0, err
	}
	s, err := b.await(ctx, "first", 1, 10*time.Second)
	return s.First.Sub(begin), err
}

// idle measures a server that nobody calls, after its first event.
func idle(ctx context.Context, b *bench, store string) ([]figure, error) {
	r, err := b.newRig(ctx, store, false)
	if err != nil {
		return nil, err
	}
	defer r.close()
	path, err := r.app(ctx, "bench", endpoint{group: "idle"})
	if err != nil {
		return nil, err
	}
	c := newConn(r.server.ready.URL, r.server.ready.APIKey, path)
	defer c.close()
	if _, err := send(ctx, c, newMessage(eventType(0), 1), time.Now()); err != nil {
		return nil, err
	}
	pause(ctx, either(b, time.Second, 2*time.Second))
	before, err := r.server.ask(order{Do: doUsage})
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	pause(ctx, either(b, 2*time.Second, 10*time.Second))
	after, err := r.server.ask(order{Do: doUsage})
	took := time.Since(begin)
	return []figure{
		{What: "memory", Value: mebibytes(after.Usage.Resident), Unit: "MiB", Max: 50},
		{
			What: "CPU, of one core", Value: 100 * (after.Usage.CPU - before.Usage.CPU).Seconds() / took.Seconds(), Unit: "%", Max: 0.5,
			Detail: fmt.Sprintf("%s in %s", after.Usage.CPU-before.Usage.CPU, took.Round(time.Second)),
		},
	}, err
}

func mebibytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }
