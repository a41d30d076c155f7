package storetest

import (
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

func subscriptionTests() []test {
	return []test{
		{"a subscription comes back as it was stored", subscriptionRoundTrip},
		{"a subscription needs an endpoint that exists", subscriptionWithoutEndpoint},
		{"subscriptions are listed in pages", subscriptionPages},
		{"subscriptions of several endpoints come ordered by id", subscriptionsOfSeveral},
		{"a deleted subscription is gone and its pending deliveries are cancelled", subscriptionDelete},
	}
}

func subscriptionRoundTrip(w *world) {
	t := w.target()
	e := w.readEndpoint(t.endpoint)
	full, bare := w.fullSubscription(e), w.subscription(e)
	bare.Enabled = false
	w.must(w.s.CreateSubscription(w.ctx, &full))
	w.must(w.s.CreateSubscription(w.ctx, &bare))
	w.same(must(w.s.Subscription(w.ctx, full.ID))(w), full)
	w.same(must(w.s.Subscription(w.ctx, bare.ID))(w), bare)
}

func subscriptionWithoutEndpoint(w *world) {
	t := w.target()
	e := w.readEndpoint(t.endpoint)
	w.must(w.s.DeleteEndpoint(w.ctx, t.endpoint, w.now))
	late, nowhere := w.subscription(e), w.subscription(w.endpoint(t.account))
	w.fails(w.s.CreateSubscription(w.ctx, &late), webhook.CodeNotFound, "")
	w.fails(w.s.CreateSubscription(w.ctx, &nowhere), webhook.CodeNotFound, "")
	missing(w.s.Subscription(w.ctx, late.ID))(w)
	w.fails(w.s.DeleteSubscription(w.ctx, w.id(), w.now), webhook.CodeNotFound, "")
}

func subscriptionPages(w *world) {
	t, u := w.target(), w.target()
	second := w.targetOf(t.account)
	want := []id.ID{t.subscription, second.subscription}
	for range 4 {
		for _, endpoint := range []id.ID{t.endpoint, u.endpoint} {
			sub := w.subscription(w.readEndpoint(endpoint))
			w.must(w.s.CreateSubscription(w.ctx, &sub))
			if endpoint == t.endpoint {
				want = append(want, sub.ID)
			}
		}
	}
	key := func(s webhook.Subscription) id.ID { return s.ID }
	list := func(p webhook.Page) (webhook.Slice[webhook.Subscription], error) {
		return w.s.Subscriptions(w.ctx, t.account, p)
	}
	pages(w, want, key, list)
	w.must(w.s.DeleteSubscription(w.ctx, want[2], w.now))
	pages(w, append(want[:2:2], want[3:]...), key, list)
}

func subscriptionsOfSeveral(w *world) {
	t, u, v := w.target(), w.target(), w.target()
	late := w.subscription(w.readEndpoint(t.endpoint))
	w.must(w.s.CreateSubscription(w.ctx, &late))
	var got []id.ID
	for _, sub := range must(w.s.SubscriptionsOf(w.ctx, v.endpoint, t.endpoint))(w) {
		got = append(got, sub.ID)
	}
	w.same(got, []id.ID{t.subscription, v.subscription, late.ID})
	w.same(len(must(w.s.SubscriptionsOf(w.ctx, u.endpoint))(w)), 1)
}

func subscriptionDelete(w *world) {
	t := w.target()
	second := w.subscription(w.readEndpoint(t.endpoint))
	w.must(w.s.CreateSubscription(w.ctx, &second))
	u := target{account: t.account, endpoint: t.endpoint, subscription: second.ID}
	held, waiting := w.held(w.node(), t, u), w.waiting(w.now, t, u)
	w.accept(held, waiting)
	w.must(w.s.DeleteSubscription(w.ctx, t.subscription, w.now))

	missing(w.s.Subscription(w.ctx, t.subscription))(w)
	w.fails(w.s.DeleteSubscription(w.ctx, t.subscription, w.now), webhook.CodeNotFound, "")
	w.same(must(w.s.SubscriptionsOf(w.ctx, t.endpoint))(w), []webhook.Subscription{second})
	gone := func(d webhook.Delivery) bool { return d.SubscriptionID == t.subscription }
	w.left(held, gone)
	w.left(waiting, gone)
	w.same(must(w.s.PendingCount(w.ctx))(w), int64(1))
}
