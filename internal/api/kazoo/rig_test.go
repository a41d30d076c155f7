package kazoo_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/api/kazoo"
	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viakazoo"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/password"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/webhook"
)

// world is the API over a whole engine on a database of its own. Receivers are played.
type world struct {
	testing.TB
	h        http.Handler
	api      *kazoo.API
	control  *control.Control
	intake   *ingest.Ingest
	types    *hooktype.Catalogue
	receiver *rig.Played
	clock    *clock

	root     *webhook.Account
	password string // of the first user
	token    string // that requests are made with
	told     chan hooktype.Message
}

// clock is the time of the API; it stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newWorld returns a world with its first user logged in; edit may change the options.
func newWorld(t testing.TB, edit ...func(*kazoo.Options)) *world {
	t.Helper()
	w := &world{
		TB: t, receiver: &rig.Played{Header: "X-Answer: Yes\n", Body: "thanks"}, told: make(chan hooktype.Message, 100),
		clock: &clock{now: time.Now().UTC().Truncate(time.Second)},
	}
	dialer, err := egress.New(egress.Options{})
	w.must(err)
	service, err := viakazoo.New(viakazoo.Options{
		Sender: w.receiver, CheckURL: dialer.CheckURL, ClusterID: func() string { return "c1" },
		BlacklistCIDRs: []string{"127.0.0.1/32", "0.0.0.0/32"}, BlacklistHosts: []string{"localhost"},
	})
	w.must(err)
	e := rig.Start(t, rig.Options{
		Services: []deliver.Service{service},
		Ingest:   ingest.Options{Limits: ingest.Limits{PayloadBytes: 2 << 20}},
	})
	w.control, w.intake, w.root = e.Control, e.Intake, e.Root
	w.types, err = hooktype.Open(hooktype.Env{}, "")
	w.must(err)
	o := kazoo.Options{
		Control: w.control, Catalogue: w.types, TokenKey: bytes.Repeat([]byte{7}, 32), Now: w.clock.time,
		ClusterID: func() string { return "c1" }, Node: "n1", Version: "5.0", RequestBurst: 1000,
		PasswordCost: password.Cost{MemoryKiB: 64, Passes: 1}, RetryDelay: 10 * time.Millisecond, LogSuccessful: true,
		CheckURI: func(uri string) error { return service.Validate(&webhook.Endpoint{URL: uri}) },
		Fire: func(_ context.Context, m hooktype.Message) error {
			w.told <- m
			return nil
		},
	}
	for _, f := range edit {
		f(&o)
	}
	w.api, err = kazoo.New(o)
	w.must(err)
	w.h = w.api.Handler()
	first, err := w.api.Begin(t.Context())
	w.must(err)
	w.password = first.Password.Reveal()
	w.token = w.login("admin", w.password, "root")
	<-w.told // of the first user
	return w
}

func (w *world) must(err error) { w.Helper(); rig.Must(w, err) }

// fields is a JSON object.
type fields = map[string]any

// answer is what came back.
type answer struct {
	rig.Answer
	fields // of the body
}

// do makes a request. body is JSON text, or what data is to be; nil is none.
func (w *world) do(method, path string, body any, headers ...string) answer {
	w.Helper()
	if _, text := body.(string); body != nil && !text {
		body = fields{"data": body}
	}
	var first []string
	if w.token != "" {
		first = []string{"X-Auth-Token", w.token}
	}
	got := answer{Answer: rig.Serve(w.h, rig.Request(w, method, path, body, append(first, headers...)...))}
	if strings.HasPrefix(got.Header.Get("Content-Type"), "application/json") {
		got.fields = got.Object(w)
	}
	return got
}

// want makes a request and wants a status; it returns the answer.
func (w *world) want(status int, method, path string, body any, headers ...string) answer {
	w.Helper()
	got := w.do(method, path, body, headers...)
	got.Want(w, status)
	return got
}

// data makes a request, wants a status, and returns the object that data is.
func (w *world) data(status int, method, path string, body any) fields {
	w.Helper()
	got := w.want(status, method, path, body)
	d, ok := got.fields["data"].(fields)
	if !ok {
		w.Fatalf("%s %s: data is no object: %s", method, path, got.Body)
	}
	return d
}

// list reads a list.
func (w *world) list(path string) []fields {
	w.Helper()
	var all []fields
	for _, v := range w.want(200, "GET", path, nil).fields["data"].([]any) {
		all = append(all, v.(fields))
	}
	return all
}

