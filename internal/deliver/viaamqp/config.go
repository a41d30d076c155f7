package viaamqp

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"strconv"
	"strings"

	"github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/rabbit"
	"github.com/switchhook/switchhook/internal/sign"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Attributes of an event that change how it is published.
const (
	AttributeRoutingKey = "amqp.routing_key" // instead of the configuration's
	AttributeHeader     = "amqp.header."     // and a header's name: its value as a JSON scalar, anything else is text
)

// Bounds of AMQP, in bytes, and ours.
const (
	maxShort       = 255 // names and keys
	maxHeaders     = 200
	maxHeaderBytes = 64 << 10 // of all headers: they must fit in one frame
)

// config is an endpoint's configuration.
type config struct {
	Broker      string         `json:"broker"`
	Exchange    *string        `json:"exchange"`
	RoutingKey  *string        `json:"routing_key"`
	Headers     map[string]any `json:"headers"`
	ContentType string         `json:"content_type"`
	Mandatory   bool           `json:"mandatory"`
}

const configSchema = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema",
	"type": "object",
	"required": ["exchange"],
	"additionalProperties": false,
	"properties": {
		"broker": {"type": "string", "minLength": 1, "maxLength": 64, "description": "Name of a broker of this server. Without one the endpoint's url leads to the broker."},
		"exchange": {"type": "string", "maxLength": 255, "description": "Exchange to publish to. Empty is the default exchange, which routes to the queue that the routing key names."},
		"routing_key": {"type": "string", "maxLength": 255, "description": "Routing key. The event type when absent."},
		"headers": {
			"type": "object", "maxProperties": 100, "propertyNames": {"minLength": 1, "maxLength": 255},
			"additionalProperties": {"type": ["string", "number", "boolean", "null"]},
			"description": "Headers of each message."
		},
		"content_type": {"type": "string", "maxLength": 255, "description": "Content type of the payload: application/json when absent."},
		"mandatory": {"type": "boolean", "description": "Whether a message that reaches no queue counts as a failure."}
	}
}`

// readConfig reads a configuration. The error is a *webhook.Error below "config".
func readConfig(raw json.RawMessage) (*config, error) {
	c := &config{}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(c); err != nil {
		return nil, invalid("config", "must be an object with exchange, and broker, routing_key, headers, content_type and mandatory as they are wanted")
	}
	if c.Exchange == nil {
		return nil, invalid("config.exchange", "must be there")
	}
	if c.ContentType == "" {
		c.ContentType = "application/json"
	}
	for field, text := range map[string]*string{"exchange": c.Exchange, "routing_key": c.RoutingKey, "content_type": &c.ContentType} {
		if text != nil && len(*text) > maxShort {
			return nil, invalid("config."+field, "must have at most %d bytes", maxShort)
		}
	}
	for name, v := range c.Headers {
		if err := checkHeader(name); err != nil {
			return nil, err
		}
		scalar, ok := scalarOf(v)
		if !ok {
			return nil, invalid("config.headers", "must hold texts, numbers, true, false and null")
		}
		c.Headers[name] = scalar
	}
	return c, checkSize(c.Headers)
}

func invalid(field, format string, args ...any) error {
	return webhook.Errorf(webhook.CodeInvalid, field, format, args...)
}

// checkHeader refuses names that AMQP cannot send, that cannot be recorded, or that
// RabbitMQ takes for further routing keys.
func checkHeader(name string) error {
	switch {
	case name == "" || len(name) > maxShort:
		return invalid("config.headers", "must have names of 1 to %d bytes", maxShort)
	case name == "CC" || name == "BCC":
		return invalid("config.headers", "must not have CC or BCC")
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return invalid("config.headers", "must not have control characters in names")
	}
	return nil
}

func checkSize(headers map[string]any) error {
	size := 0
	for name, v := range headers {
		size += len(name) + 16
		if s, ok := v.(string); ok {
			size += len(s)
		}
	}
	if len(headers) > maxHeaders || size > maxHeaderBytes {
		return invalid("config.headers", "must have at most %d members and %d bytes", maxHeaders, maxHeaderBytes)
	}
	return nil
}

// scalarOf makes a header's value of what a JSON decoder returned.
func scalarOf(v any) (any, bool) {
	switch v := v.(type) {
	case nil, bool, string:
		return v, true
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n, true
		}
		f, err := v.Float64()
		return f, err == nil && !math.IsInf(f, 0)
	}
	return nil, false
}

// attributeValue reads the value of an attribute that is a header.
func attributeValue(text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil || d.InputOffset() != int64(len(text)) {
		return text
	}
	if scalar, ok := scalarOf(v); ok {
		return scalar
	}
	return text
}

// publication makes the message of an attempt.
func (c *config) publication(job *deliver.Job) (rabbit.Publication, error) {
	e := job.Event
	key := e.Type
	if c.RoutingKey != nil {
		key = *c.RoutingKey
	}
	headers := maps.Clone(c.Headers)
	if headers == nil {
		headers = map[string]any{}
	}
	msgID := e.ID.Prefixed("msg_")
	if err := signed(headers, job, msgID); err != nil {
		return rabbit.Publication{}, err
	}
	for name, text := range e.Attributes {
		if name == AttributeRoutingKey {
			key = text
		} else if header, ok := strings.CutPrefix(name, AttributeHeader); ok {
			if err := checkHeader(header); err != nil {
				return rabbit.Publication{}, err
			}
			headers[header] = attributeValue(text)
		}
	}
	if err := checkSize(headers); err != nil {
		return rabbit.Publication{}, err
	}
	if len(key) > maxShort {
		return rabbit.Publication{}, invalid("routing key", "has more than %d bytes", maxShort)
	}
	table, err := rabbit.Table(headers)
	if err != nil {
		return rabbit.Publication{}, err
	}
	p := rabbit.Publication{
		Exchange: *c.Exchange, RoutingKey: key, Mandatory: c.Mandatory,
		Publishing: amqp091.Publishing{
			Headers: table, ContentType: c.ContentType, DeliveryMode: amqp091.Persistent,
			MessageId: msgID, Timestamp: e.CreatedAt, Body: e.Payload,
		},
	}
	if len(e.Type) <= maxShort {
		p.Type = e.Type
	}
	return p, nil
}

// signed adds the headers of Standard Webhooks where the endpoint has keys.
func signed(headers map[string]any, job *deliver.Job, msgID string) error {
	if len(job.Endpoint.Keys) == 0 {
		return nil
	}
	at := job.StartedAt.Unix()
	signature, err := sign.Header(job.Endpoint.Keys, job.StartedAt, msgID, at, job.Event.Payload)
	if err != nil {
		return err
	}
	headers["webhook-id"], headers["webhook-timestamp"] = msgID, strconv.FormatInt(at, 10)
	if signature != "" {
		headers["webhook-signature"] = signature
	}
	return nil
}
