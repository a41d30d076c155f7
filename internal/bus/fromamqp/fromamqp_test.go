package fromamqp_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/internal/bus"
	"github.com/switchhook/switchhook/internal/bus/fromamqp"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long anything may take that ought to happen soon.
const patience = 60 * time.Second

// rig is a source in front of the real broker, with a handler that keeps what it accepts.
type rig struct {
	t      *testing.T
	broker *testkit.Broker
	proxy  *testkit.Proxy
	topic  string // an exchange
	queue  string
	source *fromamqp.Source
	log    testkit.Buffer
	stop   func() // ends Run and waits for it

	mu      sync.Mutex
	cond    *sync.Cond
	got     []bus.Message
	judge   func(bus.Message) error // nil accepts
	batches []int
}

func newRig(t *testing.T, edit func(*rig, *fromamqp.Options)) *rig {
	t.Helper()
	r := &rig{t: t, broker: testkit.AMQP(t)}
	r.cond = sync.NewCond(&r.mu)
	proxy, url := r.broker.Behind()
	r.proxy = proxy
	r.topic, r.queue = r.broker.Exchange("events", "topic"), r.broker.Name("queue")
	r.broker.Delete(r.queue, "")
	r.broker.Delete(r.queue+".rejected", "")
	o := fromamqp.Options{
		URL: webhook.Secret(url), Dial: (&net.Dialer{}).DialContext,
		Queue:    fromamqp.Queue{Name: r.queue},
		Bindings: []fromamqp.Binding{{Exchange: r.topic, RoutingKey: "#"}},
		Handle:   r.handle,
		Logger:   slog.New(slog.NewTextHandler(&r.log, nil)),
		Backoff:  time.Millisecond, MaxBackoff: 100 * time.Millisecond,
	}
	if edit != nil {
		edit(r, &o)
	}
	source, err := fromamqp.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r.source = source
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- source.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			t.Error("Run does not end")
		}
	})
	t.Cleanup(r.stop)
	r.eventually("the source is up", source.Up)
	return r
}

func (r *rig) handle(_ context.Context, batch []bus.Message) []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.cond.Broadcast()
	r.batches = append(r.batches, len(batch))
	verdicts := make([]error, len(batch))
	for i, m := range batch {
		if r.judge != nil {
			verdicts[i] = r.judge(m)
		}
		if verdicts[i] == nil {
			r.got = append(r.got, m)
		}
	}
	return verdicts
}

// eventually waits for what the broker or the source does by itself.
func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			r.t.Fatalf("not in time: %s\n%s", what, r.log.String())
		}
	}
}

// bodies waits until n messages were accepted and returns the bodies of all that were.
func (r *rig) bodies(n int) []string {
	r.t.Helper()
	r.eventually(fmt.Sprintf("%d messages", n), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.got) >= n
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, m := range r.got {
		all = append(all, string(m.Body))
	}
	return all
}

func (r *rig) setJudge(f func(bus.Message) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.judge = f
}

// taken waits until nothing is left in the queue, unacknowledged messages included.
func (r *rig) taken() {
	r.t.Helper()
	r.stop()
	if n := r.broker.Depth(r.queue); n != 0 {
		r.t.Errorf("%d messages are still in the queue", n)
	}
}

func (r *rig) publish(key, body string) {
	r.t.Helper()
	r.broker.Publish(r.topic, key, amqp091.Publishing{Body: []byte(body), DeliveryMode: 2})
}

