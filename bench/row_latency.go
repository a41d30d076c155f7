package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// refusing is an address where nobody listens.
const refusing = "http://127.0.0.1:1/"

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// quiet measures how long an event takes that has the machine for itself, beside a
// bare POST and a bare fsync at the same pace.
func quiet(ctx context.Context, b *bench, store string) ([]figure, error) {
	r, err := b.newRig(ctx, store, false)
	if err != nil {
		return nil, err
	}
	defer r.close()
	path, err := r.app(ctx, "bench", endpoint{group: "quiet"})
	if err != nil {
		return nil, err
	}
	l := r.load(path, 8, func(int) *message { return newMessage(eventType(0), 1) })
	const rate = 30
	if _, err := l.paced(ctx, time.Second, rate); err != nil {
		return nil, err
	}
	if err := b.reset(); err != nil {
		return nil, err
	}
	bare, stop := context.WithCancel(ctx)
	defer stop()
	go postBare(bare, b.receiver.ready.URL, rate)
	disk := make(chan *histogram, 1)
	go func() { disk <- syncBare(bare, filepath.Join(r.dir, "bare"), rate) }()
	t, err := l.paced(ctx, either(b, 3*time.Second, 12*time.Second), rate)
	if err != nil {
		return nil, err
	}
	s, err := b.await(ctx, "quiet", t.events, 10*time.Second)
	if err != nil {
		return nil, err
	}
	stop()
	p, err := b.received("bare")
	d := <-disk
	detail := func(bare, sync time.Duration) string {
		return fmt.Sprintf("a bare POST meanwhile %.2f ms, a bare fsync %.2f ms", millis(bare), millis(sync))
	}
	return []figure{
		{What: "event to receiver, half within", Value: millis(s.P50), Unit: "ms", Max: 2, Detail: detail(p.P50, d.quantile(0.5))},
		{What: "event to receiver, 99 of 100 within", Value: millis(s.P99), Unit: "ms", Max: 5, Detail: detail(p.P99, d.quantile(0.99))},
	}, err
}

// postBare posts straight to the receiver until ctx is done.
func postBare(ctx context.Context, url string, rate int) {
	c := newConn(url, "none", "/bare/0")
	defer c.close()
	m := message{body: newPayload(0), stamps: []int{len(payloadHead)}}
	for pause(ctx, time.Second/time.Duration(rate)) {
		m.stamp(time.Now())
		if _, err := c.post(m.body, ""); err != nil {
			return // the figures say that none came
		}
	}
}

// syncBare writes a page to the same disk and waits until it is there, until ctx is
// done.
func syncBare(ctx context.Context, name string, rate int) *histogram {
	h := &histogram{}
	f, err := os.Create(name)
	if err != nil {
		return h // the figures say that none came
	}
	defer f.Close()
	page := make([]byte, 4096)
	for pause(ctx, time.Second/time.Duration(rate)) {
		begin := time.Now()
		if _, err := f.WriteAt(page, 0); err != nil || f.Sync() != nil {
			return h
		}
		h.add(time.Since(begin))
	}
	return h
}

// turns is how the load changes between accounts, so that what else the machine
// does falls on all of them.
type turns struct {
	rounds int
	each   time.Duration
}

// scene is an account whose healthy endpoints are one group of the receiver.
type scene struct {
	group string
	path  string
	types int // event types, one after the other
	rate  int // events a second
}

// take lets the scenes take turns, after one round to warm up. It returns what the
// healthy endpoints saw in the round in the middle: a stall of the machine spoils
// a round, not the figure.
func (b *bench) take(ctx context.Context, r *rig, t turns, scenes ...scene) (map[string]groupStats, error) {
	seen := map[string][]groupStats{}
	for round := range t.rounds + 1 {
		for _, s := range scenes {
			if err := b.reset(); err != nil {
				return nil, err
			}
			l := r.load(s.path, 32, func(caller int) *message { return newMessage(eventType(caller%s.types), 1) })
			if _, err := l.paced(ctx, t.each, s.rate); err != nil {
				return nil, fmt.Errorf("%s: %w", s.group, err)
			}
			pause(ctx, 100*time.Millisecond)
			g, err := b.received(s.group)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				seen[s.group] = append(seen[s.group], g)
			}
		}
	}
	groups := map[string]groupStats{}
	for name, all := range seen {
		groups[name] = middle(all)
	}
	hanging, err := b.received("hanging")
	groups["hanging"] = hanging
	return groups, err
}

