package viaplugin

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/webhook"
	"github.com/switchhook/switchhook/plugin"
)

func TestAnswersHaveTheirOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		want   webhook.Outcome
		detail string
	}{
		"delivered":             {`{"result":"delivered"}`, webhook.Outcome{}, `{}`},
		"with detail":           {`{"result":"delivered","detail":{"a":1}}`, webhook.Outcome{}, `{"a":1}`},
		"with null":             {`{"result":"delivered","detail":null}`, webhook.Outcome{}, `{}`},
		"no object":             {`{"result":"delivered","detail":[1]}`, webhook.Outcome{}, `{"value":[1]}`},
		"an error all the same": {`{"result":"delivered","error":"odd"}`, webhook.Outcome{}, `{"error":"odd"}`},
		"too much":              {`{"result":"delivered","detail":{"a":"` + strings.Repeat("x", maxDetail) + `"}}`, webhook.Outcome{}, `{"error":"the detail has 65544 bytes; at most 65536 are kept"}`},
		"retry":                 {`{"result":"retry"}`, webhook.Outcome{Result: webhook.ResultRetry, Detail: "the plug-in wants to try again"}, `{}`},
		"retry with reason":     {`{"result":"retry","error":"busy\nnow"}`, webhook.Outcome{Result: webhook.ResultRetry, Detail: "busy now"}, `{"error":"busy now"}`},
		"reason in the detail":  {`{"result":"retry","detail":{"error":"full"}}`, webhook.Outcome{Result: webhook.ResultRetry, Detail: "full"}, `{"error":"full"}`},
		"no text as a reason":   {`{"result":"rejected","detail":{"error":5}}`, webhook.Outcome{Result: webhook.ResultRejected, Detail: "the plug-in gave it up"}, `{"error":5}`},
		"both":                  {`{"result":"rejected","error":"no","detail":{"a":1}}`, webhook.Outcome{Result: webhook.ResultRejected, Detail: "no"}, `{"a":1}`},
		"wait":                  {`{"result":"retry","error":"x","retry_after":1.5}`, webhook.Outcome{Result: webhook.ResultRetry, Detail: "x", RetryAfter: 1500 * time.Millisecond}, `{"error":"x"}`},
		"wait for ever":         {`{"result":"retry","error":"x","retry_after":1e300}`, webhook.Outcome{Result: webhook.ResultRetry, Detail: "x", RetryAfter: maxWait}, `{"error":"x"}`},
		"wait backwards":        {`{"result":"retry","error":"x","retry_after":-5}`, webhook.Outcome{Result: webhook.ResultRetry, Detail: "x"}, `{"error":"x"}`},
		"a long reason":         {`{"result":"retry","error":"` + strings.Repeat("é", 300) + `"}`, webhook.Outcome{Result: webhook.ResultRetry, Detail: strings.Repeat("é", 100)}, `{"error":"` + strings.Repeat("é", 300) + `"}`},
	} {
		var a plugin.Answer
		if err := json.Unmarshal([]byte(c.answer), &a); err != nil {
			t.Fatal(err)
		}
		got, err := outcomeOf(&a)
		c.want.Extra = []byte(`{"detail":` + c.detail + `}`)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	for _, result := range []string{"", "banana", "Delivered"} {
		if out, err := outcomeOf(&plugin.Answer{Result: plugin.Result(result)}); err == nil || out.Result != webhook.ResultRetry || out.Detail == "" {
			t.Errorf("%q is %v: %s, %v", result, out.Result, out.Detail, err)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"id":"1","result":"retry","error":"e","detail":{"a":[1]},"retry_after":3}`))
	f.Add([]byte(`{"result":"delivered","detail":"x"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var a plugin.Answer
		if json.Unmarshal(text, &a) != nil {
			return
		}
		out, err := outcomeOf(&a)
		if (out.Detail == "") != (out.Result == webhook.ResultDelivered) || len(out.Detail) > 500 || strings.ContainsAny(out.Detail, "\r\n\x00") || out.RetryAfter < 0 {
			t.Errorf("%q is %+v, %v", text, out, err)
		}
		var row struct{ Detail map[string]any }
		if err := json.Unmarshal(out.Extra, &row); err != nil || row.Detail == nil {
			t.Errorf("the row of %q is %q", text, out.Extra)
		}
	})
}

func FuzzHello(f *testing.F) {
	f.Add([]byte(`{"type":"hello","protocol":1,"name":"x","concurrency":5,"config_schema":{"type":"object"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := readHello(text, &Options{Name: "x", InFlight: 64})
		if err == nil && (h.Concurrency < 1 || h.Concurrency > 64 || h.Name != "x" || h.Protocol != plugin.Protocol) {
			t.Errorf("%q is %+v", text, h)
		}
	})
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte("{\n\"a\":\r1}"), []byte(" {\n}"), "na\nme")
	f.Fuzz(func(t *testing.T, payload, config []byte, name string) {
		if !json.Valid(payload) || !isObject(config) {
			return
		}
		j := job("x", string(config))
		j.Event.Payload, j.Event.Type, j.Subscription.Name = payload, name, name
		text := appendRequest(nil, 7, j, time.Now())
		if n := strings.Count(string(text), "\n"); n != 1 || text[len(text)-1] != '\n' {
			t.Fatalf("%d lines: %q", n, text)
		}
		var d plugin.Delivery
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		var event struct{ Data any }
		var want any
		if err := json.Unmarshal(d.Event, &event); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(payload, &want); err == nil && !cmp.Equal(event.Data, want) {
			t.Errorf("the payload %q became %q", payload, d.Event)
		}
		if d.ID != "7" || d.Attempt != 1 || d.MaxAttempts != 1 || !isObject(d.Options) || !isObject(d.Subscription) {
			t.Errorf("got %+v", d)
		}
	})
}
