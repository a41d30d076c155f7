package intake_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/api/kazoo/intake"
	"github.com/switchhook/switchhook/internal/bus"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/match"
	"github.com/switchhook/switchhook/internal/render/py"
	"github.com/switchhook/switchhook/internal/webhook"
)

const (
	known   = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
	quiet   = "a1b2c3d4e5f60718293a4b5c6d7e8f91" // nobody listens to it
	unknown = "a1b2c3d4e5f60718293a4b5c6d7e8f92"
	trouble = "a1b2c3d4e5f60718293a4b5c6d7e8f93" // the database fails on it
)

// world stands in for the engine: it has accounts, an index of hooks, and keeps what is
// submitted.
type world struct {
	intake *intake.Intake
	index  *match.Index
	got    []ingest.Submission
	judge  func(ingest.Submission) error
	made   []control.NewEndpoint
	refuse error            // what making an endpoint fails with
	there  control.Endpoint // what is found then

	enabled   []string // accounts, with "+" where it is their descendants' hooks too
	published []bus.Message
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{index: match.NewIndex()}
	w.index.Put(match.Sub{ID: id.New(), AccountID: parse(t, known), Filter: webhook.Filter{Types: []string{"kazoo.*"}}})
	types, err := hooktype.Open(hooktype.Env{}, "")
	if err != nil {
		t.Fatal(err)
	}
	w.intake, err = intake.New(intake.Options{
		Types: types, Directory: w, Events: w, Endpoints: w, Node: func() string { return "us" }, Enable: w.enable,
		Publish: func(_ context.Context, m bus.Message) error {
			w.published = append(w.published, m)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func parse(t testing.TB, hex string) id.ID {
	t.Helper()
	v, err := id.Parse(hex)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (w *world) Account(_ context.Context, account id.ID) (*webhook.Account, error) {
	switch account.Hex() {
	case known, quiet:
		return &webhook.Account{ID: account}, nil
	case trouble:
		return nil, errors.New("the database is away")
	}
	return nil, webhook.Errorf(webhook.CodeNotFound, "", "no such account")
}

func (w *world) Match(e *webhook.Event, path []id.ID, dst []directory.Target) []directory.Target {
	for range w.index.Append(nil, e, path) {
		dst = append(dst, directory.Target{})
	}
	return dst
}

func (w *world) AcceptEach(_ context.Context, all []ingest.Submission) []error {
	verdicts := make([]error, len(all))
	for i, s := range all {
		if w.judge != nil {
			verdicts[i] = w.judge(s)
		}
		if verdicts[i] == nil {
			w.got = append(w.got, s)
		}
	}
	return verdicts
}

func (w *world) CreateEndpoint(_ context.Context, n control.NewEndpoint) (*control.Endpoint, bool, error) {
	if w.refuse != nil {
		return nil, false, w.refuse
	}
	w.made = append(w.made, n)
	w.index.Put(match.Sub{ID: id.New(), AccountID: n.Endpoint.AccountID, Filter: n.Subscriptions[0].Filter})
	return nil, true, nil
}

func (w *world) FindEndpoint(context.Context, id.ID, id.ID, string) (*control.Endpoint, error) {
	return &w.there, nil
}

// payloads are those of the events that were taken.
func (w *world) payloads() []string {
	var all []string
	for _, s := range w.got {
		for _, e := range s.Events {
			all = append(all, string(e.Payload))
		}
	}
	return all
}

// sms is a message about a text to an account.
func sms(account, body string) string {
	return fmt.Sprintf(`{"App-Name":"a","App-Version":"1","Event-Category":"sms","Event-Name":"inbound","Msg-ID":"1",`+
		`"Message-ID":"m","Body":%q,"From":"f","To":"t","Account-ID":%q}`, body, account)
}

func packed(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestMessagesBecomeEventsOfWhoeverWantsThem(t *testing.T) {
	w := newWorld(t)
	batch := []bus.Message{
		{ContentType: "application/json", Body: []byte(sms(known, "one"))},
		{ContentType: "application/json", Encoding: "gzip", Body: packed(t, sms(known, "two"))},
		{Body: []byte(sms(quiet, "x"))},
		{Body: []byte(sms(unknown, "x"))},
		{ContentType: "application/erlang", Body: []byte{131, 104}},
		{Body: []byte(strings.Replace(sms(known, "taken in before"), "{", `{"Node":"us",`, 1))},
		{Body: []byte(strings.Replace(sms(known, "x"), `"sms"`, `"other"`, 1))},
		{ContentType: "application/json; charset=utf-8", Body: []byte(sms(known, "three"))},
	}
	for i, err := range w.intake.Handle(t.Context(), batch) {
		if err != nil {
			t.Errorf("message %d: %v", i, err)
		}
	}
	var want []string
	for _, body := range []string{"one", "two", "three"} {
		want = append(want, `{"id":"m","account_id":"`+known+`","type":"sms","from":"f","to":"t","body":"`+body+`"}`)
	}
	if diff := cmp.Diff(want, w.payloads()); diff != "" {
		t.Error(diff)
	}
	if e := w.got[0].Events[0]; e.Type != "kazoo.sms" || e.Attributes["internal_leg"] != "false" || !w.got[0].Checked {
		t.Errorf("event %+v", e)
	}
}

func TestBrokenMessagesAreSetAsideAndHoldUpNothing(t *testing.T) {
	w := newWorld(t)
	batch := []bus.Message{
		{Body: []byte("not JSON")},
		{Body: []byte(`[1]`)},
		{Body: []byte(strings.Replace(sms(known, "x"), `"Msg-ID":"1",`, "", 1))},
		{Body: []byte(strings.Replace(sms(known, "x"), `"From":"f",`, "", 1))},
		{Encoding: "gzip", Body: []byte("not packed")},
		{Encoding: "gzip", Body: packed(t, sms(known, "x"))[:20]},
		{Encoding: "gzip", Body: packed(t, strings.Repeat(" ", 9<<20))},
		{Encoding: "br", Body: []byte("x")},
		{Body: nil},
		{Body: []byte(sms(known, "good"))},
	}
	verdicts := w.intake.Handle(t.Context(), batch)
	for i, err := range verdicts[:len(batch)-1] {
		if p, ok := errors.AsType[*bus.Poison](err); !ok || p.Reason == "" {
			t.Errorf("message %d: %v", i, err)
		}
	}
	if verdicts[len(batch)-1] != nil || len(w.got) != 1 {
		t.Errorf("the good one: %v, %d events", verdicts[len(batch)-1], len(w.got))
	}
}

func TestWhatCannotBeTakenNowComesAgainInItsOrder(t *testing.T) {
	w := newWorld(t)
	batch := []bus.Message{
		{Body: []byte(sms(known, "one"))}, {Body: []byte("poison")}, {Body: []byte(sms(trouble, "x"))}, {Body: []byte(sms(known, "two"))}, {Body: []byte("x")},
	}
	verdicts := w.intake.Handle(t.Context(), batch)
	if verdicts[0] != nil || len(w.got) != 1 {
		t.Errorf("the first one: %v, %d events", verdicts[0], len(w.got))
	}
	if _, poison := errors.AsType[*bus.Poison](verdicts[1]); !poison {
		t.Errorf("poison: %v", verdicts[1])
	}
	for i, err := range verdicts[2:] {
		if _, poison := errors.AsType[*bus.Poison](err); err == nil || poison {
			t.Errorf("message %d: %v", i+2, err)
		}
	}
}

func TestVerdictsOfTheEngine(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		poison bool
	}{
		"busy":      {webhook.Errorf(webhook.CodeBusy, "", "later"), false},
		"away":      {webhook.Errorf(webhook.CodeUnavailable, "", "later"), false},
		"unknown":   {errors.New("x"), false},
		"too large": {webhook.Errorf(webhook.CodeTooLarge, "payload", "too large"), true},
		"invalid":   {webhook.Errorf(webhook.CodeInvalid, "payload", "odd"), true},
	} {
		w := newWorld(t)
		w.judge = func(ingest.Submission) error { return c.err }
		err := w.intake.Handle(t.Context(), []bus.Message{{Body: []byte(sms(known, "x"))}})[0]
		if _, poison := errors.AsType[*bus.Poison](err); err == nil || poison != c.poison {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMessagesOfOurOwnTakeTheSamePath(t *testing.T) {
	w := newWorld(t)
	if err := w.intake.Fire(t.Context(), hooktype.ObjectMessage(hooktype.DocCreated, "user", "u", known)); err != nil {
		t.Fatal(err)
	}
	want := []string{`{"id":"u","account_id":"` + known + `","action":"doc_created","type":"user"}`}
	if diff := cmp.Diff(want, w.payloads()); diff != "" {
		t.Error(diff)
	}
	w.judge = func(ingest.Submission) error { return errors.New("the disk is full") }
	if err := w.intake.Fire(t.Context(), hooktype.ObjectMessage(hooktype.DocCreated, "user", "u", known)); err == nil {
		t.Error("what was not taken is no error")
	}
	if err := w.intake.Fire(t.Context(), hooktype.ObjectMessage(hooktype.DocCreated, "user", "", known)); err == nil {
		t.Error("a message that lacks something is no error")
	}
}

// callflow is a message with a hook of its own.
func callflow(hookID, uri, more string) bus.Message {
	return bus.Message{Body: []byte(`{"App-Name":"callflow","App-Version":"1","Event-Category":"notification","Event-Name":"webhook","Msg-ID":"1",` +
		`"Hook":{"_id":"` + hookID + `","pvt_account_id":"` + quiet + `","hook":"notifications","uri":"` + uri + `"` + more + `},"Data":{"call_id":"c"}}`)}
}

func TestACallflowsOwnHookGetsAnEndpointOnce(t *testing.T) {
	w := newWorld(t)
	w.index.Put(match.Sub{ID: id.New(), AccountID: parse(t, quiet), Filter: webhook.Filter{Types: []string{"kazoo.*"}}})
	for i, err := range w.intake.Handle(t.Context(), []bus.Message{
		callflow("1", "http://example.com/a", `,"http_verb":"get","retries":3`), callflow("2", "http://example.com/a", `,"http_verb":"get","retries":3`),
		callflow("3", "http://example.com/b", `,"custom_data":{"k":"v"}`),
	}) {
		if err != nil {
			t.Errorf("message %d: %v", i, err)
		}
	}
	if len(w.made) != 2 || len(w.got) != 3 {
		t.Fatalf("%d endpoints and %d events", len(w.made), len(w.got))
	}
	e := w.made[0].Endpoint
	if e.URL != "http://example.com/a" || e.Service != hook.Service || !e.Enabled || e.Retry.MaxAttempts != 3 || e.Health.WindowFailures != 0 {
		t.Errorf("endpoint %+v", e)
	}
	if c, err := hook.ParseConfig(w.made[1].Endpoint.Config); err != nil || c.Verb != hook.Post || string(c.CustomData) != `{"k":"v"}` {
		t.Errorf("configuration %+v, %v", c, err)
	}
	for i, s := range w.got {
		event := s.Events[0]
		if event.Attributes[hook.AttributeID] != fmt.Sprint(i+1) || string(event.Payload) != `{"call_id":"c"}` || s.Account.ID.Hex() != quiet {
			t.Errorf("event %d: %+v", i, event)
		}
		if n := len(w.index.Append(nil, &event, nil)); n != 1 {
			t.Errorf("event %d goes to %d endpoints", i, n)
		}
	}
}

func TestHooksOfCallflowsThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		refuse error
		poison bool
	}{
		"a URI that is none":   {webhook.Errorf(webhook.CodeInvalid, "url", "is not a URL"), true},
		"too many endpoints":   {webhook.Errorf(webhook.CodeLimit, "", "too many"), true},
		"made by another node": {webhook.Errorf(webhook.CodeConflict, "uid", "taken"), false},
		"the database is away": {webhook.Errorf(webhook.CodeUnavailable, "", "away"), false},
	} {
		w := newWorld(t)
		w.refuse = c.refuse
		w.there = control.Endpoint{Endpoint: webhook.Endpoint{Enabled: true}, Subscriptions: make([]webhook.Subscription, 1)}
		err := w.intake.Handle(t.Context(), []bus.Message{callflow("1", "x", "")})[0]
		if _, poison := errors.AsType[*bus.Poison](err); err == nil || poison != c.poison {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := newWorld(t)
	w.refuse = webhook.Errorf(webhook.CodeConflict, "uid", "taken")
	if err := w.intake.Handle(t.Context(), []bus.Message{callflow("1", "x", "")})[0]; err != nil || len(w.got) != 0 {
		t.Errorf("one that somebody switched off: %v, %d events", err, len(w.got))
	}
	err := w.intake.Handle(t.Context(), []bus.Message{callflow("1", "x", `,"retries":"many"`)})[0]
	if _, poison := errors.AsType[*bus.Poison](err); !poison {
		t.Errorf("retries that are no number: %v", err)
	}
}

func (w *world) enable(_ context.Context, account *webhook.Account, descendants bool) error {
	if w.refuse != nil {
		return w.refuse
	}
	name := account.ID.Hex()
	if descendants {
		name += "+"
	}
	w.enabled = append(w.enabled, name)
	return nil
}

func TestThePlatformMayAskForHooksToBeEnabled(t *testing.T) {
	w := newWorld(t)
	ask := func(kind, action, account string) bus.Message {
		return bus.Message{Exchange: "configuration", Body: []byte(`{"App-Name":"crossbar","App-Version":"1","Event-Category":"configuration","Event-Name":"doc_type_update",` +
			`"Msg-ID":"m1","Server-ID":"q1","Type":"` + kind + `","Action":"` + action + `","Account-ID":"` + account + `"}`)}
	}
	for i, err := range w.intake.Handle(t.Context(), []bus.Message{
		ask("webhook", "account", known), ask("webhook", "descendants", quiet),
		ask("webhook", "account", unknown), ask("webhook", "other", known), ask("user", "account", known),
	}) {
		if err != nil {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if diff := cmp.Diff([]string{known, quiet + "+"}, w.enabled); diff != "" {
		t.Error(diff)
	}
	if len(w.published) != 2 || len(w.got) != 0 {
		t.Fatalf("%d answers and %d events", len(w.published), len(w.got))
	}
	m := w.published[0]
	answer, err := hooktype.ParseMessage(m.Body)
	if err != nil || m.Exchange != "targeted" || m.RoutingKey != "q1" {
		t.Fatalf("answer %+v, %v", m, err)
	}
	for name, want := range map[string]string{
		"Event-Category": "configuration", "Event-Name": "doc_type_updated", "Msg-ID": "m1", "status": "success", "App-Name": "webhooks",
	} {
		if got := answer.Get(name); got != py.Value(py.Str(want)) {
			t.Errorf("%s of the answer is %v", name, got)
		}
	}
	w.refuse = errors.New("the database is away")
	if err := w.intake.Handle(t.Context(), []bus.Message{ask("webhook", "account", known)})[0]; err == nil || len(w.published) != 2 {
		t.Errorf("what could not be done: %v, %d answers", err, len(w.published))
	}
}

func TestNewWantsItsParts(t *testing.T) {
	if _, err := intake.New(intake.Options{}); err == nil {
		t.Error("an intake of nothing is made")
	}
}

func FuzzHandle(f *testing.F) {
	f.Add([]byte(sms(known, "x")), "", "application/json")
	f.Add([]byte("\x1f\x8b"), "gzip", "")
	f.Add(callflow("1", "http://x", "").Body, "", "")
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, body []byte, encoding, kind string) {
		w.got, w.made = nil, nil
		for _, err := range w.intake.Handle(t.Context(), []bus.Message{{Body: body, Encoding: encoding, ContentType: kind}}) {
			if _, poison := errors.AsType[*bus.Poison](err); err != nil && !poison && !bytes.Contains(body, []byte(trouble)) {
				t.Fatalf("a message is neither taken nor set aside: %v", err)
			}
		}
	})
}
