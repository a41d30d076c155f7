package dispatch

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/internal/store"
)

// A node of several is one epoch long what its number says. It beats; the others go
// by their own clocks and declare dead who was not seen to beat for long. By then it
// has stopped sending by itself, going by its own clock, however long it was frozen
// or cut off. When it learns that it was declared dead it forgets everything that it
// held, for that is others' by now, and joins again under another number.
//
// The parts of a lease that these take. A beat may be seen a beat late, and its end
// be noticed a beat late: within the lease others go on with a dead node's work.
const (
	beatPart  = 6.0     // 1/6 of the lease lies between beats
	sendPart  = 2.0     // a node sends for 1/2 of the lease after it began its last beat
	alivePart = 3.0 / 2 // a node is dead 2/3 of the lease after a beat was seen
)

func (d *Dispatcher) part(of float64) time.Duration { return time.Duration(float64(d.o.Lease) / of) }

// lease is a node's own view of how long it may send.
type lease struct {
	beat atomic.Pointer[time.Time] // when the last beat that succeeded was begun; nil is none
}

// maySend says whether the others cannot have declared this node dead yet. It goes by
// the clock that says more: the monotonic one may stand still while a machine
// sleeps. It says no, too, while the database cannot record what is sent: what is
// sent then is sent again by whoever takes over.
func (d *Dispatcher) maySend(now time.Time) bool {
	if d.o.Cluster == nil {
		return true
	}
	at := d.lease.beat.Load()
	limit := d.part(sendPart)
	return at != nil && now.Sub(*at) < limit && now.Round(0).Sub(at.Round(0)) < limit && !d.o.Journal.Late()
}

// joinCluster registers the node under a new number, beats once so that others know
// what it does, and takes what it finds free.
func (d *Dispatcher) joinCluster(ctx context.Context) error {
	node, err := d.o.Store.RegisterNode(ctx, d.o.NodeName, d.o.Journal.Mark(), time.Now())
	if err != nil {
		return fmt.Errorf("register node: %w", err)
	}
	if err := d.beat(ctx, node); err != nil {
		return fmt.Errorf("first heartbeat: %w", err)
	}
	d.watch = watch{}
	if err := d.lookAround(ctx, node); err != nil {
		return err
	}
	d.o.Joined(node)
	d.o.Logger.Info("joined", "node", node, "shards", d.shards.count())
	return d.o.Cluster.Tell(ctx, store.Word{Kind: store.WordNodes})
}

func (d *Dispatcher) beat(ctx context.Context, node int64) error {
	d.handing.marking.Lock()
	defer d.handing.marking.Unlock()
	begun := time.Now()
	if err := d.o.Store.Beat(ctx, node, d.o.Journal.Mark(), d.state(), begun); err != nil {
		return err
	}
	d.lease.beat.Store(&begun)
	return nil
}

// runCluster keeps this node alive among the others, and what it sends for in step
// with who is there.
func (d *Dispatcher) runCluster(ctx context.Context) error {
	t := time.NewTicker(d.part(beatPart))
	defer t.Stop()
	for {
		var err error
		node := d.Node()
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			if node != 0 {
				err = d.beat(ctx, node)
			}
		case <-d.look:
		}
		if err == nil && node != 0 {
			err = d.lookAround(ctx, node)
		}
		switch {
		case node != 0 && isGone(err):
			d.o.Logger.Warn("the others took this node for dead, joining again", "node", node)
			node = d.lapse()
		case node != 0 && (d.unsure.Load() || d.o.Journal.Doubtful()):
			// What may have been written or claimed under this number nobody
			// would look for while it lives.
			d.o.Logger.Warn("answers of the database were lost, joining again", "node", node)
			node = d.lapse()
		}
		if node == 0 {
			err = d.joinCluster(ctx)
		}
		if err != nil && ctx.Err() == nil {
			d.o.Logger.Error("cannot keep in step with other nodes yet", "error", err)
		}
	}
}

// lapse forgets everything that is held under the node's number, which is dead from
// now on: whoever comes first takes it over. What is in flight ends; what it says counts
// as far as the store lets it. It returns 0, which is no node.
func (d *Dispatcher) lapse() int64 {
	d.former = d.node.Swap(0)
	d.unsure.Store(false)
	d.lease.beat.Store(nil)
	d.shards.clear()
	var items []item
	for _, l := range d.all() {
		items = append(items, l.forget()...)
	}
	d.forgetItems(items)
	return 0
}

// lookAround finds out who lives, takes over from who died, and moves shards to where
// they belong.
func (d *Dispatcher) lookAround(ctx context.Context, node int64) error {
	nodes, err := d.o.Store.Nodes(ctx)
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	alive, dead := d.watch.look(nodes, node, d.former, d.part(alivePart), time.Now())
	if err := d.takeOver(ctx, dead); err != nil {
		return err
	}
	live := []int64{node}
	var senders, takers []int64
	behind := 0
	for _, n := range alive {
		if n.Number != node {
			live = append(live, n.Number)
			behind = max(behind, n.State.Behind)
		}
		if slices.Contains(n.State.Roles, RoleDeliver) {
			senders = append(senders, n.Number)
			if n.State.Takes {
				takers = append(takers, n.Number)
			}
		}
	}
	slices.Sort(live)
	d.o.Journal.Share(len(live))
	d.live.Store(&live) // before anything is claimed under this number
	if d.node.Load() != node {
		d.o.Journal.ForgetDoubtful() // it was taken over with everything under the former number
		d.node.Store(node)
	}
	d.othersBehind.Store(int64(behind))
	if err := d.balance(ctx, node, senders, takers); err != nil {
		return err
	}
	signal(d.handing.wake)
	return d.findBacklog(ctx)
}

// RoleDeliver is the role, in the state that a node tells, of who sends.
const RoleDeliver = "deliver"

// watch remembers when nodes were seen to beat, by this node's own clock: the clocks
// of others do not matter.
type watch map[int64]sighting

type sighting struct {
	beat time.Time // as its node wrote it
	at   time.Time
}

// look tells who lives from who has not been seen to beat for long. The node itself
// lives, whose place it has does not.
func (w watch) look(nodes []store.Node, self, former int64, silence time.Duration, now time.Time) (alive, dead []store.Node) {
	known := make(map[int64]bool, len(nodes))
	for _, n := range nodes {
		known[n.Number] = true
		s, ok := w[n.Number]
		if !ok || !s.beat.Equal(n.BeatAt) {
			s = sighting{n.BeatAt, now}
			w[n.Number] = s
		}
		if n.Number != self && (n.Number == former || now.Sub(s.at) >= silence) {
			dead = append(dead, n)
		} else {
			alive = append(alive, n)
		}
	}
	for number := range w {
		if !known[number] {
			delete(w, number)
		}
	}
	return alive, dead
}
