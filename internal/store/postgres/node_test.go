package postgres

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// first returns the first delivery of an intake as it is stored.
func first(t *testing.T, s *Store, in *store.Intake) webhook.Delivery {
	t.Helper()
	list, err := s.Deliveries(t.Context(), in.Accepted[0].Event.ID)
	if err != nil || len(list) == 0 {
		t.Fatalf("deliveries: %v, %v", list, err)
	}
	return list[0]
}

func commit(t *testing.T, s *Store, in ...*store.Intake) {
	t.Helper()
	if err := s.Commit(t.Context(), &store.Batch{Intake: in}); err != nil {
		t.Fatal(err)
	}
}

// blocked waits until as many connections to the schema wait for a lock.
func (db *database) blocked(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		var waiting int
		// A second connection: the admin's own may be in a transaction, which sees one moment.
		db.scan(t, `SELECT count(*) FROM pg_stat_get_activity(NULL) WHERE application_name = $1 AND wait_event_type = 'Lock'`,
			[]any{db.name}, &waiting)
		if waiting >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing waits")
		}
	}
}

func TestWhatADeadNodeCommitsGoesToTheBacklog(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	ours, theirs := db.open(t), db.open(t)
	f := newFiller(t, theirs)
	alive, err := ours.RegisterNode(t.Context(), "alive", id.ID{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	before := f.intake(1, time.Time{})
	commit(t, theirs, before)
	if n, err := ours.Reclaim(t.Context(), dead(t, ours, alive), time.Now()); n != 1 || err != nil {
		t.Fatalf("reclaimed %d: %v", n, err)
	}
	// The other node does not know yet that it was declared dead.
	after := f.intake(2, time.Time{})
	commit(t, theirs, after, f.intake(1, time.Now()))
	for _, in := range []*store.Intake{before, after} {
		if d := first(t, ours, in); d.Node != 0 || d.DueAt.IsZero() || d.DueAt.After(time.Now()) {
			t.Errorf("nobody will find delivery %+v", d)
		}
	}
	if n, err := ours.PendingCount(t.Context()); n != 4 || err != nil {
		t.Errorf("%d are in the backlog: %v", n, err)
	}
}

func TestReclaimWaitsForACommitThatIsUnderWay(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	s := db.open(t)
	f := newFiller(t, s)
	in := f.intake(1, time.Time{})
	d := &in.Accepted[0].Deliveries[0]

	slow, err := pgx.Connect(t.Context(), db.url)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close(context.Background())
	tx, err := slow.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		text string
		args []any
	}{
		{`SELECT number FROM nodes WHERE number = $1 FOR KEY SHARE`, []any{f.node}},
		{`INSERT INTO deliveries (event_id, n, account_id, endpoint_id, subscription_id, status, cause, attempts, node)
			VALUES ($1, 0, $2, $3, $4, 0, 0, 0, $5)`, []any{d.Event[:], d.AccountID[:], d.EndpointID[:], d.SubscriptionID[:], f.node}},
	} {
		if _, err := tx.Exec(t.Context(), step.text, step.args...); err != nil {
			t.Fatal(err)
		}
	}
	moved := make(chan error, 1)
	gone := dead(t, s)
	go func() {
		n, err := s.Reclaim(t.Context(), gone, time.Now())
		if err == nil && n != 1 {
			err = fmt.Errorf("%d were moved", n)
		}
		moved <- err
	}()
	db.blocked(t, 1)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-moved; err != nil {
		t.Error(err)
	}
	if d := first(t, s, in); d.Node != 0 || d.DueAt.IsZero() {
		t.Errorf("nobody will find delivery %+v", d)
	}
}

func TestADeliveryThatIsJustFinishedIsNotCancelled(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	s := db.open(t)
	account := webhook.Account{ID: id.New(), CreatedAt: time.Now(), UpdatedAt: time.Now()}
	if err := s.CreateAccount(t.Context(), &account, nil); err != nil {
		t.Fatal(err)
	}
	f := newFiller(t, s)
	e := webhook.Endpoint{ID: f.endpoint, AccountID: account.ID, Service: webhook.ServiceHTTP, Enabled: true, CreatedAt: time.Now(), UpdatedAt: time.Now()}
	e.ID[15] = 0
	if err := s.CreateEndpoint(t.Context(), &e, nil, nil); err != nil {
		t.Fatal(err)
	}
	in := f.intake(1, time.Now())
	commit(t, s, in)

	slow, err := pgx.Connect(t.Context(), db.url)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close(context.Background())
	tx, err := slow.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `UPDATE deliveries SET status = 1, due_at = NULL, attempts = 1`); err != nil {
		t.Fatal(err)
	}
	deleted := make(chan error, 1)
	go func() { deleted <- s.DeleteEndpoint(t.Context(), e.ID, time.Now()) }()
	db.blocked(t, 1)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-deleted; err != nil {
		t.Fatal(err)
	}
	if d := first(t, s, in); d.Status != webhook.Delivered {
		t.Errorf("the delivery is %v", d.Status)
	}
}

