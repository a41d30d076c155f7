package webhook

import (
	"log/slog"
	"time"
)

// Redacted is what a Secret shows of itself.
const Redacted = "[redacted]"

// Secret is text that must not be seen. It shows itself as Redacted in logs,
// formatted text and JSON; Reveal gives the text. It is encrypted at rest.
type Secret string

// Reveal returns the text. Every call is a place to look at in a review.
func (s Secret) Reveal() string { return string(s) }

// String returns Redacted.
func (s Secret) String() string { return Redacted }

// GoString returns Redacted.
func (s Secret) GoString() string { return Redacted }

// LogValue returns Redacted.
func (s Secret) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText returns Redacted, so that no JSON encoder shows the text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// SigningKey is one key that an endpoint's deliveries are signed with. Its
// spelling says its kind: "whsec_" for HMAC-SHA256, "whsk_" for ed25519
// (Standard Webhooks), anything else belongs to a dialect's own scheme.
type SigningKey struct {
	Key       Secret
	CreatedAt time.Time
	ExpiresAt time.Time // zero for the current key; an old key signs along until then
}

// Live says whether deliveries are signed with the key at the moment now.
func (k SigningKey) Live(now time.Time) bool {
	return k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt)
}
