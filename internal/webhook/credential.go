package webhook

import (
	"time"

	"github.com/switchhook/switchhook/internal/id"
)

// CredentialKind says how a credential is proven.
type CredentialKind string

// The kinds of credential.
const (
	KindAPIKey CredentialKind = "api_key" // a random key, stored as its SHA-256
	KindUser   CredentialKind = "user"    // a username with password verifiers
)

// Scope says how far a credential reaches.
type Scope string

// The scopes.
const (
	ScopeRoot     Scope = "root"      // the account and everything below it, and its catalogue of event types
	ScopeAccount  Scope = "account"   // the account alone
	ScopeReadOnly Scope = "read-only" // the account alone, and nothing may be changed
)

// Credential is what lets someone act for an account.
type Credential struct {
	ID        id.ID
	AccountID id.ID
	Kind      CredentialKind
	Scope     Scope
	Name      string // for people: "CI", "billing service"

	KeyHash [32]byte // SHA-256 of an API key
	KeyHint string   // the first characters of an API key, to tell keys apart in a list

	Username  string            // of a user; unique in its account
	Verifiers map[string]string // of a user: scheme to slow hash, for example "password": "$argon2id$…"

	Annotations Annotations
	ExpiresAt   time.Time // zero is never
	CreatedAt   time.Time
	RevokedAt   time.Time // zero is not revoked
}

// Usable says whether the credential proves anything at the moment now.
func (c *Credential) Usable(now time.Time) bool {
	return c.RevokedAt.IsZero() && (c.ExpiresAt.IsZero() || now.Before(c.ExpiresAt))
}
