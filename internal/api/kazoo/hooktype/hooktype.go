// Package hooktype holds the kinds of hook that the Kazoo dialect offers: what each is
// called, which choices it gives, what its payloads look like, and how a message of the
// platform becomes one. A type of its own is one file here and one line in Builtin, or
// a YAML file without any code: see Load. What is done with a payload (who gets it, how
// it travels) is not known here.
package hooktype

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"sync/atomic"

	"github.com/switchhook/switchhook/internal/render/py"
)

// All is the pseudo type of hooks that want the events of every type.
const All = "all"

// Type is one kind of hook. It is read-only once it is in a catalogue.
type Type struct {
	ID          string // what "hook" says
	Name        string
	Description string
	Modifiers   []Modifier
	Samples     []*py.Dict // payloads that show what comes; none for types without a samples document
	Bindings    []Binding

	// Build makes what a message means: nothing, or a payload for an account. The
	// message fits one of the bindings. The error says what it lacks.
	Build func(m Message, env Env) ([]Firing, error)

	// Legs types are about call legs: a hook may leave out internal ones.
	Legs bool
}

// Modifier is a choice that a hook makes in its custom_data.
type Modifier struct {
	Key         string
	Description string
	Choices     []Choice
	// Named modifiers show their choices with names, others as a plain list.
	Named bool
	// Member is what of a payload the choice is compared with.
	Member string
}

// Choice is one value of a modifier.
type Choice struct {
	Value       string
	Name        string // of named modifiers
	Description string
	Operators   bool // shown to the operators of the platform only
}

// Binding says which messages are a type's: where a broker has them, and what their
// envelope says.
type Binding struct {
	Exchange, RoutingKey string
	Category, Event      string // an Event of "*" is any
}

// Firing is a payload for the hooks of an account and of those above it.
type Firing struct {
	Account  string // 32 hex digits
	Payload  *py.Dict
	Internal bool // of an internal call leg

	// Hook is the document of a hook that the message carries with it: the payload is
	// for this one alone. nil is for those that are configured.
	Hook *py.Dict
}

// Env is what types need to know of the installation. The zero value is what Kazoo
// has out of the box.
type Env struct {
	Reseller     func(account string) string // of an account, "" for none; nil knows nobody's
	ReservedVars []string                    // channel variables that are not passed on; empty is defaultReservedVars
	ObjectTypes  []string                    // types of documents that can be chosen; empty is defaultObjectTypes
}

// Catalogue is the types that an installation has. It is safe for concurrent use.
type Catalogue struct {
	env   Env
	dir   string                 // where types are declared, "" for nowhere
	types atomic.Pointer[[]Type] // by id; replaced as a whole by Reload
}

var typeID = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// New makes a catalogue. Ids must be words of small letters, and no two alike.
func New(env Env, types ...Type) (*Catalogue, error) {
	c := &Catalogue{env: env}
	if err := c.become(types); err != nil {
		return nil, err
	}
	return c, nil
}

// become makes the types those of the catalogue.
func (c *Catalogue) become(types []Type) error {
	types = slices.Clone(types)
	slices.SortFunc(types, func(a, b Type) int { return cmp.Compare(a.ID, b.ID) })
	for i, t := range types {
		switch {
		case !usableID(t.ID):
			return fmt.Errorf("hook type %q: this cannot be an id", t.ID)
		case t.Name == "" || t.Build == nil:
			return fmt.Errorf("hook type %s: it needs a name and a way to build payloads", t.ID)
		case i > 0 && types[i-1].ID == t.ID:
			return fmt.Errorf("hook type %s: there are two of this id", t.ID)
		}
	}
	c.types.Store(&types)
	return nil
}

// usableID says whether a type may have the id: "skel" is Kazoo's template.
func usableID(id string) bool { return typeID.MatchString(id) && id != All && id != "skel" }

// Builtin lists the types that come with the server.
func Builtin(env Env) []Type {
	return []Type{
		channelAnswer(), channelBridge(), channelCreate(), channelDestroy(),
		mms(), notifications(), object(env), parking(), sms(),
	}
}

// Types lists the types by their ids. They are shared and read-only.
func (c *Catalogue) Types() []Type { return *c.types.Load() }

// IDs lists what "hook" may say, in order.
func (c *Catalogue) IDs() []string {
	ids := []string{All}
	for _, t := range c.Types() {
		ids = append(ids, t.ID)
	}
	slices.Sort(ids)
	return ids
}

// Find returns a type by its id, nil when there is none.
func (c *Catalogue) Find(id string) *Type {
	types := c.Types()
	i, ok := slices.BinarySearchFunc(types, id, func(t Type, id string) int { return cmp.Compare(t.ID, id) })
	if !ok {
		return nil
	}
	return &types[i]
}

// Bindings lists where the messages of all types are, each place once.
func (c *Catalogue) Bindings() []Binding {
	var all []Binding
	for _, t := range c.Types() {
		for _, b := range t.Bindings {
			all = append(all, Binding{Exchange: b.Exchange, RoutingKey: b.RoutingKey})
		}
	}
	slices.SortFunc(all, func(a, b Binding) int {
		return cmp.Or(cmp.Compare(a.Exchange, b.Exchange), cmp.Compare(a.RoutingKey, b.RoutingKey))
	})
	return slices.Compact(all)
}

// Events returns what a message means: nothing, when no type is for it. The error says
// what it lacks to be a message, or one of its type.
func (c *Catalogue) Events(m Message) ([]Event, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	var events []Event
	types := c.Types()
	for i := range types {
		t := &types[i]
		if !slices.ContainsFunc(t.Bindings, func(b Binding) bool { return m.is(b.Category, b.Event) }) {
			continue
		}
		firings, err := t.Build(m, c.env)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.ID, err)
		}
		for _, f := range firings {
			events = append(events, Event{t, f})
		}
	}
	return events, nil
}
