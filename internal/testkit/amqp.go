package testkit

import (
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/rabbitmq/amqp091-go"
)

// Broker is a RabbitMQ that a test shares with others: names have to be its own.
type Broker struct {
	URL  string
	t    testing.TB
	conn *amqp091.Connection
	mark string
}

// AMQP connects to the RabbitMQ at SWITCHHOOK_TEST_AMQP, else on the usual port. Without
// one the test is skipped, or fails when SWITCHHOOK_TEST_REQUIRE_SERVICES is 1.
func AMQP(t testing.TB) *Broker {
	t.Helper()
	at := os.Getenv("SWITCHHOOK_TEST_AMQP")
	if at == "" {
		at = "amqp://guest:guest@127.0.0.1:5672/"
	}
	conn, err := amqp091.Dial(at)
	if err != nil {
		if os.Getenv("SWITCHHOOK_TEST_REQUIRE_SERVICES") == "1" {
			t.Fatalf("no RabbitMQ: %v", err)
		}
		t.Skipf("no RabbitMQ at SWITCHHOOK_TEST_AMQP: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &Broker{URL: at, t: t, conn: conn, mark: "test." + strings.ToLower(rand.Text()[:12]) + "."}
}

// Name returns a name that no other test has.
func (b *Broker) Name(what string) string { return b.mark + what }

// Channel opens a channel. A test that provokes errors takes one for each.
func (b *Broker) Channel() *amqp091.Channel {
	b.t.Helper()
	ch, err := b.conn.Channel()
	if err != nil {
		b.t.Fatal(err)
	}
	return ch
}

// Exchange declares an exchange that is deleted when the test ends, and returns its name.
func (b *Broker) Exchange(what, kind string) string {
	b.t.Helper()
	name := b.Name(what)
	if err := b.Channel().ExchangeDeclare(name, kind, true, false, false, false, nil); err != nil {
		b.t.Fatal(err)
	}
	b.Delete("", name)
	return name
}

// Queue declares a queue that is deleted when the test ends, bound to an exchange with a
// key, and returns its name.
func (b *Broker) Queue(what, exchange, key string) string {
	b.t.Helper()
	name, ch := b.Name(what), b.Channel()
	if _, err := ch.QueueDeclare(name, true, false, false, false, nil); err != nil {
		b.t.Fatal(err)
	}
	if exchange != "" {
		if err := ch.QueueBind(name, key, exchange, false, nil); err != nil {
			b.t.Fatal(err)
		}
	}
	b.Delete(name, "")
	return name
}

// Delete deletes a queue or an exchange when the test ends.
func (b *Broker) Delete(queue, exchange string) {
	b.t.Cleanup(func() {
		ch, err := b.conn.Channel()
		if err != nil {
			b.t.Error(err)
			return
		}
		if queue != "" {
			_, err = ch.QueueDelete(queue, false, false, false)
		} else {
			err = ch.ExchangeDelete(exchange, false, false)
		}
		if err != nil {
			b.t.Error(err)
		}
	})
}

// Publish publishes a message and waits until the broker has it.
func (b *Broker) Publish(exchange, key string, m amqp091.Publishing) {
	b.t.Helper()
	ch := b.Channel()
	defer func() { _ = ch.Close() }()
	if err := ch.Confirm(false); err != nil {
		b.t.Fatal(err)
	}
	w, err := ch.PublishWithDeferredConfirm(exchange, key, false, false, m)
	if err != nil {
		b.t.Fatal(err)
	}
	if !w.Wait() {
		b.t.Fatal("the broker did not take the message")
	}
}

// Depth returns how many messages wait in a queue, or -1 when there is no such queue.
func (b *Broker) Depth(queue string) int {
	ch := b.Channel()
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if err != nil {
		return -1
	}
	_ = ch.Close()
	return q.Messages
}

// Behind puts a proxy in front of the broker and returns the URL that leads through it.
func (b *Broker) Behind() (*Proxy, string) {
	b.t.Helper()
	u := b.parsed()
	p, err := NewProxy(u.Host)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(p.Close)
	u.Host = p.Addr()
	return p, u.String()
}

// Secured puts TLS in front of the broker and returns the URL that leads through it, and
// what its certificate is verified with.
func (b *Broker) Secured() (url string, a *Authority) {
	b.t.Helper()
	a, err := NewAuthority()
	if err != nil {
		b.t.Fatal(err)
	}
	u := b.parsed()
	p, err := NewTLSProxy(u.Host, a)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(p.Close)
	u.Scheme, u.Host = "amqps", p.Addr()
	return u.String(), a
}

func (b *Broker) parsed() *url.URL {
	b.t.Helper()
	u, err := url.Parse(b.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}
