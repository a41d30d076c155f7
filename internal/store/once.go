package store

import (
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Settle compares a key that was used before with the present call: it marks
// once as replayed with what the first call made, or returns the conflict.
func (o *Once) Settle(hash [32]byte, made []id.ID) *webhook.Error {
	if hash != o.Hash {
		return webhook.Errorf(webhook.CodeConflict, "idempotency-key",
			"this idempotency key was used with a different request")
	}
	o.Replayed, o.Refs = true, made
	return nil
}
