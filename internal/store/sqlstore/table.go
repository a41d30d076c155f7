package sqlstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/internal/store"
)

// Apart says whether a table says how the database itself is used, and is no part of
// the installation in it.
func Apart(table string) bool {
	switch table {
	case "migrations", "counters", "nodes", "shards", "handed":
		return true
	}
	return false
}

// Rows reads rows behind a key.
func (c *Core) Rows(ctx context.Context, t *store.Table, after store.Row, limit int) ([]store.Row, error) {
	columns := make([]string, len(t.Columns))
	for i, col := range t.Columns {
		columns[i] = col.Name
		switch col.Kind {
		case store.IntegerColumn:
			columns[i] = "CAST(" + col.Name + " AS TEXT)"
		case store.BooleanColumn:
			columns[i] = "CAST(CAST(" + col.Name + " AS INTEGER) AS TEXT)"
		}
	}
	key := keyColumns(t)
	query := "SELECT " + strings.Join(columns, ", ") + " FROM " + t.Name
	var args []any
	if after != nil {
		var places []string
		for i, v := range after {
			arg, err := keyArg(t.Columns[t.Key[i]].Kind, v)
			if err != nil {
				return nil, err
			}
			args = append(args, arg)
			places = append(places, "$"+strconv.Itoa(i+1))
		}
		query += " WHERE (" + key + ") > (" + strings.Join(places, ", ") + ")"
	}
	query += " ORDER BY " + key + " LIMIT " + strconv.Itoa(limit)
	return all(ctx, c.Reads, func(rows Rows) (store.Row, error) {
		r := make(store.Row, len(t.Columns))
		dest := make([]any, len(r))
		for i := range r {
			dest[i] = &r[i]
		}
		err := rows.Scan(dest...)
		return r, err
	}, query, args...)
}

// keyColumns spells the key. With its table's name a column is not taken for the text that
// is selected of it.
func keyColumns(t *store.Table) string {
	names := make([]string, len(t.Key))
	for i, place := range t.Key {
		names[i] = t.Name + "." + t.Columns[place].Name
	}
	return strings.Join(names, ", ")
}

func keyArg(kind store.ColumnKind, v []byte) (any, error) {
	switch kind {
	case store.BytesColumn:
		return v, nil
	case store.TextColumn:
		return string(v), nil
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("a key is %q", v)
	}
	return n, nil
}

// Count counts the rows of a table.
func (c *Core) Count(ctx context.Context, t *store.Table) (int64, error) {
	return one(ctx, c.Reads, "table", scanInt, `SELECT COUNT(*) FROM `+t.Name)
}

// Counter returns the value of a counter.
func (c *Core) Counter(ctx context.Context, name string) (int64, error) {
	return one(ctx, c.Reads, "counter", scanInt, `SELECT value FROM counters WHERE name = $1`, name)
}
