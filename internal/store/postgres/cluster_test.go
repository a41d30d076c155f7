package postgres

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func register(t *testing.T, s *Store) int64 {
	t.Helper()
	n, err := s.RegisterNode(t.Context(), "node", id.ID{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// dead returns the nodes that are known and not live.
func dead(t *testing.T, s *Store, live ...int64) []store.Node {
	t.Helper()
	all, err := s.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(n store.Node) bool { return slices.Contains(live, n.Number) })
}

func allShards() (all []int) {
	for shard := range store.Shards {
		all = append(all, shard)
	}
	return all
}

func holders(t *testing.T, s *Store) []int64 {
	t.Helper()
	got, err := s.ShardHolders(t.Context())
	if err != nil || len(got) != store.Shards {
		t.Fatalf("%d holders: %v", len(got), err)
	}
	return got
}

func TestAShardHasOneHolderUntilItIsLeftOrItsHolderIsGone(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	s := db.open(t)
	first, second := register(t, s), register(t, s)
	take := func(node int64, shards ...int) {
		t.Helper()
		if err := s.TakeShards(t.Context(), node, shards); err != nil {
			t.Fatal(err)
		}
	}
	if got := holders(t, s); slices.ContainsFunc(got, func(n int64) bool { return n != 0 }) {
		t.Errorf("at first: %v", got)
	}
	take(first, allShards()...)
	take(second, 1, 2)
	if got := holders(t, s); got[1] != first || got[255] != first {
		t.Errorf("taken from who holds them: %v", got)
	}
	if err := s.LeaveShards(t.Context(), second, []int{3}); err != nil {
		t.Fatal(err)
	}
	if err := s.LeaveShards(t.Context(), first, []int{1, 2}); err != nil {
		t.Fatal(err)
	}
	take(second, 1, 2, 3)
	if got := holders(t, s); got[1] != second || got[2] != second || got[3] != first {
		t.Errorf("after two were left: %v", got[:5])
	}
	if _, err := s.Reclaim(t.Context(), dead(t, s, second), time.Now()); err != nil {
		t.Fatal(err)
	}
	if got := holders(t, s); got[1] != second || got[3] != 0 {
		t.Errorf("after one node is dead: %v", got[:5])
	}
	if err := s.TakeShards(t.Context(), first, []int{3}); webhook.CodeOf(err) != webhook.CodeNotFound {
		t.Errorf("a dead node takes a shard: %v", err)
	}
	take(second, allShards()...)
	if got := holders(t, s); slices.ContainsFunc(got, func(n int64) bool { return n != second }) {
		t.Errorf("what the dead held: %v", got)
	}
}

func TestWordReachesAllWhoListen(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	ours, theirs := db.open(t), db.open(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	heard := make(chan store.Word, 10)
	ended := make(chan error, 1)
	go func() { ended <- ours.Listen(ctx, func(w store.Word) { heard <- w }) }()
	expect := func(kind store.WordKind) store.Word {
		t.Helper()
		select {
		case w := <-heard:
			if w.Kind != kind {
				t.Fatalf("heard %q, want %q", w.Kind, kind)
			}
			return w
		case <-ctx.Done():
			t.Fatal("nothing is heard")
		}
		return store.Word{}
	}
	expect(store.WordListening)
	account := webhook.Account{ID: id.New(), CreatedAt: time.Now(), UpdatedAt: time.Now()}
	if err := theirs.CreateAccount(ctx, &account, nil); err != nil {
		t.Fatal(err)
	}
	expect(store.WordChanged)

	sent := store.Word{Kind: store.WordBacklogged}
	for i := range store.MaxWordArrivals {
		sent.Arrivals = append(sent.Arrivals, store.Arrival{EndpointID: id.New(), At: time.UnixMicro(int64(i) + 1).UTC(), Count: i + 1})
	}
	if err := theirs.Tell(ctx, sent); err != nil {
		t.Fatal(err)
	}
	if got := expect(store.WordBacklogged); !slices.Equal(got.Arrivals, sent.Arrivals) {
		t.Errorf("%d arrivals came, not as they were sent: %.3v", len(got.Arrivals), got.Arrivals)
	}

	// What anybody else says on the channel does no harm.
	db.exec(t, `SELECT pg_notify(`+channel+`, ''), pg_notify(`+channel+`, 'b?'), pg_notify(`+channel+`, 'bAAAA')`)
	if err := theirs.Tell(ctx, store.Word{Kind: store.WordNodes}); err != nil {
		t.Fatal(err)
	}
	expect(store.WordNodes)

	// A connection that breaks is an error: word may have been missed.
	db.cut(t)
	if err := <-ended; webhook.CodeOf(err) != webhook.CodeUnavailable {
		t.Errorf("cut off: %v", err)
	}
	stopped, stop := context.WithCancel(ctx)
	go func() { ended <- ours.Listen(stopped, func(w store.Word) { heard <- w }) }()
	expect(store.WordListening)
	stop()
	if err := <-ended; err != nil {
		t.Errorf("stopped: %v", err)
	}
}

func TestSchemasDoNotHearEachOther(t *testing.T) {
	t.Parallel()
	a, b := newDatabase(t).open(t), newDatabase(t).open(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	heard := make(chan store.Word, 10)
	go func() { _ = a.Listen(ctx, func(w store.Word) { heard <- w }) }()
	<-heard
	for _, s := range []*Store{b, a} {
		kind := map[*Store]store.WordKind{a: store.WordNodes, b: store.WordBacklogged}[s]
		if err := s.Tell(ctx, store.Word{Kind: kind}); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case w := <-heard:
		if w.Kind != store.WordNodes {
			t.Errorf("heard %q of another schema", w.Kind)
		}
	case <-ctx.Done():
		t.Fatal("nothing is heard")
	}
}
