// Package store is the seam between the engine and a database: what the engine
// needs of one, as small interfaces with coarse verbs. Every verb is one
// transaction, but what grows with a history or a backlog (Recover, Reclaim,
// DeleteHistory, cancelling more than a few thousand deliveries) is done in several
// short ones, so that nobody waits for it; broken off, it can be called again. When
// a writing verb returns nil, what it wrote survives the loss of power. No rule of the domain is decided here or below: the callers decide, the
// store remembers.
//
// Errors: a *webhook.Error says what the caller did wrong (CodeNotFound,
// CodeConflict with Field) or that the database cannot serve for now
// (CodeUnavailable: gone, locked out, disk full), in which case nothing was
// written and the call may be repeated. Any other error is a defect.
//
// Implementations are safe for concurrent use and pass the suite in storetest.
// Times are kept in microseconds UTC. Secrets are sealed before they reach a
// table (package seal).
package store

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Store is a whole database.
type Store interface {
	Accounts
	Credentials
	EventTypes
	Endpoints
	Subscriptions
	Registrations
	Bulk
	History
	Log
	Replay
	Queue
	Nodes
	Changes
	Upkeep

	// Close gives everything back. Calls in flight fail with CodeUnavailable.
	Close() error
}

// Once makes a creating call repeatable: the first call with a key is carried
// out, a later one with the same key and hash writes nothing and learns what the
// first one made. A later one with another hash is a conflict with
// Field "idempotency-key".
type Once struct {
	AccountID id.ID // keys of different accounts never meet
	Key       string
	Hash      [32]byte  // SHA-256 over the request that the key stands for
	Expires   time.Time // from then on DeleteExpired frees the key

	Replayed bool    // set by the store: the key was used before
	Refs     []id.ID // set by the store when Replayed: what the first call made
}

// Accounts keeps the account tree. Deleted accounts are not found by anything, and
// hidden ones are in no list here.
type Accounts interface {
	// CreateAccount stores a; its ID, ParentID and Path are set by the caller. A
	// UID that a sibling has is a conflict with Field "uid". once may be nil.
	CreateAccount(ctx context.Context, a *webhook.Account, once *Once) error
	Account(ctx context.Context, account id.ID) (webhook.Account, error)
	AccountByUID(ctx context.Context, parent id.ID, uid string) (webhook.Account, error)
	// Accounts lists the children of parent, ordered by id.
	Accounts(ctx context.Context, parent id.ID, p webhook.Page) (webhook.Slice[webhook.Account], error)
	// AccountsBelow lists the descendants of ancestor at any depth, ordered by id.
	AccountsBelow(ctx context.Context, ancestor id.ID, p webhook.Page) (webhook.Slice[webhook.Account], error)
	// AccountsNamed lists those whose name comes to plain (webhook.PlainName), wherever
	// they are, oldest first.
	AccountsNamed(ctx context.Context, plain string, limit int) ([]webhook.Account, error)
	// AccountsWithUID lists those that have the uid, wherever they are, oldest first.
	AccountsWithUID(ctx context.Context, uid string, limit int) ([]webhook.Account, error)
	// UpdateAccount lets change edit the account inside the transaction; its
	// error aborts and is returned as it is. ID, ParentID, Path, Hidden and
	// CreatedAt stay what they were.
	UpdateAccount(ctx context.Context, account id.ID, change func(*webhook.Account) error) (webhook.Account, error)
	// DeleteAccount marks the account, everything below it and their
	// endpoints, subscriptions and event types as deleted, with everybody's
	// subscriptions that are for those event types, revokes their
	// credentials, cancels their backlogs and frees their UIDs. What a node holds
	// fresh of something deleted, here and below, that node cancels itself when
	// it learns of the change.
	DeleteAccount(ctx context.Context, account id.ID, now time.Time) error
}

// Credentials keeps what lets someone act for an account.
type Credentials interface {
	// CreateCredential stores c. A KeyHash or a Username of that account that
	// is taken is a conflict.
	CreateCredential(ctx context.Context, c *webhook.Credential) error
	// Credential finds one that is not revoked.
	Credential(ctx context.Context, credential id.ID) (webhook.Credential, error)
	// CredentialByKey finds an API key that is not revoked by the hash of its text.
	CredentialByKey(ctx context.Context, keyHash [32]byte) (webhook.Credential, error)
	CredentialByUsername(ctx context.Context, account id.ID, username string) (webhook.Credential, error)
	// Credentials lists those of an account that are not revoked, oldest first.
	Credentials(ctx context.Context, account id.ID) ([]webhook.Credential, error)
	UpdateCredential(ctx context.Context, credential id.ID, change func(*webhook.Credential) error) (webhook.Credential, error)
}

