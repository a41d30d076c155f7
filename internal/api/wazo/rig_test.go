package wazo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api/wazo"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	dialect "github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// UUIDs of tests.
const (
	alice   = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	bob     = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
	nowhere = "00000000-0000-4000-8000-00000000dead"
)

// world is the API over a whole engine on a database of its own, on a real listener.
type world struct {
	testing.TB
	url     string
	api     *wazo.API
	auth    wazo.Auth
	control *control.Control
	ingest  *ingest.Ingest
	service *played
	bus     *published
	told    *notifier
	debug   *settings

	root   string // the root account's API key
	token  string // that requests are made with; the master's at first
	master string // the master tenant
}

// played is a service that plays what an event's payload says: {"play": ["retry",
// "delivered"]} is one result for each attempt, the last one for all that follow.
type played struct{ name string }

func (p *played) Name() string                     { return p.name }
func (p *played) Validate(*webhook.Endpoint) error { return nil }

func (p *played) Deliver(_ context.Context, job *deliver.Job) webhook.Outcome {
	var in struct{ Play []string }
	if err := json.Unmarshal(job.Event.Payload, &in); err != nil {
		return webhook.Outcome{Result: webhook.ResultRejected, Detail: err.Error()}
	}
	word := "delivered"
	if len(in.Play) > 0 {
		word = in.Play[min(int(job.Number), len(in.Play))-1]
	}
	switch word {
	case "retry":
		return webhook.Outcome{Result: webhook.ResultRetry, Detail: "refused", Extra: []byte(`{"detail":{"error":"refused"}}`)}
	case "rejected":
		return webhook.Outcome{Result: webhook.ResultRejected, Detail: "a template is wrong"}
	case "gone":
		return webhook.Outcome{Result: webhook.ResultGone, StatusCode: 410, Detail: "status 410", Extra: []byte(`{"detail":"no object"}`)}
	}
	return webhook.Outcome{Extra: []byte(`{"detail":{"request_method":"POST","response_body":"<&>"}}`)}
}

// picky is a service that checks configurations itself.
type picky struct{ played }

func (picky) ChecksConfig() bool { return true }

func (picky) Validate(e *webhook.Endpoint) error {
	if strings.Contains(string(e.Config), "bad") {
		return webhook.Errorf(webhook.CodeInvalid, "config", "must not be bad")
	}
	return nil
}

// published is the service that publishes to the bus, while it is up.
type published struct {
	mu     sync.Mutex
	down   bool
	events []webhook.Event
}

func (p *published) Name() string                     { return "amqp" }
func (p *published) Validate(*webhook.Endpoint) error { return nil }

func (p *published) Deliver(_ context.Context, job *deliver.Job) webhook.Outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return webhook.Outcome{Result: webhook.ResultRetry, Detail: "the broker is away"}
	}
	p.events = append(p.events, *job.Event)
	return webhook.Outcome{}
}

// setDown takes the broker away, or brings it back.
func (p *published) setDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// wait waits until so many messages were published, and returns them.
func (p *published) wait(t testing.TB, n int) []webhook.Event {
	t.Helper()
	return rig.Until(t, "what is published", func() []webhook.Event {
		p.mu.Lock()
		defer p.mu.Unlock()
		return slices.Clone(p.events)
	}, func(events []webhook.Event) bool { return len(events) >= n })
}

// notifier notes notifications.
type notifier struct {
	mu  sync.Mutex
	got []wazo.Notification
}

func (n *notifier) Notify(_ context.Context, one wazo.Notification) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.got = append(n.got, one)
	return nil
}

// settings is a configuration.
type settings struct {
	mu sync.Mutex
	on bool
}

func (s *settings) SetDebug(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = on
}

func (s *settings) Show(master string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]any{"debug": s.on, "auth": map[string]any{"master_tenant_uuid": master, "password": "**********"}}
}

