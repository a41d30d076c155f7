package wazo_test

import (
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/testkit/golden"
)

// transcript is a world that notes requests and answers.
type transcript struct {
	*world
	*golden.Transcript
}

// say makes a request, notes both sides, and returns the answer's object.
func (tr *transcript) say(method, path, body string, headers ...string) (o object) {
	tr.Helper()
	var in any
	if body != "" {
		in = body
	}
	got := tr.send(method, path, in, headers...)
	if tr.token != "" {
		headers = append([]string{"X-Auth-Token", tr.token}, headers...)
	}
	tr.Note(golden.Exchange{
		Request: method + " /1.0" + path, Headers: headers, Body: body,
		Status: got.Status, Header: got.Header, Answer: got.Body,
	})
	if strings.HasPrefix(got.Body, "{") {
		o = got.Object(tr)
	}
	return o
}

func TestEveryOperationOnTheWire(t *testing.T) {
	tr := &transcript{newWorld(t), golden.NewTranscript(
		[]string{"Content-Type", "Allow", "Access-Control-Allow-Origin", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods"},
		golden.Numbered(`[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|shk_[0-9A-Za-z]{43}`, ""),
		golden.As(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00`, "<time>"),
		golden.As(`"timestamp":[0-9.e+]+`, `"timestamp":<time>`),
	)}
	tenant := tr.tenant("")
	user := tr.tokenOf(tenant, alice, "webhookd.users.me.#")

	made := tr.say("POST", "/subscriptions", `{"name":"Created users","service":"http","events":["user_created"],`+
		`"config":{"url":"https://receiver.example/{{ event_name }}","method":"POST","body":"{{ event['id'] }}","content_type":null},`+
		`"metadata":{"team":"red","level":3},"events_wazo_uuid":"`+nowhere+`"}`)
	path := "/subscriptions/" + made["uuid"].(string)
	tr.say("GET", path, "")
	tr.say("GET", "/subscriptions?recurse=true&search_metadata=team:red", "")
	tr.say("PUT", path, `{"name":"All users","service":"http","events":["user_created","user_edited"],"config":{"url":"https://receiver.example/","method":"put"}}`)
	tr.happen(tr.master, "user_created", `{"name":"user_created","origin_uuid":"o","data":{"id":1},"play":["retry","delivered"]}`, nil)
	rows := tr.log(made["uuid"].(string), 2, "")
	tr.same(len(rows), 2)
	tr.say("GET", path+"/logs?order=attempts&direction=asc&limit=5", "")
	tr.say("GET", path+"/logs?order=size&limit=-1", "")
	tr.say("HEAD", path, "")
	tr.say("DELETE", path, "")
	tr.say("GET", path, "")
	tr.say("POST", "/subscriptions", `{"name":null,"service":"http","events":["a","a"],"config":{"url":1,"extra":true}}`)
	tr.say("POST", "/subscriptions", `{"name":"n","service":"other","events":[],"config":{"number":1},"owner_user_uuid":"short"}`)
	tr.say("POST", "/subscriptions", "nonsense")
	tr.say("GET", "/subscriptions?recurse=perhaps", "")
	tr.say("GET", "/subscriptions", "", "Wazo-Tenant", nowhere)
	tr.say("GET", "/subscriptions/services", "")
	tr.say("GET", "/status", "")
	tr.say("GET", "/config", "")
	tr.say("PATCH", "/config", `[{"op":"replace","path":"/debug","value":true}]`)
	tr.say("PATCH", "/config", `[{"op":"remove","path":"/debug"}]`)
	tr.say("POST", "/mobile/notifications", `{"notification_type":"plugin","user_uuid":"`+alice+`","title":"Hello","body":"World"}`, "Wazo-Tenant", tenant)
	tr.say("POST", "/mobile/notifications", `{"notification_type":"missedCall","user_uuid":"`+bob+`","title":"","body":"","x":1}`)
	tr.say("POST", "/mobile/notifications", `{"notification_type":"plugin","user_uuid":"`+bob+`","title":"","body":""}`)

	tr.token = user
	mine := tr.say("POST", "/users/me/subscriptions", `{"name":"Mine","service":"http","events":["call_created"],"config":{"url":"https://receiver.example/","method":"get"}}`)
	path = "/users/me/subscriptions/" + mine["uuid"].(string)
	tr.say("GET", "/users/me/subscriptions", "")
	tr.say("GET", path, "")
	tr.say("PUT", path, `{"name":"Still mine","service":"sleepy","events":[],"config":{"sleep_time":"5"}}`)
	tr.say("DELETE", path, "")
	tr.say("GET", "/subscriptions", "")

	tr.token = ""
	tr.say("GET", "/status", "")
	tr.say("PATCH", "/subscriptions", "")
	tr.say("GET", "/nothing", "")
	tr.say("OPTIONS", "/subscriptions", "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST")
	tr.Compare(t, "operations.txt")
}
