package server

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/testkit/rig"
)

// wazoRig is a server with the dialect on a listener of its own, on a bus of its own.
type wazoRig struct {
	*running
	t        *testing.T
	broker   *testkit.Broker
	exchange string
	queue    string
	token    string
	master   string
	tenant   string // of the header Wazo-Tenant; "" is none
}

// wazoSettings are those of a server on an exchange of the test's own; url is the
// broker's.
func (r *wazoRig) settings(url string, set ...string) []string {
	return append([]string{
		"egress.allow=loopback", "dialects.wazo.listen=127.0.0.1:0", "dialects.wazo.amqp_url=" + url,
		"dialects.wazo.exchange_name=" + r.exchange, "dialects.wazo.amqp_queue=" + r.queue,
	}, set...)
}

func startWazo(t *testing.T, dir, url string, broker *testkit.Broker, set ...string) *wazoRig {
	t.Helper()
	r := &wazoRig{t: t, broker: broker, exchange: broker.Name("wazo-headers"), queue: broker.Name("queue")}
	broker.Delete("", r.exchange)
	broker.Delete(r.queue, "")
	broker.Delete(r.queue+".rejected", "")
	r.running = start(t, settings(t, dir, r.settings(url, set...)...))
	for _, d := range r.Made().Dialects {
		if d.Dialect == "wazo" {
			fields := map[string]string{}
			for _, f := range d.Block {
				fields[f.Name] = f.Value
			}
			r.token, r.master = fields["token"], fields["tenant_uuid"]
			if fields["master_token"] != r.token || len(fields) != 3 {
				t.Errorf("the block is %v", fields)
			}
		}
	}
	return r
}

// do makes a request of the dialect's own listener.
func (r *wazoRig) do(method, path, body string, want int) map[string]any {
	r.t.Helper()
	var url string
	for _, f := range r.fronts {
		if f.name == "dialects.wazo.listen" {
			url = f.url()
		}
	}
	headers := []string{"X-Auth-Token", r.token, "Content-Type", "application/json"}
	if r.tenant != "" {
		headers = append(headers, "Wazo-Tenant", r.tenant)
	}
	return rig.Send(r.t, rig.Request(r.t, method, url+"/1.0"+path, body, headers...)).Want(r.t, want).Object(r.t)
}

func (r *wazoRig) subscribe(url, event string) string {
	r.t.Helper()
	return r.do("POST", "/subscriptions", `{"name":"n","service":"http","events":["`+event+`"],"config":{"url":"`+url+`","method":"post"}}`, 201)["uuid"].(string)
}

// happen publishes an event as the platform does.
func (r *wazoRig) happen(name, data string) {
	r.t.Helper()
	r.broker.Publish(r.exchange, "", amqp091.Publishing{
		ContentType: "application/json", Headers: amqp091.Table{"name": name, "origin_uuid": "o"},
		Body: []byte(`{"name":"` + name + `","origin_uuid":"o","data":` + data + `}`),
	})
}

// await asks again and again until something holds.
func (r *wazoRig) await(what string, holds func() bool) {
	r.t.Helper()
	rig.Await(r.t, what, holds)
}

func (r *wazoRig) busIs(status string) func() bool {
	return func() bool {
		return r.do("GET", "/status", "", 200)["bus_consumer"].(map[string]any)["status"] == status
	}
}

