package control

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/sign"
	"github.com/switchhook/switchhook/internal/webhook"
)

// How long old keys sign along after a rotation, and how many of them may.
const (
	DefaultGrace = 24 * time.Hour
	MaxGrace     = 7 * 24 * time.Hour
	MaxOldKeys   = 10
)

// VerificationKey returns what the receiver checks an endpoint's deliveries with:
// the current key itself or, of an asymmetric one, its public half. It is
// CodeNotFound for an endpoint that is not signed for.
func (c *Control) VerificationKey(e *webhook.Endpoint) (string, error) {
	if len(e.Keys) == 0 {
		return "", webhook.Errorf(webhook.CodeNotFound, "", "deliveries to this endpoint are not signed")
	}
	key := e.Keys[0].Key
	if !asymmetric(key) {
		return key.Reveal(), nil
	}
	public, err := sign.Public(key)
	if err != nil {
		return "", fmt.Errorf("public half of the key of endpoint %s: %w", e.ID, err)
	}
	return public, nil
}

// Rotation asks for a new signing key.
type Rotation struct {
	Key   webhook.Secret // the new key; empty is a fresh one of the same kind as the current key
	Grace time.Duration  // how long the current key signs along, up to MaxGrace; 0 is no longer
}

// RotateKey gives an endpoint a new signing key. The old one signs along for the
// grace period; expired ones are dropped. More than MaxOldKeys that sign along
// are CodeLimit.
func (c *Control) RotateKey(ctx context.Context, endpoint id.ID, r Rotation) (*Endpoint, error) {
	if r.Grace < 0 || r.Grace > MaxGrace {
		return nil, invalid("gracePeriod", "must be 0 to %d seconds", MaxGrace/time.Second)
	}
	return c.UpdateEndpoint(ctx, endpoint, id.ID{}, func(edit *EndpointEdit) error {
		e := edit.Endpoint
		next := r.Key
		if next == "" {
			next = c.freshKey(e.Keys)
		} else if err := checkKey(e.Service, next.Reveal()); err != nil {
			return within("key", err)
		}
		keys, err := rotated(e.Keys, next, r.Grace, c.now())
		e.Keys = keys
		return err
	})
}

// freshKey returns a new key of the kind that is in use.
func (c *Control) freshKey(keys []webhook.SigningKey) webhook.Secret {
	switch {
	case len(keys) == 0:
		return c.newKey()
	case asymmetric(keys[0].Key):
		return sign.NewAsymmetric()
	}
	return sign.NewSymmetric()
}

func asymmetric(key webhook.Secret) bool { return strings.HasPrefix(key.Reveal(), "whsk_") }

func rotated(keys []webhook.SigningKey, next webhook.Secret, grace time.Duration, now time.Time) ([]webhook.SigningKey, error) {
	old := slices.Clone(keys)
	if len(old) > 0 {
		old[0].ExpiresAt = now.Add(grace)
	}
	old = slices.DeleteFunc(old, func(k webhook.SigningKey) bool { return !k.Live(now) })
	if len(old) > MaxOldKeys {
		return nil, webhook.Errorf(webhook.CodeLimit, "", "%d old keys sign along, which is all that may; wait until one expires", MaxOldKeys)
	}
	return append([]webhook.SigningKey{{Key: next, CreatedAt: now}}, old...), nil
}
