package fromwazo_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/bus"
	"github.com/switchhook/switchhook/internal/bus/fromwazo"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/webhook"
)

const (
	tenant = "11111111-1111-4111-8111-111111111111"
	user   = "22222222-2222-4222-8222-222222222222"
)

// world plays what is around a handler and writes down what it is asked, in order.
type world struct {
	asked    []string
	events   []webhook.Event
	unwanted map[string]bool  // types
	fails    map[string]error // by what is asked
}

func (w *world) ask(what string) error {
	w.asked = append(w.asked, what)
	return w.fails[what]
}

func (w *world) AcceptEach(_ context.Context, all []ingest.Submission) []error {
	verdicts := make([]error, len(all))
	for i, s := range all {
		if verdicts[i] = w.ask("accept " + s.Account.Name + " " + s.Events[0].Type); verdicts[i] == nil {
			w.events = append(w.events, s.Events...)
		}
	}
	return verdicts
}

func (w *world) Receiver(_ context.Context, of string) (*webhook.Account, error) {
	name := "master"
	if of == tenant {
		name = "tenant"
	}
	return &webhook.Account{ID: id.New(), Name: name}, w.fails["account "+name]
}

func (w *world) Match(e *webhook.Event, _ []id.ID, dst []directory.Target) []directory.Target {
	if w.unwanted[e.Type] {
		return dst
	}
	return append(dst, directory.Target{})
}

func (w *world) UserDeleted(_ context.Context, u string) error { return w.ask("user deleted " + u) }
func (w *world) TenantDeleted(_ context.Context, of string) error {
	return w.ask("tenant deleted " + of)
}

func (w *world) MobileAdded(_ context.Context, of, u string) error {
	return w.ask("mobile added " + of + " " + u)
}

func (w *world) MobileRemoved(_ context.Context, of, u string) error {
	return w.ask("mobile removed " + of + " " + u)
}

func (w *world) handle(t testing.TB, batch ...bus.Message) []error {
	t.Helper()
	h, err := fromwazo.New(fromwazo.Options{Intake: w, Tenants: w, Directory: w, Actions: w})
	if err != nil {
		t.Fatal(err)
	}
	return h.Handle(t.Context(), batch)
}

func message(name string, headers map[string]any, body string) bus.Message {
	m := bus.Message{Headers: map[string]any{"name": name}, Body: []byte(body)}
	for k, v := range headers {
		m.Headers[k] = v
	}
	return m
}

func TestAnEventIsTakenInWithItsWholeBody(t *testing.T) {
	w := &world{}
	const body = `{"name":"inner",  "data":{"a":1.0}}`
	verdicts := w.handle(t, message("call_created", map[string]any{
		"tenant_uuid": tenant, "origin_uuid": "o", "user_uuid:" + user: true, "user_uuid:x": false, "required_access": "event.call_created", "n": int64(1),
	}, body), message("plain", nil, "[]"), message("star*", map[string]any{"tenant_uuid": int64(5)}, "1"))
	if err := errors.Join(verdicts...); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"accept tenant call_created", "accept master plain", "accept master star%2A"}, w.asked); diff != "" {
		t.Error(diff)
	}
	want := map[string]string{"tenant_uuid": tenant, "origin_uuid": "o", "user_uuid:" + user: "true"}
	if e := w.events[0]; string(e.Payload) != body || !cmp.Equal(e.Attributes, want) {
		t.Errorf("%s %v", e.Payload, e.Attributes)
	}
}

func TestWhatNobodyWantsIsLetGo(t *testing.T) {
	w := &world{unwanted: map[string]bool{"b": true}}
	verdicts := w.handle(t, message("a", nil, "{}"), message("b", nil, "{}"), message("c", nil, "{}"))
	if err := errors.Join(verdicts...); err != nil || len(w.events) != 2 {
		t.Errorf("%v, %d events", err, len(w.events))
	}
}

