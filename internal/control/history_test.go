package control_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestEventsAreFoundListedAndLoseTheirPayload(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	e := w.endpoint(app.ID)
	ev := w.event(app.ID, e)
	got, err := w.c.FindEvent(t.Context(), app.ID, ev.ID, "")
	w.must(err)
	w.same(string(got.Payload), string(ev.Payload))
	_, err = w.c.FindEvent(t.Context(), w.root.ID, ev.ID, "")
	w.fails(err, webhook.CodeNotFound, "")
	_, err = w.c.FindEvent(t.Context(), app.ID, id.ID{}, "")
	w.fails(err, webhook.CodeNotFound, "")
	_, err = w.c.FindEvent(t.Context(), app.ID, id.ID{}, "unknown")
	w.fails(err, webhook.CodeNotFound, "")
	list, err := w.c.Events(t.Context(), control.EventQuery{AccountID: app.ID})
	w.must(err)
	w.same(len(list.Items), 1)
	of, err := w.c.EndpointEvents(t.Context(), e.ID, control.EventQuery{AccountID: app.ID})
	w.must(err)
	w.same(of.Items[0].Delivery.EndpointID, e.ID)

	w.must(w.c.DeletePayload(t.Context(), app.ID, ev.ID))
	got, err = w.c.FindEvent(t.Context(), app.ID, ev.ID, "")
	w.must(err)
	w.same(got.PayloadDeleted, true)
	w.same(len(got.Payload), 0)
	w.same(w.deliveries(ev.ID)[0].Status, webhook.Cancelled)
	w.fails(w.c.DeletePayload(t.Context(), w.root.ID, ev.ID), webhook.CodeNotFound, "")
}

func TestAttemptsAreFoundListedCountedAndLoseTheirResponse(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	e := w.endpoint(app.ID)
	ev := w.event(app.ID, e)
	a := w.attempted(w.deliveries(ev.ID)[0], webhook.Delivered)

	got, err := w.c.FindAttempt(t.Context(), app.ID, ev.ID, a.ID)
	w.must(err)
	w.same(string(got.Outcome.ResponseBody), "thanks")
	_, err = w.c.FindAttempt(t.Context(), w.root.ID, ev.ID, a.ID)
	w.fails(err, webhook.CodeNotFound, "")
	list, err := w.c.Attempts(t.Context(), control.AttemptQuery{AccountID: app.ID, EventID: ev.ID, Outcome: control.OnlyDelivered})
	w.must(err)
	w.same(len(list.Items), 1)

	w.fails(w.c.DeleteResponse(t.Context(), w.root.ID, ev.ID, a.ID), webhook.CodeNotFound, "")
	w.must(w.c.DeleteResponse(t.Context(), app.ID, ev.ID, a.ID))
	got, err = w.c.FindAttempt(t.Context(), app.ID, ev.ID, a.ID)
	w.must(err)
	w.same(got.Outcome.ResponseExpunged, true)

	n, err := w.c.CountAttempts(t.Context(), e.ID, time.Time{}, w.now.Add(time.Second))
	w.must(err)
	w.same(n, control.AttemptCounts{Delivered: 1})
	n, err = w.c.CountAttempts(t.Context(), e.ID, time.Time{}, time.Time{}) // up to now, which is when it started
	w.must(err)
	w.same(n, control.AttemptCounts{})
	_, err = w.c.CountAttempts(t.Context(), e.ID, w.now, w.now.Add(-1))
	w.fails(err, webhook.CodeInvalid, "since")
	_, err = w.c.CountAttempts(t.Context(), e.ID, w.now.Add(-29*24*time.Hour), w.now)
	w.fails(err, webhook.CodeInvalid, "since")
}

