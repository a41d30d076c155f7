package server

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/cli/client"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/testkit/rig"
)

const soon = 20 * time.Second

// api returns a client with the root's key, and an app with the uid "shop".
func (r *running) api(t *testing.T) *client.Client {
	t.Helper()
	l, err := ReadLocal(r.config.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(l.URL, l.APIKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateApp(t.Context(), map[string]any{"name": "Shop", "uid": "shop"}, true); err != nil {
		t.Fatal(err)
	}
	return c
}

func receiver(t *testing.T) *testkit.Receiver {
	t.Helper()
	r, err := testkit.StartReceiver(testkit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func endpoint(t *testing.T, c *client.Client, fields map[string]any) client.Endpoint {
	t.Helper()
	e, err := c.Endpoints("shop").Create(t.Context(), fields)
	if err != nil {
		t.Fatal(err)
	}
	return e.Value
}

func send(t *testing.T, c *client.Client, eventType, payload string) client.Message {
	t.Helper()
	m, err := c.Send(t.Context(), "shop", []byte(payload), map[string]any{"eventType": eventType})
	if err != nil {
		t.Fatal(err)
	}
	return m.Value
}

// attempts waits until an event has so many attempts.
func attempts(t *testing.T, c *client.Client, message string, n int) []client.Attempt {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	for {
		a, err := c.MessageAttempts("shop", message).List(ctx, client.Page{})
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Value.Data) >= n {
			return a.Value.Data
		}
	}
}

func TestDrainFinishesWhatIsInFlight(t *testing.T) {
	dir := t.TempDir()
	s := start(t, settings(t, dir))
	c, r := s.api(t), receiver(t)
	r.Script("", testkit.HangUntilReleased(testkit.Status(200)))
	endpoint(t, c, map[string]any{"url": r.URL()})
	m := send(t, c, "a.b", `{}`)
	if _, err := r.Wait(1, soon); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.stop() }()
	waitFor(t, s.health.draining.Load)
	r.Release()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	again := start(t, settings(t, dir))
	if a := attempts(t, again.api(t), m.ID, 1); len(a) != 1 || a[0].Outcome != "delivered" {
		t.Errorf("attempts %+v", a)
	}
	if r.Count() != 1 {
		t.Errorf("sent %d times", r.Count())
	}
}

func TestDrainGivesBackWhatTakesTooLong(t *testing.T) {
	dir := t.TempDir()
	s := start(t, settings(t, dir, "limits.drain=50ms"))
	c, r := s.api(t), receiver(t)
	r.Script("", testkit.Hang(), testkit.Status(200))
	endpoint(t, c, map[string]any{"url": r.URL()})
	m := send(t, c, "a.b", `{}`)
	if _, err := r.Wait(1, soon); err != nil {
		t.Fatal(err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, settings(t, dir))
	if _, err := r.Wait(2, soon); err != nil {
		t.Fatal(err)
	}
	if a := attempts(t, again.api(t), m.ID, 1); a[0].Outcome != "delivered" {
		t.Errorf("attempts %+v", a)
	}
}

func TestTheAccountIsToldThatAnEndpointWasDisabled(t *testing.T) {
	s := start(t, settings(t, t.TempDir()))
	c, gone, told := s.api(t), receiver(t), receiver(t)
	gone.Script("", testkit.Status(410))
	e := endpoint(t, c, map[string]any{"url": gone.URL(), "uid": "old", "eventTypes": []string{"a.*"}})
	endpoint(t, c, map[string]any{"url": told.URL(), "eventTypes": []string{"endpoint.disabled"}})
	send(t, c, "a.b", `{}`)
	got, err := told.Wait(1, soon)
	if err != nil {
		t.Fatal(err)
	}
	var n struct {
		Type string
		Data struct{ AppID, EndpointID, EndpointUID, Reason string }
	}
	if err := json.Unmarshal(got[0].Body, &n); err != nil {
		t.Fatal(err)
	}
	if n.Type != "endpoint.disabled" || n.Data.EndpointID != e.ID || n.Data.EndpointUID != "old" || n.Data.Reason != "gone" {
		t.Errorf("told %s", got[0].Body)
	}
	now, err := c.Endpoints("shop").Get(t.Context(), e.ID, nil)
	if err != nil || !now.Value.Disabled || now.Value.Health.DisabledReason != "gone" {
		t.Errorf("endpoint %+v, %v", now.Value, err)
	}
}

func TestPayloadsAreKeptAsLongAsTheConfigurationSays(t *testing.T) {
	s := start(t, settings(t, t.TempDir(), "retention.payload=1s"))
	c := s.api(t)
	m := send(t, c, "a.b", `{"n": 1}`)
	waitFor(t, func() bool {
		_, err := s.store.ExpirePayloads(t.Context(), time.Now(), 10) // the janitor comes in its own time
		got, gerr := c.Messages("shop").Get(t.Context(), m.ID, nil)
		return err == nil && gerr == nil && string(got.Value.Payload) == `{"expired":true}`
	})
}

func TestMetricsFollowAnEvent(t *testing.T) {
	s := start(t, settings(t, t.TempDir()))
	c, r := s.api(t), receiver(t)
	endpoint(t, c, map[string]any{"url": r.URL()})
	send(t, c, "a.b", `{}`)
	for _, want := range []string{
		"switchhook_events_accepted_total 1\n", "switchhook_deliveries_planned_total 1\n",
		`switchhook_attempts_total{result="delivered",service="http"} 1`,
		`switchhook_deliveries_finished_total{status="delivered"} 1`,
		"switchhook_accept_to_delivered_seconds_count 1\n", "switchhook_backlog_deliveries 0\n", "switchhook_lanes_open 0\n",
	} {
		waitFor(t, func() bool {
			_, body := get(t, s.URL()+"/metrics")
			return strings.Contains(body, want)
		})
	}
}

func TestTwoNodesShareADatabase(t *testing.T) {
	database := testkit.Postgres(t)
	node := func(name string) *running {
		return start(t, settings(t, t.TempDir(), "database_url="+database, "cluster.node="+name, "secret_key="+strings.Repeat("0a", 32)))
	}
	a, b := node("a"), node("b")
	if b.RootKey() != "" {
		t.Error("the second node made a root of its own")
	}
	ca, r := a.api(t), receiver(t)
	cb, err := client.New(b.URL(), a.RootKey())
	if err != nil {
		t.Fatal(err)
	}
	endpoint(t, ca, map[string]any{"url": r.URL()})
	waitFor(t, func() bool { // the other node hears of the endpoint
		_, err := cb.Send(t.Context(), "shop", []byte(`{}`), map[string]any{"eventType": "a.b"})
		if err != nil {
			t.Fatal(err)
		}
		return r.Count() > 0
	})
	before := r.Count()
	for i := range 20 {
		send(t, []*client.Client{ca, cb}[i%2], "a.b", fmt.Sprintf(`{"n":%d}`, i))
	}
	if _, err := r.Wait(before+20, soon); err != nil {
		t.Fatal(err)
	}
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	send(t, cb, "a.b", `{"last":true}`)
	waitFor(t, func() bool {
		return slices.ContainsFunc(r.Requests(), func(q testkit.Request) bool { return string(q.Body) == `{"last":true}` })
	})
}

// waitFor waits until it is so.
func waitFor(t *testing.T, so func() bool) {
	t.Helper()
	rig.Await(t, "what is waited for", so)
}
