package pywebhooks_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api/pywebhooks"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viapywebhooks"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/webhook"
)

// world is the API over a whole engine on a database of its own.
type world struct {
	testing.TB
	api     *pywebhooks.API
	h       http.Handler
	control *control.Control
	admin   account
	log     *bytes.Buffer
}

// account is who makes requests. The zero value is nobody.
type account struct{ id, name, key, secret string }

// newWorld returns a world that sends over real sockets, on loopback.
func newWorld(t testing.TB, edit ...func(*pywebhooks.Options)) *world {
	t.Helper()
	sender, _ := rig.NewSender(t, egress.Options{})
	return newWorldWith(t, sender, edit...)
}

// newWorldWith is newWorld with a sender of the test's.
func newWorldWith(t testing.TB, sender deliver.Sender, edit ...func(*pywebhooks.Options)) *world {
	t.Helper()
	w := &world{TB: t, log: &bytes.Buffer{}}
	dialer := rig.NewDialer(t, egress.Options{})
	service, err := viapywebhooks.New(viapywebhooks.Options{Sender: sender, CheckURL: dialer.CheckURL})
	w.must(err)
	e := rig.Start(t, rig.Options{Services: []deliver.Service{service}})
	w.control = e.Control
	o := pywebhooks.Options{
		Control: e.Control, Intake: e.Intake, Sender: sender, CheckURL: dialer.CheckURL,
		Service: viapywebhooks.Name, EventAttribute: viapywebhooks.EventAttribute,
		Logger: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range edit {
		f(&o)
	}
	w.api, err = pywebhooks.New(o)
	w.must(err)
	admin, err := w.api.Begin(t.Context())
	w.must(err)
	w.h = w.api.Handler()
	w.admin = account{name: admin.Username, key: admin.APIKey, secret: admin.SecretKey}
	w.admin.id = w.records(w.admin, "/accounts", "accounts")[0]["id"].(string)
	return w
}

func (w *world) must(err error) { w.Helper(); rig.Must(w, err) }

// object is a JSON object.
type object = map[string]any

// do makes a request as someone. Headers are names and values; a name with "-" in front
// is left out.
func (w *world) do(who account, method, path, body string, headers ...string) rig.Answer {
	w.Helper()
	first := []string{"Content-Type", "application/json"}
	if who.name != "" {
		first = append(first, "username", who.name, "api-key", who.key)
	}
	return rig.Serve(w.h, rig.Request(w, method, "http://hooks.example/v1"+path, body, append(first, headers...)...))
}

// want makes a request and wants a status; it returns the answer's object.
func (w *world) want(status int, who account, method, path, body string, headers ...string) object {
	w.Helper()
	return w.do(who, method, path, body, headers...).Want(w, status).Object(w)
}

// fails makes a request and wants a status with {"Error": text}.
func (w *world) fails(status int, text string, who account, method, path, body string, headers ...string) {
	w.Helper()
	got := w.do(who, method, path, body, headers...)
	if want := fmt.Sprintf("{\"Error\": %q}\n", text); got.Status != status || got.Body != want {
		w.Errorf("%s %s %s: %d %s, want %d %s", method, path, body, got.Status, got.Body, status, want)
	}
}

// sums makes a request and wants a summary with exactly this count.
func (w *world) sums(count string, n int, who account, method, path, body string) {
	w.Helper()
	want := object{"deleted": 0.0, "errors": 0.0, "inserted": 0.0, "replaced": 0.0, "skipped": 0.0, "unchanged": 0.0}
	want[count] = float64(n)
	if diff := cmp.Diff(want, w.want(200, who, method, path, body)); diff != "" {
		w.Errorf("%s %s: %s", method, path, diff)
	}
}

// records reads the first hundred of a listing.
func (w *world) records(who account, path, name string) []object {
	w.Helper()
	page := w.page(who, path+"?start=0&limit=100")
	var all []object
	for _, v := range page {
		all = append(all, v.(object))
	}
	return all
}

// page reads a page of any listing, which is empty when there is nothing.
func (w *world) page(who account, path string) []any {
	w.Helper()
	got := w.do(who, "GET", path, "")
	if got.Status == http.StatusNoContent {
		return nil
	}
	for name, v := range got.Want(w, 200).Object(w) {
		if name != "next_start" {
			return v.([]any)
		}
	}
	return nil
}

// echoes answers as an endpoint of PyWebhooks should.
func echoes(x *testkit.Exchange) bool {
	u, err := url.Parse(x.Request.Target)
	if err != nil {
		return testkit.Status(400)(x)
	}
	if v := u.Query().Get("echo"); v != "" {
		return testkit.Respond(200, `{"echo": "`+v+`"}`)(x)
	}
	return testkit.Respond(200, "{}")(x)
}

// receiver starts an endpoint that does what it should.
func (w *world) receiver() *testkit.Receiver {
	w.Helper()
	r := testkit.NewReceiver(w)
	r.Script("", echoes)
	return r
}

// join makes an account whose endpoint is a path of the receiver.
func (w *world) join(name string, r *testkit.Receiver) account {
	w.Helper()
	return w.joinAt(name, r.URLFor("/"+url.PathEscape(name)))
}

func (w *world) joinAt(name, endpoint string) account {
	w.Helper()
	body, err := json.Marshal(object{"username": name, "endpoint": endpoint})
	w.must(err)
	o := w.want(201, account{}, "POST", "/account", string(body))
	return account{o["id"].(string), name, o["api_key"].(string), o["secret_key"].(string)}
}

// register makes a registration and returns its id.
func (w *world) register(who account, event string) string {
	w.Helper()
	o := w.want(201, who, "POST", "/webhook/registration", `{"event": "`+event+`", "description": "", "event_data": {"n": 1}}`)
	return o["id"].(string)
}

// subscribe subscribes to a registration and returns the subscription's id.
func (w *world) subscribe(who account, registration string) string {
	w.Helper()
	return w.want(201, who, "POST", "/webhook/subscription/"+registration, "")["id"].(string)
}

func (w *world) trigger(who account, registration string) {
	w.Helper()
	w.want(201, who, "POST", "/webhook/triggered/"+registration, "")
}

// posts waits until so many deliveries came and returns them.
func (w *world) posts(r *testkit.Receiver, n int) []testkit.Request {
	w.Helper()
	return w.came(r, "POST", n)
}

// came waits until so many requests of a method came and returns them.
func (w *world) came(r *testkit.Receiver, method string, n int) []testkit.Request {
	w.Helper()
	read := func() (some []testkit.Request) {
		for _, q := range r.Requests() {
			if q.Method == method {
				some = append(some, q)
			}
		}
		return some
	}
	return rig.Until(w, method, read, func(some []testkit.Request) bool { return len(some) >= n })
}

// failedCount waits until an account's failed count is n.
func (w *world) failedCount(who account, n int) {
	w.Helper()
	read := func() any { return w.want(200, who, "GET", "/account/"+who.id, "")["failed_count"] }
	rig.Until(w, "failed_count", read, func(count any) bool { return count == float64(n) })
}

// keys wants an object to have exactly these members.
func (w *world) keys(o object, names ...string) {
	w.Helper()
	want := map[string]bool{}
	for _, n := range names {
		want[n] = true
	}
	got := map[string]bool{}
	for n := range o {
		got[n] = true
	}
	if !reflect.DeepEqual(want, got) {
		w.Errorf("members %v, want %v", got, names)
	}
}

// root returns the root account.
func (w *world) root() *webhook.Account {
	w.Helper()
	root, err := w.control.Root(w.Context())
	w.must(err)
	return root
}
