package store

import "context"

// Table is one of a database's tables, for who moves a whole database row by row.
type Table struct {
	Name    string
	Columns []Column
	Key     []int // places, in Columns, of what the primary key consists of
}

// Column is a column of a Table.
type Column struct {
	Name string
	Kind ColumnKind
}

// ColumnKind says how a column's values are spelled in a Row.
type ColumnKind int8

// The kinds of column.
const (
	BytesColumn   ColumnKind = iota // as they are
	TextColumn                      // UTF-8
	IntegerColumn                   // in decimal
	BooleanColumn                   // 0 or 1
)

// Row is what a table has in one row, a value for each column, nil for NULL. It is the
// same in every database.
type Row [][]byte

// KeyOf returns the values of the row's primary key.
func (t *Table) KeyOf(r Row) Row {
	key := make(Row, len(t.Key))
	for i, place := range t.Key {
		key[i] = r[place]
	}
	return key
}

// Tabled is implemented by a store whose tables can be read as they are.
type Tabled interface {
	// TableNames lists the tables that are an installation: all but those that say
	// how the database itself is used.
	TableNames(ctx context.Context) ([]string, error)
	// Rows reads up to limit rows behind a key, nil being the beginning, in order of key.
	Rows(ctx context.Context, t *Table, after Row, limit int) ([]Row, error)
	// Count counts the rows of a table.
	Count(ctx context.Context, t *Table) (int64, error)
}

// Movable is implemented by a store that another one's tables can be moved into.
type Movable interface {
	Tabled
	// Table describes a table.
	Table(ctx context.Context, name string) (*Table, error)
	// BeginMove marks the database as the target of a move from a source. It may be called
	// again for the same source; CodeConflict means that there is something else.
	BeginMove(ctx context.Context, source int64) error
	// AddRows adds rows to a table in one transaction.
	AddRows(ctx context.Context, t *Table, rows []Row) error
	// LastKey returns the greatest key of the table; nil when it is empty.
	LastKey(ctx context.Context, t *Table) (Row, error)
	// EndMove sets the counters and takes the mark away: the database may be used.
	EndMove(ctx context.Context, changes, nodes int64) error
}
