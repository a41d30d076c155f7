package postgres

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// BenchmarkLife commits events with their deliveries, held fresh, together with
// the results of the batch before: what a delivery costs that is received at the
// first try. One operation is one event.
func BenchmarkLife(b *testing.B) {
	for _, size := range []int{1, 64, 512} {
		for _, fan := range []int{1, 10} {
			for _, writers := range []int{1, 4} {
				b.Run(fmt.Sprintf("batch=%d/fan=%d/writers=%d", size, fan, writers), func(b *testing.B) {
					life(b, size, fan, writers)
				})
			}
		}
	}
}

// filler makes events of 1 KiB for a benchmark.
type filler struct {
	ids                             id.Source
	node                            int64
	account, endpoint, subscription id.ID
	payload                         []byte
}

func newFiller(b testing.TB, s *Store) *filler {
	node, err := s.RegisterNode(b.Context(), "bench", id.ID{}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	return &filler{
		node: node, account: id.New(), endpoint: id.New(), subscription: id.New(), payload: bytes.Repeat([]byte("x"), 1024),
	}
}

func (f *filler) intake(fan int, due time.Time) *store.Intake {
	e := webhook.Event{ID: f.ids.New(), AccountID: f.account, Type: "order.paid", Payload: f.payload}
	e.CreatedAt = e.ID.Time().Truncate(time.Microsecond)
	e.PayloadExpires = e.CreatedAt.Add(90 * 24 * time.Hour)
	a := store.Accepted{Event: e, Deliveries: make([]webhook.Delivery, fan)}
	for n := range a.Deliveries {
		d := &a.Deliveries[n]
		d.Event, d.N, d.AccountID, d.SubscriptionID = e.ID, int32(n), f.account, f.subscription
		d.EndpointID = f.endpoint
		d.EndpointID[15] = byte(n)
		if d.DueAt = due; due.IsZero() {
			d.Node = f.node
		}
	}
	return &store.Intake{Accepted: []store.Accepted{a}}
}

func (f *filler) result(d webhook.Delivery) store.Result {
	at := f.ids.New()
	r := store.Result{Delivery: d, Attempt: webhook.Attempt{
		ID: at, Delivery: d.DeliveryID, AccountID: d.AccountID, EndpointID: d.EndpointID, Number: 1,
		URL: "https://receiver.example/hook", StartedAt: at.Time().Truncate(time.Microsecond),
		Outcome: webhook.Outcome{StatusCode: 200, Latency: time.Millisecond, ResponseBody: []byte("ok")},
	}}
	r.Delivery.Status, r.Delivery.Attempts, r.Delivery.Node, r.Delivery.DueAt = webhook.Delivered, 1, 0, time.Time{}
	return r
}

func life(b *testing.B, size, fan, writers int) {
	db := newDatabase(b)
	s := db.open(b)
	f := newFiller(b, s)
	db.exec(b, "CHECKPOINT")
	rounds := make(chan struct{}, b.N/size+1)
	for range b.N/size + 1 {
		rounds <- struct{}{}
	}
	close(rounds)
	b.ResetTimer()
	ours, theirs := cpu(b, db)
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			var batch store.Batch
			for range rounds {
				next := store.Batch{Intake: make([]*store.Intake, size)}
				for i := range next.Intake {
					next.Intake[i] = f.intake(fan, time.Time{})
				}
				for _, in := range batch.Intake {
					for _, d := range in.Accepted[0].Deliveries {
						next.Results = append(next.Results, f.result(d))
					}
				}
				if err := s.Commit(b.Context(), &next); err != nil {
					b.Error(err)
					return
				}
				batch = next
			}
		})
	}
	all.Wait()
	b.StopTimer()
	report(b, db, b.N/size*size+size, fan, ours, theirs)
}

func report(b *testing.B, db *database, events, fan int, ours, theirs time.Duration) {
	oursNow, theirsNow := cpu(b, db)
	n := float64(events)
	b.ReportMetric(n/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(n*float64(fan)/b.Elapsed().Seconds(), "deliveries/s")
	b.ReportMetric(float64((oursNow-ours).Nanoseconds())/1000/n, "µs-here/event")
	b.ReportMetric(float64((theirsNow-theirs).Nanoseconds())/1000/n, "µs-server/event")
	b.ReportMetric(0, "ns/op")
	var size float64
	db.scan(b, `SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables WHERE schemaname = $1`, []any{db.name}, &size)
	b.ReportMetric(size/n, "bytes/event")
}

// BenchmarkClaim claims from backlogs and records the results: what a retry costs.
// One operation is one delivery.
func BenchmarkClaim(b *testing.B) {
	for _, most := range []int{1, 64} {
		b.Run(fmt.Sprintf("max=%d", most), func(b *testing.B) { claimed(b, most) })
	}
}

func claimed(b *testing.B, most int) {
	const fan = 10
	db := newDatabase(b)
	s := db.open(b)
	f := newFiller(b, s)
	due := time.Now().Add(-time.Hour)
	for left := b.N/fan + 1; left > 0; left -= 500 {
		var batch store.Batch
		for range min(left, 500) {
			batch.Intake = append(batch.Intake, f.intake(fan, due))
		}
		if err := s.Commit(b.Context(), &batch); err != nil {
			b.Fatal(err)
		}
	}
	q := store.ClaimQuery{Node: f.node, Live: []int64{f.node}, Now: time.Now()}
	for n := range fan {
		w := store.Want{EndpointID: f.endpoint, Max: most, MaxBytes: 1 << 20}
		w.EndpointID[15] = byte(n)
		q.Wants = append(q.Wants, w)
	}
	db.exec(b, "CHECKPOINT")
	b.ResetTimer()
	ours, theirs := cpu(b, db)
	done := 0
	for done < b.N {
		got, err := s.Claim(b.Context(), q)
		if err != nil {
			b.Fatal(err)
		}
		var batch store.Batch
		for _, c := range got {
			for _, item := range c.Items {
				batch.Results = append(batch.Results, f.result(item.Delivery))
			}
		}
		if done += len(batch.Results); len(batch.Results) == 0 {
			b.Fatal("nothing was claimed")
		}
		if err := s.Commit(b.Context(), &batch); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	report(b, db, done, 1, ours, theirs)
}

// cpu returns the CPU time of this process and of the backends that serve it,
// as far as the system tells (Linux, and a server on this machine).
func cpu(b *testing.B, db *database) (ours, theirs time.Duration) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	ours = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	rows, err := db.admin.Query(b.Context(), `SELECT pid FROM pg_stat_activity
		WHERE application_name = $1 OR backend_type IN ('walwriter', 'checkpointer', 'background writer')`, db.name)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var pid int
		if err := rows.Scan(&pid); err != nil {
			b.Fatal(err)
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		for _, ticks := range fields[11:13] { // utime and stime, in hundredths of a second
			v, _ := strconv.ParseInt(ticks, 10, 64)
			theirs += time.Duration(v) * 10 * time.Millisecond
		}
	}
	return ours, theirs
}
