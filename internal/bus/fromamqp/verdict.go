package fromamqp

import (
	"context"
	"errors"
	"fmt"

	"github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/bus"
	"github.com/switchhook/switchhook/internal/rabbit"
)

// handle asks the handler until it has a final verdict on every message. What it does not
// take for now stays out of the queue, and is given to it again, in order, before anything newer.
func (c *consumer) handle(ctx context.Context, batch []amqp091.Delivery) error {
	for {
		left, err := c.settle(ctx, batch, c.judge(ctx, batch))
		if err != nil {
			return err
		}
		if len(left) < len(batch) {
			c.wait.reset()
		}
		if len(left) == 0 {
			return nil
		}
		c.o.Metrics.Deferred(len(left))
		if !c.wait.pause(ctx, c.ended) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return c.reason()
		}
		batch = left
	}
}

// judge returns the verdicts on a batch.
func (c *consumer) judge(ctx context.Context, batch []amqp091.Delivery) []error {
	verdicts := make([]error, len(batch))
	messages := make([]bus.Message, 0, len(batch))
	places := make([]int, 0, len(batch))
	for i := range batch {
		d := &batch[i]
		if len(d.Body) > c.o.BodyLimit {
			verdicts[i] = &bus.Poison{Reason: fmt.Sprintf("the body has %d bytes, %d are allowed", len(d.Body), c.o.BodyLimit)}
			continue
		}
		messages = append(messages, bus.Message{
			Exchange: d.Exchange, RoutingKey: d.RoutingKey, Headers: rabbit.Plain(d.Headers),
			ContentType: d.ContentType, Encoding: d.ContentEncoding, Body: d.Body, Redelivered: d.Redelivered,
		})
		places = append(places, i)
	}
	if len(messages) == 0 {
		return verdicts
	}
	given := c.o.Handle(ctx, messages)
	for n, i := range places {
		verdicts[i] = errNoVerdict
		if len(given) == len(messages) {
			verdicts[i] = given[n]
		}
	}
	return verdicts
}

var errNoVerdict = errors.New("the handler gave no verdict")

// settle acknowledges what has a final verdict and returns the rest.
func (c *consumer) settle(ctx context.Context, batch []amqp091.Delivery, verdicts []error) (left []amqp091.Delivery, err error) {
	aside, failed := c.setAside(ctx, batch, verdicts)
	var notNow error
	accepted, upTo := 0, uint64(0) // everything up to this tag is settled
	for i := range batch {
		d := &batch[i]
		switch {
		case verdicts[i] == nil:
			accepted++
		case !aside[i]:
			notNow = verdicts[i]
			left = append(left, *d)
			continue
		}
		if len(left) == 0 {
			upTo = d.DeliveryTag
		} else if err := c.ch.Ack(d.DeliveryTag, false); err != nil {
			return nil, fmt.Errorf("acknowledge: %w", err)
		}
	}
	if upTo > 0 {
		if err := c.ch.Ack(upTo, true); err != nil {
			return nil, fmt.Errorf("acknowledge: %w", err)
		}
	}
	c.o.Metrics.Accepted(accepted)
	if failed != nil {
		notNow = fmt.Errorf("set aside: %w", failed)
	}
	c.deferred(notNow, len(left))
	return left, nil
}

// deferred logs once when the handler stops taking messages.
func (c *consumer) deferred(why error, n int) {
	if why != nil && !c.holding {
		c.o.Logger.Warn("messages are not taken for now, they wait", "bus", c.o.Name, "messages", n, "error", why)
	}
	if why == nil && c.holding {
		c.o.Logger.Info("messages are taken again", "bus", c.o.Name)
	}
	c.holding = why != nil
}
