package kazoo_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/testkit/golden"
)

// transcript is a world that notes requests and answers.
type transcript struct {
	*world
	*golden.Transcript
}

func newTranscript(t *testing.T) *transcript {
	return &transcript{newWorld(t), golden.NewTranscript(
		[]string{"Content-Type", "Location", "Access-Control-Allow-Origin", "Access-Control-Allow-Methods"},
		golden.As(`("revision": ?")[^"]+"`, `$1<revision>"`),
		golden.As(`("(?:next_)?start_key": ?")[\w-]+"`, `$1<key>"`),
		golden.As(`("event_id": ?")[0-9a-f]{10}"`, `$1<firing>"`),
		golden.Numbered(`eyJ[\w-]+\.[\w-]+\.[\w-]+`, "token"),
		golden.Numbered(`\b([0-9a-f]{64}|[0-9a-f]{32})\b`, "id"),
		golden.As(`\b[0-9a-f]{8}\.sip\.invalid\b`, "<realm>"),
		golden.As(`\b63\d{9}\b`, "<moment>"),
		golden.As(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`, "<time>"),
	)}
}

// say makes a request, notes both sides, and returns the answer.
func (tr *transcript) say(method, path, body string, headers ...string) answer {
	tr.Helper()
	var in any
	if body != "" {
		in = body
	}
	got := tr.do(method, path, in, append(headers, "X-Request-ID", "r")...)
	var indented bytes.Buffer
	if json.Indent(&indented, []byte(got.Body), "", " ") != nil {
		indented = *bytes.NewBufferString(got.Body)
	}
	tr.Note(golden.Exchange{
		Request: method + " " + path, Headers: headers, Body: body,
		Status: got.Status, Header: got.Header, Answer: strings.TrimRight(indented.String(), "\n"),
	})
	return got
}

// made is the id that an answer tells.
func (a answer) made() string { return a.fields["data"].(fields)["id"].(string) }

func TestLoginsAndAccountsOnTheWire(t *testing.T) {
	tr := newTranscript(t)
	token := tr.token
	tr.token = ""
	tr.say("PUT", "/v2/user_auth", `{"data":{"credentials":"`+digest("admin", tr.password)+`","account_name":"ROOT"}}`)
	tr.say("PUT", "/v2/user_auth", `{"data":{"credentials":"no","account_name":"root"}}`)
	tr.say("PUT", "/v2/user_auth", `{"data":{"method":"sha1"}}`)
	tr.say("PUT", "/v2/api_auth", `{"data":{"api_key":"`+strings.Repeat("0", 64)+`"}}`)
	tr.say("GET", "/v2/token_auth", "")
	tr.say("GET", tr.rootPath(), "")
	tr.token = token
	tr.say("GET", "/v2/token_auth", "")
	tr.say("GET", "/v2/user_auth/"+token, "")
	tr.say("GET", tr.rootPath(), "")
	sub := "/v2/accounts/" + tr.say("PUT", tr.rootPath(), `{"data":{"name":"Acme"}}`).made()
	tr.say("PUT", tr.rootPath(), `{"data":{}}`)
	tr.say("PATCH", sub, `{"data":{"configs_webhooks":{"attempt_failure_count":3}}}`)
	tr.say("POST", sub, `{"data":{"name":"Acme 2"}}`)
	tr.say("GET", tr.rootPath()+"/children", "")
	tr.say("GET", tr.rootPath()+"/descendants", "")
	user := sub + "/users/" + tr.say("PUT", sub+"/users", `{"data":{"username":"Ann","password":"secret"}}`).made()
	tr.say("GET", sub+"/users", "")
	tr.say("GET", user, "")
	tr.say("PATCH", user, `{"data":{"first_name":"Ann"}}`)
	tr.say("POST", user, `{"data":{"username":"ann","password":"secret"}}`)
	key := tr.say("PUT", sub+"/api_key", "").fields["data"].(fields)["api_key"].(string)
	tr.say("PUT", "/v2/api_auth", `{"data":{"api_key":"`+key+`"}}`)
	tr.say("DELETE", user, "")
	tr.say("DELETE", sub, "")
	tr.say("DELETE", "/v2/token_auth", "")
	tr.Compare(t, "accounts.txt")
}

func TestHooksOnTheWire(t *testing.T) {
	tr := newTranscript(t)
	hooks := tr.rootPath() + "/webhooks"
	tr.say("GET", "/v2/webhooks", "")
	tr.say("GET", "/v2/webhooks/samples", "")
	tr.say("GET", "/v2/webhooks/samples/webhooks_object?filter_action=doc_edited", "")
	tr.say("GET", "/v2/webhooks/samples/nope", "")
	tr.say("GET", hooks+"/samples", "")
	tr.say("GET", hooks+"/samples/webhooks_parking", "")
	tr.say("PUT", "/v2/webhooks", `{"data":{}}`)
	tr.say("GET", hooks, "")
	tr.say("PUT", hooks, `{"data":{"id":"h","name":"Users","uri":"https://receiver.example/?a=1&b=2","hook":"object",`+
		`"action":"doc_deleted","type":"account","retries":3,"custom_data":{"type":"user","action":"doc_deleted"}}}`)
	tr.say("PUT", hooks, `{"data":{"id":"h","name":"Again","uri":"https://receiver.example/","hook":"all"}}`)
	tr.say("PUT", hooks, `{"data":{"uri":"http://localhost/","hook":"object","http_verb":"head","retries":9,"enabled":"yes"}}`)
	tr.say("GET", hooks, "")
	tr.say("GET", hooks+"/h", "")
	tr.say("PATCH", hooks+"/h", `{"data":{"enabled":false,"custom_data":{"type":"all","action":"all"}}}`)
	tr.say("POST", hooks+"/h", `{"data":{"name":"All","uri":"https://receiver.example/","hook":"all"}}`)
	tr.say("POST", hooks+"/nobody", `{"data":{"name":"All","uri":"https://receiver.example/","hook":"all"}}`)
	tr.say("PATCH", hooks, `{"data":{}}`)
	tr.say("PATCH", hooks, `{"data":{"re-enable":"no"}}`)
	tr.say("PATCH", hooks, `{"data":{"re-enable":true}}`)
	tr.say("PATCH", tr.rootPath()+"/descendants/webhooks", `{"data":{"re-enable":true}}`)
	tr.say("GET", hooks+"/attempts", "")
	tr.say("GET", hooks+"/h/attempts?page_size=0", "")
	tr.say("GET", hooks+"/h/attempts?created_from=10&created_to=9", "")
	tr.say("DELETE", hooks+"/h", "")
	tr.say("DELETE", hooks+"/h", "")
	tr.Compare(t, "hooks.txt")
}

func TestTheEdgesOnTheWire(t *testing.T) {
	tr := newTranscript(t)
	tr.say("GET", "/", "")
	tr.say("GET", "/v1/accounts", "")
	tr.say("GET", "/v2/nothing", "")
	tr.say("GET", "/v2/accounts/short", "")
	tr.say("GET", "/v2/accounts/"+strings.Repeat("f", 32), "")
	tr.say("DELETE", "/v2/webhooks", "")
	tr.say("PUT", tr.rootPath()+"/webhooks", "{")
	tr.say("PUT", tr.rootPath()+"/webhooks", `{"name":"x"}`)
	tr.say("PUT", tr.rootPath()+"/webhooks", "text", "Content-Type", "text/plain")
	tr.say("GET", tr.rootPath()+"/webhooks", "", "Accept", "text/html")
	tr.say("OPTIONS", tr.rootPath()+"/webhooks", "")
	tr.say("OPTIONS", tr.rootPath()+"/webhooks", "", "Origin", "https://ui.example", "Access-Control-Request-Method", "PUT")
	tr.say("POST", tr.rootPath()+"/webhooks", `{"verb":"GET","data":{}}`)
	tr.say("GET", "/v2/account/webhooks", "")
	tr.clock.move(2 * 3600e9)
	tr.say("GET", "/v2/webhooks", "")
	tr.Compare(t, "edges.txt")
}
