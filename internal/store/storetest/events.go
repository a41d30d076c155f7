package storetest

import (
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func eventTests() []test {
	return []test{
		{"an event is found by its account alone", eventMissing},
		{"events are listed in pages", eventPages},
		{"events are selected by what they carry", eventFilters},
		{"a filter finds what is rare", eventRare},
		{"payloads are listed only when asked for", eventPayloads},
		{"deliveries of an event come in the order in which they were made", eventDeliveries},
		{"the events of an endpoint are listed with their newest delivery", endpointEvents},
		{"the events of an endpoint are selected by what they carry", endpointEventFilters},
	}
}

func eventID(e webhook.Event) id.ID { return e.ID }

func (w *world) events(q store.EventQuery) listing[webhook.Event] {
	return func(p webhook.Page) (webhook.Slice[webhook.Event], error) {
		q.Page = p
		return w.s.Events(w.ctx, q)
	}
}

func eventMissing(w *world) {
	a, b := w.root(), w.root()
	e := w.event(a.ID, w.now)
	e.UID = "u"
	w.accept(store.Accepted{Event: e})
	w.same(must(w.s.Event(w.ctx, a.ID, e.ID))(w), e)
	missing(w.s.Event(w.ctx, b.ID, e.ID))(w)
	missing(w.s.Event(w.ctx, a.ID, w.id()))(w)
	missing(w.s.EventByUID(w.ctx, b.ID, "u"))(w)
	missing(w.s.EventByUID(w.ctx, a.ID, ""))(w)
	missing(w.s.EventByUID(w.ctx, a.ID, "v"))(w)
	w.same(len(must(w.s.Deliveries(w.ctx, w.id()))(w)), 0)
}

func eventPages(w *world) {
	a, b := w.root(), w.root()
	pages(w, nil, eventID, w.events(store.EventQuery{AccountID: a.ID}))
	var want []id.ID
	for i := range 9 {
		e := w.event(a.ID, w.ago(time.Hour-time.Duration(i/3)*time.Minute)) // several in one moment
		w.accept(store.Accepted{Event: e}, store.Accepted{Event: w.event(b.ID, w.now)})
		want = append(want, e.ID)
	}
	pages(w, want, eventID, w.events(store.EventQuery{AccountID: a.ID}))
}

// varied commits twelve events that differ in everything one can select by, a
// minute apart; the first is an hour old.
func varied(w *world, to target) (all []webhook.Event) {
	w.Helper()
	for i := range 12 {
		e := w.event(to.account, w.ago(time.Hour-time.Duration(i)*time.Minute))
		e.Type = []string{"a", "b", "a.b"}[i%3]
		if i%2 == 0 {
			e.Channels = []string{"first", `quo"ted`, "ünï_%"}
		}
		if i%4 == 0 {
			e.Tags = []string{"tagged", "x"}
			e.Channels = append(e.Channels, "firstborn")
		}
		all = append(all, e)
		w.accept(accepted(e, webhook.Delivery{DueAt: w.now}, []target{to}))
	}
	return all
}

// eventCases are questions about varied events with the places of what they find.
func eventCases(w *world) map[string]struct {
	q    store.EventQuery
	want []int
} {
	type c = struct {
		q    store.EventQuery
		want []int
	}
	at := func(i int) time.Time { return w.ago(time.Hour - time.Duration(i)*time.Minute) }
	return map[string]c{
		"everything":       {store.EventQuery{}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		"a type":           {store.EventQuery{Types: []string{"a"}}, []int{0, 3, 6, 9}},
		"types":            {store.EventQuery{Types: []string{"b", "a.b", "none"}}, []int{1, 2, 4, 5, 7, 8, 10, 11}},
		"an unknown type":  {store.EventQuery{Types: []string{"A"}}, nil},
		"a channel":        {store.EventQuery{Channel: "first"}, []int{0, 2, 4, 6, 8, 10}},
		"an odd channel":   {store.EventQuery{Channel: `quo"ted`}, []int{0, 2, 4, 6, 8, 10}},
		"a rare channel":   {store.EventQuery{Channel: "ünï_%"}, []int{0, 2, 4, 6, 8, 10}},
		"part of a name":   {store.EventQuery{Channel: "firstb"}, nil},
		"a longer channel": {store.EventQuery{Channel: "firstborn"}, []int{0, 4, 8}},
		"a tag":            {store.EventQuery{Tag: "tagged"}, []int{0, 4, 8}},
		"no such tag":      {store.EventQuery{Tag: "first"}, nil},
		"before":           {store.EventQuery{Before: at(2)}, []int{0, 1}},
		"after":            {store.EventQuery{After: at(9)}, []int{9, 10, 11}},
		"between":          {store.EventQuery{After: at(3), Before: at(6)}, []int{3, 4, 5}},
		"long ago":         {store.EventQuery{Before: at(-1)}, nil},
		"all of it":        {store.EventQuery{Types: []string{"a", "a.b"}, Channel: "first", Tag: "x", Before: at(11)}, []int{0, 8}},
	}
}

func eventFilters(w *world) {
	t, other := w.target(), w.target()
	all := varied(w, t)
	varied(w, other)
	for name, c := range eventCases(w) {
		var want []id.ID
		for _, i := range c.want {
			want = append(want, all[i].ID)
		}
		w.Log(name)
		c.q.AccountID = t.account
		pages(w, want, eventID, w.events(c.q))
	}
}

func eventRare(w *world) {
	a := w.root()
	var b store.Batch
	var want []id.ID
	for i := range 1500 {
		e := w.event(a.ID, w.now)
		if i%700 == 3 {
			e.Channels, e.Tags = []string{"rare"}, []string{"rare"}
			want = append(want, e.ID)
		}
		b.Intake = append(b.Intake, intakeOf(nil, store.Accepted{Event: e}))
	}
	w.must(w.s.Commit(w.ctx, &b))
	pages(w, want, eventID, w.events(store.EventQuery{AccountID: a.ID, Channel: "rare"}))
	pages(w, want, eventID, w.events(store.EventQuery{AccountID: a.ID, Tag: "rare"}))
}

func eventPayloads(w *world) {
	a := w.root()
	e := w.fullEvent(a.ID, w.now)
	w.accept(store.Accepted{Event: e})
	list := func(payload bool) webhook.Event {
		return must(w.s.Events(w.ctx, store.EventQuery{AccountID: a.ID, Payload: payload}))(w).Items[0]
	}
	w.same(list(true), e)
	e.Payload = nil
	w.same(list(false), e)
}

func eventDeliveries(w *world) {
	t, u := w.target(), w.target()
	a := w.waiting(w.now, t, u, t)
	w.accept(a)
	more := a.Deliveries[0]
	more.Trigger = webhook.Manual
	w.must(w.s.Redeliver(w.ctx, []*webhook.Delivery{&more}, nil))
	w.same(must(w.s.Deliveries(w.ctx, a.Event.ID))(w), append(a.Deliveries, more))
}

func (w *world) endpointEvents(endpoint id.ID, q store.EventQuery) listing[store.EventDelivery] {
	return func(p webhook.Page) (webhook.Slice[store.EventDelivery], error) {
		q.Page = p
		return w.s.EndpointEvents(w.ctx, endpoint, q)
	}
}

func eventDeliveryID(e store.EventDelivery) id.ID { return e.Event.ID }

func endpointEvents(w *world) {
	t := w.target()
	other := w.targetOf(t.account)
	pages(w, nil, eventDeliveryID, w.endpointEvents(t.endpoint, store.EventQuery{AccountID: t.account}))
	var want []id.ID
	var all []store.Accepted
	for i := range 8 {
		a := w.held(w.node(), other, t, t, other)
		if i%3 == 2 {
			a = w.waiting(w.now, other)
		} else {
			want, all = append(want, a.Event.ID), append(all, a)
		}
		w.accept(a)
	}
	pages(w, want, eventDeliveryID, w.endpointEvents(t.endpoint, store.EventQuery{AccountID: t.account}))

	// The newest delivery says most about it.
	newest := w.finished(all[0].Deliveries[2], w.now, webhook.Failed)
	w.record(newest)
	manual := all[1].Deliveries[1]
	manual.Trigger, manual.Node, manual.DueAt = webhook.Manual, 0, w.in(time.Hour)
	w.must(w.s.Redeliver(w.ctx, []*webhook.Delivery{&manual}, nil))
	got := must(w.s.EndpointEvents(w.ctx, t.endpoint, store.EventQuery{
		AccountID: t.account, Payload: true, Page: webhook.Page{Ascending: true, Limit: 3},
	}))(w)
	w.same(got.Items, []store.EventDelivery{
		{Event: all[0].Event, Delivery: newest.Delivery},
		{Event: all[1].Event, Delivery: manual},
		{Event: all[2].Event, Delivery: all[2].Deliveries[2]},
	})
}

func endpointEventFilters(w *world) {
	t := w.target()
	other := w.targetOf(t.account)
	all := varied(w, t)
	varied(w, other)
	for name, c := range eventCases(w) {
		var want []id.ID
		for _, i := range c.want {
			want = append(want, all[i].ID)
		}
		w.Log(name)
		c.q.AccountID = t.account
		pages(w, want, eventDeliveryID, w.endpointEvents(t.endpoint, c.q))
	}
}
