package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/cli/client"
	"github.com/switchhook/switchhook/internal/server"
)

// twoNodes compares what a delivery costs on two nodes with what it costs on one. On one
// machine it cannot be faster; what it shows is the price of sharing.
func twoNodes(ctx context.Context, b *bench, store string) ([]figure, error) {
	if store != storePostgres {
		return nil, nil // nodes share a PostgreSQL
	}
	t := throughput{name: "two-nodes", fanOut: 10, callers: 64, batch: 1}
	costs, err := inTurns(either(b, 1, 5), // endpoints are divided by chance, too
		func() (cost, error) { return b.onNodes(ctx, t, 1) },
		func() (cost, error) { return b.onNodes(ctx, t, 2) })
	if err != nil {
		return nil, err
	}
	f := costs[1].against("CPU a delivery, two nodes / one", costs[0])
	f.Max = 1.2
	f.Values = costs[1].parts
	f.Detail += fmt.Sprintf("; one: server %.1f, postgres %.1f; two: servers %.1f, postgres %.1f", costs[0].parts["server"],
		costs[0].parts["postgres"], costs[1].parts["server"]+costs[1].parts["server 1"], costs[1].parts["postgres"])
	return []figure{f}, nil
}

// onNodes measures a load that is divided among nodes on one database.
func (b *bench) onNodes(ctx context.Context, t throughput, nodes int) (c cost, err error) {
	const key = "secret_key=5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
	r, err := b.newRig(ctx, storePostgres, false, key)
	if err != nil {
		return c, err
	}
	defer r.close()
	endpoints := make([]endpoint, t.fanOut)
	for i := range endpoints {
		endpoints[i].group = t.name
	}
	path, err := r.app(ctx, "bench", endpoints...)
	if err != nil {
		return c, err
	}
	loads := []*load{r.load(path, t.callers/nodes, func(int) *message { return newMessage(eventType(0), t.batch) })}
	m := r.meter()
	for n := 1; n < nodes; n++ {
		set := append(append([]string{}, r.settings...), "data_dir="+filepath.Join(r.dir, fmt.Sprint("node", n)))
		other, err := startChild(ctx, roleServer, &serverSpec{Set: set}, b.verbose)
		if err != nil {
			return c, err
		}
		defer other.kill()
		m.parts = append(m.parts, part{fmt.Sprint("server ", n), cpuOf(other)})
		l := *loads[0]
		l.url = other.ready.URL
		loads = append(loads, &l)
	}
	if err := inStep(ctx, r.api, nodes); err != nil {
		return c, err
	}
	if _, err := b.settledOn(ctx, loads, t, either(b, 500*time.Millisecond, time.Second)); err != nil {
		return c, fmt.Errorf("warm up: %w", err)
	}
	err = r.profiled(fmt.Sprint(t.name, "-", nodes), func() error {
		c, err = b.costOf(m, t, func() (tally, error) {
			return b.settledOn(ctx, loads, t, either(b, 1500*time.Millisecond, 4*time.Second))
		})
		return err
	})
	return c, err
}

// settledOn puts several loads on and waits until all is delivered.
func (b *bench) settledOn(ctx context.Context, loads []*load, t throughput, d time.Duration) (sum tally, err error) {
	if err := b.reset(); err != nil {
		return sum, err
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, l := range loads {
		all.Go(func() {
			one, failed := l.saturate(ctx, d, 0)
			mu.Lock()
			defer mu.Unlock()
			sum.add(one)
			if failed != nil {
				err = failed
			}
		})
	}
	all.Wait()
	if err != nil {
		return sum, err
	}
	want := sum.events * int64(t.fanOut)
	s, err := b.await(ctx, t.name, want, time.Minute)
	if err == nil && s.Count != want {
		err = fmt.Errorf("%d deliveries came, %d were to be made", s.Count, want)
	}
	pause(ctx, flushed)
	return sum, err
}

// moving fills a SQLite database with a backlog, moves it to PostgreSQL, and starts a
// server there.
func moving(ctx context.Context, b *bench, store string) ([]figure, error) {
	if store != storePostgres {
		return nil, nil // that is where it goes
	}
	r, err := b.newRig(ctx, storeSQLite, false)
	if err != nil {
		return nil, err
	}
	defer r.close()
	path, err := b.sickAccount(ctx, r)
	if err != nil {
		return nil, err
	}
	wanted := int64(either(b, 20_000, 1_000_000))
	if err := b.fill(ctx, r, path, wanted); err != nil {
		return nil, err
	}
	r.server.kill()
	for _, group := range []string{"closes", "hangs"} {
		if err := b.set(group, modeOK); err != nil {
			return nil, err
		}
	}
	if r.database, err = newDatabase(ctx, b.postgres); err != nil {
		return nil, err
	}
	begin := time.Now()
	moved, err := server.MoveStore(ctx, filepath.Join(r.dir, "data"), r.database.url, func(server.Moved) {})
	if err != nil {
		return nil, err
	}
	took := time.Since(begin)
	var rows, deliveries int64
	for _, m := range moved {
		rows += m.Done
		if m.Table == "deliveries" {
			deliveries = m.Done
		}
	}
	if deliveries < wanted {
		return nil, fmt.Errorf("%d deliveries were moved, %d events were accepted", deliveries, wanted)
	}
	r.settings = append(r.settings, "database_url="+r.database.url)
	if err := b.reset(); err != nil {
		return nil, err
	}
	key := r.server.ready.APIKey
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	if r.api, err = client.New(r.server.ready.URL, key); err != nil {
		return nil, err
	}
	if _, err := b.await(ctx, "closes", 100, time.Minute); err != nil {
		return nil, fmt.Errorf("after the move: %w", err)
	}
	return []figure{{
		What: fmt.Sprintf("moving %d pending, a row", deliveries), Value: float64(took.Microseconds()) / float64(rows), Unit: "µs",
		Detail: fmt.Sprintf("%d rows in %.0f s, compared on both sides; the first deliveries came after the start on PostgreSQL", rows, took.Seconds()),
	}}, nil
}
