package fromamqp

import (
	"context"
	"errors"
	"time"

	"github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/bus"
	"github.com/switchhook/switchhook/internal/rabbit"
	"github.com/switchhook/switchhook/internal/webhook"
)

// The headers of a message that was set aside, beside its own.
const (
	headerReason     = "x-switchhook-reason"
	headerExchange   = "x-switchhook-exchange"
	headerRoutingKey = "x-switchhook-routing-key"
	headerAt         = "x-switchhook-rejected-at"
)

// settling is how long messages may take to be set aside, also after a request to stop, so
// that they are not set aside again.
const settling = 10 * time.Second

// setAside publishes what is poisoned to the queue of messages that were set aside, and says
// which those are.
func (c *consumer) setAside(ctx context.Context, batch []amqp091.Delivery, verdicts []error) (aside []bool, err error) {
	aside = make([]bool, len(batch))
	var all []rabbit.Publication
	for i, v := range verdicts {
		if p, ok := errors.AsType[*bus.Poison](v); ok {
			all = append(all, c.rejected(&batch[i], p.Reason))
		}
	}
	if len(all) == 0 {
		return aside, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	if err := c.publish(ctx, all...); err != nil {
		if _, ok := errors.AsType[*rabbit.ReturnedError](err); ok {
			return aside, errors.Join(err, c.declareRejected(c.conn)) // someone deleted the queue
		}
		return aside, err
	}
	for i, v := range verdicts {
		_, aside[i] = errors.AsType[*bus.Poison](v)
	}
	c.o.Metrics.Rejected(len(all))
	c.o.Logger.Warn("messages were set aside", "bus", c.o.Name, "messages", len(all),
		"queue", c.o.Queue.Name+rejectedSuffix, "first_reason", all[0].Headers[headerReason])
	return aside, nil
}

// rejected is the message that is kept of one that was set aside: as it came, but for what
// would change its way or shorten its stay.
func (c *consumer) rejected(d *amqp091.Delivery, reason string) rabbit.Publication {
	headers := make(amqp091.Table, len(d.Headers)+4)
	if tableSize(d.Headers) <= maxHeaders {
		for name, v := range d.Headers {
			if name != "CC" && name != "BCC" { // the broker would send copies there
				headers[name] = v
			}
		}
	}
	headers[headerReason] = webhook.OneLine(reason)
	headers[headerExchange] = d.Exchange
	headers[headerRoutingKey] = d.RoutingKey
	headers[headerAt] = time.Now().UTC().Format(time.RFC3339)
	return rabbit.Publication{
		RoutingKey: c.o.Queue.Name + rejectedSuffix, Mandatory: true,
		Publishing: amqp091.Publishing{
			Headers: headers, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, DeliveryMode: amqp091.Persistent,
			CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo, MessageId: d.MessageId, Timestamp: d.Timestamp,
			Type: d.Type, AppId: d.AppId, Body: d.Body,
		},
	}
}

// maxHeaders is the size of headers, in bytes, that are kept: with ours they must fit in
// one frame, and a frame that is too long ends the connection.
const maxHeaders = 64 << 10

// tableSize is at least what a table takes on the wire.
func tableSize(v any) int {
	switch v := v.(type) {
	case amqp091.Table:
		n := 8
		for name, member := range v {
			n += len(name) + 1 + tableSize(member)
		}
		return n
	case []any:
		n := 8
		for _, member := range v {
			n += tableSize(member)
		}
		return n
	case string:
		return 5 + len(v)
	case []byte:
		return 5 + len(v)
	}
	return 9
}
