package sqlstore

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// accountDoc is the part of an account that nothing selects by.
type accountDoc struct {
	Name        string            `json:"name,omitempty"`
	RateLimit   int               `json:"rate_limit,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Annotations rawMap            `json:"annotations,omitempty"`
}

const accountColumns = `id, parent_id, path, uid, hidden, doc, created_at, updated_at`

func scanAccount(rows Rows) (a webhook.Account, err error) {
	var self, parent, path, doc []byte
	var created, updated int64
	if err = rows.Scan(&self, &parent, &path, &a.UID, &a.Hidden, &doc, &created, &updated); err != nil {
		return a, err
	}
	if a.ID, err = ReadID(self); err != nil {
		return a, err
	}
	if a.ParentID, err = ReadID(parent); err != nil {
		return a, err
	}
	if a.Path, err = SplitIDs(path); err != nil {
		return a, err
	}
	var d accountDoc
	if err = readDoc(doc, &d); err != nil {
		return a, err
	}
	a.Name, a.RateLimit, a.Metadata, a.Annotations = d.Name, d.RateLimit, d.Metadata, d.Annotations.annotations()
	a.CreatedAt, a.UpdatedAt = Time(created), Time(updated)
	return a, nil
}

func accountValues(a *webhook.Account) string {
	return writeDoc(accountDoc{a.Name, a.RateLimit, a.Metadata, rawMapOf(a.Annotations)})
}

// CreateAccount stores an account.
func (c *Core) CreateAccount(ctx context.Context, a *webhook.Account, once *store.Once) error {
	return c.edit(ctx, func(tx Tx) error {
		if over, err := settle(ctx, tx, once); over || err != nil {
			return err
		}
		if err := accountUIDFree(ctx, tx, a); err != nil {
			return err
		}
		if err := insertAccount(ctx, tx, a); err != nil {
			return err
		}
		if err := remember(ctx, tx, once, a.ID); err != nil {
			return err
		}
		return Announce(ctx, tx, store.AccountChanged, a.ID, a.CreatedAt)
	})
}

func insertAccount(ctx context.Context, tx Tx, a *webhook.Account) error {
	_, err := tx.Exec(ctx, `INSERT INTO accounts (`+accountColumns+`, plain_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		a.ID[:], a.ParentID[:], JoinIDs(a.Path), a.UID, a.Hidden, accountValues(a), Micros(a.CreatedAt), Micros(a.UpdatedAt), plainName(a))
	return err
}

// maxPlainName bounds the name that accounts are looked up by.
const maxPlainName = 256

func plainName(a *webhook.Account) string {
	name := webhook.PlainName(a.Name)
	return name[:min(len(name), maxPlainName)]
}

func accountUIDFree(ctx context.Context, tx Tx, a *webhook.Account) error {
	if a.UID == "" {
		return nil
	}
	taken, err := exists(ctx, tx, `SELECT 1 FROM accounts
		WHERE parent_id = $1 AND uid = $2 AND uid <> '' AND deleted_at = 0 AND id <> $3`, a.ParentID[:], a.UID, a.ID[:])
	if err != nil || !taken {
		return err
	}
	return webhook.Errorf(webhook.CodeConflict, "uid", "another account has this uid")
}

// Account returns an account.
func (c *Core) Account(ctx context.Context, account id.ID) (webhook.Account, error) {
	return accountByID(ctx, c.Reads, account)
}

func accountByID(ctx context.Context, tx Tx, account id.ID) (webhook.Account, error) {
	return one(ctx, tx, "account", scanAccount,
		`SELECT `+accountColumns+` FROM accounts WHERE id = $1 AND deleted_at = 0`, account[:])
}

// AccountByUID returns the child of parent that has the uid.
func (c *Core) AccountByUID(ctx context.Context, parent id.ID, uid string) (webhook.Account, error) {
	return one(ctx, c.Reads, "account", scanAccount, `SELECT `+accountColumns+` FROM accounts
		WHERE parent_id = $1 AND uid = $2 AND uid <> '' AND deleted_at = 0`, parent[:], uid)
}

// Accounts lists the children of parent.
func (c *Core) Accounts(ctx context.Context, parent id.ID, p webhook.Page) (webhook.Slice[webhook.Account], error) {
	r := pager[webhook.Account]{
		base: func() *query {
			return newQuery(`SELECT `+accountColumns+` FROM accounts WHERE parent_id = ? AND deleted_at = 0 AND NOT hidden`, parent[:])
		},
		column: "id", scan: scanAccount, id: func(a *webhook.Account) id.ID { return a.ID },
	}
	return r.read(ctx, c.Reads, p)
}

// AccountsBelow lists the descendants of ancestor.
func (c *Core) AccountsBelow(ctx context.Context, ancestor id.ID, p webhook.Page) (webhook.Slice[webhook.Account], error) {
	r := pager[webhook.Account]{
		base: func() *query {
			return newQuery(`WITH RECURSIVE below (id) AS (
				SELECT id FROM accounts WHERE parent_id = ? AND deleted_at = 0
				UNION ALL SELECT a.id FROM accounts a JOIN below b ON a.parent_id = b.id WHERE a.deleted_at = 0
				) SELECT `+accountColumns+` FROM accounts WHERE id IN (SELECT id FROM below) AND NOT hidden`, ancestor[:])
		},
		column: "id", scan: scanAccount, id: func(a *webhook.Account) id.ID { return a.ID },
	}
	return r.read(ctx, c.Reads, p)
}

