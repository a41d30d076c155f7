//go:build unix

package fromamqp_test

import (
	"testing"

	"github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/bus/fromamqp"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestABrokerThatCrashesIsFoundAgainWithAllThatItForgot(t *testing.T) {
	own := testkit.StartRabbitMQ(t)
	const exchange = "callevt"
	r := newRig(t, func(r *rig, o *fromamqp.Options) {
		o.URL = webhook.Secret(own.URL())
		o.Exchanges = []fromamqp.Exchange{{Name: exchange, Kind: "topic"}} // gone with the broker
		o.Bindings = []fromamqp.Binding{{Exchange: exchange, RoutingKey: "call.#"}}
	})
	publish := func(body string) {
		t.Helper()
		conn, err := amqp091.Dial(own.URL())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		ch, err := conn.Channel()
		if err != nil {
			t.Fatal(err)
		}
		if err := ch.Confirm(false); err != nil {
			t.Fatal(err)
		}
		w, err := ch.PublishWithDeferredConfirm(exchange, "call.x", false, false, amqp091.Publishing{Body: []byte(body)})
		if err != nil || !w.Wait() {
			t.Fatalf("the broker did not take the message: %v", err)
		}
	}
	publish("before")
	r.bodies(1)
	own.Crash()
	r.eventually("the source is down", func() bool { return !r.source.Up() })
	own.Start()
	r.eventually("the source is up again", r.source.Up)
	publish("after")
	if got := r.bodies(2); got[1] != "after" {
		t.Errorf("got %q", got)
	}
}
