package sqlite

import (
	"context"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
)

// applyHealth writes health, unless the endpoint is deleted or its health was
// reset meanwhile, and disables endpoints.
func applyHealth(c *conn, changes []store.HealthChange) error {
	ctx := context.Background()
	for i := range changes {
		ch := &changes[i]
		h := &ch.Health
		turned, err := closes(ctx, c, ch)
		if err != nil {
			return err
		}
		n, err := c.Exec(ctx, `UPDATE endpoint_health SET failures_in_row = $1, failing_since = $2, last_success_at = $3,
			last_failure_at = $4, recent_failures = $5, closed = $6 WHERE endpoint_id = $7 AND generation = $8`,
			int64(h.FailuresInRow), sqlstore.Micros(h.FailingSince), sqlstore.Micros(h.LastSuccessAt),
			sqlstore.Micros(h.LastFailureAt), sqlstore.JoinTimes(h.RecentFailures), h.Closed, h.EndpointID[:], h.Generation)
		if err != nil {
			return err
		}
		if n == 0 || !ch.Disable && !turned {
			continue
		}
		if ch.Disable {
			if err := disable(ctx, c, ch); err != nil {
				return err
			}
		}
		if err := sqlstore.Announce(ctx, c, store.EndpointChanged, h.EndpointID, ch.At); err != nil {
			return err
		}
	}
	return nil
}

// closes says whether the change closes an endpoint that was open, or the other way around.
func closes(ctx context.Context, c *conn, ch *store.HealthChange) (bool, error) {
	r, err := c.Query(ctx, `SELECT 1 FROM endpoint_health WHERE endpoint_id = $1 AND closed <> $2`,
		ch.Health.EndpointID[:], ch.Health.Closed)
	if err != nil {
		return false, err
	}
	defer r.Close()
	return r.Next(), r.Err()
}

func disable(ctx context.Context, c *conn, ch *store.HealthChange) error {
	_, err := c.Exec(ctx, `UPDATE endpoints SET enabled = FALSE, disabled_reason = $1, disabled_at = $2,
		updated_at = $2, version = version + 1 WHERE id = $3 AND enabled AND deleted_at = 0`,
		ch.Reason, sqlstore.Micros(ch.At), ch.Health.EndpointID[:])
	return err
}