// AccountsNamed lists accounts by their plain name.
func (c *Core) AccountsNamed(ctx context.Context, plain string, limit int) ([]webhook.Account, error) {
	return all(ctx, c.Reads, scanAccount, `SELECT `+accountColumns+` FROM accounts
		WHERE plain_name = $1 AND plain_name <> '' AND deleted_at = 0 AND NOT hidden ORDER BY id LIMIT $2`, plain, int64(limit))
}

// AccountsWithUID lists accounts by their uid, whoever their parents are.
func (c *Core) AccountsWithUID(ctx context.Context, uid string, limit int) ([]webhook.Account, error) {
	return all(ctx, c.Reads, scanAccount, `SELECT `+accountColumns+` FROM accounts
		WHERE uid = $1 AND uid <> '' AND deleted_at = 0 AND NOT hidden ORDER BY id LIMIT $2`, uid, int64(limit))
}

// UpdateAccount lets change edit an account.
func (c *Core) UpdateAccount(ctx context.Context, account id.ID, change func(*webhook.Account) error) (webhook.Account, error) {
	var a webhook.Account
	err := c.edit(ctx, func(tx Tx) (err error) {
		if a, err = accountByID(ctx, tx, account); err != nil {
			return err
		}
		was := a
		if err := change(&a); err != nil {
			return err
		}
		a.ID, a.ParentID, a.Path, a.Hidden, a.CreatedAt = was.ID, was.ParentID, was.Path, was.Hidden, was.CreatedAt
		if err := accountUIDFree(ctx, tx, &a); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE accounts SET uid = $1, plain_name = $2, doc = $3, updated_at = $4 WHERE id = $5`,
			a.UID, plainName(&a), accountValues(&a), Micros(a.UpdatedAt), a.ID[:])
		if err != nil {
			return err
		}
		return Announce(ctx, tx, store.AccountChanged, a.ID, a.UpdatedAt)
	})
	if err != nil {
		return webhook.Account{}, err
	}
	return a, nil
}

// DeleteAccount marks an account and everything below it as deleted.
func (c *Core) DeleteAccount(ctx context.Context, account id.ID, now time.Time) error {
	var left []doomed
	err := c.edit(ctx, func(tx Tx) error {
		left = nil
		if _, err := accountByID(ctx, tx, account); err != nil {
			return err
		}
		ids, err := all(ctx, tx, scanID, `WITH RECURSIVE below (id) AS (
			SELECT id FROM accounts WHERE id = $1
			UNION ALL SELECT a.id FROM accounts a JOIN below b ON a.parent_id = b.id WHERE a.deleted_at = 0
			) SELECT id FROM below`, account[:])
		if err != nil {
			return err
		}
		for _, v := range ids {
			some, err := deleteAccount(ctx, tx, v, now)
			if err != nil {
				return err
			}
			left = append(left, some...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.cancelRest(ctx, left)
}

// deleteAccount deletes one account with what belongs to it and returns what is
// left to be cancelled.
func deleteAccount(ctx context.Context, tx Tx, account id.ID, now time.Time) ([]doomed, error) {
	left, err := dropRegistered(ctx, tx, now, `event_type_id IN (SELECT id FROM event_types WHERE account_id = $1 AND fixed)`, account[:])
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM event_types WHERE account_id = $1`, account[:]); err != nil {
		return nil, err
	}
	some, err := closeAccount(ctx, tx, account, now, `endpoint_id = $1`)
	return append(left, some...), err
}

// closeAccount deletes an account with its credentials, its endpoints, and those of
// their subscriptions that the condition names.
func closeAccount(ctx context.Context, tx Tx, account id.ID, now time.Time, subs string) ([]doomed, error) {
	_, err := tx.Exec(ctx, `UPDATE accounts SET deleted_at = $1 WHERE id = $2`, Micros(now), account[:])
	if err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, `UPDATE credentials SET revoked_at = $1 WHERE account_id = $2 AND revoked_at = 0`,
		Micros(now), account[:])
	if err != nil {
		return nil, err
	}
	endpoints, err := all(ctx, tx, scanID,
		`SELECT id FROM endpoints WHERE account_id = $1 AND deleted_at = 0`, account[:])
	if err != nil {
		return nil, err
	}
	var left []doomed
	for _, e := range endpoints {
		some, err := deleteEndpoint(ctx, tx, e, now, subs)
		if err != nil {
			return nil, err
		}
		left = append(left, some...)
	}
	return left, Announce(ctx, tx, store.AccountChanged, account, now)
}

func scanID(rows Rows) (id.ID, error) {
	var b []byte
	if err := rows.Scan(&b); err != nil {
		return id.ID{}, err
	}
	return ReadID(b)
}
