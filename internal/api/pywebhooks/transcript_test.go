package pywebhooks_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/testkit/golden"
	"github.com/switchhook/switchhook/internal/testkit/rig"
)

// transcript is a world that notes requests and answers, and what a receiver gets.
type transcript struct {
	*world
	*golden.Transcript
	receiver *testkit.Receiver
	heard    int // requests of the receiver that are noted
}

func newTranscript(t *testing.T) *transcript {
	w := newWorld(t)
	receiver := w.receiver()
	return &transcript{world: w, receiver: receiver, Transcript: golden.NewTranscript(
		[]string{"Content-Type", "Allow"},
		golden.As(regexp.QuoteMeta(receiver.Addr()), "receiver"),
		golden.As(`pbkdf2:sha256:1000\$[0-9a-f]{8}\$[0-9a-f]{64}`, "<hash>"),
		golden.As(`(webhook-id: |webhook-timestamp: |webhook-signature: |pywebhooks-signature: )\S+`, "$1<varies>"),
		golden.Numbered(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, "id"),
		golden.Numbered(`\b[0-9a-f]{40}\b`, "key"),
		golden.As(`"epoch": \d{10}\.\d+`, `"epoch": <epoch>`),
	)}
}

// say makes a request, notes both sides, and returns the answer's object.
func (tr *transcript) say(who account, method, path, body string, headers ...string) object {
	tr.Helper()
	got := tr.do(who, method, path, body, headers...)
	if who.name != "" {
		headers = append([]string{"username", who.name, "api-key", who.key}, headers...)
	}
	if body != "" {
		body = "\n" + body
	}
	tr.Note(golden.Exchange{
		Request: method + " /v1" + path, Headers: headers, Body: body,
		Status: got.Status, Header: got.Header, Answer: "\n" + strings.TrimSuffix(got.Body, "\n"),
	})
	var o object
	_ = json.Unmarshal([]byte(got.Body), &o) // pages are none
	return o
}

// hear notes what the receiver got since the last time, up to the n-th request.
func (tr *transcript) hear(n int) {
	tr.Helper()
	all, err := tr.receiver.Wait(n, rig.Patience)
	tr.must(err)
	for _, r := range all[tr.heard:n] {
		tr.Printf("=== the endpoint gets\n%s%s\n\n", strings.ReplaceAll(r.Head, "\r\n", "\n"), r.Body)
	}
	tr.heard = n
}

func TestEveryRouteOnTheWire(t *testing.T) {
	tr := newTranscript(t)
	nobody, page := account{}, "?start=0&limit=2"

	made := tr.say(nobody, "POST", "/account", `{"endpoint": "`+tr.receiver.URLFor("/account/endpoint")+`", "username": "sarahfranks"}`)
	tr.hear(1)
	sarah := account{made["id"].(string), "sarahfranks", made["api_key"].(string), ""}
	tr.say(nobody, "POST", "/account", `{"endpoint": "`+tr.receiver.URLFor("/account/endpoint")+`", "username": "sarahfranks"}`)
	tr.say(nobody, "POST", "/account", `{"endpoint": "http://10.0.0.1/", "username": "other"}`)
	tr.say(nobody, "POST", "/account", `nonsense`)
	tr.hear(2)
	tr.say(sarah, "GET", "/account/"+sarah.id, "")
	tr.say(tr.admin, "GET", "/accounts"+page, "")
	tr.say(sarah, "GET", "/accounts"+page, "")
	tr.say(sarah, "PATCH", "/account", `{"endpoint": "`+tr.receiver.URLFor("/account/alternate/endpoint")+`"}`)
	tr.hear(3)
	tr.say(nobody, "POST", "/account/reset/apikey", "", "username", "sarahfranks")
	tr.hear(4)
	sarah.key = tr.brought(tr.receiver, "api_key")
	tr.say(sarah, "POST", "/account/reset/secretkey", `"{}"`)
	tr.hear(5)

	made = tr.say(sarah, "POST", "/webhook/registration",
		`{"description": "This is my registered webhook", "event_data": {"message": "hello wörld", "items": [{"item1": 1}, {"item2": 2.50}]}, "event": "mywebhook.event"}`)
	registration := made["id"].(string)
	tr.say(sarah, "PATCH", "/webhook/registration/"+registration, `{"description": "New Description"}`)
	tr.say(sarah, "GET", "/webhook/registration"+page, "")
	tr.say(sarah, "GET", "/webhook/registrations?start=0&limit=1", "")
	subscription := tr.say(sarah, "POST", "/webhook/subscription/"+registration, "")["id"].(string)
	tr.say(sarah, "GET", "/webhook/subscription"+page, "")
	tr.say(sarah, "GET", "/webhook/subscriptions?start=1&limit=1", "")
	tr.say(sarah, "POST", "/webhook/triggered/"+registration, "")
	tr.hear(6)
	tr.say(sarah, "GET", "/webhook/triggered"+page, "")

	tr.say(sarah, "DELETE", "/webhook/subscription/"+subscription, "")
	tr.say(tr.admin, "DELETE", "/webhook/subscriptions", "")
	tr.say(sarah, "DELETE", "/webhook/registration/"+registration, "")
	tr.say(sarah, "DELETE", "/webhook/registration/"+registration, "")
	tr.say(tr.admin, "DELETE", "/webhook/registrations", "")
	tr.say(sarah, "DELETE", "/account/"+sarah.id, "")
	tr.say(tr.admin, "DELETE", "/accounts", "")

	tr.say(nobody, "GET", "/nowhere", "")
	tr.say(nobody, "GET", "/nowhere", "", "Content-Type", "text/plain")
	tr.say(nobody, "PUT", "/account", "")
	tr.say(nobody, "OPTIONS", "/accounts", "")
	tr.say(nobody, "HEAD", "/accounts", "")
	tr.Compare(t, "routes.txt")
}