func TestAMessageComesWithEverythingThatIsKnownOfIt(t *testing.T) {
	r := newRig(t, nil)
	r.broker.Publish(r.topic, "call.CREATED.1", amqp091.Publishing{
		Headers:     amqp091.Table{"name": "user_created", "user_uuid:1": true, "n": int32(7), "deep": amqp091.Table{"list": []any{int16(1), "a"}}},
		ContentType: "application/json", ContentEncoding: "gzip", Body: []byte(`{"a":1}`),
	})
	r.bodies(1)
	want := bus.Message{
		Exchange: r.topic, RoutingKey: "call.CREATED.1", ContentType: "application/json", Encoding: "gzip", Body: []byte(`{"a":1}`),
		Headers: map[string]any{"name": "user_created", "user_uuid:1": true, "n": int64(7), "deep": map[string]any{"list": []any{int64(1), "a"}}},
	}
	if diff := cmp.Diff(want, r.got[0]); diff != "" {
		t.Error(diff)
	}
	r.taken()
}

func TestTenThousandMessagesComeInOrder(t *testing.T) {
	r := newRig(t, nil)
	ch := r.broker.Channel()
	const n = 10_000
	published := make(chan struct{})
	r.setJudge(func(bus.Message) error { <-published; return nil })
	for i := range n {
		if err := ch.Publish(r.topic, "k", false, false, amqp091.Publishing{Body: []byte(strconv.Itoa(i))}); err != nil {
			t.Fatal(err)
		}
	}
	close(published)
	for i, body := range r.bodies(n) {
		if body != strconv.Itoa(i) {
			t.Fatalf("message %d is %s", i, body)
		}
	}
	r.mu.Lock()
	if largest := slices.Max(r.batches); largest < 100 { // of what came while the handler was busy
		t.Errorf("at most %d messages are handed over together", largest)
	}
	r.mu.Unlock()
	r.taken()
}

func TestACutConnectionLosesNothing(t *testing.T) {
	r := newRig(t, nil)
	r.publish("k", "before")
	r.bodies(1)
	r.proxy.Cut()
	r.eventually("the source is down", func() bool { return !r.source.Up() })
	r.publish("k", "while away")
	r.proxy.Restore()
	r.eventually("the source is up again", r.source.Up)
	r.publish("k", "after")
	if diff := cmp.Diff([]string{"before", "while away", "after"}, r.bodies(3)); diff != "" {
		t.Error(diff)
	}
	r.taken()
	log := r.log.String()
	if strings.Count(log, "bus away") != 1 || strings.Count(log, "bus connected") != 2 || strings.Contains(log, ":guest@") {
		t.Errorf("logged:\n%s", log)
	}
}

func TestWhatWasNotAcknowledgedComesAgain(t *testing.T) {
	r := newRig(t, nil)
	cut := sync.OnceFunc(r.proxy.Cut)
	r.setJudge(func(bus.Message) error { cut(); return nil }) // handled, and the acknowledgement does not arrive
	r.publish("k", "1")
	r.bodies(1)
	r.eventually("the source is down", func() bool { return !r.source.Up() })
	r.setJudge(nil)
	r.proxy.Restore()
	r.bodies(2)
	if !r.got[1].Redelivered || string(r.got[1].Body) != "1" {
		t.Errorf("came again as %+v", r.got[1])
	}
	r.taken()
}

func TestAFrozenBrokerIsFoundByItsSilence(t *testing.T) {
	r := newRig(t, func(_ *rig, o *fromamqp.Options) { o.Heartbeat = time.Second })
	r.proxy.Freeze()
	r.eventually("the source is down", func() bool { return !r.source.Up() })
	r.publish("k", "while frozen")
	r.proxy.Cut()
	r.proxy.Restore()
	if diff := cmp.Diff([]string{"while frozen"}, r.bodies(1)); diff != "" {
		t.Error(diff)
	}
	r.taken()
}

func TestStoppingDoesNotWaitForAFrozenBroker(t *testing.T) {
	r := newRig(t, nil)
	r.proxy.Freeze()
	r.stop()
}