// middle returns the medians of several rounds, and the sum of their counts.
func middle(rounds []groupStats) groupStats {
	var m groupStats
	var p50, p99 []time.Duration
	for _, r := range rounds {
		m.Count += r.Count
		p50, p99 = append(p50, r.P50), append(p99, r.P99)
	}
	slices.Sort(p50)
	slices.Sort(p99)
	m.P50, m.P99 = p50[len(p50)/2], p99[len(p99)/2]
	return m
}

// oneBad compares accounts of 100 endpoints: all healthy, one dead, one that hangs.
func oneBad(ctx context.Context, b *bench, store string) ([]figure, error) {
	r, err := b.newRig(ctx, store, false)
	if err != nil {
		return nil, err
	}
	defer r.close()
	const types, endpoints = 10, 100
	if err := r.eventTypes(ctx, types); err != nil {
		return nil, err
	}
	if err := b.set("hanging", modeHang); err != nil {
		return nil, err
	}
	var scenes []scene
	for _, c := range []struct {
		group string
		bad   *endpoint
	}{{"healthy", nil}, {"one-dead", &endpoint{url: refusing}}, {"one-hangs", &endpoint{group: "hanging"}}} {
		var list []endpoint
		for i := range endpoints {
			e := endpoint{group: c.group}
			if i == 0 && c.bad != nil {
				e = *c.bad
			}
			e.types = []string{eventType(i % types)}
			list = append(list, e)
		}
		path, err := r.app(ctx, c.group, list...)
		if err != nil {
			return nil, err
		}
		scenes = append(scenes, scene{group: c.group, path: path, types: types, rate: 200})
	}
	t := either(b, turns{2, 700 * time.Millisecond}, turns{5, 1500 * time.Millisecond})
	groups, err := b.take(ctx, r, t, scenes...)
	if err != nil {
		return nil, err
	}
	base := groups["healthy"]
	figures := []figure{
		{What: "the others' p99, one dead / none", Value: ratio(groups["one-dead"], base), Max: 1.5, Detail: against(groups["one-dead"], base)},
		{What: "the others' p99, one hangs / none", Value: ratio(groups["one-hangs"], base), Max: 1.5, Detail: against(groups["one-hangs"], base)},
	}
	figures[1].Detail += fmt.Sprintf("; %d requests to the one that hangs", groups["hanging"].Knocks)
	return figures, nil
}

func ratio(s, base groupStats) float64 { return float64(s.P99) / float64(max(base.P99, 1)) }

func against(s, base groupStats) string {
	return fmt.Sprintf("p50 %.1f / %.1f ms, p99 %.1f / %.1f ms, %d / %d deliveries",
		millis(s.P50), millis(base.P50), millis(s.P99), millis(base.P99), s.Count, base.Count)
}

// halfHang compares one endpoint alone with one beside which an endpoint hangs that
// gets as many events.
func halfHang(ctx context.Context, b *bench, store string) ([]figure, error) {
	r, err := b.newRig(ctx, store, false)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.eventTypes(ctx, 2); err != nil {
		return nil, err
	}
	if err := b.set("hanging", modeHang); err != nil {
		return nil, err
	}
	alone, err := r.app(ctx, "alone", endpoint{group: "alone", types: []string{eventType(0)}})
	if err != nil {
		return nil, err
	}
	beside, err := r.app(ctx, "beside", endpoint{group: "beside", types: []string{eventType(0)}}, endpoint{group: "hanging", types: []string{eventType(1)}})
	if err != nil {
		return nil, err
	}
	t := either(b, turns{2, 700 * time.Millisecond}, turns{5, 1500 * time.Millisecond})
	groups, err := b.take(ctx, r, t,
		scene{group: "alone", path: alone, types: 1, rate: 500}, scene{group: "beside", path: beside, types: 2, rate: 1000})
	if err != nil {
		return nil, err
	}
	f := figure{
		What: "the others' p99, half hangs / none", Value: ratio(groups["beside"], groups["alone"]), Max: 1.5,
		Detail: against(groups["beside"], groups["alone"]) + fmt.Sprintf("; %d requests to the one that hangs", groups["hanging"].Knocks),
	}
	return []figure{f}, nil
}
