package webhook

import (
	"encoding/json"
	"time"

	"github.com/switchhook/switchhook/internal/id"
)

// ServiceHTTP is the name of the built-in service that POSTs over HTTP.
const ServiceHTTP = "http"

// Endpoint says where and how to deliver.
type Endpoint struct {
	ID          id.ID
	AccountID   id.ID
	UID         string // the caller's own name for it, unique in its account; may be empty
	Description string

	Service string          // which way to deliver; ServiceHTTP by default
	Config  json.RawMessage // of the service, checked by it; nil is none
	URL     string          // for services that have one
	Headers []Header        // sent along, in the spelling given; encrypted at rest
	Keys    []SigningKey    // current key first, then those that sign along until they expire
	TLS     *TLS            // nil is: system roots, no client certificate

	Timeout     time.Duration // one deadline over the whole exchange; 0 is the server's default
	RateLimit   int           // deliveries a second; 0 is no limit
	MaxInFlight int           // at the same time; 0 is the server's default
	Ordering    Ordering
	Retry       RetryPolicy
	Health      HealthPolicy

	Enabled        bool
	DisabledReason string // why it is not enabled: one of the Disabled… constants or a dialect's word
	DisabledAt     time.Time

	Metadata    map[string]string
	Annotations Annotations
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Version     int64 // counts the changes; a later state has a greater one
}

// Why an endpoint is not enabled.
const (
	DisabledByOwner   = "manual"  // someone switched it off
	DisabledByGone    = "gone"    // the receiver answered 410
	DisabledByFailing = "failing" // its health policy gave up on it
)

// Header is one HTTP header in the spelling it is sent with.
type Header struct{ Name, Value string }

// TLS changes how an endpoint's connection is secured.
type TLS struct {
	CertificatePEM string // client certificate chain
	KeyPEM         Secret // its private key
	CAPEM          string // trust these roots instead of the system's
	ServerName     string // expect this name instead of the URL's host
	Insecure       bool   // do not verify the receiver at all
}

// Ordering says whether deliveries may overtake one another.
type Ordering string

// The orderings.
const (
	OrderingNone Ordering = ""     // deliveries go out as capacity allows
	OrderingFIFO Ordering = "fifo" // one in flight; the next waits until it is delivered or given up
)

// RetryPolicy says when a delivery that failed is tried again. The zero value
// never tries again. Schedule wins over the exponential form.
type RetryPolicy struct {
	Schedule []time.Duration // waits before the second, third, … attempt

	MaxAttempts int           // exponential form: attempts in all, the first included
	Base        time.Duration // wait before the second attempt
	Factor      float64       // each wait is this many times the one before; below 1 counts as 1

	Jitter        float64       // each wait varies by up to this fraction either way, 0 to 1
	RetryOn       RetryOn       // which failures are worth another attempt
	HonourAfter   bool          // wait at least as long as the receiver's Retry-After says
	MaxRetryAfter time.Duration // but never longer than this; 0 is 24 h
}

// RetryOn says which failures are worth another attempt.
type RetryOn string

// The kinds of failure that are retried.
const (
	RetryAnyFailure     RetryOn = ""           // every failure but a rejection or a farewell
	RetryConnectionOnly RetryOn = "connection" // only where no response came
)

// HealthPolicy says when an endpoint that keeps failing is switched off. Each
// condition counts alone; a zero value switches its condition off.
type HealthPolicy struct {
	DisableOnGone bool // a farewell (HTTP 410) disables at once

	FailingFor  time.Duration // failing without one success for this long disables …
	MinFailures int           // … once this many failures were seen in that time

	MaxFailuresInRow int  // more failures in a row than this
	CloseOnly        bool // … close it to new events instead of disabling it: what is pending goes on

	WindowFailures int           // this many failures …
	Window         time.Duration // … within this time
	Reason         string        // what DisabledReason then says; DisabledByFailing when empty

	// NoBreaker makes every attempt at its planned time, however the ones
	// before it went. Without it a receiver that does not answer is left alone for a
	// while and then probed.
	NoBreaker bool
}

// Health is how an endpoint has been doing. Package breaker computes it, the
// store keeps it.
type Health struct {
	EndpointID     id.ID
	FailuresInRow  int       // failed attempts since the last success
	FailingSince   time.Time // of the first failure after the last success; zero when not failing
	LastSuccessAt  time.Time
	LastFailureAt  time.Time
	RecentFailures []time.Time // those within the policy's window, oldest first; bounded by WindowFailures
	Closed         bool        // by CloseOnly: new events are not matched
	Generation     int64       // raised when a person resets the health; an older state is not written over it
}