func TestWazoEventsGoFromTheBusToAReceiver(t *testing.T) {
	r := startWazo(t, t.TempDir(), testkit.AMQP(t).URL, testkit.AMQP(t))
	told := r.broker.Queue("told", "", "")
	if err := r.broker.Channel().ExchangeDeclare(r.exchange, "headers", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.broker.Channel().QueueBind(told, "", r.exchange, false, amqp091.Table{"name": "webhookd_subscription_created"}); err != nil {
		t.Fatal(err)
	}
	receiver := testkit.NewReceiver(t)
	r.await("the bus is up", r.busIs("ok"))
	uuid := r.subscribe(receiver.URLFor("/{{ event_name }}"), "user_created")
	r.happen("user_created", `{"id": 12}`)
	got, err := receiver.Wait(1, time.Minute)
	if err != nil || got[0].Target != "/user_created" || string(got[0].Body) != `{"id": 12}` {
		t.Fatalf("received %+v, %v", got, err)
	}
	r.await("the log has a row", func() bool { return r.do("GET", "/subscriptions/"+uuid+"/logs", "", 200)["total"] == 1.0 })
	row := r.do("GET", "/subscriptions/"+uuid+"/logs", "", 200)["items"].([]any)[0].(map[string]any)
	if detail := row["detail"].(map[string]any); row["status"] != "success" || detail["response_status_code"] != 200.0 {
		t.Errorf("the row is %v", row)
	}
	r.await("the bus is told", func() bool { return r.broker.Depth(told) == 1 })
	m, ok, err := r.broker.Channel().Get(told, true)
	if err != nil || !ok || m.Headers["name"] != "webhookd_subscription_created" || m.Headers["user_uuid:*"] != true ||
		m.RoutingKey != "webhookd.subscription.created" || m.DeliveryMode != amqp091.Persistent || m.ContentType != "application/json" ||
		!strings.Contains(string(m.Body), uuid) {
		t.Errorf("told %+v, %v", m, err)
	}
}

func TestWazoWritesWorkWhileTheBrokerIsAway(t *testing.T) {
	broker := testkit.AMQP(t)
	proxy, url := broker.Behind()
	r := startWazo(t, t.TempDir(), url, broker)
	if err := broker.Channel().ExchangeDeclare(r.exchange, "headers", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	told := broker.Queue("told", "", "")
	for _, name := range []string{"created", "deleted"} {
		if err := broker.Channel().QueueBind(told, "", r.exchange, false, amqp091.Table{"name": "webhookd_subscription_" + name}); err != nil {
			t.Fatal(err)
		}
	}
	receiver := testkit.NewReceiver(t)
	r.await("the bus is up", r.busIs("ok"))
	r.subscribe(receiver.URLFor("/before"), "early")

	proxy.Cut()
	r.await("the bus is down", r.busIs("fail"))
	gone := r.subscribe(receiver.URLFor("/during"), "late")
	r.do("DELETE", "/subscriptions/"+gone, "", 204)
	r.subscribe(receiver.URLFor("/during"), "late")
	r.happen("early", `{"published": "while the link was broken"}`)

	proxy.Restore()
	if _, err := receiver.Wait(1, time.Minute); err != nil {
		t.Fatal(err)
	}
	r.await("the bus is up", r.busIs("ok"))
	r.happen("late", `{}`)
	if got, err := receiver.Wait(2, time.Minute); err != nil || got[1].Target != "/during" {
		t.Fatalf("received %+v, %v", got, err)
	}
	// What was in flight when the link broke may be told twice, with one id.
	var names, ids []string
	ch := broker.Channel()
	r.await("the bus is told", func() bool {
		m, ok, err := ch.Get(told, true)
		if err != nil {
			t.Fatal(err)
		}
		if ok && !slices.Contains(ids, m.MessageId) {
			ids = append(ids, m.MessageId)
			names = append(names, strings.TrimPrefix(m.Headers["name"].(string), "webhookd_subscription_"))
		}
		return len(names) == 4
	})
	if strings.Join(names, " ") != "created created deleted created" {
		t.Errorf("told %v", names)
	}
}

func TestWazoEventsOfADownTimeAreDeliveredAfterIt(t *testing.T) {
	dir, broker := t.TempDir(), testkit.AMQP(t)
	r := startWazo(t, dir, broker.URL, broker)
	receiver := testkit.NewReceiver(t)
	r.await("the bus is up", r.busIs("ok"))
	r.subscribe(receiver.URL(), "user_created")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r.happen("user_created", `{"n": 1}`)
	if n := receiver.Count(); n != 0 {
		t.Fatalf("%d requests of a server that is down", n)
	}
	r.running = start(t, settings(t, dir, r.settings(broker.URL)...))
	if got, err := receiver.Wait(1, time.Minute); err != nil || string(got[0].Body) != `{"n": 1}` {
		t.Fatalf("received %+v, %v", got, err)
	}
}

func TestWazoRetriesOutliveARestartAndGoOnAsIsConfiguredThen(t *testing.T) {
	dir, broker := t.TempDir(), testkit.AMQP(t)
	r := startWazo(t, dir, broker.URL, broker)
	receiver := testkit.NewReceiver(t)
	receiver.Script("/", testkit.Status(503))
	r.await("the bus is up", r.busIs("ok"))
	uuid := r.subscribe(receiver.URLFor("/"), "user_created")
	r.happen("user_created", `{"n": 1}`)
	rows := func(n float64) func() bool {
		return func() bool { return r.do("GET", "/subscriptions/"+uuid+"/logs", "", 200)["total"].(float64) >= n }
	}
	r.await("the first attempt is on record", rows(1))
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r.running = start(t, settings(t, dir, r.settings(broker.URL, "dialects.wazo.hook_max_attempts=3")...))
	r.await("all attempts are on record", rows(3))
	items := r.do("GET", "/subscriptions/"+uuid+"/logs?order=attempts&direction=asc", "", 200)["items"].([]any)
	for i, status := range []string{"failure", "failure", "error"} {
		row := items[i].(map[string]any)
		if row["status"] != status || row["attempts"] != float64(i+1) || row["max_attempts"] != 3.0 || row["uuid"] != items[0].(map[string]any)["uuid"] {
			t.Errorf("row %d is %v", i, row)
		}
	}
}

func TestWazoDeliversToWhatTheSubscriptionWasWhenTheEventCame(t *testing.T) {
	r := startWazo(t, t.TempDir(), testkit.AMQP(t).URL, testkit.AMQP(t))
	receiver := testkit.NewReceiver(t)
	receiver.Script("/old", testkit.Status(503), testkit.Status(200))
	r.await("the bus is up", r.busIs("ok"))
	uuid := r.subscribe(receiver.URLFor("/old"), "user_created")
	r.happen("user_created", `{"n": 1}`)
	if _, err := receiver.Wait(1, time.Minute); err != nil {
		t.Fatal(err)
	}
	now := `{"url":"` + receiver.URLFor("/new") + `","method":"put"}`
	got := r.do("PUT", "/subscriptions/"+uuid, `{"name":"n","service":"http","events":["user_created"],"config":`+now+`}`, 200)
	if config := jsonOf(t, got["config"]); config != `{"method":"put","url":"`+receiver.URLFor("/new")+`"}` {
		t.Errorf("the configuration is %s", config)
	}
	if _, err := receiver.Wait(2, time.Minute); err != nil {
		t.Fatal(err)
	}
	r.happen("user_created", `{"n": 2}`)
	all, err := receiver.Wait(3, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"POST /old", "POST /old", "PUT /new"} {
		if got := all[i].Method + " " + all[i].Target; got != want {
			t.Errorf("request %d is %s, want %s", i, got, want)
		}
	}
}

func TestWazoAsksTheWazoAuthThatIsConfigured(t *testing.T) {
	const master = "10000000-0000-4000-8000-000000000000"
	a := testkit.NewWazoAuth(t, master)
	a.AddToken("operator", testkit.WazoToken{Tenant: master})
	key := filepath.Join(t.TempDir(), "key.yml")
	text := "service_id: " + testkit.WazoServiceID + "\nservice_key: " + testkit.WazoServiceKey + "\n"
	if err := os.WriteFile(key, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	host, port := a.Address()
	r := &wazoRig{t: t, token: "operator"}
	r.running = start(t, settings(t, t.TempDir(), "dialects.wazo.listen=127.0.0.1:0",
		"dialects.wazo.auth.host="+host, "dialects.wazo.auth.port="+jsonOf(t, port), "dialects.wazo.auth.key_file="+key))
	r.await("the master tenant is known", func() bool {
		return r.do("GET", "/status", "", 200)["master_tenant"].(map[string]any)["status"] == "ok"
	})
	config := r.do("GET", "/config", "", 200)
	if auth := config["auth"].(map[string]any); auth["master_tenant_uuid"] != master || auth["password"] != nil || config["log_level"] != 20.0 {
		t.Errorf("configuration is %v", config)
	}
	if got := r.do("PATCH", "/config", `[{"op":"replace","path":"/debug","value":true}]`, 200); got["log_level"] != 10.0 || got["debug"] != true {
		t.Errorf("with debug on it is %v", got)
	}
	made := r.do("POST", "/subscriptions", `{"name":"n","service":"x","events":[],"config":{}}`, 201)
	if made["owner_tenant_uuid"] != master {
		t.Errorf("subscription is %v", made)
	}
	for _, d := range r.Made().Dialects {
		if d.Dialect == "wazo" {
			t.Errorf("a token is made beside wazo-auth: %v", d.Block)
		}
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
