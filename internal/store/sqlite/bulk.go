package sqlite

import "strings"

// bulkRows is the number of rows that one statement writes or asks about.
const bulkRows = 16

// bulk is a statement over several rows: each row is a list of parameters
// between head and tail.
type bulk struct {
	head, tail string
	columns    int
	texts      [bulkRows + 1]string // by number of rows
}

func newBulk(head string, columns int, tail string) *bulk {
	b := &bulk{head: head, tail: tail, columns: columns}
	row := "(?" + strings.Repeat(",?", columns-1) + ")"
	for n := 1; n <= bulkRows; n++ {
		b.texts[n] = head + row + strings.Repeat(","+row, n-1) + tail
	}
	return b
}

// each prepares the statement for up to bulkRows of n rows at a time, lets row
// bind each of them, and runs it.
func (b *bulk) each(c *conn, n int, row func(s *stmt, i int), run func(s *stmt) error) error {
	for from := 0; from < n; {
		upTo := min(from+bulkRows, n)
		s, err := c.prepare(b.texts[upTo-from])
		if err != nil {
			return err
		}
		s.clear()
		for ; from < upTo; from++ {
			row(s, from)
		}
		if err := run(s); err != nil {
			return err
		}
	}
	return nil
}

// insert writes n rows.
func (b *bulk) insert(c *conn, n int, row func(s *stmt, i int)) error {
	return b.each(c, n, row, func(s *stmt) error {
		_, err := s.exec()
		return err
	})
}
