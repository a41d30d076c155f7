package native_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/sign"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/webhook"
)

// quick tries again soon and often enough to be seen.
func quick(waits ...string) object {
	if waits == nil {
		waits = []string{}
	}
	return object{"retrySchedule": waits}
}

func TestAttemptsSayWhatCameOfThem(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	for _, c := range []struct {
		to       string
		waits    []string
		attempts int
		status   float64
		text     string
		code     float64
		response string
	}{
		{"/200", []string{"1ms"}, 1, 0, "success", 200, `{"said":"thanks"}`},
		{"/403", []string{"1ms", "1ms"}, 3, 2, "fail", 403, `{"said":"thanks"}`},
		{"/500", []string{"1ms"}, 2, 2, "fail", 500, `{"said":"thanks"}`},
		{"/500", []string{}, 1, 2, "fail", 500, `{"said":"thanks"}`},
		{"/refuse", []string{"1ms"}, 2, 2, "fail", 0, "connection refused"},
	} {
		to := w.endpoint(app, c.to, quick(c.waits...))
		m := w.send(app)["id"].(string)
		list := w.until(app+"/attempt/msg/"+m, func(list []object) bool {
			return len(list) == c.attempts && list[0]["nextAttempt"] == nil
		})
		got := list[0]
		want := object{
			"id": got["id"], "msgId": m, "endpointId": tail(to), "url": "https://receiver.example" + c.to, "response": c.response,
			"responseStatusCode": c.code, "responseDurationMs": got["responseDurationMs"], "status": c.status, "statusText": c.text,
			"triggerType": 0.0, "timestamp": got["timestamp"], "nextAttempt": nil, "outcome": got["outcome"], "detail": got["detail"],
		}
		for _, name := range []string{"requestHeaders", "responseHeaders"} {
			if got[name] != nil {
				want[name] = got[name]
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", c.to, diff)
		}
		one := w.want(200, "GET", app+"/msg/"+m+"/attempt/"+got["id"].(string)+"/", nil)
		if diff := cmp.Diff(got, one); diff != "" {
			t.Errorf("%s, alone: %s", c.to, diff)
		}
		w.want(204, "DELETE", to, nil)
	}
}

func TestDeliveriesAreSigned(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	to := w.endpoint(app, "/ok", object{"headers": object{"X-Custom-CASE": "v"}, "svixHeaders": true})
	first := w.want(200, "GET", to+"/secret", nil)["key"].(string)
	w.want(204, "POST", to+"/secret/rotate", object{"key": "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="})
	second := w.want(200, "GET", to+"/secret", nil)["key"].(string)
	m := w.send(app)
	got := w.arrives(1, `{"n":1}`)
	if id := got.Headers["webhook-id"]; !cmp.Equal(id, []string{m["id"].(string)}) {
		t.Error(id)
	}
	if !cmp.Equal(got.Headers["X-Custom-CASE"], []string{"v"}) || !cmp.Equal(got.Headers["svix-id"], got.Headers["webhook-id"]) {
		t.Error(got.Headers)
	}
	signature := got.Headers["webhook-signature"][0]
	if !strings.Contains(signature, "v1,") || !strings.Contains(signature, "v1a,") {
		t.Error(signature)
	}
	for _, key := range []string{first, second} {
		h := sign.Headers{ID: got.Headers["webhook-id"][0], Timestamp: got.Headers["webhook-timestamp"][0], Signature: signature}
		if err := sign.Verify([]string{key}, h, []byte(got.Body), time.Now(), time.Minute); err != nil {
			t.Errorf("%s: %v", key[:6], err)
		}
	}
}

func TestOneReceiverThatFailsHarmsNoOther(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	w.endpoint(app, "/500", quick("1h"))
	w.endpoint(app, "/one")
	w.endpoint(app, "/two")
	m := w.send(app)["id"].(string)
	w.until(app+"/msg/"+m+"/endpoint", func(list []object) bool {
		return cmp.Equal(rig.Pluck[string](list, "statusText"), []string{"sending", "success", "success"})
	})
}

func TestAttemptedMessagesAreListedByStatus(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	to := w.endpoint(app, "/x", quick("20ms"), object{"uid": "to"})
	at := to + "/msg"
	texts := func(query string, want ...string) {
		t.Helper()
		var got []string
		w.until(at+query, func(list []object) bool {
			got = rig.Pluck[string](list, "id")
			return cmp.Equal(got, want) || len(got)+len(want) == 0
		})
	}
	m1, m2 := w.send(app)["id"].(string), w.send(app, object{"eventType": "c.d", "channels": []string{"news"}})["id"].(string)
	texts("?status=0", m2, m1)
	w.receiver.Play("/x", 500)
	m3, m4 := w.send(app)["id"].(string), w.send(app)["id"].(string)
	texts("?status=2", m4, m3)
	texts("?status=3")
	texts("?status=0", m2, m1)
	texts("", m4, m3, m2, m1)
	texts("?event_types=c.d", m2)
	texts("?channel=news", m2)
	texts("?status=1")
	texts("?limit=1&status=0", m2)
	texts("?limit=1&status=0&iterator="+m2, m1)
	texts("?limit=1&status=0&iterator=-"+m1, m2)
	if diff := cmp.Diff(w.list(at), w.list(app+"/endpoint/to/msg")); diff != "" {
		t.Error(diff)
	}
	list := w.list(at + "?with_content=false")
	if len(list[0]["payload"].(object)) != 0 || list[0]["status"] != 2.0 || list[0]["statusText"] != "fail" {
		t.Error(list[0])
	}
	w.invalid("query.status", "GET", at+"?status=5", nil)

	w.want(200, "PATCH", to, quick("1h"))
	m5 := w.send(app)["id"].(string)
	texts("?status=3", m5)
	if next := w.list(at + "?status=3")[0]["nextAttempt"]; next == nil {
		t.Error("no nextAttempt")
	}
	w.receiver.Play("/x", 200)
	w.want(202, "POST", app+"/msg/"+m3+"/endpoint/to/resend", nil)
	texts("?status=0", m3, m2, m1)
	texts("?status=2", m4)
}

func TestDestinationsAreListedWithTheDeletedOnes(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	var ids []string
	for i := range 5 {
		ids = append(ids, tail(w.endpoint(app, fmt.Sprint("/e", i))))
	}
	m := w.send(app)["id"].(string)
	at := app + "/msg/" + m + "/endpoint"
	w.until(at, func(list []object) bool {
		return strings.Join(rig.Pluck[string](list, "statusText"), ",") == "success,success,success,success,success"
	})
	w.want(204, "DELETE", app+"/endpoint/"+ids[1], nil)
	w.walk(at, ids)
}

func TestResendsAreManual(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	to := w.endpoint(app, "/500", quick())
	m := w.send(app, object{"eventId": "e"})["id"].(string)
	w.wait(1, app+"/attempt/msg/"+m)
	resend := app + "/msg/e/endpoint/" + tail(to) + "/resend"
	if got := w.do("POST", resend+"/", nil); got.Status != 202 || got.Body != "{}" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	list := w.wait(2, app+"/attempt/msg/"+m)
	if diff := cmp.Diff([]float64{1, 0}, rig.Pluck[float64](list, "triggerType")); diff != "" {
		t.Error(diff)
	}
	for range 2 { // a client that got no answer asks again
		w.want(202, "POST", resend, nil, "Idempotency-Key", "auto_1")
	}
	w.wait(3, app+"/attempt/msg/"+m)
	w.want(200, "PATCH", to, object{"disabled": true})
	got := w.want(409, "POST", resend, nil)
	if !strings.Contains(got["detail"].(string), "disabled") {
		t.Error(got)
	}
	w.code(404, "not_found", "POST", app+"/msg/e/endpoint/nobody/resend", nil)
	w.code(404, "not_found", "POST", app+"/msg/nobody/endpoint/"+tail(to)+"/resend", nil)
}

func TestAttemptsAreFilteredAndPaged(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	good, bad := w.endpoint(app, "/200", quick()), w.endpoint(app, "/404", quick())
	refused := w.endpoint(app, "/refuse", quick())
	var messages []string
	for i := range 4 {
		m := w.send(app, object{"eventType": fmt.Sprint("t.", i), "channels": []string{fmt.Sprint("c", i%2)}, "tags": []string{"x"}})
		messages = append(messages, m["id"].(string))
		w.wait(3, app+"/attempt/msg/"+messages[i])
	}
	by := func(to, query string, want ...int) {
		t.Helper()
		var ids []string
		for _, i := range want {
			ids = append(ids, messages[i])
		}
		if diff := cmp.Diff(ids, rig.Pluck[string](w.list(app+"/attempt/endpoint/"+tail(to)+"?"+query), "msgId")); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	by(good, "", 3, 2, 1, 0)
	by(good, "status=0", 3, 2, 1, 0)
	by(good, "status=2")
	by(bad, "status=2", 3, 2, 1, 0)
	by(bad, "status=1")
	by(bad, "status=3")
	by(bad, "status=4")
	by(bad, "status_code_class=400", 3, 2, 1, 0)
	by(bad, "status_code_class=200")
	by(good, "status_code_class=200", 3, 2, 1, 0)
	by(bad, "status_code_class=0")
	by(refused, "status_code_class=0", 3, 2, 1, 0)
	by(good, "event_types=t.1,t.2", 2, 1)
	by(good, "channel=c1", 3, 1)
	by(good, "tag=x&limit=1", 3)
	list := w.list(app + "/attempt/endpoint/" + tail(good))
	at := rig.Pluck[string](list, "timestamp") // newest first
	by(good, "before="+at[1], 1, 0)
	by(good, "after="+at[2], 3, 2, 1)
	by(good, "after="+at[3]+"&before="+at[0], 2, 1, 0)
	w.walk(app+"/attempt/endpoint/"+tail(good), rig.Pluck[string](list, "id"))
	w.walk(app+"/attempt/msg/"+messages[0], rig.Pluck[string](w.list(app+"/attempt/msg/"+messages[0]), "id"))
	one := w.list(app + "/attempt/msg/" + messages[0] + "?endpoint_id=" + tail(bad))
	if len(one) != 1 || one[0]["endpointId"] != tail(bad) {
		t.Error(one)
	}
	if diff := cmp.Diff(one, w.list(app+"/msg/"+messages[0]+"/endpoint/"+tail(bad)+"/attempt/")); diff != "" {
		t.Error(diff)
	}
	if list := w.list(app + "/msg/" + messages[0] + "/attempt"); len(list) != 3 {
		t.Error(list)
	}
	with := w.list(app + "/attempt/endpoint/" + tail(good) + "?with_msg=true&with_content=false&expanded_statuses=true")
	if m := with[0]["msg"].(object); m["id"] != messages[3] || len(m["payload"].(object)) != 0 || with[0]["response"] != "{}" {
		t.Error(with[0])
	}
	for query, place := range map[string]string{
		"status=9": "query.status", "status=x": "query.status", "status_code_class=42": "query.status_code_class",
		"status_code_class=600": "query.status_code_class", "channel=$": "query.channel", "iterator=msg_x": "query.iterator",
	} {
		w.invalid(place, "GET", app+"/attempt/endpoint/"+tail(good)+"?"+query, nil)
	}
}

func TestAResponseIsExpunged(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	w.endpoint(app, "/ok")
	m := w.send(app)["id"].(string)
	a := w.wait(1, app+"/attempt/msg/"+m)[0]
	path := app + "/msg/" + m + "/attempt/" + a["id"].(string)
	w.want(204, "DELETE", path+"/content/", nil)
	if got := w.want(200, "GET", path, nil)["response"]; got != "EXPUNGED" {
		t.Error(got)
	}
	w.code(404, "not_found", "DELETE", app+"/msg/"+m+"/attempt/nobody/content", nil)
}

func TestStatisticsCountAttempts(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	to := w.endpoint(app, "/x", quick())
	before := time.Now()
	for range 2 {
		w.wait(1, app+"/attempt/msg/"+w.send(app)["id"].(string))
	}
	w.receiver.Play("/x", 500)
	w.wait(1, app+"/attempt/msg/"+w.send(app)["id"].(string))
	stamp := func(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }
	want := object{"success": 2.0, "pending": 0.0, "sending": 0.0, "fail": 1.0, "canceled": 0.0}
	for _, query := range []string{"", "?since=" + stamp(before), "?since=" + stamp(time.Now().Add(-28*24*time.Hour)), "?until=" + stamp(time.Now())} {
		if diff := cmp.Diff(want, w.want(200, "GET", to+"/stats"+query, nil)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	none := object{"success": 0.0, "pending": 0.0, "sending": 0.0, "fail": 0.0, "canceled": 0.0}
	if diff := cmp.Diff(none, w.want(200, "GET", to+"/stats?until="+stamp(before), nil)); diff != "" {
		t.Error(diff)
	}
	for _, query := range []string{
		"?since=" + stamp(time.Now().Add(-29*24*time.Hour)), "?until=" + stamp(time.Now().Add(time.Hour)),
		"?since=" + stamp(time.Now()) + "&until=" + stamp(before),
	} {
		w.code(400, "invalid_range", "GET", to+"/stats"+query, nil)
	}
	w.invalid("query.since", "GET", to+"/stats?since=x", nil)
}

func TestRecoverSendsAgainWhatFailed(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	to := w.endpoint(app, "/x", quick())
	good := w.send(app)["id"].(string)
	w.wait(1, app+"/attempt/msg/"+good)
	w.receiver.Play("/x", 500)
	before := time.Now().Add(-time.Second)
	bad := w.send(app)["id"].(string)
	w.wait(1, app+"/attempt/msg/"+bad)
	after := time.Now()
	got := w.want(202, "POST", to+"/recover", object{"since": after})
	if got["recovered"] != 0.0 || got["status"] != "finished" || got["task"] != "endpoint.recover" {
		t.Error(got)
	}
	if got := w.want(202, "POST", to+"/recover", object{"since": before, "until": nil}); got["recovered"] != 1.0 {
		t.Error(got)
	}
	w.wait(2, app+"/attempt/msg/"+bad)
	w.wait(1, app+"/attempt/msg/"+good)
	w.want(202, "POST", to+"/recover", object{"since": time.Now().Add(-14 * 24 * time.Hour)})
	w.invalid("body.since", "POST", to+"/recover", object{"since": time.Now().Add(-21 * 24 * time.Hour)})
	w.invalid("body.since", "POST", to+"/recover", object{})
	w.invalid("body.since", "POST", to+"/recover", object{"since": nil})
	w.invalid("body.until", "POST", to+"/recover", object{"since": before, "until": "x"})
	w.want(200, "PATCH", to, object{"disabled": true})
	w.code(409, "conflict", "POST", to+"/recover", object{"since": before})
}

func TestExamplesGoToOneEndpointAlone(t *testing.T) {
	w := newWorld(t)
	w.want(201, "POST", "/event-type", object{
		"name": "with.example", "description": "",
		"schemas": object{"1": object{"type": "object", "examples": []object{{"n": 1}, {"n": 2}}}},
	})
	w.types("without", "other")
	app := w.app()
	w.endpoint(app, "/another")
	to := w.endpoint(app, "/this", object{"eventTypes": []string{"other"}})
	got := w.want(200, "POST", to+"/send-example", object{"eventType": "svix.ping"})
	if got["eventType"] != "svix.ping" || len(got["payload"].(object)) != 0 {
		t.Error(got)
	}
	w.arrives(1, `{"success":true}`)
	w.want(200, "POST", to+"/send-example", object{"eventType": "with.example"})
	w.arrives(2, `{"n":1}`)
	w.want(200, "POST", to+"/send-example", object{"eventType": "with.example", "exampleIndex": 1})
	w.arrives(3, `{"n":2}`)
	for _, r := range w.receiver.Sent() {
		if !strings.HasSuffix(r.URL, "/this") {
			t.Error(r.URL)
		}
	}
	w.code(400, "invalid_scheme", "POST", to+"/send-example", object{"eventType": "without"})
	w.code(404, "not_found", "POST", to+"/send-example", object{"eventType": "nobody"})
	w.invalid("body.eventType", "POST", to+"/send-example", object{})
}

func TestHealthIsShown(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	to := w.endpoint(app, "/410")
	w.send(app)
	w.until(app+"/endpoint", func(list []object) bool { return list[0]["disabled"] == true })
	h := w.want(200, "GET", to, nil)["health"].(object)
	if h["disabledReason"] != webhook.DisabledByGone || h["disabledAt"] == nil {
		t.Error(h)
	}
	h = w.want(200, "PATCH", to, object{"disabled": false})["health"].(object)
	if h["disabledReason"] != nil || h["failingSince"] != nil {
		t.Error(h)
	}
}