func TestAHandlerThatFailsForAWhileGetsEverythingInOrder(t *testing.T) {
	r := newRig(t, nil)
	r.setJudge(func(m bus.Message) error {
		if string(m.Body) == "1" {
			return nil
		}
		return errors.New("the database is away")
	})
	for _, body := range []string{"1", "2", "3"} {
		r.publish("k", body)
	}
	r.bodies(1)
	r.eventually("the handler is asked again", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.batches) > 5
	})
	if !r.source.Up() {
		t.Error("the source is down because of its handler")
	}
	r.setJudge(nil)
	if diff := cmp.Diff([]string{"1", "2", "3"}, r.bodies(3)); diff != "" {
		t.Error(diff)
	}
	r.taken()
	if log := r.log.String(); strings.Count(log, "not taken for now") != 1 || strings.Count(log, "taken again") != 1 {
		t.Errorf("logged:\n%s", log)
	}
}

func TestWhatTheHandlerDoesNotTakeIsInTheQueueAfterAStop(t *testing.T) {
	r := newRig(t, nil)
	r.setJudge(func(bus.Message) error { return errors.New("not now") })
	r.publish("k", "1")
	r.eventually("the handler is asked", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.batches) > 0
	})
	r.stop()
	r.eventually("it is back in the queue", func() bool { return r.broker.Depth(r.queue) == 1 })
}

func TestPoisonIsSetAsideWithItsReason(t *testing.T) {
	var rejected, accepted int
	r := newRig(t, func(_ *rig, o *fromamqp.Options) {
		o.BodyLimit = 10
		o.Metrics.Rejected = func(n int) { rejected += n }
		o.Metrics.Accepted = func(n int) { accepted += n }
	})
	r.setJudge(func(m bus.Message) error {
		if strings.HasPrefix(string(m.Body), "bad") {
			return &bus.Poison{Reason: "no\r\nJSON"}
		}
		return nil
	})
	elsewhere := r.broker.Queue("elsewhere", "", "")
	r.broker.Publish(r.topic, "some.key", amqp091.Publishing{
		Headers: amqp091.Table{"h": "v", "CC": []any{elsewhere}}, ContentType: "text/plain", Body: []byte("bad"), Expiration: "60000", UserId: "guest",
	})
	r.publish("k", "good")
	r.publish("k", strings.Repeat("x", 11))
	r.bodies(1)
	r.eventually("two are set aside", func() bool { return r.broker.Depth(r.queue+".rejected") == 2 })
	r.taken()
	if rejected != 2 || accepted != 1 {
		t.Errorf("counted %d rejected, %d accepted", rejected, accepted)
	}
	ch := r.broker.Channel()
	first, ok, err := ch.Get(r.queue+".rejected", true)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	h := first.Headers
	if string(first.Body) != "bad" || first.ContentType != "text/plain" || first.DeliveryMode != 2 || first.Expiration != "" || h["h"] != "v" ||
		h["x-switchhook-reason"] != "no  JSON" || h["x-switchhook-exchange"] != r.topic || h["x-switchhook-routing-key"] != "some.key" {
		t.Errorf("set aside as %+v", first)
	}
	second, _, _ := ch.Get(r.queue+".rejected", true)
	if reason, _ := second.Headers["x-switchhook-reason"].(string); !strings.Contains(reason, "11 bytes") {
		t.Errorf("set aside as %+v", second)
	}
	if r.broker.Depth(elsewhere) != 0 {
		t.Error("a copy went where the sender's CC header says")
	}
}

func TestSettingAsideSurvivesThatTheQueueForItIsDeleted(t *testing.T) {
	r := newRig(t, nil)
	if _, err := r.broker.Channel().QueueDelete(r.queue+".rejected", false, false, false); err != nil {
		t.Fatal(err)
	}
	r.setJudge(func(bus.Message) error { return &bus.Poison{Reason: "bad"} })
	r.publish("k", "1")
	r.eventually("it is set aside", func() bool { return r.broker.Depth(r.queue+".rejected") == 1 })
	r.taken()
}

