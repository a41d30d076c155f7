package dispatch_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/dispatch"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// pool is what a store of several nodes has beside SQLite, in memory.
type pool struct {
	store     store.Store
	mu        sync.Mutex
	holders   [store.Shards]int64
	listeners map[*link]func(store.Word)
	deaf      bool // word is lost
	handed    map[int64][]store.ClaimedDelivery
	took      int // deliveries that were taken of handed
}

// link is a node's connection to the store, which may be cut.
type link struct {
	store.Store
	pool *pool
	cut  atomic.Bool
}

func (l *link) err() error {
	if l.cut.Load() {
		return webhook.Errorf(webhook.CodeUnavailable, "", "cut off")
	}
	return nil
}

func (l *link) Commit(ctx context.Context, b *store.Batch) error {
	if err := l.err(); err != nil {
		return err
	}
	if err := l.Store.Commit(ctx, b); err != nil {
		return err
	}
	nodes, err := l.Store.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, in := range b.Intake {
		for i := range in.Accepted {
			a := &in.Accepted[i]
			for _, n := range a.Handed {
				d := a.Deliveries[n]
				if !slices.ContainsFunc(nodes, func(n store.Node) bool { return n.Number == d.Node }) {
					if err := l.putBack(ctx, d); err != nil {
						return err
					}
					continue
				}
				l.pool.mu.Lock()
				l.pool.handed[d.Node] = append(l.pool.handed[d.Node], store.ClaimedDelivery{Delivery: d, Event: &a.Event})
				l.pool.mu.Unlock()
			}
		}
	}
	return nil
}

// taken returns how many deliveries nodes took that were handed to them.
func (p *pool) taken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.took
}

// putBack puts what was handed to a node that is gone into the backlog.
func (l *link) putBack(ctx context.Context, d webhook.Delivery) error {
	d.DueAt, d.Node = time.Now(), 0
	return l.Store.Commit(ctx, &store.Batch{Returns: []webhook.Delivery{d}})
}

func (l *link) TakeHanded(ctx context.Context, node int64, events int) ([]store.ClaimedDelivery, error) {
	nodes, err := l.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(nodes, func(n store.Node) bool { return n.Number == node })
	if i < 0 {
		return nil, webhook.Errorf(webhook.CodeNotFound, "", "no such node")
	}
	l.pool.mu.Lock()
	got := l.pool.handed[node]
	delete(l.pool.handed, node)
	l.pool.took += len(got)
	l.pool.mu.Unlock()
	mark := nodes[i].Mark
	for _, h := range got {
		if h.Event.ID.Compare(mark) < 0 {
			mark = h.Event.ID
		}
	}
	return got, l.Store.Beat(ctx, node, mark, nodes[i].State, nodes[i].BeatAt)
}

func (l *link) Reclaim(ctx context.Context, dead []store.Node, now time.Time) (int, error) {
	n, err := l.Store.Reclaim(ctx, dead, now)
	for _, gone := range dead {
		err = errors.Join(err, l.RemoveNode(ctx, gone.Number))
	}
	return n, err
}

func (l *link) RemoveNode(ctx context.Context, node int64) error {
	if err := l.Store.RemoveNode(ctx, node); err != nil {
		return err
	}
	l.pool.mu.Lock()
	left := l.pool.handed[node]
	delete(l.pool.handed, node)
	l.pool.mu.Unlock()
	for _, h := range left {
		if err := l.putBack(ctx, h.Delivery); err != nil {
			return err
		}
	}
	return nil
}

func (l *link) Claim(ctx context.Context, q store.ClaimQuery) ([]store.Claimed, error) {
	if err := l.err(); err != nil {
		return nil, err
	}
	return l.Store.Claim(ctx, q)
}

func (l *link) Beat(ctx context.Context, node int64, mark id.ID, s store.NodeState, now time.Time) error {
	if err := l.err(); err != nil {
		return err
	}
	return l.Store.Beat(ctx, node, mark, s, now)
}

