package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
)

// statement is prepared on every connection of the queue. Its first parameter is
// an array of the composite type.
type statement struct{ name, text, of string }

// commitStatements are what a commit consists of, in their order.
var commitStatements = [...]statement{
	stLockFeed, stHealth, stKeys, stEvents, stDeliveries, stHanded, stFirings, stUpdates, stAttempts,
}

var (
	stKeys = statement{"switchhook_keys", `INSERT INTO idempotency (account_id, key, hash, refs, expires_at)
		SELECT * FROM unnest($1::new_key[])`, "new_key"}

	stEvents = statement{"switchhook_events", `INSERT INTO events (id, account_id, uid, type, payload, channels, tags,
			attributes, created_at, deliver_at, payload_expires)
		SELECT * FROM unnest($1::new_event[])`, "new_event"}

	// What a node would hold fresh that was declared dead meanwhile goes to the
	// backlog: nobody would look for it any more. The node's row is locked
	// until the commit, so that Reclaim comes either before or after.
	stDeliveries = statement{"switchhook_deliveries", `INSERT INTO deliveries (event_id, n, account_id, endpoint_id,
			subscription_id, status, cause, attempts, not_before, due_at, node)
		SELECT event_id, n, account_id, endpoint_id, subscription_id, status, cause, attempts, not_before,
			CASE WHEN lost THEN $3::bigint WHEN last THEN (extract(epoch FROM clock_timestamp()) * 1000000)::bigint ELSE due_at END,
			CASE WHEN lost THEN 0 ELSE node END
		FROM (SELECT *, node <> 0 AND node <> ALL (ARRAY(
				SELECT number FROM nodes WHERE number = ANY ($2::bigint[]) FOR KEY SHARE)) AS lost
			FROM unnest($1::new_delivery[])) u`, "new_delivery"}

	stFirings = statement{"switchhook_firings", `INSERT INTO firings (created_at, id, event_type_id)
		SELECT * FROM unnest($1::new_firing[]) ON CONFLICT DO NOTHING`, "new_firing"}

	// A node that was taken for dead may still say that something was delivered, and
	// nothing else of what others hold by now.
	stUpdates = statement{"switchhook_updates", `UPDATE deliveries d SET status = u.status, attempts = u.attempts,
			due_at = u.due_at, not_before = u.not_before, node = u.node
		FROM unnest($1::changed_delivery[]) u
		WHERE d.event_id = u.event_id AND d.n = u.n AND d.status = 0
			AND (u.holder = 0 OR u.holder = d.node OR u.status = 1)`, "changed_delivery"}

	stAttempts = statement{"switchhook_attempts", `INSERT INTO attempts (event_id, id, n, number, account_id, endpoint_id,
			cause, url, started_at, next_at, result, status_code, detail, timeout, retry_after, latency,
			request_headers, response_headers, response_body, response_expunged, extra)
		SELECT * FROM unnest($1::new_attempt[]) ON CONFLICT DO NOTHING`, "new_attempt"}
)

// Commit makes intake and results durable in one transaction: one round trip, and
// one before it when there are keys or UIDs to look up. When another node takes
// one of them in between, all of it begins anew.
func (s *Store) Commit(ctx context.Context, b *store.Batch) error {
	return s.queue(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		admitted, err := decide(ctx, conn.Conn(), b.Intake)
		if err != nil {
			return err
		}
		pg := conn.Conn().PgConn()
		w := writer{pipeline: pg.StartPipeline(ctx), types: pg.CustomData()}
		w.health(b.Health)
		w.intake(admitted)
		w.results(b.Results, b.Returns)
		return w.finish()
	})
}

// decide finds out which intakes are to be stored.
func decide(ctx context.Context, conn *pgx.Conn, intake []*store.Intake) ([]*store.Intake, error) {
	keys, uids := store.Asked(intake)
	known := store.Known{}
	if len(keys) == 0 && len(uids) == 0 {
		return store.Decide(intake, &known), nil
	}
	// Keys come last: what is committed between the two questions must not look
	// like a UID that another request took.
	var ask pgx.Batch
	if len(uids) > 0 {
		askUIDs(&ask, uids, &known)
	}
	if len(keys) > 0 {
		askKeys(&ask, keys, &known)
	}
	if err := conn.SendBatch(ctx, &ask).Close(); err != nil {
		return nil, err
	}
	return store.Decide(intake, &known), nil
}

