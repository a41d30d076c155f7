package sqlstore

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// credentialDoc is the part of a credential that nothing selects by.
type credentialDoc struct {
	Kind        webhook.CredentialKind `json:"kind"`
	Scope       webhook.Scope          `json:"scope"`
	Name        string                 `json:"name,omitempty"`
	KeyHint     string                 `json:"key_hint,omitempty"`
	Verifiers   map[string]string      `json:"verifiers,omitempty"` // slow hashes, no secrets
	Annotations rawMap                 `json:"annotations,omitempty"`
	ExpiresAt   int64                  `json:"expires_at,omitempty"`
}

const credentialColumns = `id, account_id, key_hash, username, doc, created_at, revoked_at`

func scanCredential(rows Rows) (cr webhook.Credential, err error) {
	var self, account, hash, doc []byte
	var created, revoked int64
	if err = rows.Scan(&self, &account, &hash, &cr.Username, &doc, &created, &revoked); err != nil {
		return cr, err
	}
	if cr.ID, err = ReadID(self); err != nil {
		return cr, err
	}
	if cr.AccountID, err = ReadID(account); err != nil {
		return cr, err
	}
	var d credentialDoc
	if err = readDoc(doc, &d); err != nil {
		return cr, err
	}
	copy(cr.KeyHash[:], hash)
	cr.Kind, cr.Scope, cr.Name, cr.KeyHint, cr.Verifiers = d.Kind, d.Scope, d.Name, d.KeyHint, d.Verifiers
	cr.Annotations, cr.ExpiresAt = d.Annotations.annotations(), Time(d.ExpiresAt)
	cr.CreatedAt, cr.RevokedAt = Time(created), Time(revoked)
	return cr, nil
}

func credentialValues(cr *webhook.Credential) (hash any, doc string) {
	if cr.KeyHash != [32]byte{} {
		hash = cr.KeyHash[:]
	}
	return hash, writeDoc(credentialDoc{
		cr.Kind, cr.Scope, cr.Name, cr.KeyHint, cr.Verifiers,
		rawMapOf(cr.Annotations), Micros(cr.ExpiresAt),
	})
}

// CreateCredential stores a credential.
func (c *Core) CreateCredential(ctx context.Context, cr *webhook.Credential) error {
	return c.edit(ctx, func(tx Tx) error {
		return insertCredential(ctx, tx, cr)
	})
}

func insertCredential(ctx context.Context, tx Tx, cr *webhook.Credential) error {
	if err := credentialFree(ctx, tx, cr); err != nil {
		return err
	}
	hash, doc := credentialValues(cr)
	_, err := tx.Exec(ctx, `INSERT INTO credentials (`+credentialColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		cr.ID[:], cr.AccountID[:], hash, cr.Username, doc, Micros(cr.CreatedAt), Micros(cr.RevokedAt))
	if err != nil {
		return err
	}
	return Announce(ctx, tx, store.CredentialChanged, cr.ID, cr.CreatedAt)
}

// credentialFree checks that no other usable credential has the key or the username.
func credentialFree(ctx context.Context, tx Tx, cr *webhook.Credential) error {
	if !cr.RevokedAt.IsZero() {
		return nil
	}
	taken, err := exists(ctx, tx, `SELECT 1 FROM credentials
		WHERE key_hash = $1 AND revoked_at = 0 AND id <> $2`, cr.KeyHash[:], cr.ID[:])
	if err != nil {
		return err
	}
	if taken {
		return webhook.Errorf(webhook.CodeConflict, "key", "another credential has this key")
	}
	taken, err = exists(ctx, tx, `SELECT 1 FROM credentials
		WHERE account_id = $1 AND username = $2 AND username <> '' AND revoked_at = 0 AND id <> $3`,
		cr.AccountID[:], cr.Username, cr.ID[:])
	if err != nil {
		return err
	}
	if taken {
		return webhook.Errorf(webhook.CodeConflict, "username", "another user of the account has this name")
	}
	return nil
}

// Credential finds one that is not revoked.
func (c *Core) Credential(ctx context.Context, credential id.ID) (webhook.Credential, error) {
	return one(ctx, c.Reads, "credential", scanCredential,
		`SELECT `+credentialColumns+` FROM credentials WHERE id = $1 AND revoked_at = 0`, credential[:])
}

// CredentialByKey finds an API key that is not revoked by the hash of its text.
func (c *Core) CredentialByKey(ctx context.Context, keyHash [32]byte) (webhook.Credential, error) {
	return one(ctx, c.Reads, "credential", scanCredential,
		`SELECT `+credentialColumns+` FROM credentials WHERE key_hash = $1 AND revoked_at = 0`, keyHash[:])
}

// CredentialByUsername finds a user that is not revoked.
func (c *Core) CredentialByUsername(ctx context.Context, account id.ID, username string) (webhook.Credential, error) {
	return one(ctx, c.Reads, "credential", scanCredential, `SELECT `+credentialColumns+` FROM credentials
		WHERE account_id = $1 AND username = $2 AND username <> '' AND revoked_at = 0`, account[:], username)
}

// Credentials lists those of an account that are not revoked, oldest first.
func (c *Core) Credentials(ctx context.Context, account id.ID) ([]webhook.Credential, error) {
	return all(ctx, c.Reads, scanCredential, `SELECT `+credentialColumns+` FROM credentials
		WHERE account_id = $1 AND revoked_at = 0 ORDER BY id`, account[:])
}

// UpdateCredential lets change edit a credential. ID, AccountID and CreatedAt stay.
func (c *Core) UpdateCredential(ctx context.Context, credential id.ID, change func(*webhook.Credential) error) (webhook.Credential, error) {
	var cr webhook.Credential
	err := c.edit(ctx, func(tx Tx) (err error) {
		cr, err = one(ctx, tx, "credential", scanCredential,
			`SELECT `+credentialColumns+` FROM credentials WHERE id = $1`, credential[:])
		if err != nil {
			return err
		}
		was := cr
		if err := change(&cr); err != nil {
			return err
		}
		cr.ID, cr.AccountID, cr.CreatedAt = was.ID, was.AccountID, was.CreatedAt
		if err := credentialFree(ctx, tx, &cr); err != nil {
			return err
		}
		hash, doc := credentialValues(&cr)
		_, err = tx.Exec(ctx, `UPDATE credentials SET key_hash = $1, username = $2, doc = $3, revoked_at = $4 WHERE id = $5`,
			hash, cr.Username, doc, Micros(cr.RevokedAt), cr.ID[:])
		if err != nil {
			return err
		}
		return Announce(ctx, tx, store.CredentialChanged, cr.ID, time.Now())
	})
	if err != nil {
		return webhook.Credential{}, err
	}
	return cr, nil
}
