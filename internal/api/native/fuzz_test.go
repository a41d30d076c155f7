package native

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/webhook"
)

// parsers are all that read a request's body.
func parsers() []func(body []byte) error {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	only := func(_ any, err error) error { return err }
	return []func([]byte) error{
		func(b []byte) error { return only(readApplication(b, true)) },
		func(b []byte) error { return only(readApplication(b, false)) },
		func(b []byte) error { return only(readPortal(b)) },
		func(b []byte) error { return only(readKey(b)) },
		func(b []byte) error { return only(readEndpoint(b, true)) },
		func(b []byte) error {
			in, err := readEndpoint(b, false)
			if err == nil {
				e := webhook.Endpoint{}
				in.applyFilter(&control.EndpointEdit{Endpoint: &e}, true)
			}
			return err
		},
		func(b []byte) error { return only(readHeadersIn(b)) },
		func(b []byte) error { return only(readHeadersPatch(b)) },
		func(b []byte) error { return only(readRotation(b)) },
		func(b []byte) error { _, _, err := readRecover(b); return err },
		func(b []byte) error { return only(readExample(b)) },
		func(b []byte) error { return only(readEventType(b, "", true)) },
		func(b []byte) error {
			o := httpx.ReadObject(b)
			in := readMessage(o, now, false)
			if o.Err() == nil && (in.event.Type == "" || in.event.Payload == nil) {
				return errors.New("a message without type or payload")
			}
			return o.Err()
		},
		func(b []byte) error { return only(readBatch(b, now, 10)) },
	}
}

func FuzzBodies(f *testing.F) {
	for _, s := range []string{
		`{"name":"n","uid":"u","throttleRate":1,"rateLimit":2,"metadata":{"a":"b"}}`,
		`{"application":{"name":"n","uid":"u"},"expiry":60,"readOnly":true,"featureFlags":["f"],"capabilities":["ViewBase"],"sessionId":"s"}`,
		`{"name":"n","scope":"root","appId":"a","expiresAt":"2030-01-01T00:00:00Z"}`,
		`{"url":"https://x.example","eventTypes":["a.*"],"channels":["c"],"filter":{"payload":[{"path":"a","op":"in","value":[1,"x"]}]},"retrySchedule":["5s",10],"tls":{"ca":"x"},"ordering":"fifo","config":{}}`,
		`{"headers":{"A":"b","C":null},"deleteHeaders":["D"]}`,
		`{"key":"whsec_x","gracePeriodSeconds":5}`,
		`{"since":"2026-01-01T00:00:00Z","until":null}`,
		`{"eventType":"a","exampleIndex":1}`,
		`{"name":"a","description":"","schemas":{"1":{}},"featureFlag":"f","groupName":"g","validatePayload":true}`,
		`{"eventType":"a","payload":{"x":[1,2.5e3,null]},"eventId":"e","channels":["c"],"tags":["t"],"deliverAt":"2026-01-31T12:00:00+01:00","payloadRetentionHours":5,"transformationsParams":{"rawPayload":"\ud83d\ude00"},"idempotencyKey":"k"}`,
		`[{"eventType":"a","payload":{}},{"eventType":"b","payload":{"é":"\u00e9"}}]`,
	} {
		for i := range parsers() {
			f.Add(byte(i), []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, which byte, body []byte) {
		all := parsers()
		err := all[int(which)%len(all)](body)
		if err == nil {
			if len(body) > 0 && (!utf8.Valid(body) || !json.Valid(body) && len(jsonSpace(body)) > 0) {
				t.Fatalf("%q was taken", body)
			}
			return
		}
		e, ok := errors.AsType[*webhook.Error](err)
		if !ok || e.Code != webhook.CodeInvalid || e.Message == "" {
			t.Fatalf("%q: %v", body, err)
		}
	})
}

// jsonSpace returns what is left of b without JSON's white space around it.
func jsonSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\n' || b[0] == '\r' || b[0] == '\t') {
		b = b[1:]
	}
	return b
}

func FuzzQueries(f *testing.F) {
	f.Add("limit=5&iterator=-app_0000000000000000000001&order=descending&event_types=a,b&event_types[]=c&channel=x")
	f.Add("before=2026-01-31T12:00:00Z&after=2026-01-31T12:00:00+01:00&with_content=false&status=3&status_code_class=200&tag=t")
	f.Fuzz(func(t *testing.T, raw string) {
		values, _ := url.ParseQuery(raw)
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.RawQuery = values.Encode()
		c := &call{r: r, app: &webhook.Account{}}
		q := c.query()
		aq, _ := c.attemptQuery(q)
		noAttempt(q, &aq)
		if _, ok := errors.AsType[*refusal](q.err); q.err != nil && !ok {
			t.Fatal(q.err)
		}
		if q.err == nil && (aq.Page.Limit < 1 || aq.Page.Limit > maxLimit) {
			t.Fatalf("limit %d", aq.Page.Limit)
		}
	})
}

func FuzzJWT(f *testing.F) {
	f.Add("a.b.c", "secret")
	f.Add("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJvcmdfeCJ9.x", "s")
	f.Fuzz(func(t *testing.T, token, secret string) {
		parts := 0
		for _, c := range token {
			if c == '.' {
				parts++
			}
		}
		if parts == 2 && jwtHolds(token, webhook.Secret(secret), time.Unix(1_700_000_000, 0)) {
			t.Logf("held: %q %q", token, secret) // only who knows the secret gets here
		}
	})
}

// FuzzMessages holds what is shown of a message against a JSON decoder.
func FuzzMessages(f *testing.F) {
	f.Add("a.b", "e\x001\"\\", "c", []byte(`{"a":1}`), true)
	f.Add("\xff", "", "", []byte("no JSON"), false)
	f.Fuzz(func(t *testing.T, kind, uid, channel string, payload []byte, deleted bool) {
		e := &webhook.Event{Type: kind, UID: uid, Channels: []string{channel}, Payload: payload, PayloadDeleted: deleted, CreatedAt: time.Now()}
		var out struct {
			EventType string
			EventID   *string
			Channels  []string
			Payload   map[string]any
		}
		text := rawMessage(true)(e)
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if utf8.ValidString(kind) && out.EventType != kind || utf8.ValidString(channel) && out.Channels[0] != channel {
			t.Fatalf("%q", text)
		}
		if uid != "" && utf8.ValidString(uid) && *out.EventID != uid {
			t.Fatalf("%q", text)
		}
	})
}