// EventTypes keeps the catalogues.
type EventTypes interface {
	// CreateEventType stores t. A name that its account has is a conflict with
	// Field "name". once may be nil.
	CreateEventType(ctx context.Context, t *webhook.EventType, once *Once) error
	EventType(ctx context.Context, account id.ID, name string) (webhook.EventType, error)
	// EventTypes lists those of an account, ordered by id, archived ones too.
	EventTypes(ctx context.Context, account id.ID, p webhook.Page) (webhook.Slice[webhook.EventType], error)
	UpdateEventType(ctx context.Context, eventType id.ID, change func(*webhook.EventType) error) (webhook.EventType, error)
	// DeleteEventType removes the type for good, with the subscriptions that are
	// for it, cancels what the backlog has for those, and frees its name.
	DeleteEventType(ctx context.Context, eventType id.ID) error
}

// EndpointEdit is an endpoint with its subscriptions, open for changes.
type EndpointEdit struct {
	Endpoint *webhook.Endpoint
	// Subscriptions are all those of the endpoint, ordered by id. They may be
	// changed in place, added (with a new ID) or left out, which deletes them
	// and cancels what the backlog has for them.
	Subscriptions []webhook.Subscription
	// ResetHealth forgets all failures.
	ResetHealth bool
	// Delete deletes the endpoint, as DeleteEndpoint does at its UpdatedAt.
	Delete bool
	// Tell is stored in the same transaction: see Told.
	Tell Told
}

// Told are events that become durable together with the change that they tell of.
// Their ids are set by the caller, and all their deliveries are in the backlog.
type Told = []Accepted

// Endpoints keeps endpoints together with their health.
type Endpoints interface {
	// CreateEndpoint stores e and its first subscriptions. A UID that another
	// endpoint of the account has is a conflict with Field "uid". once may be nil.
	CreateEndpoint(ctx context.Context, e *webhook.Endpoint, subs []webhook.Subscription, once *Once) error
	// Endpoint returns the endpoint and its health.
	Endpoint(ctx context.Context, endpoint id.ID) (webhook.Endpoint, webhook.Health, error)
	EndpointByUID(ctx context.Context, account id.ID, uid string) (webhook.Endpoint, webhook.Health, error)
	// Endpoints lists those of an account, ordered by id.
	Endpoints(ctx context.Context, account id.ID, p webhook.Page) (webhook.Slice[webhook.Endpoint], error)
	// EndpointsOf lists those that have an annotation of the dialect, ordered by
	// id: of an account, or of all when it is zero.
	EndpointsOf(ctx context.Context, account id.ID, dialect string, p webhook.Page) (webhook.Slice[webhook.Endpoint], error)
	// UpdateEndpoint lets change edit the endpoint and its subscriptions inside
	// the transaction and raises Version. ID, AccountID, CreatedAt stay.
	UpdateEndpoint(ctx context.Context, endpoint id.ID, change func(*EndpointEdit) error) (webhook.Endpoint, error)
	// DeleteEndpoint marks it and its subscriptions as deleted, cancels its
	// backlog and frees its UID. Its history stays.
	DeleteEndpoint(ctx context.Context, endpoint id.ID, now time.Time) error
}

// Subscriptions keeps subscriptions where they are more than a part of their endpoint.
type Subscriptions interface {
	// CreateSubscription adds one to an endpoint that exists.
	CreateSubscription(ctx context.Context, s *webhook.Subscription) error
	Subscription(ctx context.Context, subscription id.ID) (webhook.Subscription, error)
	// SubscriptionsOf returns those of the given endpoints, ordered by id.
	SubscriptionsOf(ctx context.Context, endpoints ...id.ID) ([]webhook.Subscription, error)
	// Subscriptions lists those of an account, ordered by id.
	Subscriptions(ctx context.Context, account id.ID, p webhook.Page) (webhook.Slice[webhook.Subscription], error)
	// DeleteSubscription cancels what the backlog has for it, too.
	DeleteSubscription(ctx context.Context, subscription id.ID, now time.Time) error
}