// Several processes claim one order at the same time: whoever has a part of it
// must be the only one, and the parts must come in order.
func TestAnOrderHasOneSenderAmongSeveralNodes(t *testing.T) {
	t.Parallel()
	const nodes, events = 3, 60
	db := newDatabase(t)
	stores := make([]*Store, nodes)
	numbers := make([]int64, nodes)
	for i := range stores {
		stores[i] = db.open(t)
		n, err := stores[i].RegisterNode(t.Context(), "node", id.ID{}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		numbers[i] = n
	}
	f := newFiller(t, stores[0])
	start := time.Now().Add(-time.Hour)
	var b store.Batch
	for i := range events {
		b.Intake = append(b.Intake, f.intake(1, start.Add(time.Duration(i)*time.Second)))
	}
	if err := stores[0].Commit(t.Context(), &b); err != nil {
		t.Fatal(err)
	}

	want := store.Want{EndpointID: f.endpoint, Max: 4, Ordered: true}
	want.EndpointID[15] = 0
	var senders, done atomic.Int32
	var last id.ID // guarded by there being one sender
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for i, s := range stores {
		all.Go(func() {
			for done.Load() < events && ctx.Err() == nil {
				got, err := s.Claim(ctx, store.ClaimQuery{Node: numbers[i], Live: numbers, Now: time.Now(), Wants: []store.Want{want}})
				if err != nil {
					t.Error(err)
					return
				}
				if len(got[0].Items) == 0 {
					continue
				}
				if senders.Add(1) != 1 {
					t.Error("an order has two senders")
				}
				var b store.Batch
				for _, item := range got[0].Items {
					if item.Event.ID.Compare(last) <= 0 {
						t.Errorf("%s came after %s", item.Event.ID, last)
					}
					last = item.Event.ID
					b.Results = append(b.Results, f.result(item.Delivery))
				}
				senders.Add(-1)
				if err := s.Commit(ctx, &b); err != nil {
					t.Error(err)
					return
				}
				done.Add(int32(len(b.Results)))
			}
		})
	}
	all.Wait()
	if done.Load() != events {
		t.Errorf("%d of %d were claimed", done.Load(), events)
	}
}

// What was answered on one node comes before what is accepted on another later, although
// that one's clock may be behind.
func TestOrderDoesNotHangOnTheNodesClocks(t *testing.T) {
	t.Parallel()
	s := newDatabase(t).open(t)
	f := newFiller(t, s)
	now := time.Now()
	var want []id.ID
	for i := range 5 {
		in := f.intake(1, now.Add(-time.Duration(i)*time.Minute))
		in.Accepted[0].Ordered = []int32{0}
		commit(t, s, in)
		want = append(want, in.Accepted[0].Event.ID)
	}
	w := store.Want{EndpointID: f.endpoint, Max: 10, Ordered: true}
	w.EndpointID[15] = 0
	got, err := s.Claim(t.Context(), store.ClaimQuery{Node: f.node, Live: []int64{f.node}, Now: now, Wants: []store.Want{w}})
	if err != nil {
		t.Fatal(err)
	}
	var order []id.ID
	for _, item := range got[0].Items {
		order = append(order, item.Event.ID)
	}
	if !slices.Equal(order, want) {
		t.Errorf("claimed in the order %v, want %v", order, want)
	}
}

func TestTheOrderOfWhatIsToldDoesNotHangOnTheNodesClocks(t *testing.T) {
	t.Parallel()
	s := newDatabase(t).open(t)
	f := newFiller(t, s)
	now := time.Now()
	e := webhook.Endpoint{ID: id.New(), AccountID: id.New(), Service: webhook.ServiceHTTP, Enabled: true, CreatedAt: now, UpdatedAt: now}
	if err := s.CreateEndpoint(t.Context(), &e, nil, nil); err != nil {
		t.Fatal(err)
	}
	var want []id.ID
	for i := range 3 {
		told := f.intake(1, now.Add(-time.Duration(i)*time.Minute)).Accepted[0]
		told.Ordered = []int32{0}
		want = append(want, told.Event.ID)
		if _, err := s.UpdateEndpoint(t.Context(), e.ID, func(edit *store.EndpointEdit) error {
			edit.Tell = store.Told{told}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	w := store.Want{EndpointID: f.endpoint, Max: 10, Ordered: true}
	w.EndpointID[15] = 0
	got, err := s.Claim(t.Context(), store.ClaimQuery{Node: f.node, Live: []int64{f.node}, Now: now, Wants: []store.Want{w}})
	if err != nil {
		t.Fatal(err)
	}
	var order []id.ID
	for _, item := range got[0].Items {
		order = append(order, item.Event.ID)
	}
	if !slices.Equal(order, want) {
		t.Errorf("claimed in the order %v, want %v", order, want)
	}
}
