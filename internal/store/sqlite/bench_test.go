//go:build unix

package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// BenchmarkCommit is the life of events of 1 KiB in batches of 64: each
// transaction takes in a batch with its deliveries and the results of the batch
// before, with 400 bytes of headers an attempt.
func BenchmarkCommit(b *testing.B) {
	for _, f := range []int{1, 10} {
		for _, endpoints := range []int{10, 100, 1000} {
			b.Run(fmt.Sprintf("fanout=%d/endpoints=%d", f, endpoints), func(b *testing.B) {
				l := newLife(f, endpoints)
				dir := os.Getenv("BENCH_DIR")
				if dir == "" {
					dir = b.TempDir()
				}
				s := openAt(b, filepath.Join(dir, fmt.Sprintf("bench-%d.db", os.Getpid())))
				events, cpu := 0, cpuTime(b)
				var took []time.Duration
				for b.Loop() {
					batch, begin := l.next(64), time.Now()
					if err := s.Commit(context.Background(), batch); err != nil {
						b.Fatal(err)
					}
					took = append(took, time.Since(begin))
					events += 64
				}
				cpu = cpuTime(b) - cpu
				seconds := b.Elapsed().Seconds()
				b.ReportMetric(float64(events)/seconds, "events/s")
				b.ReportMetric(float64(events*f)/seconds, "deliveries/s")
				b.ReportMetric(float64(cpu.Microseconds())/float64(events), "cpu-us/event")
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us/commit")
				b.ReportMetric(float64(size(b, s.path))/float64(events), "bytes/event")
				b.ReportMetric(float64(size(b, s.path+"-wal"))/(1<<20), "log-MiB")
			})
		}
	}
}

func size(b *testing.B, path string) int64 {
	b.Helper()
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return st.Size()
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// life makes batches.
type life struct {
	fanOut    int
	account   id.ID
	endpoints []id.ID
	subs      []id.ID
	turn      int
	ids       id.Source
	payload   []byte
	headers   []byte
	before    []*store.Intake
}

func newLife(fanOut, endpoints int) *life {
	l := &life{
		fanOut: fanOut, account: id.New(), payload: bytes.Repeat([]byte("x"), 1024),
		headers: bytes.Repeat([]byte("Header: value!\n"), 13),
	}
	for range endpoints {
		l.endpoints = append(l.endpoints, id.New())
		l.subs = append(l.subs, id.New())
	}
	return l
}

func (l *life) next(events int) *store.Batch {
	b := &store.Batch{}
	for _, in := range l.before {
		for i := range in.Accepted[0].Deliveries {
			b.Results = append(b.Results, l.result(in.Accepted[0].Deliveries[i]))
		}
	}
	for range events {
		e := webhook.Event{
			ID: l.ids.New(), AccountID: l.account, Type: "order.paid", Payload: l.payload,
		}
		e.CreatedAt = e.ID.Time()
		a := store.Accepted{Event: e, Deliveries: make([]webhook.Delivery, l.fanOut)}
		for n := range a.Deliveries {
			l.turn++
			at := l.turn % len(l.endpoints)
			a.Deliveries[n] = webhook.Delivery{
				DeliveryID: webhook.DeliveryID{Event: e.ID, N: int32(n)}, AccountID: l.account,
				EndpointID: l.endpoints[at], SubscriptionID: l.subs[at], Node: 1,
			}
		}
		b.Intake = append(b.Intake, &store.Intake{Accepted: []store.Accepted{a}})
	}
	l.before = b.Intake
	return b
}

func (l *life) result(d webhook.Delivery) store.Result {
	d.Status, d.Attempts, d.Node = webhook.Delivered, 1, 0
	a := webhook.Attempt{
		ID: l.ids.New(), Delivery: d.DeliveryID, AccountID: d.AccountID, EndpointID: d.EndpointID, Number: 1,
		URL: "https://receiver.example/hook",
		Outcome: webhook.Outcome{
			StatusCode: 200, Latency: 3 * time.Millisecond, RequestHeaders: l.headers, ResponseHeaders: l.headers,
			ResponseBody: []byte("ok"),
		},
	}
	a.StartedAt = a.ID.Time()
	return store.Result{Attempt: a, Delivery: d}
}
