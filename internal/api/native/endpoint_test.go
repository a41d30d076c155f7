package native_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestAnEndpointHasDefaults(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	got := w.want(201, "POST", app+"/endpoint", object{"url": "https://receiver.example/hook"})
	want := object{
		"id": got["id"], "url": "https://receiver.example/hook", "uid": nil, "description": "", "disabled": false,
		"eventTypes": nil, "filterTypes": nil, "channels": nil, "throttleRate": nil, "rateLimit": nil, "version": 1.0,
		"metadata": object{}, "createdAt": got["createdAt"], "updatedAt": got["createdAt"],
		"service": "http", "config": nil, "filter": nil, "ordering": "none", "timeoutSeconds": nil, "maxInFlight": nil,
		"retrySchedule": []any{"5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h"},
		"svixHeaders":   false, "tls": nil,
		"health": object{"state": "closed", "failingSince": nil, "lastSuccess": nil, "disabledReason": nil, "disabledAt": nil, "inFlight": 0.0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// known are members of the published API, each with a value and how that is shown.
func known() map[string][2]any {
	return map[string][2]any{
		"url":          {"https://other.example/", "https://other.example/"},
		"description":  {"two\nlines", "two\nlines"},
		"uid":          {"uid-1", "uid-1"},
		"disabled":     {true, true},
		"throttleRate": {7, 7.0},
		"version":      {2, 2.0},
		"eventTypes":   {[]string{"a.b", "c"}, []any{"a.b", "c"}},
		"channels":     {[]string{"x", "y"}, []any{"x", "y"}},
		"metadata":     {object{"k": "v"}, object{"k": "v"}},
	}
}

// ours are members that we added.
func ours() map[string][2]any {
	return map[string][2]any{
		"retrySchedule":  {[]any{"250ms", 90}, []any{"250ms", "1m30s"}},
		"ordering":       {"fifo", "fifo"},
		"timeoutSeconds": {20, 20.0},
		"maxInFlight":    {3, 3.0},
		"svixHeaders":    {true, true},
		"tls":            {object{"serverName": "other"}, object{"certificate": "", "ca": "", "serverName": "other", "insecure": false}},
		"filter": {
			object{"attributes": object{"user": "1"}, "payload": []object{{"path": "a.b", "op": "eq", "value": 1}}, "scope": "descendants"},
			object{
				"types": nil, "channels": nil, "attributes": object{"user": "1"}, "scope": "descendants",
				"payload": []any{object{"path": "a.b", "op": "eq", "value": 1.0, "optional": false}},
			},
		},
	}
}

// shownAlso are members that show the same as another one.
func shownAlso(o object) {
	o["filterTypes"], o["rateLimit"] = o["eventTypes"], o["throttleRate"]
}

func TestAnEndpointIsPatchedMemberByMember(t *testing.T) {
	w := newWorld(t)
	w.types("a.b", "c")
	to := w.endpoint(w.app(), "/")
	plain := w.want(200, "GET", to, nil)
	for _, members := range []map[string][2]any{known(), ours()} {
		for name, value := range members {
			for _, v := range [][2]any{value, {nil, plain[name]}} {
				if v[0] == nil && name == "url" {
					continue
				}
				want := w.want(200, "GET", to, nil)
				got := w.want(200, "PATCH", to, object{name: v[0]})
				want[name], want["updatedAt"] = v[1], got["updatedAt"]
				shownAlso(want)
				delete(want, "health") // disabling shows there, too
				delete(got, "health")
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %v: %s", name, v[0], diff)
				}
				again := w.want(200, "GET", to, nil)
				delete(again, "health")
				if diff := cmp.Diff(got, again); diff != "" {
					t.Errorf("%s: %v, read again: %s", name, v[0], diff)
				}
			}
		}
	}
}

func TestPutReplacesWhatThePublishedAPIKnows(t *testing.T) {
	w := newWorld(t)
	w.types("a.b", "c")
	app := w.app()
	body := object{"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "headers": object{"X-One": "1"}}
	for _, members := range []map[string][2]any{known(), ours()} {
		for name, value := range members {
			body[name] = value[0]
		}
	}
	to := w.endpoint(app, "/", body)
	want := w.want(200, "GET", to, nil)
	for name, value := range map[string]any{
		"url": "https://third.example/", "description": "", "uid": nil, "disabled": false, "throttleRate": nil,
		"version": 1.0, "eventTypes": nil, "channels": nil, "metadata": object{},
	} {
		want[name] = value
	}
	filter := want["filter"].(object)
	filter["types"], filter["channels"] = nil, nil // which are eventTypes and channels
	got := w.want(200, "PUT", to, object{"url": "https://third.example/"})
	want["updatedAt"], want["health"] = got["updatedAt"], got["health"]
	shownAlso(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if key := w.want(200, "GET", to+"/secret", nil)["key"]; key != "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" {
		t.Error(key)
	}
	if h := w.want(200, "GET", to+"/headers", nil)["headers"]; !cmp.Equal(h, any(object{"X-One": "1"})) {
		t.Error(h)
	}
	// What was read may be sent back.
	back := w.want(200, "GET", to, nil)
	for _, name := range []string{"id", "createdAt", "updatedAt"} {
		delete(back, name)
	}
	w.want(200, "PUT", to, back)
}

func TestPutMakesAnEndpointThatIsNotThere(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	w.want(201, "PUT", app+"/endpoint/new", object{"url": "https://receiver.example/", "uid": "new"})
	w.want(200, "PUT", app+"/endpoint/new", object{"url": "https://receiver.example/2", "uid": "new"})
	if url := w.want(200, "GET", app+"/endpoint/new", nil)["url"]; url != "https://receiver.example/2" {
		t.Error(url)
	}
	w.want(404, "PATCH", app+"/endpoint/nobody", object{})
}

func TestAnEndpointBelongsToItsApplication(t *testing.T) {
	w := newWorld(t)
	one, two := w.app(), w.app()
	to := w.endpoint(one, "/", object{"uid": "same"})
	other := two + "/endpoint/" + tail(to)
	for _, path := range []string{other, other + "/secret", other + "/headers", other + "/stats", other + "/msg", two + "/attempt/endpoint/" + tail(to)} {
		w.code(404, "not_found", "GET", path, nil)
	}
	w.code(404, "not_found", "DELETE", other, nil)
	w.want(200, "GET", to, nil)
	w.code(409, "conflict", "POST", one+"/endpoint", object{"url": "https://x.example", "uid": "same"})
	w.endpoint(two, "/", object{"uid": "same"})
	w.want(204, "DELETE", to, nil)
	w.code(404, "not_found", "GET", to, nil)
	w.endpoint(one, "/", object{"uid": "same"})
}

func TestEndpointsAreListedBothWays(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	var oldest, newest []string
	for i := range 7 {
		e := tail(w.endpoint(app, fmt.Sprint("/", i)))
		oldest, newest = append(oldest, e), append([]string{e}, newest...)
	}
	w.walk(app+"/endpoint", newest)
	w.walk(app+"/endpoint?order=descending", newest)
	w.walk(app+"/endpoint?order=ascending", oldest)
}

func TestWrongEndpointsAreRefusedByField(t *testing.T) {
	w := newWorld(t)
	w.types("a.b")
	app := w.app()
	to := w.endpoint(app, "/")
	for body, place := range map[string]string{
		`{}`:                          "body.url",
		`{"url":null}`:                "body.url",
		`{"url":""}`:                  "body.url",
		`{"url":"nonsense"}`:          "body.url",
		`{"url":"ftp://x.example"}`:   "body.url",
		`{"url":"http://127.0.0.1/"}`: "body.url",
		`{"url":"https://x.example/` + strings.Repeat("x", 9000) + `"}`: "body.url",
	} {
		w.invalid(place, "POST", app+"/endpoint", body)
		w.invalid(place, "PUT", to, body)
	}
	for members, place := range map[string]string{
		`"description":7`:                "body.description",
		`"description":"a\u0000"`:        "body.description",
		`"disabled":"yes"`:               "body.disabled",
		`"uid":"ep_x"`:                   "body.uid",
		`"uid":"a/b"`:                    "body.uid",
		`"throttleRate":-1`:              "body.throttleRate",
		`"rateLimit":70000`:              "body.rateLimit",
		`"version":0`:                    "body.version",
		`"metadata":{"a":null}`:          "body.metadata.a",
		`"eventTypes":[]`:                "body.eventTypes",
		`"filterTypes":[]`:               "body.filterTypes",
		`"eventTypes":["a.b","a b"]`:     "body.eventTypes.1",
		`"eventTypes":["a*b"]`:           "body.eventTypes.0",
		`"eventTypes":["nobody.knows"]`:  "body.eventTypes",
		`"filterTypes":["nobody.knows"]`: "body.eventTypes",
		`"eventTypes":"a.b"`:             "body.eventTypes",
		`"channels":[]`:                  "body.channels",
		`"channels":["$$"]`:              "body.channels.0",
		`"channels":["1","2","3","4","5","6","7","8","9","10","11"]`: "body.channels.10",
		`"headers":{"Content-Length":"1"}`:                           "body.headers.Content-Length",
		`"headers":{"a b":"1"}`:                                      "body.headers",
		`"headers":{"X-A":"a\nb"}`:                                   "body.headers.X-A",
		`"service":"smoke signals"`:                                  "body.service",
		`"config":[]`:                                                "body.config",
		`"config":{"a":1}`:                                           "body.config",
		`"retrySchedule":["soon"]`:                                   "body.retrySchedule.0",
		`"retrySchedule":["5s",-1]`:                                  "body.retrySchedule.1",
		`"retrySchedule":["999h","9999h"]`:                           "body.retrySchedule.0",
		`"ordering":"lifo"`:                                          "body.ordering",
		`"timeoutSeconds":0`:                                         "body.timeoutSeconds",
		`"timeoutSeconds":61`:                                        "body.timeoutSeconds",
		`"maxInFlight":-1`:                                           "body.maxInFlight",
		`"filter":{"nope":1}`:                                        "body.filter.nope",
		`"filter":{"scope":"all"}`:                                   "body.filter.scope",
		`"filter":{"payload":[{"path":"a"}]}`:                        "body.filter.payload.0.op",
		`"filter":{"payload":[{"path":"a","op":"like"}]}`:            "body.filter.payload.0.op",
		`"filter":{"payload":[{"path":"a","op":"in","value":1}]}`:    "body.filter.payload.0.value",
		`"eventTypes":["a.b"],"filter":{"types":["x*"]}`:             "body.filter.types",
		`"tls":{"certificate":"nonsense"}`:                           "body.tls.certificate",
		`"tls":{"nope":1}`:                                           "body.tls.nope",
		`"transformation":"x"`:                                       "body.transformation",
		`"nope":1`:                                                   "body.nope",
	} {
		got := w.do("POST", app+"/endpoint", `{"url":"https://x.example",`+members+`}`)
		if place == "body.tls.certificate" { // the service says how the parts belong together
			if got.Status != 422 || !strings.Contains(got.Body, "tls") {
				t.Errorf("%s: %d %s", members, got.Status, got.Body)
			}
			continue
		}
		w.invalid(place, "POST", app+"/endpoint", `{"url":"https://x.example",`+members+`}`)
		w.invalid(place, "PATCH", to, `{`+members+`}`)
	}
	if n := len(w.list(app + "/endpoint")); n != 1 {
		t.Errorf("%d endpoints", n)
	}
}

func TestSigningSecrets(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	const long = "whsec_TUdfVE5UMnZlci1TeWxOYXQtX1ZlTW1kLTRtMFdhYmEwanIxdHJvenRCbmlTQ2hFdzBnbHhFbWdFaTJLdzQwSA=="
	for _, c := range [][2]string{
		{"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"},
		{
			"whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==",
			"whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
		},
	} {
		to := w.endpoint(app, "/", object{"secret": c[0]})
		if got := w.want(200, "GET", to+"/secret", nil)["key"]; got != c[1] {
			t.Errorf("%s: %v", c[0], got)
		}
		w.want(204, "POST", to+"/secret/rotate", object{"key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
		if got := w.want(200, "GET", to+"/secret", nil)["key"]; got != "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" {
			t.Errorf("rotated: %v", got)
		}
		w.want(200, "PATCH", to, object{"secret": c[0]})
		if got := w.want(200, "GET", to+"/secret", nil)["key"]; got != c[1] {
			t.Errorf("patched: %v", got)
		}
	}
	to := w.endpoint(app, "/")
	for _, wrong := range []any{
		"whsec_C2FVsBQIhrscChlQIM+b5sSYspob", "hwsec_C2FVsBQIhrscChlQIM+b5sSYspob7oDazfgh", "whsec_", "whsec_!", "whsk_AAAA", "", 7,
		"whsec_V09IYXZUaFJoSnFobnpJQkpPMXdpdGFNWnJsRzAxdXZCeTVndVpwRmxSSXFsc0oyYzBTRWRUekJhYnlaZ0JSRGNPQ3BGZG1xYjFVVmRGQ3UK", long + "AAAA",
	} {
		w.invalid("body.secret", "POST", app+"/endpoint", object{"url": "https://x.example", "secret": wrong})
		if wrong != "" { // no key is no wish
			w.invalid("body.key", "POST", to+"/secret/rotate", object{"key": wrong})
		}
	}
	first := w.want(200, "GET", to+"/secret", nil)["key"]
	w.want(204, "POST", to+"/secret/rotate", nil)
	w.want(204, "POST", to+"/secret/rotate", "null")
	if second := w.want(200, "GET", to+"/secret", nil)["key"]; first == second || !strings.HasPrefix(second.(string), "whsec_") {
		t.Errorf("%v, then %v", first, second)
	}
	w.invalid("body.gracePeriodSeconds", "POST", to+"/secret/rotate", object{"gracePeriodSeconds": 604801})
	w.invalid("body.gracePeriodSeconds", "POST", to+"/secret/rotate", object{"gracePeriodSeconds": -1})
}

func TestTenOldSecretsAreEnough(t *testing.T) {
	w := newWorld(t)
	to := w.endpoint(w.app(), "/")
	w.want(204, "POST", to+"/secret/rotate", object{"gracePeriodSeconds": 0})
	for range 10 {
		w.want(204, "POST", to+"/secret/rotate", object{"gracePeriodSeconds": 3600})
	}
	w.code(400, "limit_reached", "POST", to+"/secret/rotate", object{})
	w.want(204, "POST", to+"/secret/rotate", object{"gracePeriodSeconds": 0})
}

func TestEndpointHeaders(t *testing.T) {
	w := newWorld(t)
	to := w.endpoint(w.app(), "/", object{"headers": object{"X-First": "1"}}) + "/headers"
	show := func(want object) {
		t.Helper()
		if diff := cmp.Diff(want, w.want(200, "GET", to, nil)); diff != "" {
			t.Error(diff)
		}
	}
	show(object{"headers": object{"X-First": "1"}, "sensitive": []any{}})
	w.want(204, "PATCH", to, object{"headers": object{"x-test-3": "4", "x-test-2": nil, "X-FIRST": nil}})
	show(object{"headers": object{"x-test-3": "4"}, "sensitive": []any{}})
	w.want(204, "PUT", to, `{"headers":{"Foo-Bar":"1","authorization":"secret","X-Auth-Token":"t","x-api-key":"k"}}`)
	show(object{"headers": object{"Foo-Bar": "1"}, "sensitive": []any{"X-Auth-Token", "authorization", "x-api-key"}})
	w.want(204, "PATCH", to, object{"headers": object{"More": "2"}, "deleteHeaders": []string{"authorization", "foo-bar"}})
	show(object{"headers": object{"More": "2"}, "sensitive": []any{"X-Auth-Token", "x-api-key"}})
	for _, name := range []string{
		"content-length", "some:thing", "some\x00thing", "svix-foo", "x-svix-foo", "webhook-id", "x-amzn-foo", "User-Agent", "content-encoding",
		"Host", "Transfer-Encoding", "Proxy-Authorization", "",
	} {
		for _, method := range []string{"PUT", "PATCH"} {
			if got := w.do(method, to, object{"headers": object{name: "1"}}); got.Status != 422 {
				t.Errorf("%s %q: %d %s", method, name, got.Status, got.Body)
			}
		}
	}
	w.invalid("body.headers", "PUT", to, object{})
	w.invalid("body.headers.A", "PUT", to, object{"headers": object{"A": nil}})
	w.invalid("body.nope", "PATCH", to, object{"nope": 1})
	w.want(204, "PUT", to, object{"headers": object{}})
	show(object{"headers": object{}, "sensitive": []any{}})
}

func TestWildcardsAndFilters(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	got := w.want(201, "POST", app+"/endpoint", object{"url": "https://x.example", "eventTypes": []string{"order.*", "*"}})
	want := object{"types": []any{"order.*", "*"}, "channels": nil, "attributes": object{}, "payload": []any{}, "scope": "own"}
	if diff := cmp.Diff(want, got["filter"]); diff != "" {
		t.Error(diff)
	}
	got = w.want(201, "POST", app+"/endpoint", object{
		"url": "https://x.example", "filter": object{"types": []string{"order.*"}, "channels": []string{"c"}},
	})
	if diff := cmp.Diff([]any{[]any{"order.*"}, []any{"c"}}, []any{got["eventTypes"], got["channels"]}); diff != "" {
		t.Error(diff)
	}
}

func TestAnEndpointOfAnotherAPIKeepsWhatItIsSubscribedTo(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	root, err := w.control.Root(t.Context())
	w.must(err)
	account, err := w.control.Accounts(t.Context(), root.ID, webhook.Page{Limit: 1})
	w.must(err)
	e := w.control.DraftEndpoint(account.Items[0].ID)
	e.URL, e.UID = "https://receiver.example/200", "foreign"
	made, _, err := w.control.CreateEndpoint(t.Context(), control.NewEndpoint{Endpoint: e})
	w.must(err)
	foreign, err := w.control.CreateSubscription(t.Context(), webhook.Subscription{
		EndpointID: made.ID, AccountID: root.ID, EventTypeID: id.New(), Enabled: true, Filter: webhook.Filter{Types: []string{"theirs"}},
	}, id.ID{})
	w.must(err)
	path := app + "/endpoint/foreign"
	has := func(n int) {
		t.Helper()
		got, err := w.control.FindEndpoint(t.Context(), e.AccountID, made.ID, "")
		w.must(err)
		kept := slices.IndexFunc(got.Subscriptions, func(s webhook.Subscription) bool { return s.ID == foreign.ID })
		if len(got.Subscriptions) != n || kept < 0 || !slices.Equal(got.Subscriptions[kept].Filter.Types, foreign.Filter.Types) {
			t.Errorf("it has %v", got.Subscriptions)
		}
	}
	w.want(200, "PATCH", path, object{"rateLimit": 5})
	w.want(200, "PUT", path, object{"url": e.URL, "uid": "foreign", "filterTypes": nil})
	has(1) // and did not begin to want everything
	w.types("order.paid")
	if got := w.want(200, "PATCH", path, object{"filterTypes": []string{"order.paid"}}); fmt.Sprint(got["filterTypes"]) != "[order.paid]" {
		t.Errorf("got %v", got)
	}
	has(2)
}
