package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

// Migration is one step of a database's tables, forward only.
type Migration struct {
	Version  int64
	Name     string // of the file: "0001_init.sql"
	Text     string
	Checksum string // SHA-256 of the text
}

// ReadMigrations reads the files NNNN_name.sql of a folder. Their numbers count
// from 1 without a gap. A statement ends with a semicolon at the end of a line.
func ReadMigrations(files fs.FS, dir string) ([]Migration, error) {
	entries, err := fs.ReadDir(files, dir) // in the order of their names
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	var list []Migration
	for _, e := range entries {
		text, err := fs.ReadFile(files, path.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		number, _, ok := strings.Cut(e.Name(), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if !ok || err != nil || version != int64(len(list))+1 {
			return nil, fmt.Errorf("migration %s is not number %d", e.Name(), len(list)+1)
		}
		sum := sha256.Sum256(text)
		list = append(list, Migration{version, e.Name(), string(text), hex.EncodeToString(sum[:])})
	}
	return list, nil
}

// Migrate brings the tables up to the newest of the migrations, each in a
// transaction of its own. It refuses a database that a newer version of the
// program has changed, or whose history is not this program's. The table
// migrations must be made by create, which is run first and may run often.
func (c *Core) Migrate(ctx context.Context, create string, list []Migration, now time.Time) error {
	for _, m := range list {
		err := c.Write(ctx, func(tx Tx) error {
			if m.Version == 1 {
				if _, err := tx.Exec(ctx, create); err != nil {
					return err
				}
			}
			return migrate(ctx, tx, m, list[len(list)-1].Version, now)
		})
		if err != nil {
			return fmt.Errorf("migrate the database: %w", err)
		}
	}
	return nil
}

func migrate(ctx context.Context, tx Tx, m Migration, newest int64, now time.Time) error {
	versions, err := all(ctx, tx, scanInt, `SELECT COALESCE(MAX(version), 0) FROM migrations`)
	if err != nil {
		return err
	}
	if at := versions[0]; at > newest {
		return fmt.Errorf("the database is at version %d and this program knows versions up to %d: "+
			"it was used by a newer release, start that one", at, newest)
	}
	sums, err := all(ctx, tx, func(r Rows) (sum string, err error) { err = r.Scan(&sum); return },
		`SELECT checksum FROM migrations WHERE version = $1`, m.Version)
	if err != nil {
		return err
	}
	if len(sums) > 0 {
		if sums[0] != m.Checksum {
			return fmt.Errorf("migration %s was applied with another text than this program has: "+
				"the database belongs to another build", m.Name)
		}
		return nil
	}
	for _, statement := range strings.Split(m.Text, ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("migration %s: %w", m.Name, err)
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)`,
		m.Version, m.Name, m.Checksum, Micros(now))
	return err
}
