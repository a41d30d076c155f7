package postgres

import (
	"time"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
	"github.com/switchhook/switchhook/internal/webhook"
)

func (w *writer) keys(intake []*store.Intake, n int) {
	r := w.rows(stKeys, 5, 160*n)
	for _, in := range intake {
		if o := in.Once; o != nil {
			r.next()
			r.id(&o.AccountID)
			r.text(o.Key)
			r.bytes(o.Hash[:])
			r.bytes(sqlstore.JoinIDs(store.EventIDs(in.Accepted)))
			r.int64(sqlstore.Micros(o.Expires))
		}
	}
	w.send(stKeys, r.param())
}

func (w *writer) events(intake []*store.Intake, n, payloads int) {
	r := w.rows(stEvents, 11, 220*n+payloads)
	for _, in := range intake {
		for i := range in.Accepted {
			event(r, &in.Accepted[i].Event)
		}
	}
	w.send(stEvents, r.param())
}

func event(r *rows, e *webhook.Event) {
	r.next()
	r.id(&e.ID)
	r.id(&e.AccountID)
	r.textOrNull(e.UID)
	r.text(e.Type)
	r.bytes(e.Payload)
	r.textOrNull(sqlstore.Texts(e.Channels))
	r.textOrNull(sqlstore.Texts(e.Tags))
	r.textOrNull(sqlstore.TextMap(e.Attributes))
	r.intOrNull(sqlstore.StampedMicros(e.CreatedAt, e.ID))
	r.micros(e.DeliverAt)
	r.micros(e.PayloadExpires)
}

func (w *writer) deliveries(intake []*store.Intake, n int) {
	r := w.rows(stDeliveries, 12, 205*n)
	var nodes []int64
	for _, in := range intake {
		for i := range in.Accepted {
			ordered := in.Accepted[i].Ordered
			for k := range in.Accepted[i].Deliveries {
				d := &in.Accepted[i].Deliveries[k]
				last := len(ordered) > 0 && ordered[0] == int32(k)
				if last {
					ordered = ordered[1:]
				}
				delivery(r, d, last)
				if d.Node != 0 && (len(nodes) == 0 || nodes[len(nodes)-1] != d.Node) {
					nodes = append(nodes, d.Node)
				}
			}
		}
	}
	w.send(stDeliveries, r.param(), int8s(nodes), int8(sqlstore.Micros(time.Now())))
}

func delivery(r *rows, d *webhook.Delivery, last bool) {
	r.next()
	r.id(&d.Event)
	r.int32(d.N)
	r.id(&d.AccountID)
	r.id(&d.EndpointID)
	r.id(&d.SubscriptionID)
	r.int16(int16(d.Status))
	r.int16(int16(d.Trigger))
	r.int32(d.Attempts)
	r.micros(d.DueAt)
	r.micros(d.NotBefore)
	r.int64(d.Node)
	r.bool(last)
}

func (w *writer) firings(intake []*store.Intake, n int) {
	r := w.rows(stFirings, 3, 72*n)
	for _, in := range intake {
		for i := range in.Firings {
			f := &in.Firings[i]
			r.next()
			r.int64(sqlstore.Micros(f.At))
			r.id(&f.ID)
			r.id(&f.EventTypeID)
		}
	}
	w.send(stFirings, r.param())
}