// newWorld returns a world; edit may change the options.
func newWorld(t testing.TB, edit ...func(*wazo.Options)) *world {
	t.Helper()
	w := &world{
		TB: t, service: &played{dialect.ServiceHTTP}, bus: &published{},
		told: &notifier{}, debug: &settings{},
	}
	e := rig.Start(t, rig.Options{
		Services: []deliver.Service{w.service, w.bus, &played{"sleepy"}, &picky{played{"picky"}}},
		Control: control.Options{
			Limits:  control.Limits{ConfigBytes: 1 << 20, AnnotationSize: 1 << 20},
			MayLack: func(e *webhook.Endpoint) bool { return e.Annotations[dialect.Annotation] != nil },
		},
	})
	w.control, w.ingest, w.root = e.Control, e.Intake, e.Key
	w.serve(edit...)
	return w
}

// serve makes the API and listens.
func (w *world) serve(edit ...func(*wazo.Options)) {
	outbox, err := wazo.NewOutbox(wazo.OutboxOptions{Control: w.control, Broker: "wazo", Exchange: "wazo-headers"})
	w.must(err)
	w.must(outbox.Ensure(w.Context()))
	w.must(outbox.Ensure(w.Context())) // changes nothing
	w.auth = wazo.NewKeys(w.control, "")
	o := wazo.Options{
		Control: w.control, Auth: w.auth, Outbox: outbox, Notifier: w.told, Settings: w.debug,
		Services: map[string]string{"http": dialect.ServiceHTTP, "sleepy": "sleepy", "picky": "picky"},
		Reserved: func(name string) bool { return name == "amqp" },
		Retry:    dialect.Retry(3, 1), BusUp: func() bool { return true },
		CORS: &wazo.CORSOptions{AllowHeaders: []string{"Content-Type", "X-Auth-Token", "Wazo-Tenant"}},
	}
	for _, f := range edit {
		f(&o)
	}
	w.auth = o.Auth
	o.Tenants = wazo.NewTenants(w.control, o.Auth)
	w.api, err = wazo.New(o)
	w.must(err)
	w.token, w.master, err = w.api.Begin(w.Context())
	w.must(err)
	server := httptest.NewServer(w.api.Handler())
	w.Cleanup(server.Close)
	w.url = server.URL
}

func (w *world) must(err error) { w.Helper(); rig.Must(w, err) }

// object is a JSON object.
type object = map[string]any

// send makes a request of a path below /1.0, with headers as name, value. A body that is
// no text is encoded; nil is none.
func (w *world) send(method, path string, body any, headers ...string) rig.Answer {
	w.Helper()
	var first []string
	if w.token != "" {
		first = append(first, "X-Auth-Token", w.token)
	}
	if body != nil {
		first = append(first, "Content-Type", "application/json")
	}
	return rig.Send(w, rig.Request(w, method, w.url+"/1.0"+path, body, append(first, headers...)...))
}

// want makes a request and wants a status; it returns the answer's object.
func (w *world) want(status int, method, path string, body any, headers ...string) object {
	w.Helper()
	got := w.send(method, path, body, headers...).Want(w, status)
	if kind := got.Header.Get("Content-Type"); status != http.StatusNoContent && kind != "application/json" {
		w.Errorf("%s %s answered %s", method, path, kind)
	}
	return got.Object(w)
}

// refused makes a request and wants an error; it returns the details.
func (w *world) refused(status int, id, method, path string, body any, headers ...string) object {
	w.Helper()
	o := w.want(status, method, path, body, headers...)
	if o["error_id"] != id || len(o) != 4 || o["message"] == "" {
		w.Fatalf("%s %s: error is %v, want %s", method, path, o, id)
	}
	if at, ok := o["timestamp"].(float64); !ok || time.Since(time.UnixMicro(int64(at*1e6))).Abs() > time.Hour {
		w.Errorf("timestamp is %v", o["timestamp"])
	}
	details, ok := o["details"].(object)
	if !ok {
		w.Fatalf("details are %v", o["details"])
	}
	return details
}

