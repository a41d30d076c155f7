package sqlstore

import (
	"context"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
)

// settle looks a key up that was perhaps used before. It says whether the call is
// over: replayed, or in conflict. once may be nil.
func settle(ctx context.Context, tx Tx, once *store.Once) (over bool, err error) {
	if once == nil {
		return false, nil
	}
	type use struct {
		hash [32]byte
		refs []id.ID
	}
	uses, err := all(ctx, tx, func(rows Rows) (u use, err error) {
		var hash, refs []byte
		if err = rows.Scan(&hash, &refs); err != nil {
			return u, err
		}
		copy(u.hash[:], hash)
		u.refs, err = SplitIDs(refs)
		return u, err
	}, `SELECT hash, refs FROM idempotency WHERE account_id = $1 AND key = $2`, once.AccountID[:], once.Key)
	if err != nil || len(uses) == 0 {
		return false, err
	}
	if conflict := once.Settle(uses[0].hash, uses[0].refs); conflict != nil {
		return true, conflict
	}
	return true, nil
}

// remember keeps what a call with a key made. once may be nil.
func remember(ctx context.Context, tx Tx, once *store.Once, made ...id.ID) error {
	if once == nil {
		return nil
	}
	_, err := tx.Exec(ctx,
		`INSERT INTO idempotency (account_id, key, hash, refs, expires_at) VALUES ($1, $2, $3, $4, $5)`,
		once.AccountID[:], once.Key, once.Hash[:], JoinIDs(made), Micros(once.Expires))
	return err
}
