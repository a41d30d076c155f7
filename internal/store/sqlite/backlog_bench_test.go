//go:build unix

package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// BenchmarkBacklog is what a backlog of 1,000,000 deliveries to 100 endpoints costs.
func BenchmarkBacklog(b *testing.B) {
	ctx := b.Context()
	s := openAt(b, filepath.Join(b.TempDir(), "bench.db"))
	l := newLife(10, 100)
	due := time.Now().Add(-time.Hour)
	for range 100 {
		batch := l.next(1000)
		batch.Results = nil
		for _, in := range batch.Intake {
			for n := range in.Accepted[0].Deliveries {
				d := &in.Accepted[0].Deliveries[n]
				d.Node, d.DueAt = 0, due
			}
		}
		if err := s.Commit(ctx, batch); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("Backlog", func(b *testing.B) {
		for b.Loop() {
			got, err := s.Backlog(ctx, []int64{1})
			if err != nil || len(got) != 100 {
				b.Fatal(len(got), err)
			}
		}
	})
	b.Run("PendingCount", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.PendingCount(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Events", func(b *testing.B) {
		q := store.EventQuery{AccountID: l.account, Page: webhook.Page{Limit: 50}}
		for b.Loop() {
			if _, err := s.Events(ctx, q); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, lanes := range []int{1, 64} {
		b.Run(fmt.Sprintf("Claim/lanes=%d", lanes), func(b *testing.B) {
			n := 0
			for b.Loop() {
				q := store.ClaimQuery{Node: 1, Live: []int64{1}, Now: time.Now()}
				for i := range lanes {
					q.Wants = append(q.Wants, store.Want{EndpointID: l.endpoints[i], Max: 64})
				}
				got, err := s.Claim(ctx, q)
				if err != nil {
					b.Fatal(err)
				}
				batch := &store.Batch{}
				for _, c := range got {
					n += len(c.Items)
					for _, it := range c.Items {
						batch.Results = append(batch.Results, finished(it.Delivery))
					}
				}
				b.StopTimer()
				if err := s.Commit(ctx, batch); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
	b.Run("DeleteEndpoint", func(b *testing.B) {
		for b.Loop() { // each has 10,000 deliveries, until they run out
			if len(l.endpoints) == 0 {
				break
			}
			e := webhook.Endpoint{ID: l.endpoints[len(l.endpoints)-1], AccountID: l.account, CreatedAt: due, UpdatedAt: due}
			l.endpoints = l.endpoints[:len(l.endpoints)-1]
			if err := s.CreateEndpoint(ctx, &e, nil, nil); err != nil {
				b.Fatal(err)
			}
			if err := s.DeleteEndpoint(ctx, e.ID, time.Now()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("DeleteHistory", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.DeleteHistory(ctx, time.Now(), 100); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func finished(d webhook.Delivery) store.Result {
	d.Status, d.Attempts, d.Node, d.DueAt = webhook.Delivered, 1, 0, time.Time{}
	return store.Result{Attempt: webhook.Attempt{
		ID: id.New(), Delivery: d.DeliveryID, AccountID: d.AccountID, EndpointID: d.EndpointID, Number: 1, StartedAt: time.Now(),
	}, Delivery: d}
}
