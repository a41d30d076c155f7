package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/match"
	"github.com/switchhook/switchhook/internal/webhook"
)

// subscriptions is how many the index holds.
const subscriptions = 200_000

// spread is a way in which subscriptions differ, of which an event meets one.
type spread struct {
	name   string
	filter func(i int) webhook.Filter
	event  func(i int) webhook.Event
	owner  func(i int) id.ID // whose subscription and event it is; nil is one account for all
	path   []id.ID           // the accounts above
	max    float64           // µs an event may take; 0 is 5
}

func spreads() []spread {
	return []spread{
		{
			name:   "a type each",
			filter: func(i int) webhook.Filter { return webhook.Filter{Types: []string{eventType(i)}} },
			event:  func(i int) webhook.Event { return webhook.Event{Type: eventType(i)} },
		},
		{
			name: "an attribute each",
			filter: func(i int) webhook.Filter {
				return webhook.Filter{Types: []string{eventType(0)}, Attributes: map[string]string{"tenant": eventType(i)}}
			},
			event: func(i int) webhook.Event {
				return webhook.Event{Type: eventType(0), Attributes: map[string]string{"tenant": eventType(i), "user": "u"}}
			},
		},
		{
			name:   "a channel each",
			filter: func(i int) webhook.Filter { return webhook.Filter{Channels: []string{eventType(i)}} },
			event:  func(i int) webhook.Event { return webhook.Event{Type: eventType(0), Channels: []string{eventType(i)}} },
		},
	}
}

// matching asks the index itself.
func matching(_ context.Context, b *bench, _ string) ([]figure, error) {
	hooks, err := kazooHooks()
	if err != nil {
		return nil, err
	}
	all := append(spreads(), hooks)
	var figures []figure
	for _, s := range all[:either(b, 1, len(all))] {
		ns, err := appendTime(s, either(b, 100*time.Millisecond, time.Second))
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{What: "match, " + s.name, Value: ns / 1000, Unit: "µs", Max: cmp.Or(s.max, 5)})
	}
	runtime.GC() // the index is no burden for what comes next
	return figures, nil
}

// appendTime returns how long one event takes, in nanoseconds.
func appendTime(s spread, d time.Duration) (float64, error) {
	x := match.NewIndex()
	owner, path := s.owner, s.path
	if owner == nil {
		account := id.New()
		owner, path = func(int) id.ID { return account }, []id.ID{id.New()}
	}
	for i := range subscriptions {
		x.Put(match.Sub{ID: id.New(), AccountID: owner(i), Filter: s.filter(i)})
	}
	events := make([]webhook.Event, 1024)
	for i := range events {
		n := i * 7920 % subscriptions // even: see kazooHooks
		events[i] = s.event(n)
		events[i].AccountID = owner(n)
	}
	var dst []*match.Sub
	n := 0
	begin := time.Now()
	for time.Since(begin) < d {
		for i := range events {
			dst = x.Append(dst[:0], &events[i], path)
			if len(dst) != 1 {
				return 0, fmt.Errorf("an event met %d subscriptions, not 1", len(dst))
			}
		}
		n += len(events)
	}
	return float64(time.Since(begin).Nanoseconds()) / float64(n), nil
}
