package server

import (
	"fmt"

	"github.com/switchhook/switchhook/internal/bus/fromamqp"
	"github.com/switchhook/switchhook/internal/webhook"
)

// rabbit makes the source of a dialect's events in RabbitMQ. The broker is the
// operator's own: connections to it pass no guard.
func (s *Server) rabbit(name string, url webhook.Secret, o fromamqp.Options) (*fromamqp.Source, error) {
	count := func(result string) func(int) {
		return func(n int) { s.metrics.Messages(name, result, n) }
	}
	o.Name, o.URL, o.Dial, o.Logger = name, url, s.direct.DialContext, s.log
	o.Metrics = fromamqp.Metrics{
		Received: count("received"), Accepted: count("accepted"), Rejected: count("rejected"), Deferred: count("deferred"),
	}
	source, err := fromamqp.New(o)
	if err != nil {
		return nil, fmt.Errorf("dialects.%s.amqp_url: %w", name, err)
	}
	return source, nil
}
