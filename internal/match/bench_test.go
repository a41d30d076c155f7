package match_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/match"
	"github.com/switchhook/switchhook/internal/webhook"
)

// many is how many subscriptions each benchmark holds.
const many = 200_000

// shape is a way in which many subscriptions may be spread.
type shape struct {
	name  string
	sub   func(i int) match.Sub // the filter and account of the one with number i
	event func(i int) *webhook.Event
	path  []id.ID
	want  int // subscriptions an event meets
}

// number makes an id that sorts by kind, then by i.
func number(kind byte, i int) id.ID {
	return id.ID{0: kind, 12: byte(i >> 24), 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}
}

func tenantOf(i int) string { return fmt.Sprintf("tenant-%d", i) }

func shapes() []shape {
	one := number('a', 1)
	path := []id.ID{number('p', 0), number('p', 1), number('p', 2), number('p', 3)}
	sub := func(account id.ID, f webhook.Filter) match.Sub { return match.Sub{AccountID: account, Filter: f} }
	event := func(account id.ID, eventType string) *webhook.Event {
		return &webhook.Event{AccountID: account, Type: eventType, Payload: []byte(`{"data":{"amount":7}}`)}
	}
	return []shape{
		{
			name:  "an account each",
			sub:   func(i int) match.Sub { return sub(number('a', i), webhook.Filter{Types: []string{"order.created"}}) },
			event: func(i int) *webhook.Event { return event(number('a', i), "order.created") },
			want:  1,
		},
		{
			name: "a type each",
			sub: func(i int) match.Sub {
				return sub(one, webhook.Filter{Types: []string{fmt.Sprintf("order.%d.created", i)}})
			},
			event: func(i int) *webhook.Event { return event(one, fmt.Sprintf("order.%d.created", i)) },
			want:  1,
		},
		{
			name: "a prefix each",
			sub: func(i int) match.Sub {
				return sub(one, webhook.Filter{Types: []string{fmt.Sprintf("order.%06d.*", i)}})
			},
			event: func(i int) *webhook.Event { return event(one, fmt.Sprintf("order.%06d.created", i)) },
			want:  1,
		},
		{
			name: "an attribute value each",
			sub: func(i int) match.Sub {
				return sub(one, webhook.Filter{Types: []string{"call.ended"}, Attributes: map[string]string{"origin": "pbx", "tenant": tenantOf(i)}})
			},
			event: func(i int) *webhook.Event {
				e := event(one, "call.ended")
				e.Attributes = map[string]string{"origin": "pbx", "tenant": tenantOf(i), "user": "u", "name": "call.ended"}
				return e
			},
			want: 1,
		},
		{
			name: "a channel each",
			sub:  func(i int) match.Sub { return sub(one, webhook.Filter{Channels: []string{tenantOf(i)}}) },
			event: func(i int) *webhook.Event {
				e := event(one, "call.ended")
				e.Channels = []string{tenantOf(i)}
				return e
			},
			want: 1,
		},
		{
			name: "ancestors with a type each",
			sub: func(i int) match.Sub {
				return sub(path[i%4], webhook.Filter{Types: []string{fmt.Sprintf("order.%d.created", i/4)}, Scope: webhook.ScopeDescendants})
			},
			event: func(i int) *webhook.Event { return event(number('a', i), fmt.Sprintf("order.%d.created", i/4)) },
			path:  path,
			want:  4,
		},
		{
			name: "ancestors with an attribute value each, and with their own",
			sub: func(i int) match.Sub {
				f := webhook.Filter{Attributes: map[string]string{"tenant": tenantOf(i / 8)}, Scope: webhook.ScopeDescendants}
				if i%2 == 0 {
					f = webhook.Filter{} // not for accounts below it
				}
				return sub(path[i/2%4], f)
			},
			event: func(i int) *webhook.Event {
				e := event(number('a', i), "call.ended")
				e.Attributes = map[string]string{"tenant": tenantOf(i / 8)}
				return e
			},
			path: path,
			want: 4,
		},
		{
			name: "one in 200 wants it",
			sub: func(i int) match.Sub {
				return sub(one, webhook.Filter{Types: []string{fmt.Sprintf("order.%d", i%200)}})
			},
			event: func(i int) *webhook.Event { return event(one, fmt.Sprintf("order.%d", i%200)) },
			want:  many / 200,
		},
		{
			name: "a condition on the payload each, 1000 of a type",
			sub: func(i int) match.Sub {
				return sub(one, webhook.Filter{
					Types:   []string{fmt.Sprintf("order.%d", i%200)},
					Payload: []webhook.Condition{{Path: "data.amount", Op: webhook.OpEqual, Value: float64(i / 200)}},
				})
			},
			event: func(i int) *webhook.Event { return event(one, fmt.Sprintf("order.%d", i%200)) },
			want:  1,
		},
		{
			name:  "everyone wants it",
			sub:   func(int) match.Sub { return sub(one, webhook.Filter{}) },
			event: func(int) *webhook.Event { return event(one, "order.created") },
			want:  many,
		},
	}
}

// fill returns an index with all subscriptions of the shape.
func fill(s shape) *match.Index {
	x := match.NewIndex()
	for i := range many {
		x.Put(numbered(s, i))
	}
	return x
}

func numbered(s shape, i int) match.Sub {
	one := s.sub(i)
	one.ID = number('s', i)
	return one
}

func BenchmarkAppend(b *testing.B) {
	for _, s := range shapes() {
		b.Run(s.name, func(b *testing.B) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			x := fill(s)
			runtime.GC()
			runtime.ReadMemStats(&after)
			events := make([]*webhook.Event, 1024)
			for i := range events {
				events[i] = s.event(i * 7919 % many)
			}
			var dst []*match.Sub
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				dst = x.Append(dst[:0], events[i%len(events)], s.path)
				i++
			}
			if len(dst) != s.want {
				b.Fatalf("%d subscriptions, want %d", len(dst), s.want)
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/many, "heap-B/sub")
		})
	}
}

func BenchmarkPut(b *testing.B) {
	for _, s := range shapes() {
		b.Run(s.name, func(b *testing.B) {
			x := fill(s)
			subs := make([]match.Sub, 1024)
			for i := range subs {
				subs[i] = numbered(s, i*7919%many)
			}
			i := 0
			for b.Loop() { // alternately out and in again, all over the order of ids
				x.Remove(subs[i%len(subs)].ID)
				x.Put(subs[i%len(subs)])
				i++
			}
		})
	}
}

func BenchmarkAppendWhileOthersDo(b *testing.B) {
	s := shapes()[0]
	x := fill(s)
	e := s.event(1) // all of them look at one account
	b.RunParallel(func(pb *testing.PB) {
		var dst []*match.Sub
		for pb.Next() {
			dst = x.Append(dst[:0], e, s.path)
		}
	})
}
