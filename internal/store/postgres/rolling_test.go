package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// While nodes are upgraded one after the other, the newer release's migrations are
// applied under the older ones. What such a migration may do (see docs/scaling.md) must
// not disturb them, with statements prepared before and after.
func TestNodesOfAnOlderReleaseWorkOnWhatANewerOneAdded(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	s := db.open(t)
	f := newFiller(t, s)
	work(t, s, f)
	names, err := s.TableNames(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, "nodes", "shards", "counters") {
		db.exec(t, `ALTER TABLE `+name+` ADD COLUMN later TEXT, ADD COLUMN counted BIGINT NOT NULL DEFAULT 0`)
		db.exec(t, `CREATE INDEX ON `+name+` (counted)`)
	}
	db.exec(t, `CREATE TABLE later (id UUID PRIMARY KEY)`)
	db.exec(t, `CREATE TYPE new_event_later AS (id UUID, later TEXT)`)
	db.exec(t, `INSERT INTO migrations (version, name, checksum, applied_at) VALUES (999, '0999_later.sql', 'x', 1)`)
	work(t, s, f)
	db.cut(t) // connections are made anew, and prepared anew
	recovers(t, s, f)
	work(t, s, f)

	list, err := Statuses(t.Context(), db.options())
	if last := list[len(list)-1]; err != nil || last.Version != 999 || last.Known || last.AppliedAt.IsZero() {
		t.Errorf("shown as %+v: %v", last, err)
	}
}

// work calls what a running node calls.
func work(t *testing.T, s *Store, f *filler) {
	t.Helper()
	now := time.Now()
	account := webhook.Account{ID: id.New(), CreatedAt: now, UpdatedAt: now}
	e := webhook.Endpoint{ID: id.New(), AccountID: account.ID, Service: webhook.ServiceHTTP, Enabled: true, CreatedAt: now, UpdatedAt: now}
	sub := webhook.Subscription{ID: id.New(), AccountID: account.ID, EndpointID: e.ID, Enabled: true, CreatedAt: now, UpdatedAt: now}
	in := f.intake(1, time.Time{})
	waiting := f.intake(2, now)
	waiting.Once = &store.Once{AccountID: f.account, Key: id.New().String(), Expires: now.Add(time.Hour)}
	var claimed []store.Claimed
	for name, verb := range map[string]func(ctx context.Context) error{
		"account":  func(ctx context.Context) error { return s.CreateAccount(ctx, &account, nil) },
		"endpoint": func(ctx context.Context) error { return s.CreateEndpoint(ctx, &e, []webhook.Subscription{sub}, nil) },
		"commit": func(ctx context.Context) error {
			return s.Commit(ctx, &store.Batch{Intake: []*store.Intake{in, waiting}})
		},
	} {
		if err := verb(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	want := store.Want{EndpointID: f.endpoint, Max: 1}
	want.EndpointID[15] = 0
	for _, step := range []struct {
		name string
		verb func(ctx context.Context) error
	}{
		{"claim", func(ctx context.Context) (err error) {
			claimed, err = s.Claim(ctx, store.ClaimQuery{Node: f.node, Live: []int64{f.node}, Now: time.Now(), Wants: []store.Want{want}})
			return err
		}},
		{"results", func(ctx context.Context) error {
			b := &store.Batch{Results: []store.Result{f.result(in.Accepted[0].Deliveries[0])}}
			for _, item := range claimed[0].Items {
				b.Results = append(b.Results, f.result(item.Delivery))
			}
			b.Health = []store.HealthChange{{Health: webhook.Health{EndpointID: e.ID, Closed: true}, At: now}}
			return s.Commit(ctx, b)
		}},
		{"update", func(ctx context.Context) error {
			_, err := s.UpdateEndpoint(ctx, e.ID, func(x *store.EndpointEdit) error { x.ResetHealth = true; return nil })
			return err
		}},
		{"configured", func(ctx context.Context) error {
			return s.Configured(ctx, func(store.Configured) error { return nil })
		}},
		{"event", func(ctx context.Context) error {
			_, err := s.Event(ctx, f.account, in.Accepted[0].Event.ID)
			return err
		}},
		{"attempts", func(ctx context.Context) error {
			_, err := s.Attempts(ctx, store.AttemptQuery{AccountID: f.account, EventID: in.Accepted[0].Event.ID, Bodies: true})
			return err
		}},
		{"backlog", func(ctx context.Context) error { _, err := s.Backlog(ctx, []int64{f.node}); return err }},
		{"beat", func(ctx context.Context) error { return s.Beat(ctx, f.node, id.ID{}, store.NodeState{}, now) }},
		{"shards", func(ctx context.Context) error { return s.TakeShards(ctx, f.node, []int{1, 2}) }},
		{"delete", func(ctx context.Context) error { return s.DeleteEndpoint(ctx, e.ID, now) }},
	} {
		if err := step.verb(t.Context()); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
	}
}
