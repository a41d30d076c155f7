package cli

import (
	"fmt"
)

type configVerbs struct {
	Check configCheck `cmd:"" help:"Say whether the configuration is right, and what is wrong with it."`
	Print configPrint `cmd:"" help:"Print the configuration as it holds, secrets masked."`
}

type configCheck struct {
	settings
	JSON bool `name:"json" help:"Print JSON."`
}

// Run checks the configuration.
func (v *configCheck) Run(s *session) error {
	if _, _, err := v.load(s); err != nil {
		return err
	}
	if v.JSON {
		return printValue(s.out, map[string]bool{"ok": true})
	}
	_, err := fmt.Fprintln(s.out, "The configuration is right.")
	return err
}

type configPrint struct {
	settings
	Sources bool `help:"Say where each value comes from."`
	JSON    bool `name:"json" help:"Print JSON: each key with its value, source, default, bounds and meaning."`
}

// Run prints the configuration.
func (v *configPrint) Run(s *session) error {
	c, sources, err := v.load(s)
	if err != nil {
		return err
	}
	if v.JSON {
		return printValue(s.out, c.Rows(sources))
	}
	return c.WriteYAML(s.out, sources, v.Sources)
}
