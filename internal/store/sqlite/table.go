package sqlite

import (
	"context"

	"github.com/switchhook/switchhook/internal/store/sqlstore"
)

// TableNames lists the tables that are an installation.
func (s *Store) TableNames(ctx context.Context) ([]string, error) {
	rows, err := s.Reads.Query(ctx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		if !sqlstore.Apart(name) {
			names = append(names, name)
		}
	}
	return names, rows.Err()
}
