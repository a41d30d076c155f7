package viaamqp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/delivertest"
	"github.com/switchhook/switchhook/internal/deliver/viaamqp"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/rabbit"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 60 * time.Second

func newService(t *testing.T, edit func(*viaamqp.Options)) *viaamqp.Service {
	t.Helper()
	d := rig.NewDialer(t, egress.Options{})
	o := viaamqp.Options{Dial: d.DialContext, CheckURL: d.CheckURL, BrokerDial: (&net.Dialer{}).DialContext}
	if edit != nil {
		edit(&o)
	}
	s, err := viaamqp.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func endpoint(url, format string, args ...any) webhook.Endpoint {
	return webhook.Endpoint{ID: id.New(), AccountID: id.New(), Service: viaamqp.Name, URL: url, Config: json.RawMessage(fmt.Sprintf(format, args...)), Enabled: true}
}

func job(e *webhook.Endpoint, payload string) *deliver.Job {
	event := id.New()
	return &deliver.Job{
		Event:    &webhook.Event{ID: event, AccountID: e.AccountID, Type: "order.created", Payload: []byte(payload), CreatedAt: time.Unix(1e9, 0)},
		Delivery: &webhook.Delivery{DeliveryID: webhook.DeliveryID{Event: event}, EndpointID: e.ID},
		Endpoint: e, Number: 1, StartedAt: time.Unix(1e9+1, 0), Timeout: patience,
	}
}

// deliverOne makes an attempt that has to succeed.
func deliverOne(t *testing.T, s *viaamqp.Service, j *deliver.Job) webhook.Outcome {
	t.Helper()
	out := s.Deliver(t.Context(), j)
	if out.Result != webhook.ResultDelivered {
		t.Fatalf("got %v: %s", out.Result, out.Detail)
	}
	return out
}

// get takes a message from a queue, which has one.
func get(t *testing.T, b *testkit.Broker, queue string) amqp091.Delivery {
	t.Helper()
	ch := b.Channel()
	defer func() { _ = ch.Close() }()
	d, ok, err := ch.Get(queue, true)
	if err != nil || !ok {
		t.Fatalf("no message in %s: %v", queue, err)
	}
	return d
}

// babbler answers connections with nonsense.
func babbler(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("220 mail.test ESMTP\r\n" + strings.Repeat("\x01\x00\x00\x00\x00\x00\x08\x00\x0a\x00\x0b12345678\xce", 1000)))
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

func TestConformance(t *testing.T) {
	delivertest.Run(t, func(t *testing.T) delivertest.Target {
		b := testkit.AMQP(t)
		proxy, url := b.Behind()
		exchange := b.Exchange("out", "topic")
		queue := b.Queue("q", exchange, "order.created")
		elsewhere := &net.Dialer{}
		var mu sync.Mutex
		babble, junk := false, babbler(t)
		s := newService(t, func(o *viaamqp.Options) {
			o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				mu.Lock()
				defer mu.Unlock()
				if babble {
					addr = junk
				}
				return elsewhere.DialContext(ctx, network, addr)
			}
		})
		return delivertest.Target{
			Service:  s,
			Endpoint: endpoint(url, `{"exchange": %q, "mandatory": true}`, exchange),
			Secrets:  []string{"guest:guest", "hunter2"},
			Invalid: map[string]webhook.Endpoint{
				"no config":          endpoint(url, ``),
				"not an object":      endpoint(url, `[]`),
				"no exchange":        endpoint(url, `{}`),
				"an unknown member":  endpoint(url, `{"exchange": "x", "pasword": "x"}`),
				"an unknown broker":  endpoint("", `{"exchange": "x", "broker": "other"}`),
				"broker and URL":     endpoint(url, `{"exchange": "x", "broker": "own"}`),
				"no URL":             endpoint("", `{"exchange": "x"}`),
				"an http URL":        endpoint("http://user:hunter2@127.0.0.1/", `{"exchange": "x"}`),
				"an address inside":  endpoint("amqp://user:hunter2@10.0.0.1/", `{"exchange": "x"}`),
				"a metadata service": endpoint("amqp://169.254.169.254:80/", `{"exchange": "x"}`),
				"a number as host":   endpoint("amqp://2130706433/", `{"exchange": "x"}`),
				"a file in the URL":  endpoint("amqps://127.0.0.1/?cacertfile=/etc/passwd", `{"exchange": "x"}`),
				"a nested header":    endpoint(url, `{"exchange": "x", "headers": {"a": []}}`),
				"copies":             endpoint(url, `{"exchange": "x", "headers": {"CC": "other.key"}}`),
				"a huge number":      endpoint(url, `{"exchange": "x", "headers": {"a": 1e999}}`),
				"a long key":         endpoint(url, `{"exchange": "x", "routing_key": %q}`, strings.Repeat("k", 256)),
				"many headers":       endpoint(url, `{"exchange": "x", "headers": {"a": %q}}`, strings.Repeat("k", 70_000)),
			},
			Received: func() int { return b.Depth(queue) },
			Behave: func(behaviour delivertest.Behaviour) bool {
				if behaviour == delivertest.Rejects {
					return false // nothing that a broker says is for good
				}
				mu.Lock()
				babble = behaviour == delivertest.Babbles
				mu.Unlock()
				proxy.Restore()
				ch := b.Channel()
				if err := ch.QueueBind(queue, "order.created", exchange, false, nil); err != nil {
					t.Error(err)
				}
				switch behaviour {
				case delivertest.Fails: // nothing is bound, and the message is mandatory
					if err := ch.QueueUnbind(queue, "order.created", exchange, nil); err != nil {
						t.Error(err)
					}
				case delivertest.Hangs:
					proxy.Freeze()
				case delivertest.Breaks:
					proxy.Cut()
				case delivertest.Babbles:
					proxy.Cut() // and the next connection leads elsewhere
				}
				_ = ch.Close()
				return true
			},
		}
	})
}

