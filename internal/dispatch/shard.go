package dispatch

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/journal"
	"github.com/switchhook/switchhook/internal/store"
)

// shards are those that this node sends for. Only this node takes one out: the store
// lets nobody have it while its holder lives.
type shards struct {
	mine [store.Shards]atomic.Bool

	mu      sync.Mutex
	leaving map[int]bool // not mine any more, but still held in the store
}

func (s *shards) clear() {
	for i := range s.mine {
		s.mine[i].Store(false)
	}
}

// count returns how many this node sends for.
func (s *shards) count() (n int) {
	for i := range s.mine {
		if s.mine[i].Load() {
			n++
		}
	}
	return n
}

func (s *shards) isLeaving(shard int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaving[shard]
}

func (s *shards) setLeaving(list []int, leaving bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving == nil {
		s.leaving = map[int]bool{}
	}
	for _, shard := range list {
		if leaving {
			s.leaving[shard] = true
		} else {
			delete(s.leaving, shard)
		}
	}
}

// mine says whether this node sends for the endpoint.
func (d *Dispatcher) mine(endpoint id.ID) bool {
	return d.o.Cluster == nil || d.shards.mine[store.ShardOf(endpoint)].Load()
}

// balance takes shards that belong here and are free, begins to leave those that belong
// elsewhere, and notes which of the takers the others are with.
func (d *Dispatcher) balance(ctx context.Context, node int64, senders, takers []int64) error {
	holders, err := d.o.Cluster.ShardHolders(ctx)
	if err != nil {
		return fmt.Errorf("read who holds shards: %w", err)
	}
	var take, leave []int
	for shard, holder := range holders {
		best := store.PreferredNode(shard, senders)
		switch {
		case holder == 0 && best == node:
			take = append(take, shard)
		case holder == node && best != node && best != 0 && d.shards.mine[shard].Load():
			leave = append(leave, shard)
		}
	}
	if len(leave) > 0 {
		d.leaveShards(ctx, node, leave)
	}
	if len(take) > 0 {
		if err := d.o.Cluster.TakeShards(ctx, node, take); err != nil {
			return fmt.Errorf("take shards: %w", err)
		}
		if holders, err = d.o.Cluster.ShardHolders(ctx); err != nil {
			return fmt.Errorf("read who holds shards: %w", err)
		}
		d.o.Logger.Info("takes shards", "shards", len(take))
	}
	for shard, holder := range holders {
		if holder == node && !d.shards.isLeaving(shard) {
			d.shards.mine[shard].Store(true)
		}
		taker := int64(0)
		if holder != node && slices.Contains(takers, holder) {
			taker = holder
		}
		d.handing.takers[shard].Store(taker)
	}
	return nil
}

// leaveShards stops sending for the shards at once, and frees them in the store
// when nothing of them is in flight and everything about them is written.
func (d *Dispatcher) leaveShards(ctx context.Context, node int64, list []int) {
	d.shards.setLeaving(list, true)
	lanes := map[*lane]bool{}
	for _, shard := range list {
		d.shards.mine[shard].Store(false)
	}
	for _, l := range d.all() {
		if d.shards.isLeaving(l.shard) {
			lanes[l] = true
			l.pump() // gives back what waits
		}
	}
	d.o.Logger.Info("leaves shards to other nodes", "shards", len(list))
	d.background.Go(func() {
		defer d.shards.setLeaving(list, false)
		if !d.quiet(ctx, lanes) || !d.written(ctx) {
			return
		}
		err := d.o.Cluster.LeaveShards(ctx, node, list)
		if err == nil {
			err = d.o.Cluster.Tell(ctx, store.Word{Kind: store.WordNodes})
		}
		if err != nil && ctx.Err() == nil {
			d.o.Logger.Error("shards cannot be left yet", "error", err)
		}
	})
}

// quietEvery is how often it is looked whether lanes have come to rest.
const quietEvery = 10 * time.Millisecond

// quiet waits until none of the lanes has anything left, and drops them. It returns
// false when ctx ended before.
func (d *Dispatcher) quiet(ctx context.Context, lanes map[*lane]bool) bool {
	t := time.NewTicker(quietEvery)
	defer t.Stop()
	for {
		for l := range lanes {
			if l.leave() {
				d.drop(l)
				delete(lanes, l)
			}
		}
		if len(lanes) == 0 {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-t.C:
		}
	}
}

// written waits until everything that the journal was given before is written.
func (d *Dispatcher) written(ctx context.Context) bool {
	done := make(chan error, 1)
	e := &journal.Entry{Urgent: true, Done: func(err error) { done <- err }}
	if d.o.Journal.Submit(e) != nil {
		return false
	}
	select {
	case err := <-done:
		return err == nil
	case <-ctx.Done():
		return false
	}
}