func TestJunkIsSetAsideAndHoldsUpNothing(t *testing.T) {
	w := &world{fails: map[string]error{"accept master large": webhook.Errorf(webhook.CodeTooLarge, "payload", "no")}}
	batch := []bus.Message{
		message("a", nil, "{}"),
		{Body: []byte("{}")},
		message("", nil, "{}"),
		{Headers: map[string]any{"name": int64(5)}, Body: []byte("{}")},
		message("b", nil, ""), message("b", nil, "{"), message("b", nil, "\x1f\x8b"), message("user_deleted", nil, "NaN"),
		message("large", nil, "{}"),
		message("user_deleted", nil, `{"data":[]}`), message("user_deleted", nil, `5`), message("user_deleted", nil, `{"data":{"uuid":7}}`),
		message("z", nil, "{}"),
	}
	verdicts := w.handle(t, batch...)
	for i, err := range verdicts {
		_, poison := errors.AsType[*bus.Poison](err)
		if want := i >= 1 && i <= 8; poison != want || !want && err != nil {
			t.Errorf("message %d: %v", i, err)
		}
	}
	want := []string{"accept master a", "accept master large", "accept master user_deleted", "accept master user_deleted", "accept master user_deleted", "accept master z"}
	slices.Sort(want)
	got := slices.Sorted(slices.Values(w.asked))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNotTakenForNowComesAgainWithAllBehindIt(t *testing.T) {
	busy := webhook.Errorf(webhook.CodeBusy, "", "far behind")
	for what, err := range map[string]error{"accept master user_deleted": busy, "user deleted u": errors.New("broken"), "account tenant": busy} {
		w := &world{fails: map[string]error{what: err}}
		verdicts := w.handle(t, message("a", nil, "{}"), message("user_deleted", map[string]any{"tenant_uuid": "x"}, `{"data":{"uuid":"u"}}`),
			message("b", map[string]any{"tenant_uuid": tenant}, "{}"), message("c", nil, "{}"))
		first := 1
		if what == "account tenant" {
			first = 2
		}
		for i, v := range verdicts {
			if (v == nil) != (i < first) {
				t.Errorf("%s: message %d: %v", what, i, v)
			}
			if _, poison := errors.AsType[*bus.Poison](v); poison {
				t.Errorf("%s: message %d is set aside", what, i)
			}
		}
		if slices.Contains(w.asked, "accept master c") {
			t.Errorf("%s: what comes behind was taken: %v", what, w.asked)
		}
	}
}

func TestWhatTheBusAsksForIsDoneInItsTurn(t *testing.T) {
	w := &world{fails: map[string]error{"tenant deleted gone": webhook.Errorf(webhook.CodeNotFound, "", "no such tenant")}}
	mobile := func(name, auth string) bus.Message {
		return message(name, map[string]any{"tenant_uuid": tenant}, fmt.Sprintf(`{"data":{"external_auth_name":%q,"user_uuid":"u"}}`, auth))
	}
	verdicts := w.handle(t,
		message("a", nil, "{}"), message("user_deleted", nil, `{"data":{"uuid":"u"}}`), message("b", nil, "{}"),
		message("auth_tenant_deleted", nil, `{"data":{"uuid":"gone"}}`), mobile("auth_user_external_auth_added", "mobile"),
		mobile("auth_user_external_auth_updated", "mobile"), mobile("auth_user_external_auth_added", "google"),
		mobile("auth_user_external_auth_deleted", "mobile"), message("user_deleted", nil, `{}`), message("c", nil, "{}"),
	)
	if err := errors.Join(verdicts...); err != nil {
		t.Error(err)
	}
	var did []string
	for _, what := range w.asked {
		if !strings.Contains(what, "accept master auth_") && !strings.Contains(what, "accept tenant") {
			did = append(did, what)
		}
	}
	want := []string{
		"accept master a", "accept master user_deleted", "user deleted u", "accept master b", "tenant deleted gone",
		"mobile added " + tenant + " u", "mobile added " + tenant + " u", "mobile removed " + tenant + " u", "accept master user_deleted", "accept master c",
	}
	if diff := cmp.Diff(want, did); diff != "" {
		t.Error(diff)
	}
}

func FuzzHandle(f *testing.F) {
	f.Add("user_deleted", tenant, []byte(`{"data":{"uuid":"u"}}`))
	f.Add("a", "", []byte("{"))
	f.Fuzz(func(t *testing.T, name, tenant string, body []byte) {
		w := &world{}
		verdicts := w.handle(t, message("before", nil, "{}"), message(name, map[string]any{"tenant_uuid": tenant}, string(body)), message("after", nil, "{}"))
		if verdicts[0] != nil || verdicts[2] != nil {
			t.Errorf("%q holds up what is around it: %v", name, verdicts)
		}
	})
}