func TestTheMessageIsWhatTheEndpointAndTheEventSay(t *testing.T) {
	b := testkit.AMQP(t)
	exchange := b.Exchange("out", "topic")
	queue := b.Queue("q", exchange, "#")
	s := newService(t, nil)
	e := endpoint(b.URL, `{"exchange": %q, "routing_key": "fixed", "headers": {"s": "text", "n": 7, "x": 1.5, "t": true, "z": null, "over": 1}, "content_type": "text/plain"}`, exchange)
	j := job(&e, `{"a":1}`)
	j.Event.Attributes = map[string]string{
		"amqp.routing_key": "webhookd.users.1.subscription.created", "amqp.header.user_uuid:1": "true", "amqp.header.over": `"ridden"`,
		"amqp.header.plain": "no JSON", "amqp.header.n2": "12", "amqp.header.list": "[1]", "amqp.header.two": "1 2", "tenant_uuid": "not sent",
	}
	out := deliverOne(t, s, j)
	d := get(t, b, queue)
	want := amqp091.Table{
		"s": "text", "n": int64(7), "x": 1.5, "t": true, "z": nil, "over": "ridden", "user_uuid:1": true, "plain": "no JSON", "n2": int64(12),
		"list": "[1]", "two": "1 2",
	}
	if diff := cmp.Diff(want, d.Headers); diff != "" {
		t.Error(diff)
	}
	if string(d.Body) != `{"a":1}` || d.RoutingKey != "webhookd.users.1.subscription.created" || d.ContentType != "text/plain" || d.DeliveryMode != amqp091.Persistent ||
		d.MessageId != j.Event.ID.Prefixed("msg_") || d.Type != "order.created" || d.Timestamp.Unix() != 1e9 {
		t.Errorf("got %+v", d)
	}
	for _, line := range []string{"exchange: " + exchange + "\n", "routing-key: webhookd.users.1.subscription.created\n", "over: ridden\n", "n: 7\n"} {
		if !strings.Contains(string(out.RequestHeaders), line) {
			t.Errorf("%q is not in the record:\n%s", line, out.RequestHeaders)
		}
	}
}

func TestWithoutMoreTheRoutingKeyIsTheEventsTypeAndKeysSign(t *testing.T) {
	b := testkit.AMQP(t)
	exchange := b.Exchange("out", "topic")
	queue := b.Queue("q", exchange, "order.created")
	e := endpoint(b.URL, `{"exchange": %q}`, exchange)
	e.Keys = []webhook.SigningKey{{Key: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}}
	deliverOne(t, newService(t, nil), job(&e, `{}`))
	d := get(t, b, queue)
	if d.ContentType != "application/json" || d.Headers["webhook-id"] != d.MessageId || d.Headers["webhook-timestamp"] != "1000000001" {
		t.Errorf("got %+v", d)
	}
	if signature, _ := d.Headers["webhook-signature"].(string); !strings.HasPrefix(signature, "v1,") {
		t.Errorf("signed with %q", signature)
	}
}

