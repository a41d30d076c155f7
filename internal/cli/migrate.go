package cli

import (
	"fmt"
	"strconv"

	"github.com/switchhook/switchhook/internal/server"
)

type migrateVerb struct {
	settings
	DryRun bool `help:"Show what is to be applied, and change nothing."`
	JSON   bool `name:"json" help:"Print JSON."`
}

// Run brings the tables up to date, and shows how they stand.
func (v *migrateVerb) Run(s *session) error {
	c, _, err := v.load(s)
	if err != nil {
		return err
	}
	before, err := server.Migrations(s.ctx, c)
	if err != nil {
		return err
	}
	after := before
	if !v.DryRun {
		if after, err = server.Migrate(s.ctx, c); err != nil {
			return err
		}
	}
	applied := 0
	for i := range after {
		if i >= len(before) || before[i].AppliedAt == nil {
			if after[i].AppliedAt != nil {
				applied++
			}
		}
	}
	if v.JSON {
		return printValue(s.out, map[string]any{"applied": applied, "migrations": after})
	}
	var rows [][]string
	for _, m := range after {
		state := "to be applied"
		switch {
		case !m.Known:
			state = "of a newer release, applied " + when(*m.AppliedAt)
		case m.AppliedAt != nil:
			state = "applied " + when(*m.AppliedAt)
		}
		rows = append(rows, []string{strconv.FormatInt(m.Version, 10), m.Name, state})
	}
	if err := printTable(s.out, "VERSION NAME STATE", rows); err != nil {
		return err
	}
	if !v.DryRun {
		_, err = fmt.Fprintf(s.out, "\n%d applied now.\n", applied)
	}
	return err
}
