package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/switchhook/switchhook/internal/server"
)

type initVerb struct {
	settings
	NewRootKey bool `help:"Where it is initialised already: add another root API key, for who lost the first."`
	JSON       bool `name:"json" help:"Print one JSON object."`
}

// Run makes the database and prints the root credentials, once.
func (v *initVerb) Run(s *session) error {
	c, _, err := v.load(s)
	if err != nil {
		return err
	}
	made, err := server.Init(s.ctx, c, server.Options{}, v.NewRootKey)
	if errors.Is(err, server.ErrInitialised) {
		return fmt.Errorf("%s: %w; add a key with switchhook key create, or with --new-root-key if the first is lost", c.DataDir, err)
	}
	if err != nil {
		return err
	}
	if v.JSON {
		return printValue(s.out, made)
	}
	fmt.Fprintf(s.out, "Initialised %s. Start it with: switchhook serve\n\n", made.DataDir)
	showMade(s.out, made)
	return nil
}

// showMade shows credentials, this once.
func showMade(w io.Writer, made server.Credentials) {
	if made.RootAPIKey != "" {
		fmt.Fprintf(w, "  API key  %s\n", made.RootAPIKey)
	}
	for _, d := range made.Dialects {
		fmt.Fprintf(w, "\n  %s\n", d.Dialect)
		for _, f := range d.Block {
			fmt.Fprintf(w, "    %-12s  %s\n", f.Name, f.Value)
		}
	}
	fmt.Fprint(w, "\nThis is shown once. The command line on this machine finds the API key in the data directory.\n\n")
}