func TestWhatTheBrokerRefusesIsARetryWithItsWords(t *testing.T) {
	b := testkit.AMQP(t)
	exchange := b.Exchange("out", "topic")
	s := newService(t, nil)
	for name, c := range map[string]struct{ url, config, want string }{
		"no exchange":    {b.URL, fmt.Sprintf(`{"exchange": %q}`, b.Name("nowhere")), "404 NOT_FOUND"},
		"no queue":       {b.URL, fmt.Sprintf(`{"exchange": %q, "mandatory": true}`, exchange), "312 NO_ROUTE"},
		"a wrong vhost":  {b.URL + "nowhere", `{"exchange": "x"}`, "vhost"},
		"nobody listens": {"amqp://127.0.0.1:1/", `{"exchange": "x"}`, "connection refused"},
	} {
		e := endpoint(c.url, "%s", c.config)
		if out := s.Deliver(t.Context(), job(&e, `{}`)); out.Result != webhook.ResultRetry || !strings.Contains(out.Detail, c.want) {
			t.Errorf("%s: got %v: %s", name, out.Result, out.Detail)
		}
	}
	// One who errs does not disturb the others on the same connection.
	e := endpoint(b.URL, `{"exchange": %q}`, exchange)
	deliverOne(t, s, job(&e, `{}`))
}

func TestABrokerOfTheOperatorIsForThoseWhoMayUseIt(t *testing.T) {
	b := testkit.AMQP(t)
	exchange := b.Exchange("out", "topic")
	queue := b.Queue("q", exchange, "#")
	member := endpoint("", `{"broker": "own", "exchange": %q}`, exchange)
	stranger := endpoint("", `{"broker": "own", "exchange": %q}`, exchange)
	s := newService(t, func(o *viaamqp.Options) {
		o.Brokers = map[string]viaamqp.Broker{"own": {URL: webhook.Secret(b.URL), Allow: func(a id.ID) bool { return a == member.AccountID }}}
		o.Dial = func(context.Context, string, string) (net.Conn, error) {
			t.Error("the operator's broker is reached the tenants' way")
			return nil, net.ErrClosed
		}
	})
	if err := s.Validate(&member); err != nil {
		t.Error(err)
	}
	deliverOne(t, s, job(&member, `{}`))
	get(t, b, queue)
	if err := s.Validate(&stranger); webhook.CodeOf(err) != webhook.CodeInvalid {
		t.Errorf("got %v", err)
	}
	if out := s.Deliver(t.Context(), job(&stranger, `{}`)); out.Result != webhook.ResultRejected {
		t.Errorf("got %v", out.Result)
	}
}

func TestTLSIsVerifiedAsTheEndpointSays(t *testing.T) {
	b := testkit.AMQP(t)
	url, authority := b.Secured()
	exchange := b.Exchange("out", "topic")
	s := newService(t, nil)
	e := endpoint(url, `{"exchange": %q}`, exchange)
	if out := s.Deliver(t.Context(), job(&e, `{}`)); out.Result != webhook.ResultRetry || !strings.HasPrefix(out.Detail, "TLS: ") {
		t.Errorf("got %v: %s", out.Result, out.Detail)
	}
	e.TLS = &webhook.TLS{CAPEM: authority.CAPEM}
	if err := s.Validate(&e); err != nil {
		t.Error(err)
	}
	deliverOne(t, s, job(&e, `{}`))
	e.TLS = &webhook.TLS{CAPEM: "nonsense"}
	if err := s.Validate(&e); err == nil {
		t.Error("nonsense is taken for a certificate")
	}
}

func TestInOrderThroughAnOutage(t *testing.T) {
	b := testkit.AMQP(t)
	proxy, url := b.Behind()
	exchange := b.Exchange("out", "topic")
	queue := b.Queue("q", exchange, "#")
	s := newService(t, nil)
	e := endpoint(url, `{"exchange": %q}`, exchange)
	for n := range 30 {
		if n == 10 {
			proxy.Cut()
			if out := s.Deliver(t.Context(), job(&e, "lost")); out.Result != webhook.ResultRetry {
				t.Errorf("got %v", out.Result)
			}
			proxy.Restore()
		}
		if n == 20 { // broken in between, without anyone noticing before the next message
			proxy.Cut()
			proxy.Restore()
		}
		deadline := time.Now().Add(patience)
		for j := job(&e, fmt.Sprint(n)); s.Deliver(t.Context(), j).Result != webhook.ResultDelivered; {
			if time.Now().After(deadline) {
				t.Fatalf("message %d is not delivered", n)
			}
		}
	}
	for n := range 30 {
		if d := get(t, b, queue); string(d.Body) != fmt.Sprint(n) {
			t.Fatalf("message %d is %s", n, d.Body)
		}
	}
}