// as returns a world whose requests are made with another token.
func (w *world) as(token string) *world {
	other := *w
	other.token = token
	return &other
}

// operate does what an operator asks for.
func (w *world) operate(pattern string, body any) (object, error) {
	w.Helper()
	text, err := json.Marshal(body)
	w.must(err)
	method, path, _ := strings.Cut(pattern, " ")
	got, err := w.api.Operations()[pattern](httptest.NewRequestWithContext(w.Context(), method, path, bytes.NewReader(text)))
	if err != nil {
		return nil, err
	}
	text, err = json.Marshal(got)
	w.must(err)
	var o object
	w.must(json.Unmarshal(text, &o))
	return o, nil
}

// tenant makes a tenant; an empty parent is the master tenant.
func (w *world) tenant(parent string) string {
	w.Helper()
	o, err := w.operate("POST /tenants", object{"name": "a tenant", "parent_uuid": parent})
	w.must(err)
	return o["uuid"].(string)
}

// tokenOf makes a token of a tenant; an empty user is none.
func (w *world) tokenOf(tenant, user string, acl ...string) string {
	w.Helper()
	o, err := w.operate("POST /tokens", object{"tenant_uuid": tenant, "user_uuid": user, "acl": acl})
	w.must(err)
	return o["token"].(string)
}

// body returns the body of a subscription to events, with members changed.
func body(changes object) object {
	b := object{
		"name": "a hook", "service": "http", "events": []string{"user_created"},
		"config": object{"url": "https://receiver.example/hook", "method": "post"},
	}
	for name, value := range changes {
		if b[name] = value; value == leftOut {
			delete(b, name)
		}
	}
	return b
}

// leftOut as a value takes a member out.
const leftOut = "(left out)"

// subscribe makes a subscription and returns its UUID.
func (w *world) subscribe(changes object, headers ...string) string {
	w.Helper()
	return w.want(201, "POST", "/subscriptions", body(changes), headers...)["uuid"].(string)
}

// happen takes in an event of a tenant, as the bus does.
func (w *world) happen(tenant, name, payload string, headers object) {
	w.Helper()
	account, err := wazo.NewTenants(w.control, w.auth).Receiver(w.Context(), tenant)
	w.must(err)
	_, err = w.ingest.Accept(w.Context(), ingest.Submission{Account: account, Events: []webhook.Event{{
		Type: dialect.EventType(name), Payload: []byte(payload), Attributes: dialect.Attributes(headers),
	}}})
	w.must(err)
}

// log waits until a subscription has so many rows, and returns them as they come for the
// query.
func (w *world) log(uuid string, rows int, query string) []object {
	w.Helper()
	path := "/subscriptions/" + uuid + "/logs"
	read := func() []any { return w.want(200, "GET", path, nil)["items"].([]any) }
	rig.Until(w, path, read, func(all []any) bool { return len(all) >= rows })
	return w.items(w.want(200, "GET", path+query, nil))
}

// items takes a list apart, whose total must be its length.
func (w *world) items(o object) []object {
	w.Helper()
	var all []object
	for _, one := range o["items"].([]any) {
		all = append(all, one.(object))
	}
	if total := int(o["total"].(float64)); total != len(all) {
		w.Errorf("total is %d of %d items", total, len(all))
	}
	return all
}

// uuids returns the UUIDs of items, sorted.
func uuids(items []object) []string {
	all := []string{}
	for _, one := range items {
		all = append(all, one["uuid"].(string))
	}
	slices.Sort(all)
	return all
}

// sorted returns texts in order.
func sorted(texts ...string) []string {
	all := append([]string{}, texts...)
	slices.Sort(all)
	return all
}

func (w *world) same(got, want any) {
	w.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.Fatalf("got (+) is not what was wanted (-):\n%s", diff)
	}
}