func (l *link) Nodes(ctx context.Context) ([]store.Node, error) {
	if err := l.err(); err != nil {
		return nil, err
	}
	return l.Store.Nodes(ctx)
}

func (l *link) RegisterNode(ctx context.Context, name string, mark id.ID, now time.Time) (int64, error) {
	if err := l.err(); err != nil {
		return 0, err
	}
	return l.Store.RegisterNode(ctx, name, mark, now)
}

func (l *link) ShardHolders(ctx context.Context) ([]int64, error) {
	nodes, err := l.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	for i, h := range l.pool.holders {
		if !slices.ContainsFunc(nodes, func(n store.Node) bool { return n.Number == h }) {
			l.pool.holders[i] = 0
		}
	}
	return slices.Clone(l.pool.holders[:]), nil
}

func (l *link) TakeShards(ctx context.Context, node int64, shards []int) error {
	if _, err := l.ShardHolders(ctx); err != nil {
		return err
	}
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	for _, s := range shards {
		if l.pool.holders[s] == 0 {
			l.pool.holders[s] = node
		}
	}
	return nil
}

func (l *link) LeaveShards(_ context.Context, node int64, shards []int) error {
	if err := l.err(); err != nil {
		return err
	}
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	for _, s := range shards {
		if l.pool.holders[s] == node {
			l.pool.holders[s] = 0
		}
	}
	return nil
}

func (l *link) Tell(_ context.Context, w store.Word) error {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	if l.cut.Load() || l.pool.deaf {
		return l.err()
	}
	for to, hear := range l.pool.listeners {
		if !to.cut.Load() {
			hear(w)
		}
	}
	return nil
}

func (l *link) Listen(ctx context.Context, hear func(store.Word)) error {
	l.pool.mu.Lock()
	l.pool.listeners[l] = hear
	l.pool.mu.Unlock()
	hear(store.Word{Kind: store.WordListening})
	<-ctx.Done()
	l.pool.mu.Lock()
	delete(l.pool.listeners, l)
	l.pool.mu.Unlock()
	return nil
}

// fleet is several engines on one store. Each has a service of its own, so that the
// test sees who sent what.
type fleet struct {
	*rig  // the store, and what is the same for all
	pool  *pool
	nodes []*rig
	links []*link
}

const fleetLease = 12 * time.Second

// several runs the test in a bubble with nodes that send.
func several(t *testing.T, n int, test func(f *fleet)) {
	t.Helper()
	engine(t, dispatch.Options{}, func(r *rig) {
		r.stop() // the engine; the store stays
		r.must(r.lanes.Leave(r.t.Context()))
		f := &fleet{rig: r, pool: &pool{
			store: r.store, listeners: map[*link]func(store.Word){}, handed: map[int64][]store.ClaimedDelivery{},
		}}
		for range n {
			f.add()
		}
		time.Sleep(fleetLease)
		test(f)
		for _, n := range f.nodes {
			n.stop()
			r.must(n.lanes.Leave(r.t.Context()))
		}
		r.lanes, r.stop = f.nodes[0].lanes, func() {} // ended already
	})
}

func (f *fleet) add() *rig {
	f.t.Helper()
	l := &link{Store: f.store, pool: f.pool}
	n := &rig{t: f.t, store: l, account: f.account, service: &played{}}
	n.run(dispatch.Options{Cluster: l, Lease: fleetLease, About: store.NodeState{Roles: []string{dispatch.RoleDeliver}}})
	f.nodes, f.links = append(f.nodes, n), append(f.links, l)
	return n
}

// wanted makes an endpoint that all nodes know.
func (f *fleet) wanted(change func(*webhook.Endpoint)) *webhook.Endpoint {
	f.t.Helper()
	e := f.nodes[0].endpoint(change)
	for _, n := range f.nodes {
		f.must(n.dir.Refresh(f.t.Context()))
	}
	return e
}

// play lets all nodes' services answer the same.
func (f *fleet) play(answer func(ctx context.Context, job *deliver.Job) webhook.Outcome) {
	for _, n := range f.nodes {
		n.service.play(answer)
	}
}

