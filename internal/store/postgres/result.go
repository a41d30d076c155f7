package postgres

import (
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
	"github.com/switchhook/switchhook/internal/webhook"
)

// results updates deliveries and adds attempts.
func (w *writer) results(results []store.Result, returns []webhook.Delivery) {
	if final := settled(results, returns); len(final) > 0 {
		r := w.rows(stUpdates, 8, 130*len(final))
		for _, f := range final {
			d := f.delivery
			r.next()
			r.id(&d.Event)
			r.int32(d.N)
			r.int16(int16(d.Status))
			r.int32(d.Attempts)
			r.micros(d.DueAt)
			r.micros(d.NotBefore)
			r.int64(f.node)
			r.int64(f.holder)
		}
		w.send(stUpdates, r.param())
	}
	w.attempts(results)
}

// change is what becomes of a delivery.
type change struct {
	delivery *webhook.Delivery
	node     int64 // that holds it afterwards
	holder   int64 // that held it before; 0 is whoever
}

// settled folds what one batch says of the same delivery, for a statement takes
// only one row of each: the first result that finishes it counts, or else the
// last; a return comes after the results.
func settled(results []store.Result, returns []webhook.Delivery) []change {
	final := make([]change, 0, len(results)+len(returns))
	if len(results) == 1 && len(returns) == 0 {
		return append(final, resulting(&results[0]))
	}
	place := make(map[webhook.DeliveryID]int, cap(final))
	add := func(c change) {
		i, ok := place[c.delivery.DeliveryID]
		if !ok {
			place[c.delivery.DeliveryID] = len(final)
			final = append(final, c)
		} else if final[i].delivery.Status == webhook.Pending {
			c.holder = final[i].holder
			final[i] = c
		}
	}
	for i := range results {
		add(resulting(&results[i]))
	}
	for i := range returns {
		add(change{&returns[i], 0, returns[i].Node})
	}
	return final
}

func resulting(r *store.Result) change { return change{&r.Delivery, r.Delivery.Node, r.Holder} }

func (w *writer) attempts(results []store.Result) {
	n, size := 0, 0
	for i := range results {
		if a := &results[i].Attempt; !a.ID.IsZero() {
			n++
			o := &a.Outcome
			size += len(a.URL) + len(o.RequestHeaders) + len(o.ResponseHeaders) + len(o.ResponseBody) + len(o.Extra)
		}
	}
	if n == 0 {
		return
	}
	r := w.rows(stAttempts, 21, 320*n+size)
	for i := range results {
		if a := &results[i].Attempt; !a.ID.IsZero() {
			attempt(r, a)
		}
	}
	w.send(stAttempts, r.param())
}

func attempt(r *rows, a *webhook.Attempt) {
	o := &a.Outcome
	r.next()
	r.id(&a.Delivery.Event)
	r.id(&a.ID)
	r.int32(a.Delivery.N)
	r.int32(a.Number)
	r.id(&a.AccountID)
	r.id(&a.EndpointID)
	r.int16(int16(a.Trigger))
	r.text(a.URL)
	r.intOrNull(sqlstore.StampedMicros(a.StartedAt, a.ID))
	r.micros(a.NextAt)
	r.int16(int16(o.Result))
	r.int32(int32(o.StatusCode))
	r.bytes(bytesOrNil(o.Detail))
	r.bool(o.Timeout)
	r.int64(o.RetryAfter.Microseconds())
	r.int64(o.Latency.Microseconds())
	r.bytes(o.RequestHeaders)
	r.bytes(o.ResponseHeaders)
	r.bytes(o.ResponseBody)
	r.bool(o.ResponseExpunged)
	r.bytes(o.Extra)
}

func bytesOrNil(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}
