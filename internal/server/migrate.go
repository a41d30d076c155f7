package server

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/store/postgres"
	"github.com/switchhook/switchhook/internal/store/sqlite"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
)

// Migration is a step of the database's tables.
type Migration struct {
	Version   int64      `json:"version"`
	Name      string     `json:"name"`
	AppliedAt *time.Time `json:"appliedAt"` // nil: it is yet to be applied
	Known     bool       `json:"known"`     // false: it is of a newer release
}

// Migrations says how the database stands, and changes nothing.
func Migrations(ctx context.Context, c *config.Config) ([]Migration, error) {
	var list []sqlstore.MigrationStatus
	var err error
	if url := c.DatabaseURL.Reveal(); url != "" {
		list, err = postgres.Statuses(ctx, postgres.Options{URL: url})
	} else {
		path := DatabaseFile(c.DataDir)
		if _, missing := os.Stat(path); missing != nil {
			path = ":memory:" // there is no database yet
		}
		list, err = sqlite.Statuses(ctx, path)
	}
	if err != nil {
		return nil, err
	}
	all := make([]Migration, len(list))
	for i, m := range list {
		all[i] = Migration{Version: m.Version, Name: m.Name, Known: m.Known}
		if !m.AppliedAt.IsZero() {
			all[i].AppliedAt = &m.AppliedAt
		}
	}
	return all, nil
}

// Migrate brings the database's tables up to date, as a start does, and says how it
// stands then. On PostgreSQL servers may be running meanwhile.
func Migrate(ctx context.Context, c *config.Config) ([]Migration, error) {
	s := prepare(c, Options{})
	if err := errors.Join(s.take(ctx, s.openStore), s.Close()); err != nil {
		return nil, err
	}
	return Migrations(ctx, c)
}
