package webhook

import "github.com/switchhook/switchhook/internal/id"

// Page asks for part of a list that is ordered by id.
type Page struct {
	Limit     int   // rows at most; 0 is 50
	After     id.ID // start behind this id in the list's order; zero is at its beginning
	Ascending bool  // oldest first instead of newest first
	Backward  bool  // the rows before After instead of those behind it, still in the list's order
}

// DefaultPageLimit is the number of rows when none is asked for.
const DefaultPageLimit = 50

// Rows returns the limit, or its default.
func (p Page) Rows() int {
	if p.Limit <= 0 {
		return DefaultPageLimit
	}
	return p.Limit
}

// Slice is a part of a list. Items are always in the list's order.
type Slice[T any] struct {
	Items []T
	Done  bool // nothing follows in the direction that was asked for
}
