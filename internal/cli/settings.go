package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/switchhook/switchhook/internal/config"
)

// settings are the flags of verbs that need the server's configuration.
type settings struct {
	Config  string   `env:"SWITCHHOOK_CONFIG" placeholder:"FILE" help:"Configuration file (YAML)."`
	Set     []string `sep:"none" placeholder:"KEY=VALUE" help:"Set one key of the configuration; repeatable. Lists have commas."`
	DataDir string   `placeholder:"DIR" help:"The same as --set data_dir=DIR."`
	// DatabaseURL is with every verb that may open the database: what was given to one and
	// forgotten with the next would lead to another one.
	DatabaseURL string `name:"database-url" placeholder:"URL" help:"The same as --set database_url=URL."`
}

// load reads the configuration, and flags that have a key each, and checks it. The
// error names all that is wrong.
func (v *settings) load(s *session, flags ...config.Flag) (*config.Config, config.Sources, error) {
	for _, name := range config.Strangers(os.Environ()) {
		fmt.Fprintf(s.err, "switchhook: warning: %s is set, and there is no such setting\n", name)
	}
	c, sources, err := v.read(flags...)
	problems, ok := errors.AsType[config.Problems](err)
	if err != nil && !ok {
		return nil, nil, err
	}
	more, _ := errors.AsType[config.Problems](c.Check(sources))
	if problems = append(problems, more...); len(problems) > 0 {
		return nil, nil, wrongSettings(problems)
	}
	return c, sources, nil
}

// read reads the configuration without looking at its values. With an error of
// config.Problems there is what could be read.
func (v *settings) read(flags ...config.Flag) (*config.Config, config.Sources, error) {
	in := config.Input{File: v.Config, Environ: os.Environ(), Set: v.Set}
	flags = append(flags,
		config.Flag{Name: "--data-dir", Key: "data_dir", Value: v.DataDir},
		config.Flag{Name: "--database-url", Key: "database_url", Value: v.DatabaseURL},
	)
	for _, f := range flags {
		if f.Value != "" {
			in.Flags = append(in.Flags, f)
		}
	}
	if v.Config != "" {
		text, err := os.ReadFile(v.Config)
		if err != nil {
			return nil, nil, usagef("--config: %w", err)
		}
		in.YAML = text
	}
	c, sources, err := config.Load(in)
	if err != nil {
		return c, sources, wrongSettings(err)
	}
	return c, sources, nil
}

func wrongSettings(err error) error { return usagef("the configuration is wrong:\n%w", err) }
