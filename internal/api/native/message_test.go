package native_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api/native"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestAMessageIsSentAndRead(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	at := time.Now().Add(time.Hour).UTC().Truncate(time.Second).Format(time.RFC3339)
	for _, body := range []object{
		{"eventType": "a.b", "payload": object{"n": 1.0}},
		{"eventType": "a.b", "payload": object{}, "eventId": "mine", "channels": []any{"c1", "c2"}, "tags": []any{"t"}, "deliverAt": at},
	} {
		got := w.want(202, "POST", app+"/msg", body)
		want := object{"eventId": nil, "channels": nil, "tags": nil, "id": got["id"], "timestamp": got["timestamp"]}
		for k, v := range body {
			want[k] = v
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		path := app + "/msg/" + got["id"].(string)
		if diff := cmp.Diff(got, w.want(200, "GET", path+"/", nil)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(got, w.list(app + "/msg")[0]); diff != "" {
			t.Error(diff)
		}
		got["payload"] = object{}
		if diff := cmp.Diff(got, w.want(200, "GET", path+"?with_content=false", nil)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(got, w.list(app + "/msg?with_content=false")[0]); diff != "" {
			t.Error(diff)
		}
	}
	if got := w.want(200, "GET", app+"/msg/mine", nil)["eventId"]; got != "mine" {
		t.Error(got)
	}
	if got := w.want(202, "POST", app+"/msg?with_content=false", object{"eventType": "a", "payload": object{"n": 1}}); len(got["payload"].(object)) > 0 {
		t.Error(got)
	}
	w.code(404, "not_found", "GET", app+"/msg/nobody", nil)
	w.code(404, "not_found", "GET", app+"/msg/msg_0000000000000000000001", nil)
	w.code(404, "not_found", "GET", w.app()+"/msg/mine", nil)
	w.code(404, "not_found", "POST", "/app/nobody/msg", object{"eventType": "a", "payload": object{}})
}

func TestThePayloadGoesOutByteForByte(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	w.endpoint(app, "/ok")
	for i, payload := range []string{
		`{}`, `{ "b" : 1.50e+3 , "a":[ ] , "a":2,	"é":"\u00e9\/" }`, "{\n  \"x\": 123456789012345678901234567890\n}",
	} {
		got := w.do("POST", app+"/msg", `{"payload":`+payload+`,"eventType":"a"}`)
		if got.Status != 202 || !strings.Contains(got.Body, `"payload":`+payload) {
			t.Errorf("%d %s", got.Status, got.Body)
		}
		w.arrives(i+1, payload)
	}
	w.want(202, "POST", app+"/msg", object{
		"eventType": "a", "payload": object{}, "transformationsParams": object{"rawPayload": "not JSON \x00 é\n"},
	})
	w.arrives(4, "not JSON \x00 é\n")
	if got := w.list(app + "/msg")[0]["payload"]; !cmp.Equal(got, any(object{"rawPayload": "not JSON \x00 é\n"})) {
		t.Error(got)
	}
	w.want(202, "POST", app+"/msg", object{
		"eventType": "a", "payload": object{},
		"transformationsParams": object{"rawPayload": `{ "a": 1 }`, "headers": object{"content-type": "application/json"}},
	})
	w.arrives(5, `{ "a": 1 }`)
}

// arrives waits for the n-th delivery and wants its body.
func (w *world) arrives(n int, body string) rig.Sent {
	w.Helper()
	got := rig.Until(w, "what is delivered", w.receiver.Sent, func(sent []rig.Sent) bool { return len(sent) >= n })[n-1]
	if got.Body != body {
		w.Errorf("delivery %d: %q, want %q", n, got.Body, body)
	}
	return got
}

func TestMessagesAreFiltered(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	var ids, times []string
	for i := range 6 {
		m := w.send(app, object{
			"eventType": fmt.Sprint("t.", i%3), "channels": []string{fmt.Sprint("c", i%2)}, "tags": []string{fmt.Sprint("tag", i/3)},
		})
		ids, times = append(ids, m["id"].(string)), append(times, m["timestamp"].(string))
	}
	for query, want := range map[string][]int{
		"":                                     {5, 4, 3, 2, 1, 0},
		"order=ascending":                      {0, 1, 2, 3, 4, 5},
		"event_types=t.0":                      {3, 0},
		"event_types=t.0,t.1":                  {4, 3, 1, 0},
		"event_types=t.0&event_types=t.1":      {4, 3, 1, 0},
		"event_types[]=t.0&event_types[1]=t.1": {4, 3, 1, 0},
		"channel=c1":                           {5, 3, 1},
		"channel=c1&event_types=t.0":           {3},
		"channel=c9":                           {},
		"tag=tag1":                             {5, 4, 3},
		"before=" + times[2]:                   {1, 0},
		"after=" + times[2]:                    {5, 4, 3, 2},
		"after=" + times[0] + "&before=" + times[4]:                                 {3, 2, 1, 0},
		"after=" + times[0] + "&limit=2":                                            {1, 0}, // what came first from then on
		"after=" + times[0] + "&limit=2&iterator=-" + ids[2]:                        {4, 3},
		"after=" + times[0] + "&before=" + times[5] + "&limit=2":                    {4, 3},
		"after=" + times[0] + "&before=" + times[5] + "&limit=2&iterator=" + ids[3]: {2, 1},
	} {
		var names []string
		for _, i := range want {
			names = append(names, ids[i])
		}
		if diff := cmp.Diff(names, rig.Pluck[string](w.list(app+"/msg?"+query), "id")); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	for query, place := range map[string]string{
		"channel=$": "query.channel", "event_types=$": "query.event_types", "event_types=": "query.event_types",
		"before=now": "query.before", "after=1": "query.after", "with_content=x": "query.with_content", "limit=900": "query.limit",
	} {
		w.invalid(place, "GET", app+"/msg?"+query, nil)
	}
	newest := make([]string, len(ids))
	for i, v := range ids {
		newest[len(ids)-1-i] = v
	}
	w.walk(app+"/msg", newest)
}

func TestEventIDsAreUniqueInAnApplication(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	w.send(app, object{"eventId": "e1"})
	again := object{"eventType": "a", "payload": object{}, "eventId": "e1"}
	if got := w.want(409, "POST", app+"/msg", again)["detail"]; got != "This eventId is taken." {
		t.Error(got)
	}
	batch := []object{{"eventType": "a", "payload": object{}}, again}
	if got := w.want(409, "POST", app+"/msg/batch", batch)["detail"]; got != "The eventId of message 1 is taken." {
		t.Error(got)
	}
	w.send(w.app(), object{"eventId": "e1"})
}

func TestADeletedPayloadReadsExpired(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	to := w.endpoint(app, "/ok")
	path := app + "/msg/" + w.send(app)["id"].(string)
	w.want(204, "DELETE", path+"/content", nil)
	want := object{"expired": true}
	if got := w.want(200, "GET", path, nil)["payload"]; !cmp.Equal(got, any(want)) {
		t.Error(got)
	}
	if got := w.list(app + "/msg")[0]["payload"]; !cmp.Equal(got, any(want)) {
		t.Error(got)
	}
	w.code(400, "missing_payload", "POST", path+"/endpoint/"+tail(to)+"/resend", nil)
	w.code(404, "not_found", "DELETE", app+"/msg/nobody/content", nil)
}

func TestTheApplicationComesAlongInline(t *testing.T) {
	w := newWorld(t)
	body := func(app object) object {
		return object{"eventType": "a", "payload": object{}, "application": app}
	}
	w.want(202, "POST", "/app/new/msg", body(object{"name": "New", "uid": "new"}))
	w.want(202, "POST", "/app/new/msg", body(object{"name": "Ignored", "uid": "other"}))
	if got := w.want(200, "GET", "/app/new", nil)["name"]; got != "New" {
		t.Error(got)
	}
	if n := len(w.list("/app/new/msg")); n != 2 {
		t.Errorf("%d messages", n)
	}
	w.invalid("body.application.uid", "POST", "/app/other/msg", body(object{"name": "x", "uid": "else"}))
	w.invalid("body.application.uid", "POST", "/app/other/msg", body(object{"name": "x"}))
	w.invalid("body.application.name", "POST", "/app/other/msg", body(object{"uid": "other"}))
	w.want(404, "GET", "/app/other", nil)
	key := w.want(201, "POST", "/key", object{"appId": "new"})["key"].(string)
	w.as(key).want(202, "POST", "/app/new/msg", body(nil))
	w.as(key).want(404, "POST", "/app/other/msg", body(object{"name": "x", "uid": "other"}))
}

func TestTheIdempotencyKeyMayStandInTheBody(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	first := w.send(app, object{"idempotencyKey": "k"})
	again := w.want(202, "POST", app+"/msg", object{"eventType": "a.b", "payload": object{"n": 1}, "idempotencyKey": "k"}, "Idempotency-Key", "auto_1")
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error(diff)
	}
	w.code(409, "idempotency_conflict", "POST", app+"/msg", object{"eventType": "other", "payload": object{"n": 1}, "idempotencyKey": "k"})
}

// wrongMessages are members beside a type and a payload, with the place of the error.
func wrongMessages() map[string]string {
	many := `"x","x",` + `"1","2","3","4","5","6","7","8","9","10","11"`
	return map[string]string{
		`"eventType":""`:        "eventType",
		`"eventType":7`:         "eventType",
		`"eventType":null`:      "eventType",
		`"eventType":"a b"`:     "eventType",
		`"eventType":"a\u0000"`: "eventType",
		`"eventType":"` + strings.Repeat("x", 257) + `"`: "eventType",
		`"payload":null`:                     "payload",
		`"payload":[1]`:                      "payload",
		`"payload":"x"`:                      "payload",
		`"eventId":"msg_x"`:                  "eventId",
		`"eventId":"a b"`:                    "eventId",
		`"channels":[]`:                      "channels",
		`"channels":["$"]`:                   "channels.0",
		`"channels":[` + many + `]`:          "channels.11",
		`"channels":{}`:                      "channels",
		`"tags":["a b"]`:                     "tags.0",
		`"deliverAt":"tomorrow"`:             "deliverAt",
		`"deliverAt":"2999-01-01T00:00:00Z"`: "deliverAt",
		`"payloadRetentionPeriod":0`:         "payloadRetentionPeriod",
		`"payloadRetentionPeriod":91`:        "payloadRetentionPeriod",
		`"payloadRetentionHours":0`:          "payloadRetentionHours",
		`"payloadRetentionPeriod":1,"payloadRetentionHours":1`: "payloadRetentionHours",
		`"transformationsParams":{"x":1}`:                      "transformationsParams.x",
		`"transformationsParams":{"headers":{"X-A":"1"}}`:      "transformationsParams.headers.X-A",
		`"transformationsParams":{"rawPayload":{}}`:            "transformationsParams.rawPayload",
		`"nope":1`:  "nope",
		`"nope":{}`: "nope",
	}
}

func TestWrongMessagesAreRefusedByField(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	for members, place := range wrongMessages() {
		body := `{"eventType":"a","payload":{},` + members + `}`
		w.invalid("body."+place, "POST", app+"/msg", body)
		w.invalid("body.1."+place, "POST", app+"/msg/batch", `[{"eventType":"a","payload":{}},`+body+`]`)
		w.invalid("body.0."+place, "POST", app+"/msg/batch", `[`+body+`]`)
	}
	for body, place := range map[string]string{
		`{}`: "body.eventType", `{"eventType":"a"}`: "body.payload", `{"payload":{}}`: "body.eventType", ``: "body.eventType",
		`{"eventType":"a","payload":{}`: "body", `{"eventType":"a","payload":{]}`: "body", `[]`: "body", `x`: "body",
		`{"eventType":"a","payload":{}} x`: "body", "{\"eventType\":\"a\",\"payload\":{\"a\":\"\xff\"}}": "body",
		`{"eventType":"a","payload":` + strings.Repeat(`{"a":`, 600) + `1` + strings.Repeat(`}`, 601): "body",
		`{"eventType":"a","payload":{},"idempotencyKey":""}`:                                          "body.idempotencyKey",
	} {
		w.invalid(place, "POST", app+"/msg", body)
	}
	if n := len(w.list(app + "/msg")); n != 0 {
		t.Errorf("%d messages", n)
	}
	w.want(202, "POST", app+"/msg", `{"eventType":"a","payload":{},"eventId":null,"channels":null,"tags":null,"deliverAt":null,
		"payloadRetentionPeriod":null,"payloadRetentionHours":null,"transformationsParams":null,"application":null,"idempotencyKey":null}`)
}

func TestLargeMessagesAreRefused(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	body := func(n int) string { return `{"eventType":"a","payload":{"a":"` + strings.Repeat("x", n) + `"}}` }
	w.want(202, "POST", app+"/msg?with_content=false", body(1<<20))
	w.code(413, "payload_too_large", "POST", app+"/msg", body(8<<20))
	w.code(413, "payload_too_large", "POST", "/app", `{"name":"`+strings.Repeat("x", 3<<20)+`"}`)
}

func TestABatchIsTakenWholeOrNotAtAll(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	w.endpoint(app, "/ok")
	var batch []object
	for i := range 1000 {
		batch = append(batch, object{"eventType": "a.b", "payload": object{"n": i}, "eventId": fmt.Sprint("e", i)})
	}
	got := items(w.want(202, "POST", app+"/msg/batch", batch, "Idempotency-Key", "b"))
	if len(got) != 1000 || got[7]["eventId"] != "e7" || got[999]["eventId"] != "e999" || len(got[0]["payload"].(object)) != 0 {
		t.Errorf("%d answers, the first %v", len(got), got[0])
	}
	again := items(w.want(202, "POST", app+"/msg/batch", batch, "Idempotency-Key", "b"))
	if diff := cmp.Diff(rig.Pluck[string](got, "id"), rig.Pluck[string](again, "id")); diff != "" {
		t.Error(diff)
	}
	w.code(409, "conflict", "POST", app+"/msg/batch", []object{{"eventType": "a", "payload": object{}}, {"eventType": "a", "payload": object{}, "eventId": "e5"}})
	w.invalid("body.1000", "POST", app+"/msg/batch", append(batch, batch[0]))
	w.invalid("body", "POST", app+"/msg/batch", "[]")
	w.invalid("body", "POST", app+"/msg/batch", "{}")
	w.invalid("body", "POST", app+"/msg/batch", "[")
	w.invalid("body.0", "POST", app+"/msg/batch", "[7]")
	w.invalid("body.0.application", "POST", app+"/msg/batch", `[{"eventType":"a","payload":{},"application":{"name":"x"}}]`)
	w.invalid("body.0.idempotencyKey", "POST", app+"/msg/batch", `[{"eventType":"a","payload":{},"idempotencyKey":"k"}]`)
	if page := w.want(200, "GET", app+"/msg?limit=1", nil); items(page)[0]["eventId"] != "e999" {
		t.Error(page)
	}
	shown := items(w.want(202, "POST", app+"/msg/batch?with_content=true", []object{{"eventType": "a", "payload": object{"n": 1.0}}}))
	if !cmp.Equal(shown[0]["payload"], any(object{"n": 1.0})) {
		t.Error(shown)
	}
	inObject := items(w.want(202, "POST", app+"/msg/batch", object{"messages": []object{{"eventType": "a", "payload": object{"n": 2}, "eventId": "in-object"}}}))
	if len(inObject) != 1 || inObject[0]["eventId"] != "in-object" {
		t.Error(inObject)
	}
	w.invalid("body.messages.0.zz", "POST", app+"/msg/batch", `{"messages":[{"eventType":"a","payload":{},"zz":1}]}`)
	w.invalid("body.more", "POST", app+"/msg/batch", `{"messages":[],"more":1}`)
	w.arrives(1002, `{"n":2}`)
}

// refusing is an intake that takes nothing.
type refusing struct{ err error }

func (r refusing) Accept(context.Context, ingest.Submission) (ingest.Receipt, error) {
	return ingest.Receipt{}, r.err
}

func TestWhatCannotBeTakenJustNowSaysWhenToComeAgain(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		code   string
		after  string
	}{
		{&webhook.Error{Code: webhook.CodeBusy, Message: "x", RetryAfter: 1500 * time.Millisecond}, 429, "rate_limited", "2"},
		{&webhook.Error{Code: webhook.CodeUnavailable, Message: "x"}, 503, "unavailable", "1"},
	} {
		w := newWorld(t, func(o *native.Options) { o.Intake = refusing{c.err} })
		app := w.app()
		got := w.do("POST", app+"/msg", object{"eventType": "a", "payload": object{}})
		if got.Status != c.status || got.Header.Get("Retry-After") != c.after || !strings.Contains(got.Body, c.code) {
			t.Errorf("%d %s %s", got.Status, got.Header.Get("Retry-After"), got.Body)
		}
	}
	w := newWorld(t, func(o *native.Options) { o.Intake = refusing{fmt.Errorf("a defect")} })
	if got := w.do("POST", w.app()+"/msg", object{"eventType": "a", "payload": object{}}); got.Status != 500 || got.Body != "{}" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

func TestAnApplicationsRateLimitHolds(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	w.want(200, "PATCH", app, object{"throttleRate": 2})
	statuses := map[int]int{}
	for range 5 {
		statuses[w.do("POST", app+"/msg", object{"eventType": "a", "payload": object{}}).Status]++
	}
	if statuses[202] < 2 || statuses[429] == 0 {
		t.Error(statuses)
	}
}

func TestWhatIsDeletedGetsNothing(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	gone := w.endpoint(app, "/gone")
	w.want(204, "DELETE", gone, nil)
	w.endpoint(app, "/ok")
	w.send(app)
	if got := w.arrives(1, `{"n":1}`); !strings.HasSuffix(got.URL, "/ok") {
		t.Error(got.URL)
	}
	w.want(204, "DELETE", app, nil)
	w.code(404, "not_found", "POST", app+"/msg", object{"eventType": "a", "payload": object{}})
}

func TestTheRestOfTheWire(t *testing.T) {
	w := newWorld(t)
	w.as("").want(200, "GET", "/health", nil)
	for _, path := range []string{"/health", "/health/", "/health/ping", "/health/ping/"} {
		if got := w.as("").do("HEAD", path, nil); got.Status > 204 || len(got.Body) > 0 {
			t.Errorf("HEAD %s: %d %s", path, got.Status, got.Body)
		}
	}
	w.as("").want(204, "GET", "/health/ping", nil)
	w.code(404, "not_found", "GET", "/nonsense", nil)
	w.code(404, "not_found", "GET", "", nil)
	for _, path := range []string{"/app/.", "/app/./x", "/app/../app"} {
		w.code(404, "not_found", "GET", path, nil)
	}
	got := w.do("PUT", "/app", object{})
	var e struct{ Code string }
	if got.Status != 405 || json.Unmarshal([]byte(got.Body), &e) != nil || e.Code != "method_not_allowed" || got.Header.Get("Allow") != "GET, POST" {
		t.Errorf("%d %s %q", got.Status, got.Body, got.Header.Get("Allow"))
	}
	got = w.do("GET", "/app", nil, "Origin", "https://x.example")
	if got.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Error(got.Header)
	}
	got = w.as("").do("OPTIONS", "/app", nil, "Origin", "https://x.example", "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "authorization,svix-req-id,idempotency-key")
	if got.Header.Get("Access-Control-Allow-Headers") != "authorization,svix-req-id,idempotency-key" {
		t.Error(got.Header)
	}
	down := newWorld(t, func(o *native.Options) { o.Ping = func(context.Context) error { return fmt.Errorf("gone") } })
	if status := down.want(http.StatusServiceUnavailable, "GET", "/health", nil)["database"].(object)["status"]; status != "error" {
		t.Error(status)
	}
}

func TestUnknownIDsAreNeverAnError(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	ghost := func(prefix string) string { return id.New().Prefixed(prefix) }
	for _, name := range []string{ghost("app_"), "app_x", "app_", "x", "%00", "..%2F", "a b", strings.Repeat("x", 5000)} {
		path := "/app/" + strings.ReplaceAll(name, " ", "%20")
		for _, rest := range []string{"", "/endpoint", "/msg", "/endpoint/x/secret", "/msg/x/attempt/y"} {
			if got := w.do("GET", path+rest, nil); got.Status != 404 {
				t.Errorf("GET %.40s%s: %d", path, rest, got.Status)
			}
		}
	}
	m := w.send(app)["id"].(string)
	for _, path := range []string{
		"/endpoint/" + ghost("ep_"), "/endpoint/ep_!", "/msg/" + ghost("msg_"), "/msg/%20", "/attempt/endpoint/x", "/attempt/msg/x",
		"/msg/" + m + "/attempt/" + ghost("atmpt_"), "/msg/" + m + "/attempt/x", "/attempt/msg/" + m + "?endpoint_id=nobody",
	} {
		w.code(404, "not_found", "GET", app+path, nil)
	}
}
