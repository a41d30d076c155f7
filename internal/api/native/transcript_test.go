package native_test

import (
	"testing"

	"github.com/switchhook/switchhook/internal/testkit/golden"
)

// transcript is a world that notes requests and answers.
type transcript struct {
	*world
	*golden.Transcript
}

// say makes a request, notes both sides, and returns the answer's object.
func (tr *transcript) say(method, path, body string, headers ...string) object {
	tr.Helper()
	var in any
	if body != "" {
		in = body
	}
	got := tr.do(method, path, in, headers...)
	tr.Note(golden.Exchange{
		Request: method + " /api/v1" + path, Headers: headers, Body: body,
		Status: got.Status, Header: got.Header, Answer: got.Body,
	})
	return got.Object(tr)
}

func TestTheMainFlowOnTheWire(t *testing.T) {
	tr := &transcript{newWorld(t), golden.NewTranscript(
		[]string{"Content-Type", "Retry-After", "Allow"},
		golden.Numbered(`(app|ep|msg|atmpt|qtask|key)_[0-9A-Za-z]{22}|(shk)_[0-9A-Za-z]{43}|(whsec)_[0-9A-Za-z+/=]{40,}`, "$1$2$3"),
		golden.As(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`, "<time>"),
		golden.As(`("responseDurationMs":|webhook-timestamp: )\d+|(webhook-signature: )[^"]+`, "$1$2<varies>"),
	)}
	tr.say("POST", "/app/", `{"name":"Acme","uid":"acme"}`)
	tr.say("POST", "/app", `{"name":"Acme","uid":"acme"}`)
	tr.say("GET", "/app?limit=1", "")
	tr.say("PATCH", "/app/acme", `{"metadata":{"plan":"gold"}}`)
	tr.say("POST", "/event-type", `{"name":"order.paid","description":"An order was paid"}`)
	tr.say("GET", "/event-type/order.paid", "")
	tr.say("POST", "/app/acme/endpoint", `{"url":"https://receiver.example/200","filterTypes":["order.paid"],"rateLimit":100,"uid":"hook"}`)
	tr.say("POST", "/app/acme/endpoint", `{"url":"https://receiver.example/200","filterTypes":["nobody.knows"]}`)
	tr.say("GET", "/app/acme/endpoint/hook/secret", "")
	tr.say("POST", "/app/acme/msg", `{"eventType":"order.paid","payload":{"id": 7},"eventId":"e-1","channels":["eu"]}`, "Idempotency-Key", "k-1")
	tr.say("POST", "/app/acme/msg", `{"eventType":"order.paid","payload":{"id": 8}}`, "Idempotency-Key", "k-1")
	tr.say("POST", "/app/acme/msg", `{"eventType":"order.paid","payload":{},"surprise":1}`)
	tr.wait(1, "/app/acme/attempt/msg/e-1")
	tr.say("GET", "/app/acme/msg/e-1", "")
	tr.say("GET", "/app/acme/attempt/msg/e-1", "")
	tr.say("GET", "/app/acme/endpoint/hook/msg?with_content=false", "")
	tr.say("GET", "/app/acme/msg/e-1/endpoint", "")
	tr.say("GET", "/app/acme/endpoint/hook/stats", "")
	tr.say("POST", "/app/acme/msg/e-1/endpoint/hook/resend", "")
	tr.say("POST", "/app/acme/endpoint/hook/secret/rotate", `{"gracePeriodSeconds":60}`)
	tr.say("POST", "/auth/app-portal-access/acme", `{"readOnly":true,"expiry":3600}`)
	tr.say("POST", "/auth/logout", "")
	tr.say("GET", "/app/acme/msg?limit=251", "")
	tr.say("GET", "/app/nobody", "")
	tr.say("PUT", "/app", "{}")
	tr.say("DELETE", "/app/acme/endpoint/hook", "")
	tr.say("DELETE", "/app/acme", "")
	tr.Compare(t, "main_flow.txt")
}
