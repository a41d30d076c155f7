package cli

import (
	"fmt"
	"math"
	"runtime/debug"

	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/server"
	"github.com/switchhook/switchhook/internal/telemetry"
)

type serveVerb struct {
	settings
	Listen   string `placeholder:"ADDRESS" help:"The same as --set listen=ADDRESS."`
	Roles    string `placeholder:"ROLE,..." help:"The same as --set cluster.roles=ROLE,...: api, deliver, bus."`
	LogLevel string `placeholder:"LEVEL" help:"The same as --set log.level=LEVEL."`
}

// Run serves until SIGINT or SIGTERM, then drains.
func (v *serveVerb) Run(s *session) error {
	c, _, err := v.load(s,
		config.Flag{Name: "--listen", Key: "listen", Value: v.Listen},
		config.Flag{Name: "--roles", Key: "cluster.roles", Value: v.Roles},
		config.Flag{Name: "--log-level", Key: "log.level", Value: v.LogLevel},
	)
	if err != nil {
		return err
	}
	log, level, err := telemetry.NewLogger(s.err, c.Log.Level, c.Log.Format)
	if err != nil {
		return usageError{err}
	}
	if m := c.Limits.Memory; m > 0 {
		debug.SetMemoryLimit(int64(min(m, math.MaxInt64)))
	}
	srv, err := server.New(s.ctx, c, server.Options{Logger: log, Level: level})
	if err != nil {
		return err
	}
	if made := srv.Made(); made.Any() {
		fmt.Fprintf(s.out, "Switchhook is new in %s.\n\n  URL      %s\n", made.DataDir, made.URL)
		showMade(s.out, made)
	}
	return srv.Run(s.ctx)
}
