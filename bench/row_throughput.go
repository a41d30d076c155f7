package main

import (
	"context"
	"fmt"
	"time"
)

// throughput describes a load that takes all the processor time there is.
type throughput struct {
	name    string
	fanOut  int
	callers int
	batch   int // events a POST
}

func fanOutTen(ctx context.Context, b *bench, store string) ([]figure, error) {
	c, err := b.saturated(ctx, throughput{name: "fan-out-10", fanOut: 10, callers: 64, batch: 1}, store, false)
	f := c.againstLimit()
	if f.Min = 0.70; store == storePostgres {
		f.Min = 0.60
	}
	return []figure{f}, err
}

func batchIntake(ctx context.Context, b *bench, store string) ([]figure, error) {
	c, err := b.saturated(ctx, throughput{name: "batch", fanOut: 1, callers: 16, batch: 100}, store, false)
	f := c.againstLimit()
	f.Min = 0.60
	return []figure{f}, err
}

// fanOutOne runs the same with the store and without it. Without it lanes hold everything
// that is under way: nothing can be read back.
func fanOutOne(ctx context.Context, b *bench, store string) ([]figure, error) {
	with := throughput{name: "fan-out-1", fanOut: 1, callers: 256, batch: 1}
	without := with
	without.name += "-off"
	c, err := inTurns(either(b, 1, 3),
		func() (cost, error) { return b.saturated(ctx, with, store, false) },
		func() (cost, error) { return b.saturated(ctx, without, storeSQLite, true) })
	if err != nil {
		return nil, err
	}
	on, off := c[0], c[1]
	figures := []figure{off.against("CPU a delivery, store off / on", on), on.againstLimit()}
	if store == storeSQLite {
		figures[0].Min = 0.80
	}
	return figures, nil
}

// cost is what deliveries cost.
type cost struct {
	micros float64            // processor time of one, in all
	parts  map[string]float64 // by process
	rate   float64            // a second
	tally  tally
}

// inTurns measures what is compared one after the other, several times over, for the
// machine changes meanwhile. It returns what each costs on average.
func inTurns(rounds int, sides ...func() (cost, error)) ([]cost, error) {
	costs := make([]cost, len(sides))
	for range rounds {
		for i, side := range sides {
			c, err := side()
			if err != nil {
				return nil, fmt.Errorf("side %d of what is compared: %w", i+1, err)
			}
			costs[i].add(c, 1/float64(rounds))
		}
	}
	return costs, nil
}

// add adds a part of another cost.
func (c *cost) add(other cost, part float64) {
	c.micros += other.micros * part
	c.rate += other.rate * part
	c.tally.add(other.tally)
	if c.parts == nil {
		c.parts = map[string]float64{}
	}
	for name, micros := range other.parts {
		c.parts[name] += micros * part
	}
}

// againstLimit returns the figure that compares the cost with the limit.
func (c cost) againstLimit() figure {
	f := figure{What: "CPU a delivery, limit / measured", Micros: c.micros, Values: c.parts}
	f.Detail = fmt.Sprintf("%.1f µs, %.0f deliveries/s; callers %.1f, server %.1f, receiver %.1f",
		c.micros, c.rate, c.parts["callers"], c.parts["server"], c.parts["receiver"])
	if p, ok := c.parts["postgres"]; ok {
		f.Detail += fmt.Sprintf(", postgres %.1f", p)
	}
	if c.tally.refused > 0 {
		f.Detail += fmt.Sprintf("; %d posts accepted, %d answered 429 first", c.tally.posts, c.tally.refused)
	}
	return f
}

// against returns the figure that compares two costs.
func (c cost) against(what string, other cost) figure {
	return figure{
		What: what, Value: c.micros / other.micros,
		Detail: fmt.Sprintf("%.0f / %.0f µs, %.0f / %.0f deliveries/s", c.micros, other.micros, c.rate, other.rate),
	}
}

// saturated measures a load from its first POST until its last delivery is
// received and recorded.
func (b *bench) saturated(ctx context.Context, t throughput, store string, off bool) (c cost, err error) {
	var settings []string
	if off {
		settings = append(settings, "limits.lane=100000")
	}
	r, err := b.newRig(ctx, store, off, settings...)
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
	if t.batch > 1 {
		path += "/batch"
	}
	l := r.load(path, t.callers, func(int) *message { return newMessage(eventType(0), t.batch) })
	if _, err := b.settled(ctx, l, t, either(b, 500*time.Millisecond, time.Second)); err != nil {
		return c, fmt.Errorf("warm up: %w", err)
	}
	err = r.profiled(t.name, func() error {
		c, err = b.cost(ctx, r, l, t)
		return err
	})
	return c, err
}

// flushed is longer than results wait to be recorded.
const flushed = 20 * time.Millisecond

// settled puts the load on for a while and waits until all is delivered.
func (b *bench) settled(ctx context.Context, l *load, t throughput, d time.Duration) (tally, error) {
	return b.settledOn(ctx, []*load{l}, t, d)
}

func (b *bench) cost(ctx context.Context, r *rig, l *load, t throughput) (c cost, err error) {
	return b.costOf(r.meter(), t, func() (tally, error) {
		return b.settled(ctx, l, t, either(b, 1500*time.Millisecond, 5*time.Second))
	})
}

// costOf measures what a load costs from its first POST until its last delivery.
func (b *bench) costOf(m *meter, t throughput, run func() (tally, error)) (c cost, err error) {
	if err := m.begin(); err != nil {
		return c, err
	}
	begin := time.Now()
	if c.tally, err = run(); err != nil {
		return c, err
	}
	took := time.Since(begin)
	parts, sum, err := m.end()
	n := float64(c.tally.events * int64(t.fanOut))
	c.parts = map[string]float64{}
	for name, cpu := range parts {
		c.parts[name] = float64(cpu.Microseconds()) / n
	}
	c.micros, c.rate = float64(sum.Microseconds())/n, n/took.Seconds()
	return c, err
}