// EventQuery selects events. Zero fields select everything.
type EventQuery struct {
	AccountID id.ID // required
	Types     []string
	Channel   string
	Tag       string
	Before    time.Time // accepted before
	After     time.Time // accepted then or later
	Payload   bool      // load payloads, too
	Page      webhook.Page
}

// AttemptQuery selects attempts. Zero fields select everything; without an endpoint
// or an event it costs a look at each endpoint that the account ever had.
type AttemptQuery struct {
	AccountID   id.ID // of the endpoint; required
	EndpointID  id.ID
	EndpointUID string // of endpoints that have it, or had it when they were deleted
	EventID     id.ID
	Outcome     AttemptOutcome
	CodeClass   int // 1 to 5: the first digit of the status code; NoCode: none came
	Types       []string
	Channel     string
	Tag         string
	Before      time.Time // begun before
	After       time.Time // begun then or later
	Bodies      bool      // load response bodies and headers, too
	Page        webhook.Page
}

// AttemptOutcome groups attempts the way people ask for them.
type AttemptOutcome int8

// The groups of attempts.
const (
	AnyOutcome      AttemptOutcome = iota
	OnlyDelivered                  // received
	OnlyFailed                     // failed, and not tried again
	OnlyToBeRetried                // failed, and NextAt says when it is tried again
	NotDelivered                   // failed, whether it is tried again or not
)

// NoCode is the CodeClass of attempts that got no response.
const NoCode = -1

// EventDelivery is an event with the delivery to one endpoint that says most
// about it: the newest.
type EventDelivery struct {
	Event    webhook.Event
	Delivery webhook.Delivery
}

// AttemptCounts counts the attempts of an endpoint.
type AttemptCounts struct {
	Delivered int64
	Failed    int64 // failed, and not tried again
	Retrying  int64 // failed, and tried again later
	Pending   int64 // deliveries in the backlog that were never tried so far, of any time
}

// History reads what happened.
type History interface {
	// Event returns an event with its payload.
	Event(ctx context.Context, account, event id.ID) (webhook.Event, error)
	EventByUID(ctx context.Context, account id.ID, uid string) (webhook.Event, error)
	Events(ctx context.Context, q EventQuery) (webhook.Slice[webhook.Event], error)
	// Deliveries returns those of an event, in the order in which they were made.
	Deliveries(ctx context.Context, event id.ID) ([]webhook.Delivery, error)
	// EndpointEvents lists the events that were to be delivered to an endpoint.
	EndpointEvents(ctx context.Context, endpoint id.ID, q EventQuery) (webhook.Slice[EventDelivery], error)
	// Attempts lists attempts, ordered by their id. Their events' types are not joined.
	Attempts(ctx context.Context, q AttemptQuery) (webhook.Slice[webhook.Attempt], error)
	// Attempt returns one with its response.
	Attempt(ctx context.Context, event, attempt id.ID) (webhook.Attempt, error)
	// AttemptCounts counts the attempts of an endpoint that started in [since, until).
	AttemptCounts(ctx context.Context, endpoint id.ID, since, until time.Time) (AttemptCounts, error)
	// EndpointsEver returns endpoints by id, deleted ones too, without secrets.
	EndpointsEver(ctx context.Context, endpoints []id.ID) (map[id.ID]webhook.Endpoint, error)
}

// Replay changes what happened or lets it happen again.
type Replay interface {
	// Redeliver adds deliveries of events that are kept, due at their DueAt, and
	// numbers them (the N field is set). When one of the events is gone it adds
	// none and returns CodeNotFound. once may be nil.
	Redeliver(ctx context.Context, deliveries []*webhook.Delivery, once *Once) error
	// Recover adds one manual delivery, due now, for each event of [since,
	// until) that has a failed attempt at the endpoint, no delivered one, and no
	// manual delivery that is pending: it may be repeated. It returns how many it added.
	Recover(ctx context.Context, endpoint id.ID, since, until, now time.Time) (int, error)
	// ExpungePayload deletes the payload of an event; its deliveries that are
	// pending are cancelled.
	ExpungePayload(ctx context.Context, account, event id.ID, now time.Time) error
	// ExpungeResponse deletes the response body of an attempt.
	ExpungeResponse(ctx context.Context, event, attempt id.ID) error
}

