package server

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/testkit"
)

// received returns the numbers that a receiver was told, in bodies {"n": 5}.
func received(t *testing.T, r *testkit.Receiver) map[int]bool {
	t.Helper()
	all := map[int]bool{}
	for _, req := range r.Requests() {
		var body struct{ N int }
		if err := json.Unmarshal(req.Body, &body); err != nil {
			t.Fatalf("%s: %v", req.Body, err)
		}
		all[body.N] = true
	}
	return all
}

func TestNoEventOfAWazoBusIsLostWhileItIsAwayAgainAndAgain(t *testing.T) {
	dir, broker := t.TempDir(), testkit.AMQP(t)
	proxy, url := broker.Behind()
	r := startWazo(t, dir, url, broker)
	receiver := testkit.NewReceiver(t)
	r.await("the bus is up", r.busIs("ok"))
	r.subscribe(receiver.URL(), "user_created")

	const rounds, each = 4, 40
	n := 0
	publish := func(count int) {
		for range count {
			r.happen("user_created", fmt.Sprintf(`{"n": %d}`, n))
			n++
		}
	}
	for round := range rounds {
		publish(each / 2)
		proxy.Cut()
		publish(each / 2)
		r.broker.Publish(r.exchange, "", amqp091.Publishing{Headers: amqp091.Table{"name": "user_created"}, Body: []byte("not JSON")})
		if round == rounds/2 { // and the server goes down meanwhile
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			r.running = start(t, settings(t, dir, r.settings(url)...))
		}
		proxy.Restore()
		r.await("the bus is up", r.busIs("ok"))
	}
	r.await("every event has arrived", func() bool { return len(received(t, receiver)) == n })
	r.await("junk is set aside", func() bool { // twice, where the bus went away before it was told
		return broker.Depth(r.queue) == 0 && broker.Depth(r.queue+".rejected") >= rounds
	})
}

func TestWhatWazoTellsOfUsersIsObeyed(t *testing.T) {
	broker := testkit.AMQP(t)
	r := startWazo(t, t.TempDir(), broker.URL, broker)
	const user = "22222222-2222-4222-8222-222222222222"
	receiver := testkit.NewReceiver(t)
	r.await("the bus is up", r.busIs("ok"))
	r.do("POST", "/subscriptions", `{"name":"watching","service":"http","events":["x"],"config":{"url":"http://h/","method":"get"},"events_user_uuid":"`+user+`"}`, 201)
	r.subscribe(receiver.URL(), "user_deleted")
	tell := func(name, data string) {
		r.broker.Publish(r.exchange, "", amqp091.Publishing{
			Headers: amqp091.Table{"name": name, "tenant_uuid": r.master}, Body: []byte(`{"name":"` + name + `","origin_uuid":"o","data":` + data + `}`),
		})
	}
	count := func(want float64) func() bool {
		return func() bool { return r.do("GET", "/subscriptions", "", 200)["total"] == want }
	}
	tell("auth_user_external_auth_added", `{"external_auth_name":"mobile","user_uuid":"`+user+`"}`)
	tell("auth_user_external_auth_added", `{"external_auth_name":"mobile","user_uuid":"`+user+`"}`)
	r.await("the phone has a subscription", count(3))
	if all := r.do("GET", "/subscriptions?search_metadata=mobile:true", "", 200); all["total"] != 1.0 {
		t.Errorf("for the phone there is %v", all)
	}
	tell("user_deleted", `{"uuid":"`+user+`"}`)
	r.await("what was the user's is gone", count(1))
	if got, err := receiver.Wait(1, time.Minute); err != nil || string(got[0].Body) != `{"uuid": "`+user+`"}` {
		t.Errorf("received %+v, %v", got, err)
	}
}

func TestAWazoEventMayComeOverTheNativeAPI(t *testing.T) {
	s := start(t, settings(t, t.TempDir(), "egress.allow=loopback", "dialects.wazo.listen=127.0.0.1:0"))
	r := &wazoRig{t: t, running: s}
	for _, d := range s.Made().Dialects {
		for _, f := range d.Block {
			if d.Dialect == "wazo" && f.Name == "token" {
				r.token = f.Value
			}
		}
	}
	api := s.api(t)
	app, err := api.CreateApp(t.Context(), map[string]any{"name": "Tenant", "uid": "tenant"}, true)
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := id.ParsePrefixed(app.Value.ID, "app_")
	if err != nil {
		t.Fatal(err)
	}
	receiver := testkit.NewReceiver(t)
	r.subscribe(receiver.URLFor("/master"), "user_created")
	r.tenant = tenant.String()
	r.subscribe(receiver.URLFor("/tenant"), "user_created")
	payload := `{"name":"user_created","origin_uuid":"o","data":{"id":  12}}`
	if _, err := api.Send(t.Context(), "tenant", []byte(payload), map[string]any{"eventType": "user_created"}); err != nil {
		t.Fatal(err)
	}
	got, err := receiver.Wait(2, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]bool{}
	for _, req := range got {
		paths[req.Target] = true
		if string(req.Body) != `{"id": 12}` {
			t.Errorf("the body is %s", req.Body)
		}
	}
	if !paths["/master"] || !paths["/tenant"] {
		t.Errorf("received at %v", paths)
	}
}

