package sqlstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

func healthOf(ctx context.Context, tx Tx, endpoint id.ID) (webhook.Health, error) {
	return one(ctx, tx, "endpoint", func(rows Rows) (webhook.Health, error) {
		h := webhook.Health{EndpointID: endpoint}
		var inRow, since, success, failure int64
		var recent []byte
		err := rows.Scan(&inRow, &since, &success, &failure, &recent, &h.Closed, &h.Generation)
		if err != nil {
			return h, err
		}
		h.FailuresInRow, h.FailingSince = int(inRow), Time(since)
		h.LastSuccessAt, h.LastFailureAt = Time(success), Time(failure)
		h.RecentFailures, err = splitTimes(recent)
		return h, err
	}, `SELECT failures_in_row, failing_since, last_success_at, last_failure_at, recent_failures, closed, generation
		FROM endpoint_health WHERE endpoint_id = $1`, endpoint[:])
}

// resetHealth forgets all failures. The new generation keeps results of before
// from being counted.
func resetHealth(ctx context.Context, tx Tx, endpoint id.ID) error {
	_, err := tx.Exec(ctx, `UPDATE endpoint_health SET failures_in_row = 0, failing_since = 0, last_success_at = 0,
		last_failure_at = 0, recent_failures = NULL, closed = FALSE, generation = generation + 1
		WHERE endpoint_id = $1`, endpoint[:])
	return err
}

// JoinTimes is how a list of times is stored: 8 bytes each, or NULL when empty.
func JoinTimes(times []time.Time) any {
	if len(times) == 0 {
		return nil
	}
	b := make([]byte, 0, 8*len(times))
	for _, t := range times {
		b = binary.BigEndian.AppendUint64(b, uint64(t.UnixMicro()))
	}
	return b
}

func splitTimes(b []byte) ([]time.Time, error) {
	if len(b)%8 != 0 {
		return nil, fmt.Errorf("a list of times has %d bytes", len(b))
	}
	var times []time.Time
	for ; len(b) > 0; b = b[8:] {
		times = append(times, Time(int64(binary.BigEndian.Uint64(b))))
	}
	return times, nil
}
