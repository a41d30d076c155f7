package webhook

import (
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/id"
)

// Subscription says which events an endpoint wants.
type Subscription struct {
	ID         id.ID
	AccountID  id.ID
	EndpointID id.ID
	// EventTypeID is the event type with a fixed payload that the subscription is
	// for and goes with; zero for those that are for no single one.
	EventTypeID id.ID
	Name        string
	Filter      Filter
	Enabled     bool

	Annotations Annotations
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Filter says which events a subscription wants. Every part that is set must
// hold; the zero value wants every event of its own account.
type Filter struct {
	// Types are event type names, or prefixes that end in "*" ("order.*", "*").
	// Empty is every type. One must match.
	Types []string

	// Channels are names of which the event must carry at least one. Empty
	// does not look at the event's channels.
	Channels []string

	// Attributes must be among the event's attributes, each with this value.
	Attributes map[string]string

	// Payload conditions are tested on the event's JSON payload. All must hold.
	Payload []Condition

	// Scope says whose events are wanted.
	Scope FilterScope
}

// FilterScope says whose events a subscription wants.
type FilterScope string

// The scopes of a filter.
const (
	ScopeOwn         FilterScope = ""            // of the subscription's own account
	ScopeDescendants FilterScope = "descendants" // and of every account below it
)

// Condition is one test on a payload. A path that leads nowhere fails every test
// but OpMissing and those with Optional.
type Condition struct {
	Path     string // member names with dots between them, see PathOf; array members by number; "" is the payload itself
	Op       Op
	Value    any  // JSON value as encoding/json decodes it (float64, string, bool, nil); for OpIn a []any
	Optional bool // an absent member passes
}

// PathOf spells the name of one member as a path: a backslash goes before the dots and
// backslashes in it.
func PathOf(name string) string {
	return strings.NewReplacer(`.`, `\.`, `\`, `\\`).Replace(name)
}

// Op is what a condition tests.
type Op string

// The operations. Equality is by JSON type and value: 1 equals 1.0, not "1".
const (
	OpEqual    Op = "eq"
	OpNotEqual Op = "ne"
	OpIn       Op = "in"
	OpExists   Op = "exists"
	OpMissing  Op = "missing"
	OpLess     Op = "lt" // numbers, or texts by code point
	OpLessEq   Op = "le"
	OpGreater  Op = "gt"
	OpGreatEq  Op = "ge"
	OpPrefix   Op = "prefix" // of texts
	OpSuffix   Op = "suffix"
	OpContains Op = "contains" // a text contains a text, an array contains a value
)
