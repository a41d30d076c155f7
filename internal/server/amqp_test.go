package server

import (
	"fmt"
	"slices"
	"testing"

	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestEventsReachABrokerInOrderThroughAnOutage(t *testing.T) {
	b := testkit.AMQP(t)
	proxy, url := b.Behind()
	exchange := b.Exchange("out", "topic")
	queue := b.Queue("q", exchange, "order.*")
	s := start(t, settings(t, t.TempDir()))
	c := s.api(t)
	endpoint(t, c, map[string]any{
		"service": "amqp", "url": url, "config": map[string]any{"exchange": exchange, "mandatory": true},
		"ordering": "fifo", "retrySchedule": slices.Repeat([]int{1}, 30),
	})
	proxy.Cut()
	const n = 20
	first := send(t, c, "order.created", `{"n":0}`)
	for i := 1; i < n; i++ {
		send(t, c, "order.created", fmt.Sprintf(`{"n":%d}`, i))
	}
	if a := attempts(t, c, first.ID, 1); a[0].Outcome == "delivered" {
		t.Fatalf("attempts %+v", a)
	}
	proxy.Restore()
	waitFor(t, func() bool { return b.Depth(queue) == n })
	ch := b.Channel()
	for i := range n {
		if d, _, err := ch.Get(queue, true); err != nil || string(d.Body) != fmt.Sprintf(`{"n":%d}`, i) {
			t.Fatalf("message %d is %s, %v", i, d.Body, err)
		}
	}
}

func TestTheBrokersOfDialectsAreForTheRootAlone(t *testing.T) {
	s := start(t, settings(t, t.TempDir(), "dialects.wazo.amqp_url=amqp://127.0.0.1:1/"))
	c := s.api(t)
	fields := map[string]any{"service": "amqp", "config": map[string]any{"exchange": "wazo-headers", "broker": "wazo"}}
	if _, err := c.Endpoints("shop").Create(t.Context(), fields); err == nil {
		t.Error("a tenant may publish to the platform's bus")
	}
	service := s.services["amqp"]
	e := &webhook.Endpoint{AccountID: s.root, Config: []byte(`{"exchange": "wazo-headers", "broker": "wazo"}`)}
	if err := service.Validate(e); err != nil {
		t.Error(err)
	}
}
