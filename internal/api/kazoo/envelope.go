package kazoo

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/webhook"
)

// maxBody bounds the body of a request.
const maxBody = 8_000_000

// envelope is what the body of a request holds.
type envelope struct {
	data document // what the request is about; empty where the body has nothing
	list bool     // data is an array, which no operation takes
	top  document // what is around data
	// foreign bodies are of a kind that is not understood.
	foreign bool
}

// readEnvelope reads a body of a content type. The error is a *refusal.
func readEnvelope(contentType string, body []byte) (envelope, error) {
	var e envelope
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return e, nil
	}
	kind, _, err := mime.ParseMediaType(contentType)
	switch {
	case contentType == "", err == nil && (kind == "application/json" || kind == "application/x-json"):
	case err == nil && kind == "application/x-www-form-urlencoded" && body[0] == '{':
		// what curl sends with -d
	case err == nil && kind == "application/x-www-form-urlencoded":
		return readForm(body)
	default:
		e.foreign = true
		return e, nil
	}
	return readJSON(body)
}

func readJSON(body []byte) (envelope, error) {
	top, err := parseDocument(body)
	if err != nil {
		return envelope{}, wrongJSON(err)
	}
	return openEnvelope(top)
}

func wrongJSON(err error) error {
	sentence := "All JSON must be valid"
	if e, ok := err.(*webhook.Error); ok {
		sentence = e.Message
	}
	return fault("json", "invalid", sentence, "target", "body")
}

func readForm(body []byte) (envelope, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return envelope{}, unreadable()
	}
	return openEnvelope(documentOf(func(yield func(string, json.RawMessage) bool) {
		for name, v := range values {
			if !yield(name, encode(v[0])) {
				return
			}
		}
	}))
}

func unreadable() error {
	return system(http.StatusBadRequest, "parse_error", "failed to parse request body")
}

// openEnvelope takes data out of what was sent.
func openEnvelope(sent document) (envelope, error) {
	e := envelope{top: documentOf(func(yield func(string, json.RawMessage) bool) {
		for _, m := range sent.members {
			if !yield(strings.ReplaceAll(strings.ToLower(m.name), "-", "_"), m.value) {
				return
			}
		}
	})}
	data := e.top.get("data")
	switch {
	case data == nil:
		return e, fault("data", "required", missing, "value", "data")
	case data[0] == '[':
		e.list = true
	case data[0] != '{':
		return e, fault("data", "type", "Value did not match type(s): object", "target", "object", "value", data)
	default:
		var err error
		if e.data, err = parseDocument(data); err != nil {
			return e, wrongJSON(err)
		}
	}
	e.top.delete("data")
	return e, nil
}

// value looks a named value up: in data, in the query string, around data.
func (c *call) value(name string) (string, bool) {
	if v, ok := plainText(c.in.data.get(name)); ok {
		return v, true
	}
	if c.query.Has(name) {
		return c.query.Get(name), true
	}
	return plainText(c.in.top.get(name))
}

// flag looks up a value that is true or false.
func (c *call) flag(name string, otherwise bool) bool {
	switch v, _ := c.value(name); strings.ToLower(v) {
	case "true":
		return true
	case "false":
		return false
	}
	return otherwise
}

// plainText spells a text, a number or a boolean as it would stand in a query string.
func plainText(raw json.RawMessage) (string, bool) {
	switch {
	case len(raw) == 0, raw[0] == '{', raw[0] == '[', isNull(raw):
		return "", false
	case raw[0] == '"':
		return asText(raw)
	}
	return string(raw), true
}

// readRequest reads the body of the request.
func (c *call) readRequest() error {
	body, err := httpx.ReadBody(c.r, maxBody)
	switch {
	case webhook.CodeOf(err) == webhook.CodeInvalid:
		return unreadable()
	case err != nil:
		return err
	}
	if c.in, err = readEnvelope(c.r.Header.Get("Content-Type"), body); err != nil {
		return err
	}
	if verb, ok := c.value("verb"); ok && c.method == http.MethodPost {
		c.method = strings.ToUpper(verb)
	}
	return nil
}
