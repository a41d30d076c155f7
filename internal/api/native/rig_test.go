package native_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/switchhook/switchhook/internal/api/native"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viahttp"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/openapi"
)

// world is the API over a whole engine on a database of its own. Receivers are
// played: what they answer stands in the URL. Every request and every answer is held
// against the contract.
type world struct {
	testing.TB
	h        http.Handler
	key      string // that requests are made with; the root's at first
	root     string
	control  *control.Control
	receiver *rig.Played
	contract routers.Router
}

// newWorld returns a world; edit may change the options.
func newWorld(t testing.TB, edit ...func(*native.Options)) *world {
	t.Helper()
	w := &world{TB: t, receiver: &rig.Played{Header: "X-Answer: yes\n", Body: `{"said":"thanks"}`}, contract: contract(t)}
	w.receiver.Play("/refuse", 0)
	dialer, err := egress.New(egress.Options{})
	w.must(err)
	service, err := viahttp.NewService(viahttp.ServiceOptions{Sender: w.receiver, CheckURL: dialer.CheckURL})
	w.must(err)
	e := rig.Start(t, rig.Options{
		Services: []deliver.Service{service},
		Ingest:   ingest.Options{Limits: ingest.Limits{PayloadBytes: 2 << 20}},
	})
	w.control, w.root, w.key = e.Control, e.Key, e.Key
	o := native.Options{
		Control: e.Control, Directory: e.Directory, Intake: e.Intake, PublicURL: "https://hooks.example",
		Lane: func(endpoint id.ID) (native.Lane, bool) {
			l, ok := e.Lanes.Lane(endpoint)
			return native.Lane{Breaker: l.Breaker, InFlight: l.InFlight, Health: l.Health}, ok
		},
	}
	for _, f := range edit {
		f(&o)
	}
	a, err := native.New(o)
	w.must(err)
	w.h = a.Handler()
	return w
}

func (w *world) must(err error) { w.Helper(); rig.Must(w, err) }

// contract loads the document once for all tests of a process.
func contract(t testing.TB) routers.Router {
	t.Helper()
	r, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var loadContract = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(openapi.YAML)
	if err != nil {
		return nil, err
	}
	doc.Servers = nil // any host
	return legacy.NewRouter(doc)
})

// object is a JSON object.
type object = map[string]any

// do makes a request and holds both sides against the contract. body is JSON text, or
// a value to encode; nil is none.
func (w *world) do(method, path string, body any, headers ...string) rig.Answer {
	w.Helper()
	var first []string
	if w.key != "" {
		first = append(first, "Authorization", "Bearer "+w.key)
	}
	if body != nil {
		first = append(first, "Content-Type", "application/json")
	}
	r := rig.Request(w, method, "http://hooks.example/api/v1"+path, body, append(first, headers...)...)
	got := rig.Serve(w.h, r)
	if method == http.MethodHead {
		got.Body = "" // as a server does
	}
	w.hold(r, rig.Text(w, body), got)
	return got
}

// hold compares a request and its answer with the contract: what succeeds must be a
// request as it is described, and every answer must be.
func (w *world) hold(r *http.Request, body []byte, got rig.Answer) {
	w.Helper()
	if r.Method == http.MethodOptions || r.Method == http.MethodHead {
		return // of which the contract does not speak
	}
	clean := *r
	u := *r.URL
	u.Path = strings.TrimRight(strings.ReplaceAll(u.Path, "//", "/"), "/")
	clean.URL = &u
	clean.Body = http.NoBody
	if len(bytes.TrimSpace(body)) > 0 {
		clean.Body = io.NopCloser(bytes.NewReader(body))
	}
	route, params, err := w.contract.FindRoute(&clean)
	if err != nil {
		if got.Status != 404 && got.Status != 405 {
			w.Errorf("%s %s is not in the contract: %v", r.Method, r.URL.Path, err)
		}
		return
	}
	in := &openapi3filter.RequestValidationInput{
		Request: &clean, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}
	if err := openapi3filter.ValidateRequest(w.Context(), in); err != nil && got.Status < 300 {
		w.Errorf("%s %s succeeded, but is not as in the contract: %v", r.Method, r.URL, err)
	}
	err = openapi3filter.ValidateResponse(w.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: got.Status, Header: got.Header,
		Body: io.NopCloser(strings.NewReader(got.Body)), Options: in.Options,
	})
	if err != nil {
		w.Errorf("%s %s answered %d, not as in the contract: %v\n%s", r.Method, r.URL, got.Status, err, got.Body)
	}
	if got.Status == http.StatusNoContent && len(got.Body) > 0 {
		w.Errorf("%s %s: 204 with a body", r.Method, r.URL)
	}
}