// Queue is the hot path.
type Queue interface {
	// Commit makes intake and results durable in one transaction. An intake
	// that conflicts or replays says so in its own fields and does not disturb
	// the others; an error means that nothing of the batch was written.
	Commit(ctx context.Context, b *Batch) error
	// Claim leases due deliveries, per endpoint, for a node. Every want has an answer.
	Claim(ctx context.Context, q ClaimQuery) ([]Claimed, error)
	// Backlog says for each endpoint with a backlog when the first of it that
	// no live node holds is due.
	Backlog(ctx context.Context, live []int64) ([]Due, error)
	// Reclaim moves what dead nodes held fresh into the backlog, due now, and
	// forgets those nodes. One that has beaten since (its BeatAt is another) is not dead.
	// It returns the number of deliveries moved.
	Reclaim(ctx context.Context, dead []Node, now time.Time) (int, error)
	// PendingCount counts the deliveries in the backlog.
	PendingCount(ctx context.Context) (int64, error)
}

// Batch is what one transaction makes durable.
type Batch struct {
	Intake  []*Intake
	Results []Result
	Returns []webhook.Delivery // back to the backlog, untried: DueAt and NotBefore are set, Node is who gives them back
	Health  []HealthChange
}

// Intake is a group of events that is accepted whole or not at all.
type Intake struct {
	Once     *Once // nil is none; Refs become the ids of Events
	Accepted []Accepted
	Firings  []Firing // kept with them; one that is kept already changes nothing

	// Err is set by Commit when the group was not stored: a conflict with Field
	// "uid" (an event's UID is taken; Index says whose) or "idempotency-key".
	Err *webhook.Error
	// Index is the place in Accepted that Err is about.
	Index int
}

// Accepted is an event with its deliveries. The deliveries' Event and N are
// the event's ID and their place. A delivery that Node holds has no DueAt; one with a DueAt
// goes to the backlog and has Node 0.
//
// Handed lists, in increasing order, the deliveries that another node holds than the one that
// accepts: that one finds them with Cluster.TakeHanded. When it is gone by then, they go to the
// backlog, due now.
//
// Ordered lists, in increasing order, the deliveries of the backlog that go behind
// everything that was committed before for their endpoint. Where nodes with different clocks
// write, the store's own gives them their DueAt.
type Accepted struct {
	Event      webhook.Event
	Deliveries []webhook.Delivery
	Handed     []int32
	Ordered    []int32
}

// Result is an attempt that was made, and the delivery as it is afterwards. A
// delivery that is not pending any more (it was cancelled meanwhile) stays what it
// is; the attempt is stored all the same. Attempt may have a zero ID: then only the
// delivery changes. Results of one batch take effect in their order, Returns after
// them. One that was stored before changes nothing; one whose event is gone does no harm.
//
// Holder is the node that held the delivery. Where it is not held by that node any
// more, because others took it for dead, what it says of the delivery counts only when it
// was delivered; the same holds for the Node of a return. 0 is whoever holds it.
type Result struct {
	Attempt  webhook.Attempt
	Delivery webhook.Delivery
	Holder   int64
}

// HealthChange writes an endpoint's health, unless its Generation has been
// raised meanwhile. With Disable the endpoint is disabled for Reason in the same
// transaction, and the change shows in the change feed, as does a change of Closed.
type HealthChange struct {
	Health  webhook.Health
	Disable bool
	Reason  string
	At      time.Time
}

// ClaimQuery asks for due deliveries.
type ClaimQuery struct {
	Node  int64
	Live  []int64 // what these nodes hold is theirs; includes Node
	Now   time.Time
	Wants []Want
}

// Want is what one endpoint can take.
type Want struct {
	EndpointID id.ID
	Max        int
	MaxBytes   int // weight in all (webhook.Event.Weight), but one delivery at least; 0 is no limit
	// Ordered takes in order of place, whether due or not, and nothing while
	// another live node holds some of it: an order has one sender at a time.
	Ordered bool
}

// Claimed is the answer to one Want.
type Claimed struct {
	EndpointID id.ID
	Items      []ClaimedDelivery
	Next       time.Time // when the first of what is left is due; zero when nothing is left
}

