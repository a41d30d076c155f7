package sqlstore

import (
	"context"

	"github.com/switchhook/switchhook/internal/id"
)

// doomed are deliveries in the backlog that are to be cancelled: those of an
// endpoint, or of some of its subscriptions.
type doomed struct {
	endpoint      id.ID
	subscriptions []id.ID // nil is all
}

// cancelAtOnce is the number of deliveries that one transaction cancels, so
// that deleting an endpoint with a huge backlog does not stop everyone else.
// Should the process end before the rest is done, the rest is cancelled as it
// becomes due, since its endpoint or subscription is gone.
const cancelAtOnce = 2000

// cancel cancels a portion and returns d when there may be more. What another
// transaction is just finishing stays finished, hence the status.
func (d doomed) cancel(ctx context.Context, tx Tx) ([]doomed, error) {
	q := newQuery(`UPDATE deliveries SET status = 3, due_at = NULL, not_before = NULL, node = 0
		WHERE status = 0 AND (event_id, n) IN (SELECT event_id, n FROM deliveries WHERE endpoint_id = ? AND due_at IS NOT NULL`, d.endpoint[:])
	if d.subscriptions != nil {
		q.add(" AND ").in("subscription_id", idArgs(d.subscriptions))
	}
	q.add(" LIMIT ?)", int64(cancelAtOnce))
	n, err := q.exec(ctx, tx)
	if err != nil || n < cancelAtOnce {
		return nil, err
	}
	return []doomed{d}, nil
}

// cancelRest cancels what the transaction that doomed it left.
func (c *Core) cancelRest(ctx context.Context, left []doomed) error {
	for len(left) > 0 {
		var more []doomed
		err := c.Write(ctx, func(tx Tx) (err error) {
			more, err = left[0].cancel(ctx, tx)
			return err
		})
		if err != nil {
			return err
		}
		left = append(more, left[1:]...)
	}
	return nil
}
