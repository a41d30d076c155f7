package server

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/webhook"
)

// kazooPatience is how long what a bus and a receiver do may take.
const kazooPatience = 60 * time.Second

// kazooRig is a server with the dialect, whose hooks may lead to loopback.
type kazooRig struct {
	*running
	t *testing.T
}

func startKazoo(t *testing.T, set ...string) *kazooRig {
	t.Helper()
	set = append([]string{"dialects.kazoo.blacklist_cidrs=", "dialects.kazoo.retry_delay=1ms", "dialects.kazoo.request_timeout=30s"}, set...)
	return &kazooRig{start(t, settings(t, t.TempDir(), set...)), t}
}

// account makes an account below another one.
func (r *kazooRig) account(parent id.ID) id.ID {
	r.t.Helper()
	a, _, err := r.control.CreateAccount(r.t.Context(), webhook.Account{ParentID: parent, Name: "kazoo"}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return a.ID
}

// hook configures a hook of an account.
func (r *kazooRig) hook(account id.ID, uri string, h hooktype.Hook, retries, failures int) id.ID {
	r.t.Helper()
	filter, err := r.kazooHooks.types.Filter(h)
	if err != nil {
		r.t.Fatal(err)
	}
	config, err := hook.Config{Hook: h.Hook, CustomData: h.CustomData}.Raw()
	if err != nil {
		r.t.Fatal(err)
	}
	made, _, err := r.control.CreateEndpoint(r.t.Context(), control.NewEndpoint{
		Endpoint: webhook.Endpoint{
			AccountID: account, Service: hook.Service, URL: uri, Enabled: true, Config: config,
			Retry: hook.Retry(retries, r.config.Dialects.Kazoo.RetryDelay), Health: hook.Health(failures, time.Hour),
		},
		Subscriptions: []webhook.Subscription{{Enabled: true, Filter: filter}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return made.ID
}

func (r *kazooRig) fire(m hooktype.Message) {
	r.t.Helper()
	if err := r.kazooHooks.intake.Fire(r.t.Context(), m); err != nil {
		r.t.Fatal(err)
	}
}

// changed tells of a document of an account.
func (r *kazooRig) changed(account id.ID, kind string) {
	r.t.Helper()
	r.fire(hooktype.ObjectMessage(hooktype.DocEdited, kind, "doc", account.Hex()))
}

// form is what a request's body says.
func form(t *testing.T, body []byte) url.Values {
	t.Helper()
	v, err := url.ParseQuery(string(body))
	if err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return v
}

func TestKazooHooksOfATree(t *testing.T) {
	r := startKazoo(t)
	reseller := r.account(r.root)
	customer := r.account(reseller)
	stranger := r.account(r.root)
	receivers := map[string]*testkit.Receiver{}
	for name, h := range map[string]struct {
		account id.ID
		hook    hooktype.Hook
	}{
		"the customer's own":            {customer, hooktype.Hook{Hook: "object"}},
		"the reseller's":                {reseller, hooktype.Hook{Hook: "object"}},
		"the reseller's for everybody":  {reseller, hooktype.Hook{Hook: "object", IncludeSubaccounts: true}},
		"the master's for everything":   {r.root, hooktype.Hook{Hook: "all", IncludeSubaccounts: true}},
		"the master's for users":        {r.root, hooktype.Hook{Hook: "object", IncludeSubaccounts: true, CustomData: json.RawMessage(`{"type":"user","action":"all"}`)}},
		"the master's for devices":      {r.root, hooktype.Hook{Hook: "object", IncludeSubaccounts: true, CustomData: json.RawMessage(`{"type":"device","action":"all"}`)}},
		"the stranger's for everything": {stranger, hooktype.Hook{Hook: "all", IncludeSubaccounts: true}},
	} {
		receivers[name] = testkit.NewReceiver(t)
		r.hook(h.account, receivers[name].URL(), h.hook, 2, 6)
	}
	r.changed(customer, "user")
	r.changed(reseller, "user")
	for name, want := range map[string]int{
		"the customer's own": 1, "the reseller's": 1, "the reseller's for everybody": 2, "the master's for everything": 2, "the master's for users": 2,
	} {
		got, err := receivers[name].Wait(want, kazooPatience)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f := form(t, got[0].Body); f.Get("action") != "doc_edited" || f.Get("type") != "user" || f.Get("cluster_id") != hook.ClusterID(r.root) {
			t.Errorf("%s: %v", name, f)
		}
	}
	if err := r.stop(); err != nil { // what is in flight is finished then
		t.Fatal(err)
	}
	for name, want := range map[string]int{"the customer's own": 1, "the reseller's": 1, "the master's for devices": 0, "the stranger's for everything": 0} {
		if got := receivers[name].Count(); got != want {
			t.Errorf("%s: %d requests, want %d", name, got, want)
		}
	}
}

func TestAKazooHookThatFailsTooOftenIsDisabledAndItsAccountTold(t *testing.T) {
	r := startKazoo(t)
	account := r.account(r.root)
	failing, told := testkit.NewReceiver(t), testkit.NewReceiver(t)
	failing.Script("", testkit.Status(500))
	h := r.hook(account, failing.URL(), hooktype.Hook{Hook: "object"}, 2, 6)
	r.hook(account, told.URL(), hooktype.Hook{Hook: "notifications", CustomData: json.RawMessage(`{"type":"webhook_disabled"}`)}, 2, 6)
	enabled := func() *control.Endpoint {
		e, err := r.control.FindEndpoint(t.Context(), account, h, "")
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	sent := 0
	send := func(status int) {
		failing.Script("", testkit.Status(status))
		r.changed(account, "user")
		sent++
		if _, err := failing.Wait(sent, kazooPatience); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 2 { // enabled again, it has its full allowance
		for _, status := range []int{500, 500, 200, 404, 202, 500} { // a success takes nothing back, and for a post 202 is none
			send(status)
		}
		if e := enabled(); !e.Enabled {
			t.Fatal("disabled after five failures")
		}
		send(301)
		waitFor(t, func() bool { return !enabled().Enabled })
		if e := enabled(); e.DisabledReason != "too many failed attempts" {
			t.Errorf("disabled because of %q", e.DisabledReason)
		}
		got, err := told.Wait(round+1, kazooPatience)
		if err != nil {
			t.Fatal(err)
		}
		f := form(t, got[round].Body)
		for name, want := range map[string]string{
			"event_name": "webhook_disabled", "event_category": "notification", "app_name": "webhooks", "account_id": account.Hex(), "hook_id": h.Hex(),
		} {
			if f.Get(name) != want {
				t.Errorf("%s is %q, want %q", name, f.Get(name), want)
			}
		}
		if err := r.directory.Refresh(t.Context()); err != nil { // as the server does by itself, a moment later
			t.Fatal(err)
		}
		r.changed(account, "user") // a disabled hook gets nothing
		if _, err := r.control.EnableEndpoint(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if failing.Count() != sent {
		t.Errorf("%d requests, want %d", failing.Count(), sent)
	}
}

func TestAKazooHookIsTriedAgainWhereNoAnswerCame(t *testing.T) {
	r := startKazoo(t)
	account := r.account(r.root)
	for name, c := range map[string]struct {
		answers []testkit.Answer
		retries int
		want    int // requests
	}{
		"no answer at all":           {[]testkit.Answer{testkit.Close()}, 3, 3},
		"no answer, one try":         {[]testkit.Answer{testkit.Close()}, 0, 1},
		"no answer, then a success":  {[]testkit.Answer{testkit.Close(), testkit.Status(200)}, 4, 2},
		"an answer that is an error": {[]testkit.Answer{testkit.Status(503)}, 4, 1},
	} {
		receiver := testkit.NewReceiver(t)
		receiver.Script("", c.answers...)
		h := r.hook(account, receiver.URL(), hooktype.Hook{Hook: "object", CustomData: json.RawMessage(`{"type":"all","action":"all"}`)}, c.retries, 100)
		r.changed(account, "user")
		if _, err := receiver.Wait(c.want, kazooPatience); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var all []webhook.Attempt
		waitFor(t, func() bool {
			s, err := r.control.Attempts(t.Context(), control.AttemptQuery{AccountID: account, EndpointID: h, Bodies: true, Page: webhook.Page{Limit: 50}})
			if err != nil {
				t.Fatal(err)
			}
			all = s.Items
			return len(all) == c.want && all[0].NextAt.IsZero()
		})
		events := map[string]bool{}
		for _, a := range all {
			shown, ok := hook.Shown(&a)
			if !ok {
				t.Errorf("%s: no record", name)
			}
			events[shown.EventID] = true
		}
		if len(events) != 1 {
			t.Errorf("%s: tries of one firing have %d ids", name, len(events))
		}
		if err := r.control.DeleteEndpoint(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
}

// publishCall tells the platform's bus of a call of an account.
func publishCall(b *testkit.Broker, account id.ID, call string) {
	b.Publish("callevt", "call.CHANNEL_CREATE."+call, amqp091.Publishing{ContentType: "application/json", Body: fmt.Appendf(nil,
		`{"App-Name":"ecallmgr","App-Version":"4.0.0","Event-Category":"call_event","Event-Name":"CHANNEL_CREATE","Msg-ID":%q,`+
			`"Call-ID":%q,"Custom-Channel-Vars":{"Account-ID":%q}}`, call, call, account.Hex())})
}

func TestNoEventOfAKazooBusIsLostWhileItIsAway(t *testing.T) {
	broker := testkit.AMQP(t)
	proxy, through := broker.Behind()
	r, queue := busKazoo(t, broker, through)
	account := r.account(r.root)
	receiver := testkit.NewReceiver(t)
	r.hook(account, receiver.URL(), hooktype.Hook{Hook: "channel_create"}, 2, 6)

	const each = 50
	publish := func(from int) {
		for i := from; i < from+each; i++ {
			publishCall(broker, account, fmt.Sprintf("call-%d", i))
		}
	}
	publish(0)
	proxy.Cut()
	publish(each) // the connection is gone, the queue is not
	proxy.Restore()
	waitFor(t, r.kazooHooks.bus.Up)
	publish(2 * each)
	poison := "call.CHANNEL_CREATE." + strings.ReplaceAll(broker.Name("poison"), ".", "%2E")
	broker.Publish("callevt", poison, amqp091.Publishing{Body: []byte("not a message")})
	publish(3 * each)

	calls := map[string]bool{}
	waitFor(t, func() bool {
		for _, req := range receiver.Requests() {
			calls[form(t, req.Body).Get("call_id")] = true
		}
		return len(calls) == 4*each
	})
	waitFor(t, func() bool { return broker.Depth(queue) == 0 })
	aside := broker.Channel()
	waitFor(t, func() bool { // others may tell the platform's exchanges, too
		d, ok, err := aside.Get(queue+".rejected", true)
		if err != nil {
			t.Fatal(err)
		}
		return ok && d.Headers["x-switchhook-routing-key"] == poison
	})
	_, metrics := get(t, r.URL()+"/metrics")
	if want := `switchhook_bus_messages_total{bus="kazoo",result="rejected"} `; !strings.Contains(metrics, want) {
		t.Errorf("the metrics lack %s", want)
	}
}

// busKazoo starts a server that takes in events from a queue of its own.
func busKazoo(t *testing.T, broker *testkit.Broker, url string, set ...string) (r *kazooRig, queue string) {
	t.Helper()
	queue = broker.Name("kazoo")
	broker.Delete(queue, "")
	broker.Delete(queue+".rejected", "")
	r = startKazoo(t, append(set, "dialects.kazoo.amqp_url="+url, "dialects.kazoo.amqp_queue="+queue)...)
	waitFor(t, r.kazooHooks.bus.Up)
	return r, queue
}

func TestEveryKindOfMessageOfAKazooBusArrives(t *testing.T) {
	broker := testkit.AMQP(t)
	types, exchange := t.TempDir(), broker.Name("conference")
	broker.Delete("", exchange)
	if err := os.WriteFile(filepath.Join(types, "conference.yaml"), []byte("id: conference\nname: Conference\ncategory: conference\n"+
		"event_name: '*'\nexchange: "+exchange+"\nrouting_key: conference.#\naccount_path: Account-ID\nfields: {room: Conference-ID}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, _ := busKazoo(t, broker, broker.URL, "dialects.kazoo.hook_types_dir="+types)
	account := r.account(r.root)
	receiver := testkit.NewReceiver(t)
	r.hook(account, receiver.URLFor("/all"), hooktype.Hook{Hook: "all"}, 2, 6)

	vars := fmt.Sprintf(`"Custom-Channel-Vars":{"Account-ID":%q}`, account.Hex())
	owner := fmt.Sprintf(`"Account-ID":%q`, account.Hex())
	text := `"Message-ID":"m","Body":"hi","From":"+1","To":"+2","Route-Type":"offnet",` + owner
	for _, m := range []struct{ exchange, key, category, event, body string }{
		{"callevt", "call.CHANNEL_ANSWER.a", "call_event", "CHANNEL_ANSWER", `"Call-ID":"a",` + vars},
		{"callevt", "call.CHANNEL_BRIDGE.a", "call_event", "CHANNEL_BRIDGE", `"Call-ID":"a",` + vars},
		{"callevt", "call.CHANNEL_DESTROY.a", "call_event", "CHANNEL_DESTROY", `"Call-ID":"a",` + vars},
		{"callevt", "call.PARK_PARKED.a", "call_event", "PARK_PARKED", `"Call-ID":"a","Parking-Slot":"101",` + vars},
		{"configuration", "doc_edited." + account.Hex() + ".user.u", "configuration", "doc_edited", `"ID":"u","Type":"user","Database":"` + account.Hex() + `"`},
		{"notifications", "notifications.account.new", "notification", "new_account", owner},
		{"im", "sms.inbound.offnet.m", "sms", "inbound", text},
		{"im", "mms.inbound.offnet.m", "mms", "inbound", text},
		{exchange, "conference.event.x", "conference", "anything", `"Conference-ID":"7",` + owner},
		{
			"notifications", "notifications.webhook.callflow", "notification", "webhook",
			`"Data":{"call_id":"a"},"Hook":{"_id":"63940000000","pvt_account_id":"` + account.Hex() + `","uri":"` + receiver.URLFor("/own") + `","http_verb":"get","custom_data":{"k":"v"}}`,
		},
	} {
		p := amqp091.Publishing{ContentType: "application/json", Body: fmt.Appendf(nil,
			`{"App-Name":"a","App-Version":"4.0.0","Event-Category":%q,"Event-Name":%q,"Msg-ID":"1",%s}`, m.category, m.event, m.body)}
		if m.category == "mms" {
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			if _, err := z.Write(p.Body); err != nil {
				t.Fatal(err)
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			p.ContentEncoding, p.Body = "gzip", packed.Bytes()
		}
		broker.Publish(m.exchange, m.key, p)
	}
	all, err := receiver.Wait(10, kazooPatience)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, req := range all {
		f := form(t, req.Body)
		if path, query, _ := strings.Cut(req.Target, "?"); path == "/own" {
			f = form(t, []byte(query))
			if id := req.Header.Get("X-Hook-Id"); id != "63940000000" || f.Get("call_id") != "a" || f.Get("k") != "v" {
				t.Errorf("the callflow's request has the id %s and says %v", id, f)
			}
			got["callflow"]++
			continue
		}
		for _, name := range []string{"hook_event", "event_name", "action", "type", "room"} {
			if v := f.Get(name); v != "" {
				got[v]++
				break
			}
		}
	}
	want := map[string]int{
		"channel_answer": 1, "channel_bridge": 1, "channel_destroy": 1, "PARK_PARKED": 1, "doc_edited": 1, "new_account": 1,
		"sms": 1, "mms": 1, "7": 1, "callflow": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAHookTypeThatIsReadLaterIsAskedOfTheBus(t *testing.T) {
	broker := testkit.AMQP(t)
	types, exchange := t.TempDir(), broker.Name("conference")
	broker.Delete("", exchange)
	r, _ := busKazoo(t, broker, broker.URL, "dialects.kazoo.hook_types_dir="+types)
	if err := os.WriteFile(filepath.Join(types, "conference.json"), fmt.Appendf(nil,
		`{"id":"conference","name":"Conference","category":"conference","event_name":"*","exchange":%q,"routing_key":"#","account_path":"Account-ID"}`,
		exchange), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.kazooHooks.types.Reload(), r.kazooHooks.rebind(t.Context())); err != nil {
		t.Fatal(err)
	}
	account := r.account(r.root)
	receiver := testkit.NewReceiver(t)
	r.hook(account, receiver.URL(), hooktype.Hook{Hook: "conference"}, 1, 6)
	broker.Publish(exchange, "x", amqp091.Publishing{ContentType: "application/json", Body: fmt.Appendf(nil,
		`{"App-Name":"a","App-Version":"4.0.0","Event-Category":"conference","Event-Name":"joined","Msg-ID":"1","Account-ID":%q}`, account.Hex())})
	got, err := receiver.Wait(1, kazooPatience)
	if err != nil {
		t.Fatal(err)
	}
	if f := form(t, got[0].Body); f.Get("event_name") != "joined" {
		t.Errorf("got %v", f)
	}
}

func TestThePlatformIsToldOfADisabledHookAndTheAccountOnce(t *testing.T) {
	broker := testkit.AMQP(t)
	r, queue := busKazoo(t, broker, broker.URL)
	platform := broker.Queue("platform", "notifications", "notifications.webhook.disabled")
	account := r.account(r.root)
	failing, told := testkit.NewReceiver(t), testkit.NewReceiver(t)
	failing.Script("", testkit.Status(500))
	h := r.hook(account, failing.URL(), hooktype.Hook{Hook: "object"}, 1, 1)
	r.hook(account, told.URL(), hooktype.Hook{Hook: "all"}, 1, 6)
	r.changed(account, "user")
	var m struct {
		App     string `json:"App-Name"`
		Event   string `json:"Event-Name"`
		Account string `json:"Account-ID"`
		Hook    string `json:"Hook-ID"`
	}
	ch := broker.Channel()
	waitFor(t, func() bool { // others may share the exchange
		d, ok, err := ch.Get(platform, true)
		if err != nil {
			t.Fatal(err)
		}
		return ok && json.Unmarshal(d.Body, &m) == nil && m.Hook == h.Hex()
	})
	if m.App != "webhooks" || m.Event != "webhook_disabled" || m.Account != account.Hex() {
		t.Errorf("the platform is told %+v", m)
	}
	publishCall(broker, account, "after") // in the queue behind what we told ourselves
	calls := func() (notices, calls int) {
		for _, req := range told.Requests() {
			switch f := form(t, req.Body); {
			case f.Get("event_name") == "webhook_disabled":
				notices++
			case f.Get("call_id") == "after":
				calls++
			}
		}
		return notices, calls
	}
	waitFor(t, func() bool { notices, n := calls(); return n == 1 && notices > 0 })
	waitFor(t, func() bool { return broker.Depth(queue) == 0 })
	if notices, _ := calls(); notices != 1 {
		t.Errorf("the account is told %d times", notices)
	}
}