// calls returns what all nodes sent, in the order of time.
func (f *fleet) calls() (all []call) {
	for _, n := range f.nodes {
		all = append(all, n.service.seen()...)
	}
	slices.SortStableFunc(all, func(a, b call) int { return a.at.Compare(b.at) })
	return all
}

// sender returns which node sends for the endpoint.
func (f *fleet) sender(e *webhook.Endpoint) int {
	f.t.Helper()
	holders, err := f.links[0].ShardHolders(f.t.Context())
	f.must(err)
	for i, n := range f.nodes {
		if holders[store.ShardOf(e.ID)] == n.lanes.Node() {
			return i
		}
	}
	f.t.Fatal("nobody sends")
	return 0
}

func TestNodesShareTheEndpointsAndSendEachDeliveryOnce(t *testing.T) {
	several(t, 3, func(f *fleet) {
		for range 30 {
			f.wanted(nil)
		}
		var events []id.ID
		for i := range 30 {
			events = append(events, f.nodes[i%3].send(i, 1)...)
		}
		time.Sleep(time.Minute)
		f.all(events, webhook.Delivered)
		sender := map[id.ID]int{}
		for i, n := range f.nodes {
			calls := n.service.seen()
			if len(calls) == 0 {
				t.Errorf("node %d sent nothing", i)
			}
			for _, c := range calls {
				if was, ok := sender[c.endpoint]; ok && was != i {
					t.Errorf("endpoint %v was served by two nodes", c.endpoint)
				}
				sender[c.endpoint] = i
			}
		}
		if n := len(f.calls()); n != 900 {
			t.Errorf("%d attempts for 900 deliveries", n)
		}
	})
}

func TestWhatAnotherNodeSendsForIsSentAtOnce(t *testing.T) {
	several(t, 2, func(f *fleet) {
		e := f.wanted(nil)
		begin := time.Now()
		f.nodes[1-f.sender(e)].send(0, 1)
		time.Sleep(time.Minute)
		calls := f.calls()
		if len(calls) != 1 || calls[0].at.Sub(begin) > 100*time.Millisecond || f.pool.taken() != 1 {
			t.Errorf("sent after %v, %d handed over", calls[0].at.Sub(begin), f.pool.taken())
		}

		// When word is lost, the node finds it the next time that it looks around.
		f.pool.mu.Lock()
		f.pool.deaf = true
		f.pool.mu.Unlock()
		begin = time.Now()
		f.nodes[1-f.sender(e)].send(1, 1)
		time.Sleep(time.Minute)
		calls = f.calls()
		if len(calls) != 2 || calls[1].at.Sub(begin) > fleetLease/6 {
			t.Errorf("sent after %v", calls[1].at.Sub(begin))
		}
	})
}

func TestAnEndpointsLimitsHoldAcrossNodes(t *testing.T) {
	several(t, 3, func(f *fleet) {
		var limited, narrow *webhook.Endpoint
		limited = f.wanted(func(e *webhook.Endpoint) { e.RateLimit = 10 })
		narrow = f.wanted(func(e *webhook.Endpoint) { e.MaxInFlight = 2 })
		var inFlight, most atomic.Int32
		f.play(func(_ context.Context, job *deliver.Job) webhook.Outcome {
			if job.Endpoint.ID == narrow.ID {
				most.Store(max(most.Load(), inFlight.Add(1)))
				time.Sleep(20 * time.Millisecond)
				inFlight.Add(-1)
			}
			return delivered
		})
		begin := time.Now()
		for i := range 60 {
			f.nodes[i%3].send(i, 1)
		}
		time.Sleep(time.Minute)
		var n int
		var took time.Duration
		for _, c := range f.calls() {
			if c.endpoint == limited.ID {
				n++
				took = c.at.Sub(begin)
			}
		}
		if n != 60 || took < 4900*time.Millisecond || took > 8*time.Second {
			t.Errorf("%d at ten a second in %v", n, took)
		}
		if most.Load() != 2 {
			t.Errorf("%d in flight, want 2", most.Load())
		}
	})
}