// ClaimedDelivery is a delivery that the node now holds, with its event. The
// event of a payload that was deleted has PayloadDeleted.
type ClaimedDelivery struct {
	Delivery webhook.Delivery
	Event    *webhook.Event
}

// Due says when an endpoint's backlog has something to do.
type Due struct {
	EndpointID id.ID
	At         time.Time
}

// Node is a running server.
type Node struct {
	Number    int64
	Name      string
	StartedAt time.Time
	BeatAt    time.Time
	// Mark is a lower bound: every delivery that the node holds fresh is of an
	// event with at least this id.
	Mark  id.ID
	State NodeState // as of the last beat
}

// NodeState is what a node tells of itself.
type NodeState struct {
	Version  string   `json:"version,omitempty"`
	Roles    []string `json:"roles,omitempty"`
	Lanes    int      `json:"lanes,omitempty"`     // endpoints with something to do
	Held     int      `json:"held,omitempty"`      // deliveries in memory
	InFlight int      `json:"in_flight,omitempty"` // attempts
	Behind   int      `json:"behind,omitempty"`    // deliveries that wait for endpoints that are well
	Queued   int      `json:"queued,omitempty"`    // rows that wait to be written
	Change   int64    `json:"change,omitempty"`    // version of the change feed that it has seen
	Takes    bool     `json:"takes,omitempty"`     // it takes what others hand to it: see Cluster.TakeHanded
}

// Nodes keeps who is running.
type Nodes interface {
	// RegisterNode gives a number that was never used before.
	RegisterNode(ctx context.Context, name string, mark id.ID, now time.Time) (int64, error)
	// Beat says that the node lives, moves its mark and tells its state.
	// CodeNotFound means that it was declared dead: it must stop sending.
	Beat(ctx context.Context, node int64, mark id.ID, state NodeState, now time.Time) error
	Nodes(ctx context.Context) ([]Node, error)
	// RemoveNode forgets a node that holds nothing any more, but what others may have handed
	// to it: that goes to the backlog.
	RemoveNode(ctx context.Context, node int64) error
}

// ChangeKind says what a change is about.
type ChangeKind int8

// The kinds of change.
const (
	AccountChanged    ChangeKind = 1 // the account or, when it was deleted, everything of it
	EndpointChanged   ChangeKind = 2 // the endpoint, its health's Closed or its subscriptions
	EventTypeChanged  ChangeKind = 3 // something in the account's catalogue; ID is the account
	CredentialChanged ChangeKind = 4
)

// Change says that something configured is not what it was.
type Change struct {
	Version int64
	Kind    ChangeKind
	ID      id.ID
}

// Configured is an endpoint as the index of subscriptions needs it.
type Configured struct {
	EndpointID    id.ID
	AccountID     id.ID
	Enabled       bool
	Closed        bool
	Ordered       bool
	Subscriptions []webhook.Subscription // enabled ones
}

// Changes is the feed that nodes follow. Versions increase in the order of commit.
type Changes interface {
	// Version returns the newest version.
	Version(ctx context.Context) (int64, error)
	// Changes returns what changed after the version, oldest first, at most
	// limit. A feed that no longer reaches back that far is CodeNotFound: load anew.
	Changes(ctx context.Context, after int64, limit int) ([]Change, error)
	// Configured calls visit for every endpoint that is not deleted, or for
	// those given. An endpoint that is asked for and does not come is gone.
	Configured(ctx context.Context, visit func(Configured) error, endpoints ...id.ID) error
}

// Upkeep is what the clock does.
type Upkeep interface {
	// Ping says whether the database can be read and written.
	Ping(ctx context.Context) error
	// ExpirePayloads deletes payloads whose time has come; at most limit. Done
	// is the number deleted.
	ExpirePayloads(ctx context.Context, now time.Time, limit int) (done int, err error)
	// DeleteHistory deletes events accepted before the time that have nothing
	// pending, with their deliveries and attempts; at most limit events.
	DeleteHistory(ctx context.Context, before time.Time, limit int) (done int, err error)
	// DeleteExpired deletes idempotency keys that have expired and changes older than keepChanges.
	DeleteExpired(ctx context.Context, now time.Time, keepChanges time.Duration, limit int) (done int, err error)
}

// Backuper is implemented by a store that can copy itself to a file while it runs.
type Backuper interface {
	// Backup writes a consistent copy. The file must not exist.
	Backup(ctx context.Context, file string) error
}
