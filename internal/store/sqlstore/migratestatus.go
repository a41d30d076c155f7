package sqlstore

import (
	"context"
	"time"
)

// MigrationStatus says how a migration stands with a database.
type MigrationStatus struct {
	Version   int64
	Name      string
	AppliedAt time.Time // zero: it is yet to be applied
	Known     bool      // to this program; one that is not is of a newer release
}

// Statuses holds the migrations of this program against those that were applied.
// there is a query for the number of tables called migrations.
func Statuses(ctx context.Context, reads Tx, there string, list []Migration) ([]MigrationStatus, error) {
	n, err := one(ctx, reads, "table", scanInt, there)
	if err != nil {
		return nil, err
	}
	var applied []MigrationStatus
	if n > 0 {
		applied, err = all(ctx, reads, func(rows Rows) (m MigrationStatus, err error) {
			var at int64
			err = rows.Scan(&m.Version, &m.Name, &at)
			m.AppliedAt = Time(at)
			return m, err
		}, `SELECT version, name, applied_at FROM migrations ORDER BY version`)
		if err != nil {
			return nil, err
		}
	}
	for i := range applied {
		applied[i].Known = i < len(list)
	}
	for _, m := range list[min(len(applied), len(list)):] {
		applied = append(applied, MigrationStatus{Version: m.Version, Name: m.Name, Known: true})
	}
	return applied, nil
}
