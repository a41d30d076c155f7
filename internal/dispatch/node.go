package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// sweepEvery is how often lanes are looked at without any cause.
const sweepEvery = time.Second

// Join registers the node and takes over what dead nodes held. It is called once,
// before Run and before anything is accepted.
func (d *Dispatcher) Join(ctx context.Context) error {
	if d.o.Cluster != nil {
		return d.joinCluster(ctx)
	}
	node, err := d.o.Store.RegisterNode(ctx, d.o.NodeName, d.o.Journal.Mark(), time.Now())
	if err != nil {
		return fmt.Errorf("register node: %w", err)
	}
	d.node.Store(node)
	d.live.Store(&[]int64{node})
	nodes, err := d.o.Store.Nodes(ctx)
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	var dead []store.Node
	for _, n := range nodes {
		if n.Number != node {
			dead = append(dead, n)
		}
	}
	return d.takeOver(ctx, dead)
}

// Leave forgets the node. It is called after the journal has written everything.
// A node that still holds something fresh stays known: its mark says where to
// look for it.
func (d *Dispatcher) Leave(ctx context.Context) error {
	node := d.Node()
	if n := d.o.Journal.Held(); n > 0 {
		d.o.Logger.Warn("leaving with deliveries that are taken over later", "deliveries", n)
		return nil
	}
	if node == 0 {
		return nil
	}
	if err := d.o.Store.RemoveNode(ctx, node); err != nil {
		return fmt.Errorf("remove node: %w", err)
	}
	if d.o.Cluster != nil {
		return d.o.Cluster.Tell(ctx, store.Word{Kind: store.WordNodes})
	}
	return nil
}

// takeOver puts what the dead held into the backlog.
func (d *Dispatcher) takeOver(ctx context.Context, dead []store.Node) error {
	if len(dead) == 0 {
		return nil
	}
	n, err := d.o.Store.Reclaim(ctx, dead, time.Now())
	if err != nil {
		return fmt.Errorf("take over from dead nodes: %w", err)
	}
	for _, gone := range dead {
		d.o.Logger.Info("a node is gone", "node", gone.Number, "name", gone.Name)
	}
	if n > 0 {
		d.o.Logger.Info("took over deliveries of nodes that are gone", "deliveries", n)
	}
	return nil
}

// runBeat tells the store how far back this node's fresh deliveries reach. With nothing
// new to tell it keeps still. It is for a node that is alone.
func (d *Dispatcher) runBeat(ctx context.Context) error {
	t := time.NewTicker(d.o.Lease / 3)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		if d.o.Journal.Quiet() {
			continue
		}
		err := d.o.Store.Beat(ctx, d.Node(), d.o.Journal.Mark(), d.state(), time.Now())
		if err != nil && ctx.Err() == nil {
			d.o.Logger.Error("heartbeat failed", "error", err)
		}
	}
}

// state is what this node tells of itself.
func (d *Dispatcher) state() store.NodeState {
	s := d.o.About
	stats := d.Stats()
	s.Lanes, s.Held, s.InFlight, s.Behind = stats.Lanes, stats.Held, stats.InFlight, stats.Behind
	s.Queued, s.Change = d.o.Journal.Queued(), d.o.Directory.Version()
	s.Takes = d.o.Cluster != nil
	return s
}

// runSweep keeps the counts of healthy lanes true, drops idle lanes, and now and
// then reads the backlog, so that nothing depends on a wake-up that never came.
func (d *Dispatcher) runSweep(ctx context.Context) error {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	const backlogEvery = 60
	for tick := 1; ; tick++ {
		select {
		case <-ctx.Done():
			return nil
		case now := <-t.C:
			d.sweep(now)
		}
		if tick%backlogEvery == 0 && d.o.Cluster == nil {
			if err := d.findBacklog(ctx); err != nil && ctx.Err() == nil {
				d.o.Logger.Error("backlog cannot be read", "error", err)
			}
		}
	}
}

func (d *Dispatcher) sweep(now time.Time) {
	for _, l := range d.all() {
		if l.retire(now) {
			d.drop(l)
		}
	}
}

// drop forgets a lane that is retired.
func (d *Dispatcher) drop(l *lane) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lanes[l.endpoint] == l {
		delete(d.lanes, l.endpoint)
	}
}

// isGone says whether the store does not know the node any more.
func isGone(err error) bool { return webhook.CodeOf(err) == webhook.CodeNotFound }