func TestDestinationsAreTheAccountsEndpointsDeletedOnesToo(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	var mine []*control.Endpoint
	for range 4 {
		mine = append(mine, w.endpoint(app.ID))
	}
	above := w.endpoint(w.root.ID)
	ev := w.event(app.ID, append(slices.Clone(mine), above)...)
	w.attempted(w.deliveries(ev.ID)[1], webhook.Failed)
	_, err := w.c.Resend(t.Context(), app.ID, ev.ID, mine[1].ID, nil)
	w.must(err)
	w.must(w.c.DeleteEndpoint(t.Context(), mine[2].ID))

	all, err := w.c.Destinations(t.Context(), app.ID, ev.ID, webhook.Page{Ascending: true})
	w.must(err)
	w.same(all.Done, true)
	var got []id.ID
	for _, d := range all.Items {
		got = append(got, d.Endpoint.ID)
	}
	w.same(got, []id.ID{mine[0].ID, mine[1].ID, mine[2].ID, mine[3].ID})
	w.same(all.Items[1].Delivery.Trigger, webhook.Manual)
	w.same(all.Items[2].Delivery.Status, webhook.Cancelled)
	w.same(all.Items[0].Subscriptions, mine[0].Subscriptions)
	w.same(len(all.Items[2].Subscriptions), 0)

	page := func(p webhook.Page) (ids []id.ID, done bool) {
		s, err := w.c.Destinations(t.Context(), app.ID, ev.ID, p)
		w.must(err)
		for _, d := range s.Items {
			ids = append(ids, d.Endpoint.ID)
		}
		return ids, s.Done
	}
	for _, c := range []struct {
		p    webhook.Page
		want []int
		done bool
	}{
		{webhook.Page{Limit: 2}, []int{3, 2}, false},
		{webhook.Page{Limit: 2, After: mine[2].ID}, []int{1, 0}, true},
		{webhook.Page{Limit: 2, After: mine[0].ID, Backward: true}, []int{2, 1}, false},
		{webhook.Page{Limit: 2, After: mine[2].ID, Backward: true}, []int{3}, true},
		{webhook.Page{Limit: 2, After: mine[0].ID, Ascending: true}, []int{1, 2}, false},
		{webhook.Page{Limit: 2, After: mine[3].ID, Ascending: true, Backward: true}, []int{1, 2}, false},
		{webhook.Page{Limit: 4, Ascending: true}, []int{0, 1, 2, 3}, true},
	} {
		var want []id.ID
		for _, i := range c.want {
			want = append(want, mine[i].ID)
		}
		ids, done := page(c.p)
		w.same(ids, want)
		w.same(done, c.done)
	}
}

func TestAResendIsADeliveryOfItsOwn(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	e := w.endpoint(app.ID)
	ev := w.event(app.ID, e)
	w.attempted(w.deliveries(ev.ID)[0], webhook.Failed)
	d, err := w.c.Resend(t.Context(), app.ID, ev.ID, e.ID, nil)
	w.must(err)
	w.same(d.N, int32(1))
	all := w.deliveries(ev.ID)
	w.same(len(all), 2)
	w.same(all[0].Status, webhook.Failed)
	w.same(all[1].Status, webhook.Pending)
	w.same(all[1].Trigger, webhook.Manual)
	w.same(all[1].DueAt, w.now)
	w.same(all[1].SubscriptionID, e.Subscriptions[0].ID)
	w.same(w.kicked, []id.ID{e.ID})
}

func TestAnEventCanBeSentToAnEndpointThatDidNotGetIt(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	ev := w.event(app.ID)
	e := w.endpoint(app.ID)
	_, err := w.c.Resend(t.Context(), app.ID, ev.ID, e.ID, nil)
	w.must(err)
	w.same(len(w.deliveries(ev.ID)), 1)
}

func TestAResendGoesOutForASubscriptionThatIsStillThere(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	e := w.endpoint(app.ID)
	ev := w.event(app.ID, e)
	w.attempted(w.deliveries(ev.ID)[0], webhook.Delivered)
	s, err := w.c.CreateSubscription(t.Context(), webhook.Subscription{EndpointID: e.ID, Enabled: true}, id.ID{})
	w.must(err)
	w.must(w.c.DeleteSubscription(t.Context(), e.Subscriptions[0].ID))
	d, err := w.c.Resend(t.Context(), app.ID, ev.ID, e.ID, nil)
	w.must(err)
	w.same(d.SubscriptionID, s.ID)
	w.must(w.c.DeleteSubscription(t.Context(), s.ID))
	_, err = w.c.Resend(t.Context(), app.ID, ev.ID, e.ID, nil)
	w.fails(err, webhook.CodeConflict, "")
}

func TestResendsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	e, off, above := w.endpoint(app.ID), w.endpoint(app.ID), w.endpoint(w.root.ID)
	ev, empty := w.event(app.ID, e, off, above), w.event(app.ID, e)
	w.must(w.c.DeletePayload(t.Context(), app.ID, empty.ID))
	_, err := w.c.DisableEndpoint(t.Context(), off.ID, webhook.DisabledByGone)
	w.must(err)

	_, err = w.c.Resend(t.Context(), app.ID, ev.ID, off.ID, nil)
	w.fails(err, webhook.CodeConflict, "")
	if !strings.Contains(err.Error(), "gone") {
		t.Errorf("%v does not say why the endpoint is disabled", err)
	}
	_, err = w.c.Resend(t.Context(), app.ID, empty.ID, e.ID, nil)
	w.fails(err, webhook.CodeConflict, "")
	for _, try := range [][2]id.ID{{ev.ID, above.ID}, {ev.ID, id.New()}, {id.New(), e.ID}} {
		_, err = w.c.Resend(t.Context(), app.ID, try[0], try[1], nil)
		w.fails(err, webhook.CodeNotFound, "")
	}
	w.same(len(w.kicked), 0)
}

func TestRecoverSendsWhatFailedAndWasNeverDelivered(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	e := w.endpoint(app.ID)
	failed, fine := w.event(app.ID, e), w.event(app.ID, e)
	w.attempted(w.deliveries(failed.ID)[0], webhook.Failed)
	w.attempted(w.deliveries(fine.ID)[0], webhook.Delivered)
	since := w.now.Add(-time.Hour)

	n, err := w.c.Recover(t.Context(), app.ID, e.ID, w.now.Add(time.Second), w.now.Add(time.Minute))
	w.must(err)
	w.same(n, 0)
	w.same(len(w.kicked), 0)
	w.now = w.now.Add(time.Second)
	n, err = w.c.Recover(t.Context(), app.ID, e.ID, since, time.Time{})
	w.must(err)
	w.same(n, 1)
	w.same(len(w.deliveries(failed.ID)), 2)
	w.same(len(w.deliveries(fine.ID)), 1)
	w.same(w.kicked, []id.ID{e.ID})

	_, err = w.c.Recover(t.Context(), app.ID, e.ID, w.now.Add(-15*24*time.Hour), time.Time{})
	w.fails(err, webhook.CodeInvalid, "since")
	_, err = w.c.Recover(t.Context(), app.ID, e.ID, w.now, since)
	w.fails(err, webhook.CodeInvalid, "since")
	_, err = w.c.Recover(t.Context(), w.root.ID, e.ID, since, time.Time{})
	w.fails(err, webhook.CodeNotFound, "")
	_, err = w.c.DisableEndpoint(t.Context(), e.ID, "")
	w.must(err)
	_, err = w.c.Recover(t.Context(), app.ID, e.ID, since, time.Time{})
	w.fails(err, webhook.CodeConflict, "")
}

func TestAnEventIsSentToOneEndpointAlone(t *testing.T) {
	w := newWorld(t, func(o *control.Options) { o.PayloadKept = time.Hour })
	app := w.app()
	e := w.endpoint(app.ID)
	w.endpoint(app.ID)
	ev, err := w.c.SendTo(t.Context(), e.ID, webhook.Event{Type: "example", Payload: []byte(`{}`)})
	w.must(err)
	w.same(ev.AccountID, app.ID)
	w.same(ev.PayloadExpires, w.now.Add(time.Hour))
	all := w.deliveries(ev.ID)
	w.same(len(all), 1)
	w.same(all[0].EndpointID, e.ID)
	w.same(w.kicked, []id.ID{e.ID})
	claimed, err := w.s.Claim(t.Context(), store.ClaimQuery{
		Node: 1, Live: []int64{1}, Now: w.now, Wants: []store.Want{{EndpointID: e.ID, Max: 10}},
	})
	w.must(err)
	w.same(len(claimed[0].Items), 1)

	_, err = w.c.SendTo(t.Context(), id.New(), webhook.Event{Type: "example"})
	w.fails(err, webhook.CodeNotFound, "")
	w.must(w.c.DeleteSubscription(t.Context(), e.Subscriptions[0].ID))
	_, err = w.c.SendTo(t.Context(), e.ID, webhook.Event{Type: "example", Payload: []byte(`{}`)})
	w.fails(err, webhook.CodeConflict, "")
}
