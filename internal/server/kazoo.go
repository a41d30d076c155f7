package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/switchhook/switchhook/internal/api/kazoo"
	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viakazoo"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/telemetry"
	"github.com/switchhook/switchhook/internal/webhook"
)

// kazooService makes the service that delivers as Kazoo does.
func (s *Server) kazooService() (deliver.Service, error) {
	c := s.config.Dialects.Kazoo
	return viakazoo.New(viakazoo.Options{
		Sender: s.sender, CheckURL: s.dialer.CheckForm, ClusterID: s.kazooCluster,
		BlacklistCIDRs: c.BlacklistCIDRs, BlacklistHosts: c.BlacklistHosts,
		InsecureTLS: c.InsecureTLS, ConnectTimeout: c.ConnectTimeout, RequestTimeout: c.RequestTimeout,
	})
}

// kazooCluster is the id of the installation in that dialect.
func (s *Server) kazooCluster() string { return hook.ClusterID(s.root) }

// kazoo makes the dialect of Kazoo.
func (s *Server) kazoo() (*dialect, error) {
	c := s.config.Dialects.Kazoo
	hooks, err := s.makeKazooHooks()
	if err != nil {
		return nil, err
	}
	s.kazooHooks = hooks
	node := sha256.Sum256([]byte(s.nodeName()))
	api, err := kazoo.New(kazoo.Options{
		Control: s.control, Catalogue: hooks.types, TokenKey: s.box.Derive("tokens of the dialect kazoo"), Logger: s.log,
		Settings: kazoo.Settings{
			FailureExpiry: c.AttemptFailureExpiry, FailureCount: c.AttemptFailureCount, Never: c.DisableDisabler,
		},
		LogSuccessful: c.LogSuccessful, RetryDelay: c.RetryDelay, TokenLifetime: c.TokenLifetime,
		ClusterID: s.kazooCluster, Node: hex.EncodeToString(node[:11]), Version: telemetry.Version(),
		Fire: func(ctx context.Context, m hooktype.Message) error {
			if !s.writing.Load() {
				return nil // nobody is told of what operators do while no server runs
			}
			return hooks.intake.Fire(ctx, m)
		},
		TypesChanged: hooks.rebind,
		CheckURI:     func(uri string) error { return s.services[hook.Service].Validate(&webhook.Endpoint{URL: uri}) },
		MayHaveHooks: func(account id.ID) bool { return s.directory.EndpointCount(account) > 0 },
	})
	if err != nil {
		return nil, err
	}
	hooks.enable = func(ctx context.Context, account *webhook.Account, descendants bool) error {
		_, err := api.EnableHooks(ctx, account, descendants)
		return err
	}
	return &dialect{
		name: "kazoo", prefix: kazoo.Prefix, listen: c.Listen, handler: api.Handler(), operations: api.Operations(),
		first: func(ctx context.Context) (Block, error) {
			first, err := api.Begin(ctx)
			if first == nil || err != nil {
				return nil, err
			}
			return Block{
				{"account_name", first.AccountName},
				{"account_id", first.AccountID},
				{"username", first.Username},
				{"password", first.Password.Reveal()},
			}, nil
		},
		run: func(ctx context.Context) error {
			if err := api.Settle(ctx); err != nil {
				s.log.Error("hooks keep the settings that they had", "error", err)
			}
			return hooks.run(ctx)
		},
	}, nil
}
