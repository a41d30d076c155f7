package cli

import (
	"fmt"

	"github.com/switchhook/switchhook/internal/server"
)

type backupVerb struct {
	settings
	File string `arg:"" help:"File to write; it must not exist."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run copies the database, also while a server uses it.
func (v *backupVerb) Run(s *session) error {
	c, _, err := v.load(s)
	if err != nil {
		return err
	}
	if err := server.Backup(s.ctx, c, v.File); err != nil {
		return err
	}
	if v.JSON {
		return printValue(s.out, map[string]string{"file": v.File})
	}
	_, err = fmt.Fprintf(s.out, "Copied to %s. Keep the secret key, too, in another place.\n", v.File)
	return err
}
