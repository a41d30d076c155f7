package wazo_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/api/wazo"
	"github.com/switchhook/switchhook/internal/id"
)

// message reads what was published: routing key, headers and body.
func (w *world) message(n int) (key string, headers, body object) {
	w.Helper()
	e := w.bus.wait(w, n+1)[n]
	headers = object{}
	for name, text := range e.Attributes {
		if header, ok := strings.CutPrefix(name, "amqp.header."); ok {
			var v any
			w.must(json.Unmarshal([]byte(text), &v))
			headers[header] = v
		}
	}
	w.must(json.Unmarshal(e.Payload, &body))
	return e.Attributes["amqp.routing_key"], headers, body
}

func TestTheBusIsToldOfChanges(t *testing.T) {
	w := newWorld(t)
	made := w.want(201, "POST", "/subscriptions", body(object{"name": "<&>"}))
	uuid := made["uuid"].(string)
	changed := w.want(200, "PUT", "/subscriptions/"+uuid, body(nil))
	w.want(204, "DELETE", "/subscriptions/"+uuid, nil)
	for i, c := range []struct {
		verb string
		data object
	}{{"created", made}, {"updated", changed}, {"deleted", changed}} {
		key, headers, body := w.message(i)
		w.same(key, "webhookd.subscription."+c.verb)
		if at, err := time.ParseInLocation("2006-01-02T15:04:05.000000", headers["timestamp"].(string), time.Local); err != nil || time.Since(at).Abs() > time.Hour {
			t.Errorf("timestamp is %v", headers["timestamp"])
		}
		w.same(headers, object{
			"name": "webhookd_subscription_" + c.verb, "tenant_uuid": w.master, "origin_uuid": w.master, "user_uuid:*": true,
			"timestamp": headers["timestamp"], "required_access": "event.webhookd_subscription_" + c.verb,
			"required_acl": "events.webhookd.subscription." + c.verb,
		})
		want := maps.Clone(headers)
		want["data"] = c.data
		w.same(body, want)
	}
}

func TestTheBusIsToldLessOfWhatBelongsToUsers(t *testing.T) {
	w := newWorld(t)
	tenant := w.tenant("")
	uuid := w.as(w.tokenOf(tenant, alice)).want(201, "POST", "/users/me/subscriptions", body(nil))["uuid"].(string)
	key, headers, body := w.message(0)
	w.same(key, "webhookd.users."+alice+".subscription.created")
	w.same([]any{headers["name"], headers["user_uuid:"+alice], headers["tenant_uuid"], headers["required_acl"]},
		[]any{"webhookd_user_subscription_created", true, tenant, "events." + key})
	w.same(body["data"], any(object{
		"uuid": uuid, "name": "a hook", "service": "http", "events": []any{"user_created"}, "metadata": object{},
		"config": object{"url": "https://receiver.example/hook", "method": "post"},
	}))
}

func TestChangesAreMadeWhileTheBrokerIsAwayAndToldLater(t *testing.T) {
	w := newWorld(t)
	w.bus.setDown(true)
	var want []string
	for range 5 {
		want = append(want, w.subscribe(nil))
	}
	w.want(204, "DELETE", "/subscriptions/"+want[0], nil)
	w.bus.setDown(false)
	var got []string
	for i := range 6 {
		_, _, body := w.message(i)
		got = append(got, body["data"].(object)["uuid"].(string))
	}
	w.same(got, append(slices.Clone(want), want[0])) // in their order
}

func TestTheBusMayMove(t *testing.T) {
	w := newWorld(t)
	moved, err := wazo.NewOutbox(wazo.OutboxOptions{Control: w.control, Broker: "wazo", Exchange: "elsewhere"})
	w.must(err)
	w.must(moved.Ensure(t.Context()))
	e, err := w.control.FindEndpoint(t.Context(), mustID(t, w.master), id.ID{}, "wazo-outbox")
	w.must(err)
	w.same(string(e.Config), `{"broker":"wazo","exchange":"elsewhere"}`)
}

func TestADeletedUserTakesSubscriptionsAlong(t *testing.T) {
	w := newWorld(t)
	tenant := w.tenant("")
	owned := w.as(w.tokenOf(tenant, alice)).want(201, "POST", "/users/me/subscriptions", body(nil))["uuid"].(string)
	w.subscribe(object{"events_user_uuid": alice})
	kept := w.subscribe(object{"events_user_uuid": bob})
	w.must(w.api.UserDeleted(t.Context(), alice))
	w.must(w.api.UserDeleted(t.Context(), alice))
	w.same(uuids(w.items(w.want(200, "GET", "/subscriptions?recurse=1", nil))), []string{kept})
	_, headers, body := w.message(3)
	if body["data"].(object)["uuid"] != owned && headers["name"] != "webhookd_subscription_deleted" {
		t.Errorf("the bus is not told: %v", body)
	}
	w.bus.wait(t, 5)
}

func TestADeletedTenantTakesItsSubscriptionsAlong(t *testing.T) {
	w := newWorld(t)
	tenant := w.tenant("")
	child := w.tenant(tenant)
	w.subscribe(nil, "Wazo-Tenant", tenant)
	kept := []string{w.subscribe(nil, "Wazo-Tenant", child), w.subscribe(nil)}
	w.must(w.api.TenantDeleted(t.Context(), tenant))
	w.must(w.api.TenantDeleted(t.Context(), tenant))
	w.must(w.api.TenantDeleted(t.Context(), "nonsense"))
	w.must(w.api.TenantDeleted(t.Context(), ""))
	w.same(uuids(w.items(w.want(200, "GET", "/subscriptions?recurse=1", nil))), sorted(kept...))
}

func TestPhonesHaveExactlyOneSubscription(t *testing.T) {
	w := newWorld(t)
	tenant := w.tenant("")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := w.api.MobileAdded(t.Context(), tenant, alice); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	w.must(w.api.MobileAdded(t.Context(), tenant, bob))
	list := func() []object { return w.items(w.want(200, "GET", "/subscriptions", nil, "Wazo-Tenant", tenant)) }
	both := list()
	w.same(len(both), 2)
	first := both[slices.IndexFunc(both, func(o object) bool { return o["owner_user_uuid"] == alice })]
	w.same(first, object{
		"uuid": first["uuid"], "name": "Push notification mobile for user " + tenant + "/" + alice, "service": "mobile", "config": object{},
		"metadata": object{"mobile": "true"}, "owner_user_uuid": alice, "events_user_uuid": alice, "events_wazo_uuid": nil,
		"owner_tenant_uuid": tenant, "events": []any{
			"chatd_user_room_message_created", "call_push_notification", "call_cancel_push_notification",
			"user_voicemail_message_created", "global_voicemail_message_created", "user_missed_call",
		},
	})
	extra := object{"metadata": object{"mobile": "true"}, "owner_user_uuid": alice, "service": "mobile", "config": object{}}
	w.subscribe(extra, "Wazo-Tenant", tenant)
	w.must(w.api.MobileAdded(t.Context(), tenant, alice))
	w.same(uuids(list()), uuids(both))
	w.must(w.api.MobileRemoved(t.Context(), tenant, alice))
	w.must(w.api.MobileRemoved(t.Context(), tenant, alice))
	w.same(len(list()), 1)
}
