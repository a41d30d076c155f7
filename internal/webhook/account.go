package webhook

import (
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/id"
)

// Account is a tenant. Accounts form a tree with one root.
type Account struct {
	ID       id.ID
	ParentID id.ID   // zero for the root
	Path     []id.ID // ancestors, root first, parent last; empty for the root
	UID      string  // the caller's own name for it, unique among its siblings; may be empty
	Name     string
	// Hidden is for what is no tenant, such as the administrator that a dialect brings
	// along: it is left out of lists, but for those in the order of age.
	Hidden bool

	RateLimit   int // events a second it may send in; 0 is no limit
	Metadata    map[string]string
	Annotations Annotations

	CreatedAt time.Time
	UpdatedAt time.Time
}

// IsRoot says whether a is the root of the tree.
func (a *Account) IsRoot() bool { return a.ParentID.IsZero() }

// PlainName is what a name comes to when only letters and digits count, and small and
// capital ones alike: people who type it from memory mean the same account. Letters
// beyond ASCII do not count either.
func PlainName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}

// Within says whether a is the account ancestor, or below it.
func (a *Account) Within(ancestor id.ID) bool {
	return a.ID == ancestor || slices.Contains(a.Path, ancestor)
}
