package storetest

import (
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func logTests() []test {
	return []test{
		{"attempts are logged in any order, either way", logOrders},
		{"the log is read in windows", logWindows},
		{"the log is bounded by when attempts started", logBounds},
		{"the log has responses and the payloads of events", logContents},
	}
}

// logged commits one event with a delivery to the target and attempts that start a
// minute apart; the one before the last takes longest.
func logged(w *world, t target) []webhook.Attempt {
	w.Helper()
	a := w.waiting(w.now, t)
	w.accept(a)
	d := a.Deliveries[0]
	var all []webhook.Attempt
	for i := range 5 {
		r := w.retried(d, w.ago(time.Hour-time.Duration(i)*time.Minute), w.now)
		switch i {
		case 3:
			r.Attempt.Outcome.Latency = 30 * time.Minute
		case 4:
			r = w.finished(d, r.Attempt.StartedAt, webhook.Failed)
		}
		r.Attempt.Outcome.Extra = []byte(`{"detail": {}}`)
		w.record(r)
		all, d = append(all, r.Attempt), r.Delivery
	}
	// Somebody else's, which nobody asks for.
	other := w.targetOf(t.account)
	b := w.waiting(w.now, other)
	w.accept(b)
	w.record(w.finished(b.Deliveries[0], w.ago(58*time.Minute), webhook.Delivered))
	return all
}

func (w *world) log(q store.LogQuery) (ids []id.ID) {
	w.Helper()
	if q.Window.Limit == 0 {
		q.Window.Limit = 100
	}
	for _, l := range must(w.s.AttemptLog(w.ctx, q))(w) {
		ids = append(ids, l.ID)
	}
	return ids
}

func pick(all []webhook.Attempt, places ...int) (ids []id.ID) {
	for _, i := range places {
		ids = append(ids, all[i].ID)
	}
	return ids
}

func logOrders(w *world) {
	t := w.target()
	all := logged(w, t)
	good := w.waiting(w.now, t)
	w.accept(good)
	r := w.finished(good.Deliveries[0], w.ago(30*time.Minute), webhook.Delivered)
	w.record(r)
	all = append(all, r.Attempt)
	for order, want := range map[store.LogOrder][]id.ID{
		store.ByStart:  pick(all, 0, 1, 2, 3, 4, 5),
		store.ByEnd:    pick(all, 0, 1, 2, 4, 5, 3),
		store.ByStatus: pick(all, 5, 0, 1, 2, 3, 4),
		store.ByNumber: pick(all, 0, 5, 1, 2, 3, 4),
	} {
		q := store.LogQuery{EndpointID: t.endpoint, Order: order}
		w.same(w.log(q), want)
		slices.Reverse(want)
		q.Descending = true
		w.same(w.log(q), want)
	}
}

func logWindows(w *world) {
	t := w.target()
	all := logged(w, t)
	for order, want := range map[store.LogOrder][]id.ID{
		store.ByStart: pick(all, 0, 1, 2, 3, 4),
		store.ByEnd:   pick(all, 0, 1, 2, 4, 3),
	} {
		for start := range 7 {
			for limit := 1; limit < 7; limit++ {
				w.same(w.log(store.LogQuery{EndpointID: t.endpoint, Order: order, Window: store.Window{Start: start, Limit: limit}}),
					want[min(start, 5):min(start+limit, 5)])
			}
		}
	}
	w.same(len(w.log(store.LogQuery{EndpointID: w.id()})), 0)
}

func logBounds(w *world) {
	t := w.target()
	all := logged(w, t)
	for _, order := range []store.LogOrder{store.ByStart, store.ByEnd} {
		q := store.LogQuery{EndpointID: t.endpoint, Order: order, Since: all[2].StartedAt}
		w.same(len(w.log(q)), 3)
		q.Since = q.Since.Add(time.Microsecond)
		w.same(len(w.log(q)), 2)
		q.Since, q.Until = all[0].StartedAt, all[2].StartedAt
		w.same(w.log(q), pick(all, 0, 1))
	}
}

func logContents(w *world) {
	t := w.target()
	all := logged(w, t)
	for _, order := range []store.LogOrder{store.ByStart, store.ByEnd} {
		got := must(w.s.AttemptLog(w.ctx, store.LogQuery{EndpointID: t.endpoint, Order: order, Window: store.Window{Limit: 1}}))(w)
		w.same(got[0].Attempt, all[0])
		w.same(string(got[0].Payload), `{"total": 1}`)
	}
	w.must(w.s.ExpungePayload(w.ctx, t.account, all[0].Delivery.Event, w.now))
	got := must(w.s.AttemptLog(w.ctx, store.LogQuery{EndpointID: t.endpoint, Window: store.Window{Limit: 1}}))(w)
	w.same(string(got[0].Payload), "")
}