func TestWhatALaneHasNoRoomForGoesToTheBacklogAndOthersStopHandingItOver(t *testing.T) {
	several(t, 2, func(f *fleet) {
		e := f.wanted(nil)
		f.play(func(context.Context, *deliver.Job) webhook.Outcome { return refused }) // the breaker opens
		from := f.nodes[1-f.sender(e)]
		from.send(0, 50)
		time.Sleep(time.Second)
		took := f.pool.taken()
		if pending, err := f.store.PendingCount(f.t.Context()); err != nil || pending != 50 {
			t.Errorf("%d in the backlog: %v", pending, err)
		}
		from.send(50, 10) // the first one meets an open breaker
		time.Sleep(100 * time.Millisecond)
		from.send(60, 40)
		time.Sleep(100 * time.Millisecond)
		if n := f.pool.taken() - took; n > 10 {
			t.Errorf("%d more were handed over to a lane that is full", n)
		}
		f.play(func(context.Context, *deliver.Job) webhook.Outcome { return delivered })
		time.Sleep(5 * time.Minute)
		for _, n := range f.nodes {
			if held := n.journal.Held(); held != 0 {
				t.Errorf("a node believes to hold %d", held)
			}
		}
		if pending, err := f.store.PendingCount(f.t.Context()); err != nil || pending != 0 {
			t.Errorf("%d are left in the backlog: %v", pending, err)
		}
	})
}

func TestWhatWasHandedToANodeThatIsGoneIsSentByOthers(t *testing.T) {
	several(t, 3, func(f *fleet) {
		for range 20 {
			f.wanted(nil)
		}
		f.links[0].cut.Store(true) // the others do not know yet
		events := f.nodes[1].send(0, 5)
		time.Sleep(2 * fleetLease)
		f.all(events, webhook.Delivered)
		f.links[0].cut.Store(false)
		time.Sleep(5 * time.Minute)
		if n := len(f.calls()); n != 100 {
			t.Errorf("%d attempts for 100 deliveries", n)
		}
		if n := f.nodes[0].journal.Held(); n != 0 {
			t.Errorf("the node believes to hold %d", n)
		}
	})
}

func TestFailuresInARowAreCountedAcrossNodes(t *testing.T) {
	several(t, 3, func(f *fleet) {
		e := f.wanted(func(e *webhook.Endpoint) {
			e.Health = webhook.HealthPolicy{MaxFailuresInRow: 6, NoBreaker: true}
			e.Retry = webhook.RetryPolicy{}
		})
		f.play(func(context.Context, *deliver.Job) webhook.Outcome { return broken })
		for i := range 7 {
			f.nodes[i%3].send(i, 1)
			time.Sleep(time.Second)
		}
		got, h, err := f.store.Endpoint(f.t.Context(), e.ID)
		if err != nil || h.FailuresInRow != 7 || got.Enabled {
			t.Errorf("%d failures in a row, enabled %v: %v", h.FailuresInRow, got.Enabled, err)
		}
	})
}

