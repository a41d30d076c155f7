package store

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Window is the part of a list that begins behind so many rows. Lists that are
// read this way are ordered by when their things were made, and then by id.
type Window struct{ Start, Limit int }

// Firing says that the event of a registration was sent.
type Firing struct {
	ID          id.ID // of the event, or the one it had elsewhere
	EventTypeID id.ID
	At          time.Time
}

// Registrations reads registrations, which are event types with a fixed payload,
// with all that belongs to them, and accounts, in the order in which they were made.
type Registrations interface {
	// Registration returns an event type with a fixed payload by its id.
	Registration(ctx context.Context, eventType id.ID) (webhook.EventType, error)
	// Registrations lists those of an account; those of all accounts when it is zero.
	Registrations(ctx context.Context, account id.ID, w Window) ([]webhook.EventType, error)
	// Registered lists the subscriptions that have an EventTypeID: those of an
	// endpoint, or of all endpoints when it is zero, deleted ones included.
	Registered(ctx context.Context, endpoint id.ID, w Window) ([]webhook.Subscription, error)
	// Firings lists what came in with Queue.Commit or a bundle.
	Firings(ctx context.Context, w Window) ([]Firing, error)
	// AccountsByAge lists the children of parent, hidden ones included.
	AccountsByAge(ctx context.Context, parent id.ID, w Window) ([]webhook.Account, error)
}

// Bulk changes many things at once, each call in one transaction.
type Bulk interface {
	// Add stores a bundle whole or not at all. Whatever has the id of something
	// that is there, or was there, is left out with what hangs on it in the bundle. A UID
	// or a username that is taken is a conflict, as in the verbs for one thing, with
	// the kind and the place in front of the field: "accounts.3.uid".
	Add(ctx context.Context, b *Bundle) (Added, error)
	// ClearAccounts deletes accounts with their endpoints and credentials. Their
	// registrations stay, and so do subscriptions with an EventTypeID, on which nothing
	// is delivered any more. Accounts that are not there are left out. It
	// returns how many it deleted.
	ClearAccounts(ctx context.Context, accounts []id.ID, now time.Time) (int, error)
	// ClearRegistrations deletes all event types with a fixed payload and cancels
	// what the backlog has for them. Subscriptions to them stay.
	ClearRegistrations(ctx context.Context, now time.Time) (int, error)
	// ClearRegistered deletes all subscriptions with an EventTypeID and cancels what
	// the backlog has for them.
	ClearRegistered(ctx context.Context, now time.Time) (int, error)
}

// Bundle is a set of new things that belong together.
type Bundle struct {
	Replaces      []id.ID // accounts that are deleted first
	Accounts      []webhook.Account
	Credentials   []webhook.Credential
	EventTypes    []webhook.EventType
	Endpoints     []NewEndpoint
	Subscriptions []webhook.Subscription
	Firings       []Firing
	Tell          Told // unless nothing of the bundle was new
	Now           time.Time
}

// NewEndpoint is an endpoint with the health that it begins with.
type NewEndpoint struct {
	Endpoint webhook.Endpoint
	Health   webhook.Health
}

// Added counts what was stored of a bundle.
type Added struct{ Accounts, EventTypes, Endpoints, Subscriptions, Firings int }
