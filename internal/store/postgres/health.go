package postgres

import (
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
)

var (
	// stLockFeed takes the lock of the change feed when something will show
	// there: before everything else, as all others do.
	stLockFeed = statement{"switchhook_lock_feed", `SELECT value FROM counters WHERE name = 'changes' AND EXISTS (
		SELECT 1 FROM unnest($1::changed_health[]) u JOIN endpoint_health h ON h.endpoint_id = u.endpoint_id AND h.generation = u.generation
		WHERE u.disable OR h.closed <> u.closed) FOR UPDATE`, "changed_health"}

	// stHealth does what applyHealth of store/sqlite does, in one statement for all.
	stHealth = statement{"switchhook_health", `WITH written AS (
			UPDATE endpoint_health h SET failures_in_row = u.failures_in_row, failing_since = u.failing_since,
				last_success_at = u.last_success_at, last_failure_at = u.last_failure_at,
				recent_failures = u.recent_failures, closed = u.closed
			FROM unnest($1::changed_health[]) u JOIN endpoint_health was ON was.endpoint_id = u.endpoint_id
			WHERE h.endpoint_id = u.endpoint_id AND h.generation = u.generation
			RETURNING u.endpoint_id, u.disable, u.reason, u.at, was.closed <> u.closed AS turned
		), shown AS (
			SELECT endpoint_id, at, row_number() OVER () AS place FROM written WHERE disable OR turned
		), disabled AS (
			UPDATE endpoints e SET enabled = FALSE, disabled_reason = w.reason, disabled_at = w.at,
				updated_at = w.at, version = e.version + 1
			FROM written w WHERE w.disable AND e.id = w.endpoint_id AND e.enabled AND e.deleted_at = 0
		), raised AS (
			UPDATE counters SET value = value + (SELECT count(*) FROM shown)
			WHERE name = 'changes' AND EXISTS (SELECT 1 FROM shown)
			RETURNING value - (SELECT count(*) FROM shown) AS base
		)
		INSERT INTO changes (version, kind, id, at)
		SELECT r.base + s.place, 2, s.endpoint_id, s.at FROM shown s CROSS JOIN raised r`, "changed_health"}
)

// health writes health and disables endpoints. It comes before all else, for it
// may take the feed's lock.
func (w *writer) health(changes []store.HealthChange) {
	if len(changes) == 0 {
		return
	}
	r := w.rows(stHealth, 11, 240*len(changes))
	for _, ch := range folded(changes) {
		h := &ch.Health
		r.next()
		r.id(&h.EndpointID)
		r.int64(int64(h.FailuresInRow))
		r.int64(sqlstore.Micros(h.FailingSince))
		r.int64(sqlstore.Micros(h.LastSuccessAt))
		r.int64(sqlstore.Micros(h.LastFailureAt))
		recent, _ := sqlstore.JoinTimes(h.RecentFailures).([]byte)
		r.bytes(recent)
		r.bool(h.Closed)
		r.int64(h.Generation)
		r.bool(ch.Disable)
		r.text(ch.Reason)
		r.int64(sqlstore.Micros(ch.At))
	}
	p := r.param()
	w.send(stLockFeed, p)
	w.send(stHealth, p)
}

// folded leaves one change of each endpoint and generation: the last health, and
// the last wish to disable if there was one.
func folded(changes []store.HealthChange) []store.HealthChange {
	type key struct {
		endpoint   id.ID
		generation int64
	}
	place := make(map[key]int, len(changes))
	one := make([]store.HealthChange, 0, len(changes))
	for _, ch := range changes {
		k := key{ch.Health.EndpointID, ch.Health.Generation}
		i, ok := place[k]
		if !ok {
			place[k] = len(one)
			one = append(one, ch)
			continue
		}
		if !ch.Disable && one[i].Disable {
			ch.Disable, ch.Reason, ch.At = true, one[i].Reason, one[i].At
		}
		one[i] = ch
	}
	return one
}
