package server

import (
	"fmt"
	"os"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viahttp"
	"github.com/switchhook/switchhook/internal/deliver/viawazo"
	"github.com/switchhook/switchhook/internal/deliver/viawazomobile"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/wazo/auth"
	"github.com/switchhook/switchhook/internal/webhook"
)

// wazoService makes the service http of Wazo. What users own goes the same way out as
// everything else, but never to this machine.
func (s *Server) wazoService(way egress.Options) (deliver.Service, error) {
	way.NotThisMachine = true
	dialer, err := egress.New(way)
	if err != nil {
		return nil, err
	}
	users, err := viahttp.NewSender(viahttp.SenderOptions{Dialer: dialer})
	if err != nil {
		return nil, err
	}
	return viawazo.New(viawazo.Options{Sender: s.sender, UserSender: users, UserAgent: s.userAgent(), Logger: s.log})
}

// wazoMobileService makes the service mobile of Wazo, and the client of the wazo-auth
// that it asks, if there is one.
func (s *Server) wazoMobileService() (deliver.Service, error) {
	direct, err := viahttp.NewSender(viahttp.SenderOptions{Dialer: s.direct})
	if err != nil {
		return nil, err
	}
	c := s.config.Dialects.Wazo
	o := viawazomobile.Options{
		Sender: s.sender, PushSender: direct, PushDialer: s.direct, Logger: s.log,
		FCMEndpoint: c.FCMEndpoint, APNsHost: c.APNsHost, APNsPort: c.APNsPort,
		APNsCallTopic: c.APNsCallTopic, APNsDefaultTopic: c.APNsDefaultTopic,
	}
	if c.Enabled && c.Auth.Host != "" {
		if s.wazoClient, err = s.newWazoClient(direct); err != nil {
			return nil, err
		}
		o.Auth = s.wazoClient
	}
	mobile, err := viawazomobile.New(o)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func() error {
		mobile.Close()
		return nil
	})
	return mobile, nil
}

// newWazoClient makes the client of the wazo-auth that is configured.
func (s *Server) newWazoClient(sender deliver.Sender) (*auth.Client, error) {
	c := &s.config.Dialects.Wazo.Auth
	username, password, err := c.Credentials()
	if err != nil {
		return nil, err
	}
	o := auth.Options{
		Sender: sender, Host: c.Host, Port: c.Port, Prefix: c.Prefix, HTTPS: c.HTTPS,
		Username: username, Password: password, Master: c.MasterTenant, Logger: s.log,
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("dialects.wazo.auth.ca_file: %w", err)
		}
		o.TLS = &webhook.TLS{CAPEM: string(pem)}
	}
	return auth.New(o)
}
