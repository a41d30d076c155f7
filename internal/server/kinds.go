package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/switchhook/switchhook/internal/api/native"
	"github.com/switchhook/switchhook/internal/api/operator"
	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viahttp"
	"github.com/switchhook/switchhook/internal/deliver/viapywebhooks"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/postgres"
	"github.com/switchhook/switchhook/internal/store/sqlite"
	"github.com/switchhook/switchhook/internal/telemetry"
)

// openStore opens the database: PostgreSQL where one is named, else SQLite.
func (s *Server) openStore(ctx context.Context) error {
	if err := os.MkdirAll(s.config.DataDir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	var err error
	if s.box, err = openBox(s.config); err != nil {
		return err
	}
	if url := s.config.DatabaseURL.Reveal(); url != "" {
		s.store, err = postgres.Open(ctx, postgres.Options{
			URL: url, Box: s.box, Logger: s.log, MaxConns: s.config.Limits.Connections, Idle: s.config.Cluster.Lease / 3,
		})
	} else {
		s.store, err = sqlite.Open(ctx, sqlite.Options{Path: DatabaseFile(s.config.DataDir), Box: s.box, Logger: s.log})
	}
	if err != nil {
		return err
	}
	s.closers = append(s.closers, s.store.Close)
	s.cluster, _ = s.store.(store.Cluster)
	if wrap := s.options.Wrap; wrap != nil {
		s.store = wrap(s.store)
	}
	return nil
}

// makeServices makes the ways to deliver.
func (s *Server) makeServices(context.Context) error {
	e := s.config.Egress
	way := egress.Options{
		Allow: e.Allow, HTTPSOnly: e.HTTPSOnly, Proxy: e.Proxy.Reveal(), NoProxy: e.NoProxy,
		ProxyResolves: e.ProxyResolves, ConnectTimeout: e.ConnectTimeout,
	}
	var err error
	if s.dialer, err = egress.New(way); err != nil {
		return err
	}
	if s.direct, err = egress.New(egress.Options{Allow: []string{"*"}, ConnectTimeout: e.ConnectTimeout}); err != nil {
		return err
	}
	if s.sender, err = viahttp.NewSender(viahttp.SenderOptions{Dialer: s.dialer}); err != nil {
		return err
	}
	http, err := viahttp.NewService(viahttp.ServiceOptions{
		Sender: s.sender, CheckURL: s.dialer.CheckURL, UserAgent: s.userAgent(), SvixHeaders: s.config.Delivery.SvixHeaders,
	})
	if err != nil {
		return err
	}
	pywebhooks, err := viapywebhooks.New(viapywebhooks.Options{Sender: s.sender, CheckURL: s.dialer.CheckURL, UserAgent: s.userAgent()})
	if err != nil {
		return err
	}
	wazo, err := s.wazoService(way)
	if err != nil {
		return err
	}
	mobile, err := s.wazoMobileService()
	if err != nil {
		return err
	}
	kazoo, err := s.kazooService()
	if err != nil {
		return err
	}
	amqp, err := s.amqpService()
	if err != nil {
		return err
	}
	s.services = map[string]deliver.Service{}
	for _, service := range []deliver.Service{http, amqp, pywebhooks, wazo, mobile, kazoo} {
		s.services[service.Name()] = service
	}
	return nil
}

// userAgent is what everything that is sent calls itself.
func (s *Server) userAgent() string {
	if agent := s.config.Delivery.UserAgent; agent != "" {
		return agent
	}
	return "Switchhook/" + telemetry.Version()
}

// makeOperator makes the API for operators.
func (s *Server) makeOperator(context.Context) (err error) {
	operations := map[string]httpx.Operations{"cluster": s.clusterOperations()}
	for _, d := range s.dialects {
		operations[d.name] = d.operations
	}
	s.operator, err = operator.New(operator.Options{Control: s.control, Logger: s.log, Operations: operations})
	return err
}

// below is what is served below a prefix.
type below struct {
	name    string // for people
	prefix  string
	handler http.Handler
}

// apis lists what the main listener serves below which prefix; the first one that
// fits answers. A node without the role has nothing but what operators need.
func (s *Server) apis() ([]below, error) {
	operators := below{"operator", operator.Prefix, s.operator.Handler()}
	if !s.config.Cluster.Has(config.RoleAPI) {
		return []below{operators}, nil
	}
	api, err := native.New(native.Options{
		Control: s.control, Directory: s.directory, Intake: s.ingest, Logger: s.log,
		PublicURL: s.publicURL(), JWTSecret: s.config.Native.JWTSecret,
		BodyLimit: int64(s.config.Limits.Body), BatchBodyLimit: int64(s.config.Limits.BatchBody),
		BatchMessages: s.config.Limits.BatchEvents, Ping: s.health.database,
		Lane: func(endpoint id.ID) (native.Lane, bool) {
			l, ok := s.dispatcher.Lane(endpoint)
			return native.Lane{Breaker: l.Breaker, InFlight: l.InFlight, Health: l.Health}, ok
		},
	})
	if err != nil {
		return nil, err
	}
	all := []below{operators, {"API", native.Prefix, api.Handler()}}
	for _, d := range s.dialects {
		all = append(all, below{d.name, d.prefix, d.handler})
	}
	return all, nil
}

// Backup copies the SQLite database of a data directory to a file that does not
// exist, also while a server uses it.
func Backup(ctx context.Context, c *config.Config, file string) error {
	if c.DatabaseURL != "" {
		return errors.New("the database is PostgreSQL: back it up with pg_dump, or as you do your other databases")
	}
	path := DatabaseFile(c.DataDir)
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no database in %s", c.DataDir)
	}
	return sqlite.Backup(ctx, path, file)
}