func TestConnectionsAreSharedAndBounded(t *testing.T) {
	b := testkit.AMQP(t)
	exchange := b.Exchange("out", "topic")
	var n counts
	s := newService(t, func(o *viaamqp.Options) { o.Connections, o.Dial = 2, n.dial(o.Dial) })
	one := endpoint(b.URL, `{"exchange": %q}`, exchange)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() { deliverOne(t, s, job(&one, `{}`)) })
	}
	all.Wait()
	if _, _, made := n.now(); made != 1 {
		t.Errorf("%d connections for one broker", made)
	}
	for _, user := range []string{"guest:gues%74", "gues%74:guest", "%67uest:guest"} { // one broker, as if it were three more
		_, rest, _ := strings.Cut(b.URL, "@")
		e := endpoint("amqp://"+user+"@"+rest, `{"exchange": %q}`, exchange)
		deliverOne(t, s, job(&e, `{}`))
	}
	s.Close()
	if open, most, made := n.now(); made != 4 || open != 0 || most > 3 { // one that makes room closes while the next connects
		t.Errorf("%d connections made, %d open, at most %d at a time", made, open, most)
	}
}

func TestAConnectionThatNobodyUsesIsClosed(t *testing.T) {
	b := testkit.AMQP(t)
	exchange := b.Exchange("out", "topic")
	var n counts
	s := newService(t, func(o *viaamqp.Options) { o.Idle, o.Dial = 10*time.Millisecond, n.dial(o.Dial) })
	e := endpoint(b.URL, `{"exchange": %q}`, exchange)
	deliverOne(t, s, job(&e, `{}`))
	rig.Await(t, "it is closed", func() bool { open, _, _ := n.now(); return open == 0 })
	deliverOne(t, s, job(&e, `{}`))
}

// counts counts connections.
type counts struct {
	mu               sync.Mutex
	open, most, made int
}

func (n *counts) now() (open, most, made int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.open, n.most, n.made
}

func (n *counts) dial(dial rabbit.Dial) rabbit.Dial {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		n.open++
		n.made++
		n.most = max(n.most, n.open)
		return &counted{Conn: c, closed: sync.OnceFunc(func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.open--
		})}, nil
	}
}

// counted tells when a connection is closed.
type counted struct {
	net.Conn
	closed func()
}

func (c *counted) Close() error {
	c.closed()
	return c.Conn.Close()
}

func TestTheSchemaAndTheServiceAgree(t *testing.T) {
	s := newService(t, nil)
	schema, err := directory.CompileSchema(s.ConfigSchema())
	if err != nil {
		t.Fatal(err)
	}
	for config, want := range map[string]bool{
		`{"exchange": "x"}`: true, `{"exchange": "", "routing_key": "", "headers": {"a": null}, "mandatory": false}`: true,
		`{}`: false, `{"exchange": 1}`: false, `{"exchange": "x", "headers": {"a": {}}}`: false, `{"exchange": "x", "y": 1}`: false,
	} {
		e := endpoint("amqp://127.0.0.1/", "%s", config)
		if got := schema.Validate([]byte(config)) == nil; got != want {
			t.Errorf("%s: the schema says %v", config, got)
		}
		if got := s.Validate(&e) == nil; got != want {
			t.Errorf("%s: the service says %v", config, got)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(`{"exchange": "x", "routing_key": "k", "headers": {"a": 1.5, "b": null}, "content_type": "t", "mandatory": true}`), "amqp.header.a", "[1")
	f.Add([]byte(`{"exchange": ""}`), "amqp.routing_key", strings.Repeat("k", 300))
	f.Add([]byte(`{"exchange": "x", "broker": "y"}`), "amqp.header.CC", "null")
	s, err := viaamqp.New(viaamqp.Options{
		Dial:     func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed },
		CheckURL: egress.ParseURL,
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, config []byte, attribute, value string) {
		e := endpoint("amqp://127.0.0.1:1/", "%s", config)
		j := job(&e, `{}`)
		j.Event.Attributes = map[string]string{attribute: value}
		out := s.Deliver(t.Context(), j)
		if out.Result == webhook.ResultDelivered || out.Detail == "" || strings.ContainsAny(out.Detail, "\r\n") {
			t.Errorf("got %v: %q", out.Result, out.Detail)
		}
		for line := range strings.Lines(string(out.RequestHeaders)) {
			if name, _, ok := strings.Cut(line, ": "); !ok || name == "" {
				t.Errorf("recorded as %q", line)
			}
		}
		if s.Validate(&e) != nil && out.Result != webhook.ResultRejected {
			t.Errorf("what is refused when it is saved gets %v", out.Result)
		}
	})
}