// want makes a request and wants a status; it returns the answer's object.
func (w *world) want(status int, method, path string, body any, headers ...string) object {
	w.Helper()
	return w.do(method, path, body, headers...).Want(w, status).Object(w)
}

// invalid makes a request and wants a 422 that names the place.
func (w *world) invalid(place, method, path string, body any) {
	w.Helper()
	got := w.do(method, path, body)
	var e struct {
		Detail []struct{ Loc []any }
	}
	if got.Status != 422 || json.Unmarshal([]byte(got.Body), &e) != nil || len(e.Detail) == 0 {
		w.Errorf("%s %s %v: %d %s, want 422 at %s", method, path, body, got.Status, got.Body, place)
		return
	}
	var parts []string
	for _, part := range e.Detail[0].Loc {
		parts = append(parts, fmt.Sprint(part))
	}
	if at := strings.Join(parts, "."); at != place {
		w.Errorf("%s %s %v: 422 at %s, want %s\n%s", method, path, body, at, place, got.Body)
	}
}

// code makes a request and wants a status with a code.
func (w *world) code(status int, code, method, path string, body any) {
	w.Helper()
	if got := w.want(status, method, path, body)["code"]; got != code {
		w.Errorf("%s %s: code %v, want %s", method, path, got, code)
	}
}

// as returns the world for the holder of another key.
func (w *world) as(key string) *world {
	other := *w
	other.key = key
	return &other
}

// app makes an application and returns its path.
func (w *world) app() string {
	w.Helper()
	return "/app/" + w.want(201, "POST", "/app", object{"name": "app"})["id"].(string)
}

// endpoint makes an endpoint below an application's path and returns its path.
func (w *world) endpoint(app, to string, more ...object) string {
	w.Helper()
	body := object{"url": "https://receiver.example" + to}
	for _, m := range more {
		for k, v := range m {
			body[k] = v
		}
	}
	return app + "/endpoint/" + w.want(201, "POST", app+"/endpoint", body)["id"].(string)
}

// types puts event types into the catalogue.
func (w *world) types(names ...string) {
	w.Helper()
	for _, name := range names {
		w.want(201, "POST", "/event-type", object{"name": name, "description": ""})
	}
}

// send sends a message and returns it.
func (w *world) send(app string, more ...object) object {
	w.Helper()
	body := object{"eventType": "a.b", "payload": object{"n": 1}}
	for _, m := range more {
		for k, v := range m {
			body[k] = v
		}
	}
	return w.want(202, "POST", app+"/msg", body)
}

// list reads a page and returns its items.
func (w *world) list(path string) []object {
	w.Helper()
	return items(w.want(200, "GET", path, nil))
}

func items(page object) []object {
	list := []object{}
	for _, v := range page["data"].([]any) {
		list = append(list, v.(object))
	}
	return list
}

// wait reads a page again and again until it has so many items.
func (w *world) wait(n int, path string) []object {
	w.Helper()
	return w.until(path, func(list []object) bool { return len(list) == n })
}

// until reads a page again and again until it is as it ought to be.
func (w *world) until(path string, good func([]object) bool) []object {
	w.Helper()
	return rig.Until(w, path, func() []object { return w.list(path) }, good)
}

// tail is the last part of a path.
func tail(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