func TestHeadersThatHardlyFitDoNotKeepPoisonFromBeingSetAside(t *testing.T) {
	r := newRig(t, nil)
	r.setJudge(func(bus.Message) error { return &bus.Poison{Reason: strings.Repeat("long ", 1000)} })
	r.broker.Publish(r.topic, "k", amqp091.Publishing{Headers: amqp091.Table{"big": strings.Repeat("x", 130_000)}})
	r.eventually("it is set aside", func() bool { return r.broker.Depth(r.queue+".rejected") == 1 })
	r.taken()
}

func TestBindingsChangeAtOnce(t *testing.T) {
	r := newRig(t, nil)
	headers := r.broker.Exchange("headers", "headers")
	err := r.source.SetBindings(t.Context(), []fromamqp.Binding{
		{Exchange: r.topic, RoutingKey: "wanted.*"},
		{Exchange: headers, Arguments: map[string]any{"x-match": "all", "name": "user_created", "user_uuid:1": true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.publish("unwanted.1", "unwanted")
	r.publish("wanted.1", "wanted")
	r.broker.Publish(headers, "", amqp091.Publishing{Headers: amqp091.Table{"name": "user_created", "user_uuid:1": true}, Body: []byte("matching")})
	r.broker.Publish(headers, "", amqp091.Publishing{Headers: amqp091.Table{"name": "user_created"}, Body: []byte("other")})
	r.publish("wanted.2", "last")
	if diff := cmp.Diff([]string{"wanted", "matching", "last"}, r.bodies(3)); diff != "" {
		t.Error(diff)
	}
	r.taken()
}

func TestAnExchangeThatIsWantedLaterIsDeclared(t *testing.T) {
	r := newRig(t, nil)
	later := r.broker.Name("later")
	r.broker.Delete("", later)
	err := r.source.SetTopology(t.Context(), []fromamqp.Exchange{{Name: later, Kind: "topic"}}, []fromamqp.Binding{
		{Exchange: later, RoutingKey: "wanted.*"},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.publish("old.1", "old")
	r.broker.Publish(later, "wanted.1", amqp091.Publishing{Body: []byte("new")})
	if diff := cmp.Diff([]string{"new"}, r.bodies(1)); diff != "" {
		t.Error(diff)
	}
	r.taken()
}

func TestBindingsThatChangeWhileTheBrokerIsAwayAreMadeLater(t *testing.T) {
	r := newRig(t, nil)
	r.proxy.Cut()
	r.eventually("the source is down", func() bool { return !r.source.Up() })
	r.eventually("the broker is known to be away", func() bool {
		err := r.source.SetBindings(t.Context(), []fromamqp.Binding{{Exchange: r.topic, RoutingKey: "new.*"}})
		return webhook.CodeOf(err) == webhook.CodeUnavailable
	})
	r.proxy.Restore()
	r.eventually("the source is up again", r.source.Up)
	r.publish("old.1", "old")
	r.publish("new.1", "new")
	if diff := cmp.Diff([]string{"new"}, r.bodies(1)); diff != "" {
		t.Error(diff)
	}
	r.taken()
}

func TestABindingThatCannotBeMadeKeepsNoOtherFromBeingMade(t *testing.T) {
	r := newRig(t, nil)
	err := r.source.SetBindings(t.Context(), []fromamqp.Binding{
		{Exchange: r.broker.Name("nowhere"), RoutingKey: "#"}, {Exchange: r.topic, RoutingKey: "wanted"},
	})
	if err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v", err)
	}
	r.publish("wanted", "1")
	r.bodies(1)
	r.taken()
}

func TestWhatOthersDeleteIsDeclaredAgain(t *testing.T) {
	var exchange string
	r := newRig(t, func(r *rig, o *fromamqp.Options) {
		exchange = r.broker.Name("transient")
		r.broker.Delete("", exchange)
		o.Exchanges = []fromamqp.Exchange{{Name: exchange, Kind: "topic"}}
		o.Bindings = append(o.Bindings, fromamqp.Binding{Exchange: exchange, RoutingKey: "#"})
		o.Check = 10 * time.Millisecond
	})
	arrives := func(body string) {
		t.Helper()
		r.eventually("a message by the exchange that was declared again", func() bool {
			ch := r.broker.Channel()
			_ = ch.Publish(exchange, "k", false, false, amqp091.Publishing{Body: []byte(body)})
			_ = ch.Close()
			r.mu.Lock()
			defer r.mu.Unlock()
			return len(r.got) > 0 && string(r.got[len(r.got)-1].Body) == body
		})
	}
	arrives("1")
	if err := r.broker.Channel().ExchangeDelete(exchange, false, false); err != nil {
		t.Fatal(err)
	}
	arrives("2")
	if _, err := r.broker.Channel().QueueDelete(r.queue, false, false, false); err != nil {
		t.Fatal(err)
	}
	arrives("3")
}

func TestAnExchangeThatIsThereStaysAsItIs(t *testing.T) {
	newRig(t, func(r *rig, o *fromamqp.Options) {
		o.Exchanges = []fromamqp.Exchange{{Name: r.topic, Kind: "topic", Durable: false}} // it is durable
	})
}

func TestAnswersGoByTheSameConnection(t *testing.T) {
	r := newRig(t, nil)
	answers := r.broker.Queue("answers", "", "")
	m := bus.Message{RoutingKey: answers, Headers: map[string]any{"n": 1}, ContentType: "application/json", Body: []byte(`{"status":"success"}`)}
	if err := r.source.Publish(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	d, ok, err := r.broker.Channel().Get(answers, true)
	if err != nil || !ok || string(d.Body) != `{"status":"success"}` || d.ContentType != "application/json" || d.Headers["n"] != int64(1) {
		t.Errorf("got %+v, %v", d, err)
	}
	m.Exchange = r.broker.Name("nowhere")
	if err := r.source.Publish(t.Context(), m); err == nil {
		t.Error("published to an exchange that is not there")
	}
	m.Exchange = ""
	if err := r.source.Publish(t.Context(), m); err != nil { // by another channel
		t.Error(err)
	}
	r.stop()
	if err := r.source.Publish(t.Context(), m); webhook.CodeOf(err) != webhook.CodeUnavailable {
		t.Errorf("after the end: %v", err)
	}
}

func TestASourceWaitsForABrokerThatIsNotThereYet(t *testing.T) {
	r := newRig(t, func(r *rig, _ *fromamqp.Options) {
		r.proxy.Cut()
		timer := time.AfterFunc(50*time.Millisecond, r.proxy.Restore)
		t.Cleanup(func() { timer.Stop() })
	})
	r.publish("k", "1")
	r.bodies(1)
	r.taken()
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	good := fromamqp.Options{
		URL: "amqp://127.0.0.1", Dial: (&net.Dialer{}).DialContext, Queue: fromamqp.Queue{Name: "q"},
		Handle: func(context.Context, []bus.Message) []error { return nil },
	}
	if _, err := fromamqp.New(good); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*fromamqp.Options){
		"no URL":       func(o *fromamqp.Options) { o.URL = "" },
		"another kind": func(o *fromamqp.Options) { o.URL = "http://secret@host/" },
		"a parameter":  func(o *fromamqp.Options) { o.URL = "amqps://secret@host/?certfile=/etc/passwd" },
		"no queue":     func(o *fromamqp.Options) { o.Queue.Name = "" },
		"no handler":   func(o *fromamqp.Options) { o.Handle = nil },
		"no dial":      func(o *fromamqp.Options) { o.Dial = nil },
		"a strange argument": func(o *fromamqp.Options) {
			o.Bindings = []fromamqp.Binding{{Arguments: map[string]any{"x": struct{}{}}}}
		},
	} {
		o := good
		edit(&o)
		if _, err := fromamqp.New(o); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
