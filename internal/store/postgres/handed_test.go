package postgres

import (
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// handed is an intake of which a node holds the first delivery and another one is handed the others.
func handed(f *filler, fan int, to int64) *store.Intake {
	in := f.intake(fan, time.Time{})
	a := &in.Accepted[0]
	for n := 1; n < fan; n++ {
		a.Deliveries[n].Node = to
		a.Handed = append(a.Handed, int32(n))
	}
	return in
}

func TestANodeTakesOnceWhatItWasHandedAndItsMarkGoesBack(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	theirs, ours := db.open(t), db.open(t)
	f := newFiller(t, theirs)
	in := []*store.Intake{handed(f, 3, 0), handed(f, 3, 0), f.intake(2, time.Time{})}
	node := register(t, ours)
	for _, in := range in {
		for _, n := range in.Accepted[0].Handed {
			in.Accepted[0].Deliveries[n].Node = node
		}
	}
	commit(t, theirs, in...)
	late := f.ids.New() // above all of them
	if err := ours.Beat(t.Context(), node, late, store.NodeState{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	take := func(events, want int) []store.ClaimedDelivery {
		t.Helper()
		got, err := ours.TakeHanded(t.Context(), node, events)
		if err != nil || len(got) != want {
			t.Fatalf("took %d, want %d: %v", len(got), want, err)
		}
		return got
	}
	got := take(1, 2)
	first := in[0].Accepted[0].Event
	for i, h := range got {
		if h.Delivery != in[0].Accepted[0].Deliveries[i+1] ||
			h.Event != got[0].Event || string(h.Event.Payload) != string(first.Payload) {
			t.Errorf("took %+v of %+v", h.Delivery, h.Event)
		}
	}
	take(10, 2)
	take(10, 0)
	nodes, err := ours.Nodes(t.Context())
	if err != nil || nodes[1].Number != node || nodes[1].Mark != first.ID {
		t.Errorf("marks are %+v: %v", nodes, err)
	}
	// What it took is found behind its mark, when it dies.
	if n, err := theirs.Reclaim(t.Context(), dead(t, theirs, f.node), time.Now()); n != 4 || err != nil {
		t.Errorf("reclaimed %d: %v", n, err)
	}
	if _, err := ours.TakeHanded(t.Context(), node, 1); webhook.CodeOf(err) != webhook.CodeNotFound {
		t.Errorf("a dead node takes: %v", err)
	}
}

func TestWhatANodeNeverTookGoesToTheBacklogWhenItIsGone(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, s *Store, node, other int64){
		"dead": func(t *testing.T, s *Store, _, other int64) {
			if n, err := s.Reclaim(t.Context(), dead(t, s, other), time.Now()); n != 2 || err != nil {
				t.Errorf("reclaimed %d: %v", n, err)
			}
		},
		"removed": func(t *testing.T, s *Store, node, _ int64) {
			if err := s.RemoveNode(t.Context(), node); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := newDatabase(t)
			s := db.open(t)
			f := newFiller(t, s)
			node := register(t, s)
			commit(t, s, handed(f, 3, node))
			if err := s.Beat(t.Context(), node, f.ids.New(), store.NodeState{}, time.Now()); err != nil {
				t.Fatal(err)
			}
			end(t, s, node, f.node)
			commit(t, s, handed(f, 3, node)) // who accepts does not know yet
			if n, err := s.PendingCount(t.Context()); n != 4 || err != nil {
				t.Errorf("%d are in the backlog: %v", n, err)
			}
			var notes int
			db.scan(t, `SELECT count(*) FROM handed`, nil, &notes)
			if notes != 0 {
				t.Errorf("%d notes are left for nobody", notes)
			}
		})
	}
}
