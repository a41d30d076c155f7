package server

import (
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viaamqp"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// amqpService makes the service that publishes to RabbitMQ. Tenants name their brokers by
// URL. Those of the dialects, by the dialect's name, are for the root account alone: who
// may publish there can tell a platform anything.
func (s *Server) amqpService() (deliver.Service, error) {
	brokers := map[string]viaamqp.Broker{}
	for name, url := range map[string]webhook.Secret{
		"kazoo": s.config.Dialects.Kazoo.AMQPURL, "wazo": s.config.Dialects.Wazo.AMQPURL,
	} {
		if url != "" {
			brokers[name] = viaamqp.Broker{URL: url, Allow: func(account id.ID) bool { return account == s.root }}
		}
	}
	service, err := viaamqp.New(viaamqp.Options{
		Dial: s.dialer.DialContext, CheckURL: s.dialer.CheckURL, Brokers: brokers, BrokerDial: s.direct.DialContext,
	})
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func() error {
		service.Close()
		return nil
	})
	return service, nil
}
