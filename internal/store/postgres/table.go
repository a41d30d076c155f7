package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
	"github.com/switchhook/switchhook/internal/webhook"
)

// movingCounter is there while a move into the database goes on; its value says from where.
const movingCounter = "moving"

// TableNames lists the tables that are an installation.
func (s *Store) TableNames(ctx context.Context) ([]string, error) {
	rows, _ := s.cold.Query(ctx, `SELECT relname::text FROM pg_class
		WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY relname`)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, s.classify(err)
	}
	var names []string
	for _, name := range all {
		if !sqlstore.Apart(name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// Table describes a table.
func (s *Store) Table(ctx context.Context, name string) (*store.Table, error) {
	t := &store.Table{Name: name}
	rows, err := s.cold.Query(ctx, `SELECT a.attname::text, t.typname::text, COALESCE(array_position(i.indkey::smallint[], a.attnum), -1)
		FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
		LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
		WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname`, name)
	if err != nil {
		return nil, s.classify(err)
	}
	places := map[int]int{} // in the key, of columns
	var column, kind string
	var inKey int
	_, err = pgx.ForEachRow(rows, []any{&column, &kind, &inKey}, func() error {
		c := store.Column{Name: column}
		switch kind {
		case "uuid", "bytea":
			c.Kind = store.BytesColumn
		case "text":
			c.Kind = store.TextColumn
		case "int2", "int4", "int8":
			c.Kind = store.IntegerColumn
		case "bool":
			c.Kind = store.BooleanColumn
		default:
			return fmt.Errorf("%s.%s is of type %s, which cannot be moved", name, column, kind)
		}
		if inKey >= 0 {
			places[inKey] = len(t.Columns)
		}
		t.Columns = append(t.Columns, c)
		return nil
	})
	for i := 0; err == nil && i < len(places); i++ {
		t.Key = append(t.Key, places[i])
	}
	if err == nil && len(t.Key) == 0 {
		err = fmt.Errorf("table %s has no primary key", name)
	}
	return t, s.classify(err)
}

// BeginMove marks the database as the target of a move.
func (s *Store) BeginMove(ctx context.Context, source int64) error {
	names, err := s.TableNames(ctx)
	if err != nil {
		return err
	}
	return s.write(ctx, func(tx sqlstore.Tx) error {
		n, err := tx.Exec(ctx, `SELECT FROM counters WHERE name = $1 AND value = $2`, movingCounter, source)
		if err != nil || n == 1 {
			return err
		}
		for _, name := range append(names, "nodes") {
			n, err := tx.Exec(ctx, `SELECT FROM `+name+` LIMIT 1`)
			if err != nil {
				return err
			}
			if n > 0 {
				return webhook.Errorf(webhook.CodeConflict, "", "the database is not empty: there is something in %s", name)
			}
		}
		_, err = tx.Exec(ctx, `INSERT INTO counters (name, value) VALUES ($1, $2)`, movingCounter, source)
		return err
	})
}

// notMoving refuses a database that a move into was not completed.
func (s *Store) notMoving(ctx context.Context) error {
	_, err := s.Counter(ctx, movingCounter)
	switch {
	case err == nil:
		return webhook.Errorf(webhook.CodeConflict, "", "a move into this database is not complete: call switchhook migrate-store again")
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		return nil
	}
	return err
}

// AddRows adds rows to a table.
func (s *Store) AddRows(ctx context.Context, t *store.Table, rows []store.Row) error {
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = c.Name
	}
	return s.again(ctx, func(ctx context.Context) error {
		_, err := s.cold.CopyFrom(ctx, pgx.Identifier{t.Name}, columns, pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			values := make([]any, len(columns))
			for k, v := range rows[i] {
				if v == nil {
					continue
				}
				switch t.Columns[k].Kind {
				case store.BytesColumn:
					values[k] = v
				case store.TextColumn:
					values[k] = string(v)
				case store.BooleanColumn:
					values[k] = string(v) == "1"
				case store.IntegerColumn:
					n, err := strconv.ParseInt(string(v), 10, 64)
					if err != nil {
						return nil, err
					}
					values[k] = n
				}
			}
			return values, nil
		}))
		return err
	})
}

// LastKey returns the greatest key of the table.
func (s *Store) LastKey(ctx context.Context, t *store.Table) (store.Row, error) {
	query := `SELECT `
	order := ""
	for i, place := range t.Key {
		if i > 0 {
			query, order = query+", ", order+", "
		}
		name := t.Columns[place].Name
		if t.Columns[place].Kind == store.IntegerColumn {
			query += name + "::text"
		} else {
			query += name
		}
		order += t.Name + "." + name + " DESC"
	}
	rows, err := s.Reads.Query(ctx, query+` FROM `+t.Name+` ORDER BY `+order+` LIMIT 1`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, rows.Err()
	}
	key := make(store.Row, len(t.Key))
	dest := make([]any, len(key))
	for i := range key {
		dest[i] = &key[i]
	}
	return key, rows.Scan(dest...)
}

// EndMove sets the counters and takes the mark away.
func (s *Store) EndMove(ctx context.Context, changes, nodes int64) error {
	err := s.write(ctx, func(tx sqlstore.Tx) error {
		for name, value := range map[string]int64{"changes": changes, "nodes": nodes} {
			if _, err := tx.Exec(ctx, `UPDATE counters SET value = $1 WHERE name = $2`, value, name); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `DELETE FROM counters WHERE name = $1`, movingCounter)
		return err
	})
	if err != nil {
		return err
	}
	_, err = s.cold.Exec(ctx, `ANALYZE`)
	return s.classify(err)
}