func askKeys(ask *pgx.Batch, keys []store.OnceKey, known *store.Known) {
	accounts, names := make([][16]byte, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		accounts[i], names[i] = k.AccountID, k.Key
	}
	ask.Queue(`SELECT i.account_id, i.key, i.hash, i.refs FROM unnest($1::uuid[], $2::text[]) AS u (account_id, key)
		JOIN idempotency i ON i.account_id = u.account_id AND i.key = u.key`, accounts, names).Query(func(rows pgx.Rows) error {
		known.Keys = make(map[store.OnceKey]store.OnceUse, len(keys))
		for rows.Next() {
			var k store.OnceKey
			var use store.OnceUse
			var hash, refs []byte
			if err := rows.Scan((*[16]byte)(&k.AccountID), &k.Key, &hash, &refs); err != nil {
				return err
			}
			copy(use.Hash[:], hash)
			var err error
			if use.Refs, err = sqlstore.SplitIDs(refs); err != nil {
				return err
			}
			known.Keys[k] = use
		}
		return rows.Err()
	})
}

func askUIDs(ask *pgx.Batch, uids []store.EventUID, known *store.Known) {
	accounts, names := make([][16]byte, len(uids)), make([]string, len(uids))
	for i, u := range uids {
		accounts[i], names[i] = u.AccountID, u.UID
	}
	ask.Queue(`SELECT e.account_id, e.uid FROM unnest($1::uuid[], $2::text[]) AS u (account_id, uid)
		JOIN events e ON e.account_id = u.account_id AND e.uid = u.uid`, accounts, names).Query(func(rows pgx.Rows) error {
		known.UIDs = make(map[store.EventUID]bool, len(uids))
		for rows.Next() {
			var u store.EventUID
			if err := rows.Scan((*[16]byte)(&u.AccountID), &u.UID); err != nil {
				return err
			}
			known.UIDs[u] = true
		}
		return rows.Err()
	})
}

// writer sends statements without waiting for their answers. Up to the next sync
// they are one transaction, which the sync commits.
type writer struct {
	pipeline *pgconn.Pipeline
	types    map[string]any // of each statement's rows, by its name: see prepareHot
	sent     []string
}

// rows makes rows for the statement.
func (w *writer) rows(st statement, columns, size int) *rows {
	return newRows(w.types[st.name].(uint32), columns, size)
}

var binaryFormat = []int16{1}

func (w *writer) send(st statement, params ...[]byte) {
	w.pipeline.SendQueryPrepared(st.name, params, binaryFormat, binaryFormat)
	w.sent = append(w.sent, st.name)
}

// finish commits what was sent. Any error means that nothing of it was.
func (w *writer) finish() (err error) {
	defer func() {
		if closed := w.pipeline.Close(); err == nil {
			err = closed
		}
	}()
	if len(w.sent) == 0 {
		return nil
	}
	if err := w.pipeline.Sync(); err != nil {
		return err
	}
	for _, name := range w.sent {
		got, err := w.pipeline.GetResults()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if r, ok := got.(*pgconn.ResultReader); ok {
			if _, err := r.Close(); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	_, err = w.pipeline.GetResults() // the sync's
	return err
}

// intake writes keys, events, deliveries and firings.
func (w *writer) intake(intake []*store.Intake) {
	var once, events, deliveries, firings, bytes int
	for _, in := range intake {
		if in.Once != nil {
			once++
		}
		events += len(in.Accepted)
		firings += len(in.Firings)
		for i := range in.Accepted {
			deliveries += len(in.Accepted[i].Deliveries)
			bytes += len(in.Accepted[i].Event.Payload)
		}
	}
	if once > 0 {
		w.keys(intake, once)
	}
	if events > 0 {
		w.events(intake, events, bytes)
	}
	if deliveries > 0 {
		w.deliveries(intake, deliveries)
		w.handed(intake)
	}
	if firings > 0 {
		w.firings(intake, firings)
	}
}