func TestPhonesOfWazoUsersAreTold(t *testing.T) {
	const (
		master = "10000000-0000-4000-8000-000000000000"
		user   = "22222222-2222-4222-8222-222222222222"
	)
	broker := testkit.AMQP(t)
	a := testkit.NewWazoAuth(t, master)
	a.AddToken("operator", testkit.WazoToken{Tenant: master})
	a.AddUser(user, master, true)
	a.Answer("/users/"+user+"/external/mobile", `{"token":"device"}`)
	a.Answer("/external/mobile/config", `{"fcm_api_key":"push"}`)
	key := filepath.Join(t.TempDir(), "key.yml")
	text := "service_id: " + testkit.WazoServiceID + "\nservice_key: " + testkit.WazoServiceKey + "\n"
	if err := os.WriteFile(key, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := testkit.NewReceiver(t)
	proxy.Script("", testkit.Respond(200, `{"success":1,"failure":0}`))
	host, port := a.Address()
	r := &wazoRig{t: t, broker: broker, token: "operator", exchange: broker.Name("wazo-headers"), queue: broker.Name("queue")}
	broker.Delete("", r.exchange)
	broker.Delete(r.queue, "")
	broker.Delete(r.queue+".rejected", "")
	r.running = start(t, settings(t, t.TempDir(), r.settings(broker.URL,
		"dialects.wazo.auth.host="+host, "dialects.wazo.auth.port="+jsonOf(t, port), "dialects.wazo.auth.key_file="+key,
		"dialects.wazo.mobile_fcm_notification_end_point="+proxy.URLFor("/push"))...))
	r.await("the bus is up", r.busIs("ok"))
	r.await("the master tenant is known", func() bool {
		return r.do("GET", "/status", "", 200)["master_tenant"].(map[string]any)["status"] == "ok"
	})
	tell := func(name, data string) {
		r.broker.Publish(r.exchange, "", amqp091.Publishing{
			Headers: amqp091.Table{"name": name, "tenant_uuid": master, "user_uuid:" + user: true},
			Body:    []byte(`{"name":"` + name + `","origin_uuid":"o","data":` + data + `}`),
		})
	}
	tell("auth_user_external_auth_added", `{"external_auth_name":"mobile","user_uuid":"`+user+`"}`)
	r.await("the phone has a subscription", func() bool { return r.do("GET", "/subscriptions", "", 200)["total"] == 1.0 })
	r.subscribe(testkit.NewReceiver(t).URL(), "user_missed_call") // answered when that is bound
	tell("user_missed_call", `{"caller_id_name":"Zoe","caller_id_number":"1001"}`)
	got, err := proxy.Wait(1, time.Minute)
	if err != nil || got[0].Target != "/push" || got[0].Header.Get("Authorization") != "key=push" || !strings.Contains(string(got[0].Body), `"notification_type":"missedCall"`) {
		t.Fatalf("pushed %+v, %v", got, err)
	}

	r.do("POST", "/mobile/notifications", `{"notification_type":"custom","user_uuid":"`+user+`","title":"T","body":"B","extra":{"a":1}}`, 204)
	r.do("POST", "/mobile/notifications", `{"notification_type":"custom","user_uuid":"`+user+`","title":"T","body":"B"}`, 204)
	got, err = proxy.Wait(3, time.Minute)
	if err != nil || !strings.Contains(string(got[1].Body), `"notification":{"android_channel_id":"io.wazo.songbird","badge":1,"body":"B","title":"T"}`) {
		t.Fatalf("pushed %+v, %v", got, err)
	}
	if all := r.do("GET", "/subscriptions", "", 200); all["total"] != 2.0 {
		t.Errorf("notifications are seen as subscriptions: %v", all)
	}
}