func TestANodeThatIsCutOffStopsAndOthersGoOn(t *testing.T) {
	several(t, 3, func(f *fleet) {
		for range 20 {
			f.wanted(func(e *webhook.Endpoint) { e.Ordering = webhook.OrderingFIFO })
		}
		for range 20 {
			f.wanted(func(e *webhook.Endpoint) { e.MaxInFlight = 1 })
		}
		f.play(func(context.Context, *deliver.Job) webhook.Outcome {
			time.Sleep(time.Second)
			return delivered
		})
		before := f.nodes[0].lanes.Node()
		events := f.nodes[0].send(0, 30)
		time.Sleep(3 * time.Second)
		f.links[0].cut.Store(true)
		cut := time.Now()
		time.Sleep(2 * fleetLease)
		if calls := f.nodes[0].service.seen(); len(calls) == 0 || calls[len(calls)-1].at.Sub(cut) > time.Second {
			t.Errorf("the node that was cut off went on for %v", calls[len(calls)-1].at.Sub(cut))
		}
		for _, n := range f.nodes[1:] {
			calls := n.service.seen()
			if i := slices.IndexFunc(calls, func(c call) bool { return c.at.Sub(cut) > fleetLease }); i < 0 {
				t.Error("the others do not go on")
			}
		}
		f.links[0].cut.Store(false)
		time.Sleep(5 * time.Minute)
		f.all(events, webhook.Delivered)
		if now := f.nodes[0].lanes.Node(); now == before || now == 0 {
			t.Errorf("the node is %d again", now)
		}
		if n := f.nodes[0].journal.Held(); n != 0 {
			t.Errorf("the node believes to hold %d", n)
		}

		// It sends its part again.
		sent := len(f.nodes[0].service.seen())
		events = f.nodes[1].send(100, 5)
		time.Sleep(5 * time.Minute)
		f.all(events, webhook.Delivered)
		if len(f.nodes[0].service.seen()) == sent {
			t.Error("the node that came back sends nothing")
		}
		inOrder(t, f.calls())
	})
}

func TestOrderHoldsWhileNodesComeAndGo(t *testing.T) {
	several(t, 1, func(f *fleet) {
		for range 20 {
			f.wanted(func(e *webhook.Endpoint) { e.Ordering = webhook.OrderingFIFO })
		}
		answer := func(_ context.Context, job *deliver.Job) webhook.Outcome {
			time.Sleep(50 * time.Millisecond)
			if n, _ := strconv.Atoi(string(job.Event.Payload)); n%7 == 0 && job.Number < 2 {
				return broken
			}
			return delivered
		}
		f.play(answer)
		events := f.nodes[0].send(0, 50)
		for range 2 {
			time.Sleep(time.Second)
			n := f.add()
			n.service.play(answer)
		}
		time.Sleep(time.Second)
		f.links[1].cut.Store(true)
		time.Sleep(3 * fleetLease)
		f.links[1].cut.Store(false)
		time.Sleep(5 * time.Minute)
		f.all(events, webhook.Delivered)
		inOrder(t, f.calls())
		for i, n := range f.nodes {
			if len(n.service.seen()) == 0 {
				t.Errorf("node %d sent nothing", i)
			}
		}
	})
}

// inOrder wants every ordered endpoint's deliveries in order, repeats of the last one
// aside.
func inOrder(t *testing.T, calls []call) {
	t.Helper()
	last := map[id.ID]int{}
	for _, c := range calls {
		n, _ := strconv.Atoi(c.payload)
		was, ok := last[c.endpoint]
		if c.ordered && ok && n < was {
			t.Fatalf("%d after %d", n, was)
		}
		last[c.endpoint] = n
	}
}

func TestANodeTakesOverFromItsPredecessorAtOnce(t *testing.T) {
	several(t, 1, func(f *fleet) {
		f.wanted(nil)
		dead, err := f.store.RegisterNode(f.t.Context(), "before", id.ID{}, time.Now())
		f.must(err)
		f.pool.mu.Lock()
		for i := range f.pool.holders {
			f.pool.holders[i] = dead
		}
		f.pool.mu.Unlock()
		l := &link{Store: f.store, pool: f.pool}
		n := &rig{t: f.t, store: l, account: f.account, service: &played{}}
		n.run(dispatch.Options{Cluster: l, Lease: fleetLease, Predecessor: dead, About: store.NodeState{Roles: []string{dispatch.RoleDeliver}}})
		synctest.Wait()
		nodes, err := f.store.Nodes(f.t.Context())
		f.must(err)
		if slices.ContainsFunc(nodes, func(n store.Node) bool { return n.Number == dead }) {
			t.Error("the predecessor is still there")
		}
		n.stop()
		f.must(n.lanes.Leave(f.t.Context()))
	})
}
