package storetest

import (
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func attemptTests() []test {
	return []test{
		{"attempts of an endpoint and of an event are listed in pages", attemptPages},
		{"attempts of an account are those of all its endpoints", attemptAllOfAccount},
		{"attempts of an endpoint's uid outlive the endpoint", attemptEndpointUID},
		{"attempts are selected by what they came to", attemptOutcomes},
		{"attempts are selected by their events", attemptEvents},
		{"response bodies and headers are listed only when asked for", attemptBodies},
		{"attempts are those of the account that owns the endpoint", attemptAccount},
		{"attempts are counted by what they came to", attemptCounts},
	}
}

func attemptID(a webhook.Attempt) id.ID { return a.ID }

func (w *world) attempts(q store.AttemptQuery) listing[webhook.Attempt] {
	return func(p webhook.Page) (webhook.Slice[webhook.Attempt], error) {
		q.Page = p
		return w.s.Attempts(w.ctx, q)
	}
}

// tried commits one event with a delivery for each target and an attempt of each,
// ten minutes after the event. The outcomes go around.
func tried(w *world, e webhook.Event, i int, to ...target) (all []webhook.Attempt) {
	w.Helper()
	a := accepted(e, webhook.Delivery{DueAt: w.in(time.Hour)}, to)
	w.accept(a)
	at := e.CreatedAt.Add(10 * time.Minute)
	for _, d := range a.Deliveries {
		r := w.retried(d, at, w.in(time.Hour))
		switch i % 4 {
		case 0:
			r = w.finished(d, at, webhook.Delivered)
		case 1:
			r = w.finished(d, at, webhook.Failed)
			r.Attempt.Outcome.Result, r.Attempt.Outcome.StatusCode = webhook.ResultGone, 410
		case 2:
			r.Attempt.Outcome.Result, r.Attempt.Outcome.StatusCode = webhook.ResultThrottled, 503
		case 3:
			r.Attempt.Outcome.StatusCode, r.Attempt.Outcome.Detail = 0, "connection refused"
		}
		w.record(r)
		all = append(all, r.Attempt)
	}
	return all
}

func idsOf(list []webhook.Attempt) (all []id.ID) {
	for _, a := range list {
		all = append(all, a.ID)
	}
	return all
}

func attemptPages(w *world) {
	t, u := w.target(), w.target()
	q := store.AttemptQuery{AccountID: t.account, EndpointID: t.endpoint}
	pages(w, nil, attemptID, w.attempts(q))
	var ofEndpoint, ofEvent []id.ID
	var event id.ID
	for i := range 7 {
		e := w.event(t.account, w.ago(time.Hour-time.Duration(i/3)*time.Minute))
		all := tried(w, e, i, t, u, t, t, t)
		ofEndpoint = append(ofEndpoint, all[0].ID, all[2].ID, all[3].ID, all[4].ID)
		if i == 3 {
			event = e.ID
			ofEvent = []id.ID{all[0].ID, all[2].ID, all[3].ID, all[4].ID}
		}
	}
	pages(w, ofEndpoint, attemptID, w.attempts(q))
	pages(w, ofEvent, attemptID, w.attempts(store.AttemptQuery{AccountID: t.account, EventID: event}))
	pages(w, ofEvent, attemptID, w.attempts(store.AttemptQuery{AccountID: t.account, EventID: event, EndpointID: t.endpoint}))
	pages(w, nil, attemptID, w.attempts(store.AttemptQuery{AccountID: t.account, EventID: event, EndpointID: u.endpoint}))
}

func attemptAllOfAccount(w *world) {
	a := w.root()
	t, u, other := w.targetOf(a.ID), w.targetOf(a.ID), w.target()
	q := store.AttemptQuery{AccountID: a.ID}
	pages(w, nil, attemptID, w.attempts(q))
	var want, delivered []id.ID
	for i := range 9 {
		to := []target{t, other, u}
		if i%3 == 1 {
			to = []target{u, other}
		}
		all := tried(w, w.event(a.ID, w.ago(time.Hour-time.Duration(i)*time.Minute)), i, to...)
		for _, one := range all {
			if one.AccountID != a.ID {
				continue
			}
			want = append(want, one.ID)
			if one.Outcome.Result == webhook.ResultDelivered {
				delivered = append(delivered, one.ID)
			}
		}
	}
	pages(w, want, attemptID, w.attempts(q))
	w.must(w.s.DeleteEndpoint(w.ctx, u.endpoint, w.now))
	pages(w, want, attemptID, w.attempts(q))
	q.Outcome = store.OnlyDelivered
	pages(w, delivered, attemptID, w.attempts(q))
}

func attemptEndpointUID(w *world) {
	a, uid := w.root(), w.name("uid")
	var want []id.ID
	for i := range 3 {
		e := w.endpoint(a.ID)
		e.UID = uid
		sub := w.subscription(e)
		w.must(w.s.CreateEndpoint(w.ctx, &e, []webhook.Subscription{sub}, nil))
		at := w.ago(time.Hour - time.Duration(i)*time.Minute)
		want = append(want, idsOf(tried(w, w.event(a.ID, at), i, target{a.ID, e.ID, sub.ID}, w.targetOf(a.ID))[:1])...)
		w.must(w.s.DeleteEndpoint(w.ctx, e.ID, w.now))
	}
	pages(w, want, attemptID, w.attempts(store.AttemptQuery{AccountID: a.ID, EndpointUID: uid}))
	pages(w, nil, attemptID, w.attempts(store.AttemptQuery{AccountID: a.ID, EndpointUID: uid + "x"}))
	pages(w, nil, attemptID, w.attempts(store.AttemptQuery{AccountID: w.root().ID, EndpointUID: uid}))
}

func attemptOutcomes(w *world) {
	t := w.target()
	var all []id.ID
	for i := range 12 {
		e := w.event(t.account, w.ago(time.Hour-time.Duration(i)*time.Minute))
		all = append(all, idsOf(tried(w, e, i, t))...)
	}
	at := func(i int) time.Time { return w.ago(50*time.Minute - time.Duration(i)*time.Minute) }
	for name, c := range map[string]struct {
		q    store.AttemptQuery
		want []int
	}{
		"any":             {store.AttemptQuery{}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		"delivered":       {store.AttemptQuery{Outcome: store.OnlyDelivered}, []int{0, 4, 8}},
		"failed":          {store.AttemptQuery{Outcome: store.OnlyFailed}, []int{1, 5, 9}},
		"to be retried":   {store.AttemptQuery{Outcome: store.OnlyToBeRetried}, []int{2, 3, 6, 7, 10, 11}},
		"not delivered":   {store.AttemptQuery{Outcome: store.NotDelivered}, []int{1, 2, 3, 5, 6, 7, 9, 10, 11}},
		"no code":         {store.AttemptQuery{CodeClass: store.NoCode}, []int{3, 7, 11}},
		"2xx":             {store.AttemptQuery{CodeClass: 2}, []int{0, 4, 8}},
		"4xx":             {store.AttemptQuery{CodeClass: 4}, []int{1, 5, 9}},
		"5xx":             {store.AttemptQuery{CodeClass: 5}, []int{2, 6, 10}},
		"1xx":             {store.AttemptQuery{CodeClass: 1}, nil},
		"retried 4xx":     {store.AttemptQuery{CodeClass: 4, Outcome: store.OnlyToBeRetried}, nil},
		"before":          {store.AttemptQuery{Before: at(2)}, []int{0, 1}},
		"after":           {store.AttemptQuery{After: at(9)}, []int{9, 10, 11}},
		"failed, between": {store.AttemptQuery{After: at(1), Before: at(9), Outcome: store.OnlyFailed}, []int{1, 5}},
	} {
		var want []id.ID
		for _, i := range c.want {
			want = append(want, all[i])
		}
		w.Log(name)
		c.q.AccountID, c.q.EndpointID = t.account, t.endpoint
		pages(w, want, attemptID, w.attempts(c.q))
	}
}

func attemptEvents(w *world) {
	t := w.target()
	var all []id.ID
	for i := range 8 {
		e := w.event(t.account, w.ago(time.Hour-time.Duration(i)*time.Minute))
		e.Type = []string{"a", "b"}[i%2]
		if i%4 == 3 {
			e.Channels, e.Tags = []string{"c", `quo"ted`}, []string{"t"}
		}
		all = append(all, idsOf(tried(w, e, i, t))...)
	}
	for _, c := range []struct {
		q    store.AttemptQuery
		want []id.ID
	}{
		{store.AttemptQuery{Types: []string{"a"}}, []id.ID{all[0], all[2], all[4], all[6]}},
		{store.AttemptQuery{Types: []string{"x", "b"}}, []id.ID{all[1], all[3], all[5], all[7]}},
		{store.AttemptQuery{Types: []string{"x"}}, nil},
		{store.AttemptQuery{Channel: "c"}, []id.ID{all[3], all[7]}},
		{store.AttemptQuery{Channel: `quo"ted`, Tag: "t"}, []id.ID{all[3], all[7]}},
		{store.AttemptQuery{Tag: "c"}, nil},
		{store.AttemptQuery{Tag: "t", Types: []string{"a"}}, nil},
	} {
		c.q.AccountID, c.q.EndpointID = t.account, t.endpoint
		pages(w, c.want, attemptID, w.attempts(c.q))
	}
}

func attemptBodies(w *world) {
	t := w.target()
	held := w.held(w.node(), t)
	w.accept(held)
	r := store.Result{Attempt: w.fullAttempt(held.Deliveries[0], w.now), Delivery: held.Deliveries[0]}
	r.Delivery.DueAt, r.Delivery.Node = w.now, 0
	w.record(r)
	q := store.AttemptQuery{AccountID: t.account, EndpointID: t.endpoint}
	got := must(w.s.Attempts(w.ctx, q))(w).Items[0]
	w.same([]any{len(got.Outcome.ResponseBody), len(got.Outcome.ResponseHeaders)}, []any{0, 0})
	want := r.Attempt
	want.Outcome.ResponseBody, want.Outcome.ResponseHeaders = nil, nil
	got.Outcome.RequestHeaders, want.Outcome.RequestHeaders = nil, nil
	got.Outcome.Extra, want.Outcome.Extra = nil, nil
	w.same(got, want)
	q.Bodies = true
	w.same(must(w.s.Attempts(w.ctx, q))(w).Items[0], r.Attempt)
}

func attemptAccount(w *world) {
	parent := w.root()
	child := w.account(parent)
	above, own := w.targetOf(parent.ID), w.targetOf(child.ID)
	e := w.event(child.ID, w.ago(time.Hour))
	all := tried(w, e, 0, above, own)
	for i, account := range []id.ID{parent.ID, child.ID} {
		q := store.AttemptQuery{AccountID: account, EventID: e.ID}
		pages(w, []id.ID{all[i].ID}, attemptID, w.attempts(q))
	}
	q := store.AttemptQuery{AccountID: child.ID, EndpointID: above.endpoint}
	pages(w, nil, attemptID, w.attempts(q))
}

func attemptCounts(w *world) {
	t, u := w.target(), w.target()
	since, until := w.ago(2*time.Hour), w.in(time.Hour)
	count := func() store.AttemptCounts { return must(w.s.AttemptCounts(w.ctx, t.endpoint, since, until))(w) }
	w.same(count(), store.AttemptCounts{})
	for i := range 10 {
		tried(w, w.event(t.account, w.ago(time.Hour-time.Duration(i)*time.Minute)), i, t, u)
	}
	w.accept(w.waiting(w.now, t), w.waiting(w.now, t, u), w.waiting(w.in(time.Hour), u))
	w.same(count(), store.AttemptCounts{Delivered: 3, Failed: 3, Retrying: 4, Pending: 2})

	// Attempts came ten minutes after their events.
	since, until = w.ago(48*time.Minute), w.ago(44*time.Minute)
	got := count()
	got.Pending = 0
	w.same(got, store.AttemptCounts{Retrying: 2, Delivered: 1, Failed: 1})
}