// refused makes a request and wants an error of the status whose data is, as JSON, this.
func (w *world) refused(status int, message, data, method, path string, body any, headers ...string) {
	w.Helper()
	got := w.want(status, method, path, body, headers...)
	raw, err := json.Marshal(got.fields["data"])
	w.must(err)
	if got.fields["message"] != message || string(raw) != data || got.fields["status"] != "error" {
		w.Errorf("%s %s: %s\nwant %s, data %s", method, path, got.Body, message, data)
	}
}

// invalid makes a request and wants a validation error with just these facts: field,
// rule and message, in threes.
func (w *world) invalid(method, path string, body any, facts ...string) {
	w.Helper()
	got := w.want(400, method, path, body)
	if got.fields["message"] != "validation error" || got.fields["error"] != "400" {
		w.Errorf("%s %s: %s", method, path, got.Body)
	}
	seen := map[string]string{}
	for field, rules := range got.fields["data"].(fields) {
		for rule, fact := range rules.(fields) {
			seen[field+" "+rule] = fact.(fields)["message"].(string)
		}
	}
	want := map[string]string{}
	for i := 0; i+2 < len(facts); i += 3 {
		want[facts[i]+" "+facts[i+1]] = facts[i+2]
	}
	for key, message := range want {
		if seen[key] != message {
			w.Errorf("%s %s: %s is %q, want %q", method, path, key, seen[key], message)
		}
		delete(seen, key)
	}
	for key := range seen {
		w.Errorf("%s %s: %s is wrong, too", method, path, key)
	}
}

func digest(username, password string) string {
	sum := md5.Sum([]byte(username + ":" + password))
	return hex.EncodeToString(sum[:])
}

// login returns the token of a user.
func (w *world) login(username, password, account string) string {
	w.Helper()
	got := w.want(201, "PUT", "/v2/user_auth", fields{"credentials": digest(username, password), "account_name": account})
	return got.fields["auth_token"].(string)
}

// as returns the world for the holder of another token.
func (w *world) as(token string) *world {
	other := *w
	other.token = token
	return &other
}

// rootPath is the path of the master account.
func (w *world) rootPath() string { return "/v2/accounts/" + w.root.ID.Hex() }

// account makes an account below another's path and returns its path.
func (w *world) account(parent, name string) string {
	w.Helper()
	made := "/v2/accounts/" + w.data(201, "PUT", parent, fields{"name": name})["id"].(string)
	<-w.told
	return made
}

// member makes a user of an account who is logged in.
func (w *world) member(account, name string) *world {
	w.Helper()
	w.data(201, "PUT", account+"/users", fields{"username": name, "password": "secret"})
	<-w.told
	shown := w.data(200, "GET", account, nil)
	return w.as(w.login(name, "secret", shown["name"].(string)))
}

// hookFields is a document that is complete; more changes it.
func hookFields(more ...fields) fields {
	d := fields{"name": "one", "uri": "https://receiver.example/ok", "hook": "channel_create"}
	for _, m := range more {
		for name, v := range m {
			d[name] = v
		}
	}
	return d
}

// hook makes a hook and returns its path.
func (w *world) hook(account string, more ...fields) string {
	w.Helper()
	return account + "/webhooks/" + w.data(201, "PUT", account+"/webhooks", hookFields(more...))["id"].(string)
}

func mustID(t testing.TB, text string) id.ID {
	t.Helper()
	v, err := id.Parse(text)
	rig.Must(t, err)
	return v
}

// fire takes in an event of an account as a call that begins.
func (w *world) fire(account string) {
	w.Helper()
	owner := mustID(w, tail(account))
	a, err := w.control.Account(w.Context(), owner)
	w.must(err)
	e := webhook.Event{
		AccountID: owner, Type: hooktype.EventPrefix + "channel_create",
		Payload: []byte(`{"hook_event":"channel_create"}`), Attributes: map[string]string{"internal_leg": "false"},
	}
	_, err = w.intake.Accept(w.Context(), ingest.Submission{Account: a, Events: []webhook.Event{e}, Checked: true})
	w.must(err)
}

// until reads a list again and again until it is as it ought to be.
func (w *world) until(path string, good func([]fields) bool) []fields {
	w.Helper()
	return rig.Until(w, path, func() []fields { return w.list(path) }, good)
}

// tail is the last part of a path.
func tail(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
