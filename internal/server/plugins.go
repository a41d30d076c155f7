package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/deliver/viaplugin"
)

// Plugin is what is installed in one directory below plugins_dir.
type Plugin struct {
	Dir     string
	Config  *config.Plugin     // nil when it cannot be read
	Service *viaplugin.Service // nil when it is wrong
	Err     error              // what is wrong
}

// Plugins lists what is installed, without starting anything. The error is that of
// plugins_dir itself.
func Plugins(ctx context.Context, c *config.Config, log *slog.Logger) ([]Plugin, error) {
	s := prepare(c, Options{})
	if err := s.makeServices(ctx); err != nil {
		return nil, err
	}
	return s.installed(log)
}

// installed reads what is installed. Names that a service of our own or an earlier plug-in
// has are taken. Options.Logger is for what the plug-ins say.
func (s *Server) installed(log *slog.Logger) ([]Plugin, error) {
	found, err := config.Plugins(s.config.PluginsDir)
	if err != nil {
		return nil, fmt.Errorf("plugins_dir: %w", err)
	}
	taken := map[string]string{}
	for name := range s.services {
		taken[name] = "a service that is built in"
	}
	var all []Plugin
	for _, f := range found {
		p := Plugin{Dir: f.Dir, Config: f.Plugin, Err: f.Err}
		if f.Err == nil {
			p.Err = p.make(taken, log)
		}
		all = append(all, p)
	}
	return all, nil
}

// make makes the service of a plug-in.
func (p *Plugin) make(taken map[string]string, log *slog.Logger) error {
	c := p.Config
	if by, ok := taken[c.Name]; ok {
		return fmt.Errorf("name: %q is taken by %s", c.Name, by)
	}
	taken[c.Name] = "the plug-in in " + p.Dir
	l := c.Limits
	var err error
	p.Service, err = viaplugin.New(viaplugin.Options{
		Name: c.Name, Dir: p.Dir, Command: c.Command, Args: c.Args, Env: c.Env, Processes: c.Processes,
		InFlight: l.InFlight, Timeout: l.Timeout, Start: l.Start, Stop: l.Stop, Grace: l.Grace,
		Line: int(l.Line), Memory: int64(l.Memory), Logger: log,
	})
	return err
}

// addPlugins adds the services of plug-ins. What is wrong with one is logged, and it is left
// out: no plug-in keeps the server from starting.
func (s *Server) addPlugins(context.Context) error {
	if s.config.PluginsDir == "" {
		return nil
	}
	all, err := s.installed(s.log)
	if err != nil {
		s.log.Error("there are no plug-ins", "error", err)
		return nil
	}
	for _, p := range all {
		switch {
		case p.Err != nil:
			s.log.Error("a plug-in is left out", "dir", p.Dir, "error", p.Err)
		case p.Config.Enabled:
			s.plugins = append(s.plugins, p.Service)
			s.services[p.Service.Name()] = p.Service
		}
	}
	return nil
}

// runPlugins starts the plug-ins. The function that it returns ends them, and waits for
// that no longer than their limits say.
func (s *Server) runPlugins(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	for _, p := range s.plugins {
		p.Announce()
		all.Go(func() {
			if err := p.Run(ctx); err != nil {
				s.log.Error("a plug-in does not run", "plugin", p.Name(), "error", err)
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
	}
}
