package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/webhook"
)

// ErrInitialised is returned by Init where there is a root account with a key.
var ErrInitialised = errors.New("it is initialised already")

// Init makes the database and what an installation begins with, without serving
// anything. ErrInitialised says that nothing was missing. With
// again it adds a key to a root account that is there: for who lost the first one.
func Init(ctx context.Context, c *config.Config, o Options, again bool) (_ Credentials, err error) {
	s := prepare(c, o)
	if err := s.takeOffline(ctx); err != nil {
		return Credentials{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	made := s.made
	made.DataDir, made.URL = c.DataDir, urlOf(c.Listen, c.TLS.Cert != "")
	if again && made.RootAPIKey == "" {
		if made.RootAPIKey, err = s.anotherKey(ctx); err != nil {
			return Credentials{}, err
		}
	}
	if !made.Any() {
		return Credentials{}, ErrInitialised
	}
	if made.RootAPIKey == "" {
		return made, nil
	}
	l := Local{URL: made.URL, APIKey: made.RootAPIKey}
	if err := l.write(c.DataDir); err != nil {
		return Credentials{}, fmt.Errorf("data directory: %w", err)
	}
	return made, nil
}

func (s *Server) anotherKey(ctx context.Context) (string, error) {
	root, err := s.control.Root(ctx)
	if err != nil {
		return "", err
	}
	_, key, err := s.control.CreateKey(ctx, webhook.Credential{AccountID: root.ID, Scope: webhook.ScopeRoot, Name: "root, by init"})
	return key, err
}

// takeOffline takes what a server needs to work on its database, and no listener.
func (s *Server) takeOffline(ctx context.Context) error {
	return s.take(ctx, s.openStore, s.makeServices, s.addPlugins, s.makeEngine, s.makeDialects, s.makeOperator, s.load)
}

// Operate lets use ask the operations for operators without a server running. It
// fails where another process has the data directory's SQLite database open.
func Operate(ctx context.Context, c *config.Config, o Options, use func(operations http.Handler) error) (err error) {
	s := prepare(c, o)
	if err := s.takeOffline(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return use(s.operator.Trusted())
}
