package fromamqp

import (
	"context"

	"github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/bus"
	"github.com/switchhook/switchhook/internal/rabbit"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Publish sends a message by the source's connection, for answers to what came by it,
// and returns when the broker has taken it. It fails with CodeUnavailable while the broker is away;
// what must not be lost is an event, delivered by the service amqp.
func (s *Source) Publish(ctx context.Context, m bus.Message) error {
	headers, err := rabbit.Table(m.Headers)
	if err != nil {
		return err
	}
	return s.publish(ctx, rabbit.Publication{
		Exchange: m.Exchange, RoutingKey: m.RoutingKey,
		Publishing: amqp091.Publishing{
			Headers: headers, ContentType: m.ContentType, ContentEncoding: m.Encoding, DeliveryMode: amqp091.Persistent, Body: m.Body,
		},
	})
}

// away says that the broker is not connected.
func away() error {
	return webhook.Errorf(webhook.CodeUnavailable, "", "the message bus is away")
}

// publish sends messages on the connection's one channel for that.
func (s *Source) publish(ctx context.Context, all ...rabbit.Publication) error {
	s.publishing.Lock()
	defer s.publishing.Unlock()
	if s.publisher == nil || !s.publisher.Usable() {
		s.mu.Lock()
		conn := s.conn
		s.mu.Unlock()
		if conn == nil {
			return away()
		}
		var err error
		if s.publisher, err = conn.Publisher(); err != nil {
			s.publisher = nil
			return err
		}
	}
	return s.publisher.Publish(ctx, all...)
}
