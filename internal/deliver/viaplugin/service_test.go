package viaplugin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/deliver/delivertest"
	"github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestItIsAService(t *testing.T) {
	delivertest.Run(t, func(t *testing.T) delivertest.Target {
		r := runActor(t, Options{Grace: 50 * time.Millisecond, Stop: 100 * time.Millisecond, Processes: 2}).up()
		return delivertest.Target{
			Service:  r,
			Endpoint: *job("actor", `{"level": 3}`).Endpoint,
			Invalid: map[string]webhook.Endpoint{
				"no object":      *job("actor", `[]`).Endpoint,
				"not JSON":       *job("actor", `{`).Endpoint,
				"not as it says": *job("actor", `{"level": "three"}`).Endpoint,
			},
			Reason: "not in the mood",
			Rows:   true,
			Behave: func(b delivertest.Behaviour) bool {
				setBehaviour(t, r.dir, b)
				return true
			},
			Received: func() int { return received(t, r.dir) },
		}
	})
}

func TestAPlugInGetsWhatItNeeds(t *testing.T) {
	r := runActor(t, Options{})
	j := job("actor", "{\n\"level\":\r3}")
	j.Number, j.Endpoint.Retry = 2, webhook.RetryPolicy{MaxAttempts: 10}
	out := r.Deliver(t.Context(), j)
	want := map[string]any{"detail": map[string]any{
		"attempt": 2.0,
		"options": map[string]any{"level": 3.0},
		"event": map[string]any{
			"name": "user_created", "id": j.Event.ID.Prefixed("msg_"), "account": j.Event.AccountID.String(),
			"created_at": "2026-01-02T03:04:05Z", "data": map[string]any{"id": 12.0},
		},
		"subscription": map[string]any{
			"uuid": j.Endpoint.ID.String(), "name": "who joined", "service": "actor", "events": []any{"user_*"},
			"config": map[string]any{"level": 3.0}, "metadata": map[string]any{}, "account": j.Endpoint.AccountID.String(),
		},
	}}
	if diff := cmp.Diff(want, decoded(t, out.Extra)); diff != "" || out.Result != webhook.ResultDelivered {
		t.Errorf("%v: %s\n%s", out.Result, out.Detail, diff)
	}
}

func TestAnEndpointOfWazoIsToldAsWazoDoes(t *testing.T) {
	r := runActor(t, Options{})
	j := job("actor", "")
	tenant := "7a2f1a3c-1c5c-4b7e-9d53-0f0f3a3b7c11"
	document := wazo.Document{Name: "n", Service: "actor", Events: []string{"user_created"}, Config: json.RawMessage(`{"level":1}`), OwnerTenantUUID: tenant}
	if err := document.Onto(j.Endpoint); err != nil {
		t.Fatal(err)
	}
	j.Event.Payload = []byte(`{"name":"user_created","origin_uuid":"o","data":{"id":12}}`)
	detail := decoded(t, r.Deliver(t.Context(), j).Extra)["detail"].(map[string]any)
	delete(detail, "attempt")
	want := map[string]any{
		"options": map[string]any{"level": 1.0},
		"event":   map[string]any{"name": "user_created", "origin_uuid": "o", "data": map[string]any{"id": 12.0}},
		"subscription": map[string]any{
			"uuid": j.Endpoint.ID.String(), "name": "n", "service": "actor", "events": []any{"user_created"},
			"config": map[string]any{"level": 1.0}, "metadata": map[string]any{}, "owner_tenant_uuid": tenant,
			"events_user_uuid": nil, "events_wazo_uuid": nil, "owner_user_uuid": nil,
		},
	}
	if diff := cmp.Diff(want, detail); diff != "" {
		t.Error(diff)
	}

	// What came before a change is told as it was.
	document.Name, document.Config = "m", json.RawMessage(`{"level":2}`)
	if err := document.Replace(j.Endpoint, j.Event.CreatedAt.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	detail = decoded(t, r.Deliver(t.Context(), j).Extra)["detail"].(map[string]any)
	delete(detail, "attempt")
	if diff := cmp.Diff(want, detail); diff != "" {
		t.Error(diff)
	}
	j.Event.CreatedAt = j.Event.CreatedAt.Add(time.Minute)
	detail = decoded(t, r.Deliver(t.Context(), j).Extra)["detail"].(map[string]any)
	if diff := cmp.Diff(map[string]any{"level": 2.0}, detail["options"]); diff != "" || r.Validate(j.Endpoint) != nil {
		t.Error(diff)
	}
}

func decoded(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

func TestRetryComesWithItsDetailAndItsWait(t *testing.T) {
	r := runActor(t, Options{})
	setBehaviour(t, r.dir, delivertest.Fails)
	got := r.deliver("")
	want := webhook.Outcome{
		Result: webhook.ResultRetry, Detail: "not in the mood", RetryAfter: time.Second,
		Extra: []byte(`{"detail":{"mood":"bad"}}`),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheSchemaOfThePlugInIsKnown(t *testing.T) {
	r := runActor(t, Options{})
	if !r.ChecksConfig() {
		t.Error("it has a schema")
	}
	err := r.Validate(job("actor", `{"level": "x"}`).Endpoint)
	if e, ok := err.(*webhook.Error); !ok || e.Field != "config" || !strings.Contains(e.Message, "/level") {
		t.Errorf("got %v", err)
	}
	s := shell(t, `echo '{"type":"hello","protocol":1,"name":"script"}'; cat >/dev/null`, Options{})
	if s.ChecksConfig() || s.Validate(job("script", `{"level":"x"}`).Endpoint) != nil {
		t.Error("a plug-in without a schema takes any object")
	}
	idle, err := New(Options{Name: "idle", Command: "true"})
	if err != nil || idle.ChecksConfig() || idle.Validate(job("idle", "").Endpoint) != nil {
		t.Error("one that does not run takes any object")
	}
	if out := idle.Deliver(t.Context(), job("idle", "")); out.Result != webhook.ResultRetry || out.Detail != "the plug-in does not run" {
		t.Errorf("one that does not run: %v: %s", out.Result, out.Detail)
	}
}

func TestAPlugInSeesNothingOfTheServersEnvironment(t *testing.T) {
	t.Setenv("SWITCHHOOK_SECRET_KEY", "hush")
	dir := t.TempDir()
	script := `echo '{"type":"hello","protocol":1,"name":"script"}'; env > env.part; pwd >> env.part; mv env.part env; echo ready >&2; cat >/dev/null`
	r := shell(t, script, Options{Dir: dir, Env: []string{"COLOUR=green"}})
	r.log.wait(t, "line=ready", 1)
	seen, err := os.ReadFile(filepath.Join(dir, "env"))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"hush": false, NameVariable + "=script\n": true, "COLOUR=green\n": true, "PATH=": true, "\n" + dir + "\n": true} {
		if strings.Contains(string(seen), text) != want {
			t.Errorf("%q: not %v in\n%s", text, want, seen)
		}
	}
}
