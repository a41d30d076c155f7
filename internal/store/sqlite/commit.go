package sqlite

import (
	"context"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/sqlstore"
	"github.com/switchhook/switchhook/internal/webhook"
)

// statements are those of the hot path.
type statements struct {
	events, deliveries, attempts, keys, firings *bulk // inserts
	askKeys, askUIDs                            *bulk
}

// newStatements spells them. With OR FAIL a statement keeps no journal to be
// undone alone: when one fails, the transaction is undone. An attempt or a
// firing that was stored before is left out.
func newStatements() *statements {
	return &statements{
		events: newBulk(`INSERT OR FAIL INTO events (id, account_id, uid, type, payload, channels, tags, attributes,
			created_at, deliver_at, payload_expires) VALUES `, 11, ""),
		deliveries: newBulk(`INSERT OR FAIL INTO deliveries (event_id, n, account_id, endpoint_id, subscription_id,
			status, cause, attempts, due_at, not_before, node) VALUES `, 11, ""),
		attempts: newBulk(`INSERT OR IGNORE INTO attempts (event_id, id, n, number, account_id, endpoint_id, cause, url,
			started_at, next_at, result, status_code, detail, timeout, retry_after, latency,
			request_headers, response_headers, response_body, response_expunged, extra) VALUES `, 21, ""),
		keys:    newBulk(`INSERT OR FAIL INTO idempotency (account_id, key, hash, refs, expires_at) VALUES `, 5, ""),
		firings: newBulk(`INSERT OR IGNORE INTO firings (created_at, id, event_type_id) VALUES `, 3, ""),
		askKeys: newBulk(`SELECT account_id, key, hash, refs FROM idempotency
			WHERE (account_id, key) IN (VALUES `, 2, ")"),
		askUIDs: newBulk(`SELECT account_id, uid FROM events
			WHERE uid IS NOT NULL AND (account_id, uid) IN (VALUES `, 2, ")"),
	}
}

// Commit makes intake and results durable in one transaction.
func (s *Store) Commit(ctx context.Context, b *store.Batch) error {
	return s.writeConn(ctx, func(c *conn) error {
		admitted, err := s.decide(c, b.Intake)
		if err != nil {
			return err
		}
		if err := s.insertIntake(c, admitted); err != nil {
			return err
		}
		if err := s.applyResults(c, b.Results); err != nil {
			return err
		}
		if err := s.applyReturns(c, b.Returns); err != nil {
			return err
		}
		return applyHealth(c, b.Health)
	})
}

// decide finds out which intakes are to be stored.
func (s *Store) decide(c *conn, intake []*store.Intake) ([]*store.Intake, error) {
	keys, uids := store.Asked(intake)
	var known store.Known
	if len(keys) > 0 {
		known.Keys = make(map[store.OnceKey]store.OnceUse, len(keys))
	}
	if len(uids) > 0 {
		known.UIDs = make(map[store.EventUID]bool, len(uids))
	}
	err := s.hot.askKeys.each(c, len(keys), func(st *stmt, i int) {
		st.id(&keys[i].AccountID)
		st.text(keys[i].Key)
	}, func(st *stmt) error { return readKeys(st, known.Keys) })
	if err != nil {
		return nil, err
	}
	err = s.hot.askUIDs.each(c, len(uids), func(st *stmt, i int) {
		st.id(&uids[i].AccountID)
		st.text(uids[i].UID)
	}, func(st *stmt) error { return readUIDs(st, known.UIDs) })
	if err != nil {
		return nil, err
	}
	return store.Decide(intake, &known), nil
}

func readKeys(st *stmt, into map[store.OnceKey]store.OnceUse) error {
	r, err := st.query(context.Background())
	if err != nil {
		return err
	}
	defer r.Close()
	for r.Next() {
		var account, hash, refs []byte
		var k store.OnceKey
		var u store.OnceUse
		if err := r.Scan(&account, &k.Key, &hash, &refs); err != nil {
			return err
		}
		if k.AccountID, err = sqlstore.ReadID(account); err != nil {
			return err
		}
		if u.Refs, err = sqlstore.SplitIDs(refs); err != nil {
			return err
		}
		copy(u.Hash[:], hash)
		into[k] = u
	}
	return r.Err()
}

func readUIDs(st *stmt, into map[store.EventUID]bool) error {
	r, err := st.query(context.Background())
	if err != nil {
		return err
	}
	defer r.Close()
	for r.Next() {
		var account []byte
		var u store.EventUID
		if err := r.Scan(&account, &u.UID); err != nil {
			return err
		}
		if u.AccountID, err = sqlstore.ReadID(account); err != nil {
			return err
		}
		into[u] = true
	}
	return r.Err()
}

// insertIntake writes keys, events, deliveries and firings.
func (s *Store) insertIntake(c *conn, intake []*store.Intake) error {
	var once []*store.Intake
	var events []*webhook.Event
	var deliveries []*webhook.Delivery
	var firings []*store.Firing
	for _, in := range intake {
		if in.Once != nil {
			once = append(once, in)
		}
		for i := range in.Accepted {
			a := &in.Accepted[i]
			events = append(events, &a.Event)
			for n := range a.Deliveries {
				deliveries = append(deliveries, &a.Deliveries[n])
			}
		}
		for i := range in.Firings {
			firings = append(firings, &in.Firings[i])
		}
	}
	err := s.hot.keys.insert(c, len(once), func(st *stmt, i int) {
		o := once[i].Once
		st.id(&o.AccountID)
		st.text(o.Key)
		st.blob(o.Hash[:])
		st.blob(sqlstore.JoinIDs(store.EventIDs(once[i].Accepted)))
		st.int(sqlstore.Micros(o.Expires))
	})
	if err != nil {
		return err
	}
	if err := s.hot.events.insert(c, len(events), func(st *stmt, i int) { bindEvent(st, events[i]) }); err != nil {
		return err
	}
	err = s.hot.deliveries.insert(c, len(deliveries), func(st *stmt, i int) { bindDelivery(st, deliveries[i]) })
	if err != nil {
		return err
	}
	return s.hot.firings.insert(c, len(firings), func(st *stmt, i int) { bindFiring(st, firings[i]) })
}

func bindFiring(st *stmt, f *store.Firing) {
	st.int(sqlstore.Micros(f.At))
	st.id(&f.ID)
	st.id(&f.EventTypeID)
}

func bindEvent(st *stmt, e *webhook.Event) {
	st.id(&e.ID)
	st.id(&e.AccountID)
	if e.UID == "" {
		st.null()
	} else {
		st.text(e.UID)
	}
	st.text(e.Type)
	st.blob(e.Payload)
	st.orNull(sqlstore.Texts(e.Channels))
	st.orNull(sqlstore.Texts(e.Tags))
	st.orNull(sqlstore.TextMap(e.Attributes))
	st.stamp(e.CreatedAt, e.ID)
	st.time(e.DeliverAt)
	st.time(e.PayloadExpires)
}

func bindDelivery(st *stmt, d *webhook.Delivery) {
	st.id(&d.Event)
	st.int(int64(d.N))
	st.id(&d.AccountID)
	st.id(&d.EndpointID)
	st.id(&d.SubscriptionID)
	st.int(int64(d.Status))
	st.int(int64(d.Trigger))
	st.int(int64(d.Attempts))
	st.time(d.DueAt)
	st.time(d.NotBefore)
	st.int(d.Node)
}

// applyResults updates deliveries that are still pending and adds the attempts.
func (s *Store) applyResults(c *conn, results []store.Result) error {
	made := make([]*webhook.Attempt, 0, len(results))
	for i := range results {
		d, a := &results[i].Delivery, &results[i].Attempt
		kept, err := updateDelivery(c, d, results[i].Holder)
		if err == nil && !kept && !a.ID.IsZero() {
			kept, err = isKept(c, d)
		}
		if err != nil {
			return err
		}
		if kept && !a.ID.IsZero() {
			made = append(made, a)
		}
	}
	return s.hot.attempts.insert(c, len(made), func(st *stmt, i int) { bindAttempt(st, made[i]) })
}

// updateDelivery writes what an attempt has changed, if the delivery is still
// pending and with its holder, or was delivered.
func updateDelivery(c *conn, d *webhook.Delivery, holder int64) (bool, error) {
	st, err := c.prepare(`UPDATE deliveries SET status = ?1, attempts = ?2, due_at = ?3, not_before = ?4, node = ?5
		WHERE event_id = ?6 AND n = ?7 AND status = 0 AND (?8 IN (0, node) OR ?1 = 1)`)
	if err != nil {
		return false, err
	}
	st.clear()
	st.int(int64(d.Status))
	st.int(int64(d.Attempts))
	st.time(d.DueAt)
	st.time(d.NotBefore)
	st.int(d.Node)
	st.id(&d.Event)
	st.int(int64(d.N))
	st.int(holder)
	n, err := st.exec()
	return n > 0, err
}

// isKept says whether a delivery is there, whatever its status: an attempt of an
// event that was deleted would stay for ever.
func isKept(c *conn, d *webhook.Delivery) (bool, error) {
	r, err := c.Query(context.Background(), `SELECT 1 FROM deliveries WHERE event_id = $1 AND n = $2`, d.Event[:], int64(d.N))
	if err != nil {
		return false, err
	}
	defer r.Close()
	return r.Next(), r.Err()
}

func bindAttempt(st *stmt, a *webhook.Attempt) {
	o := &a.Outcome
	st.id(&a.Delivery.Event)
	st.id(&a.ID)
	st.int(int64(a.Delivery.N))
	st.int(int64(a.Number))
	st.id(&a.AccountID)
	st.id(&a.EndpointID)
	st.int(int64(a.Trigger))
	st.text(a.URL)
	st.stamp(a.StartedAt, a.ID)
	st.time(a.NextAt)
	st.int(int64(o.Result))
	st.int(int64(o.StatusCode))
	if o.Detail == "" {
		st.null()
	} else {
		st.text(o.Detail)
	}
	st.bool(o.Timeout)
	st.int(o.RetryAfter.Microseconds())
	st.int(o.Latency.Microseconds())
	st.blob(o.RequestHeaders)
	st.blob(o.ResponseHeaders)
	st.blob(o.ResponseBody)
	st.bool(o.ResponseExpunged)
	st.blob(o.Extra)
}

// applyReturns puts deliveries back into the backlog.
func (s *Store) applyReturns(c *conn, returns []webhook.Delivery) error {
	for i := range returns {
		d := &returns[i]
		st, err := c.prepare(`UPDATE deliveries SET due_at = ?1, not_before = ?2, node = 0
			WHERE event_id = ?3 AND n = ?4 AND status = 0 AND ?5 IN (0, node)`)
		if err != nil {
			return err
		}
		st.clear()
		st.time(d.DueAt)
		st.time(d.NotBefore)
		st.id(&d.Event)
		st.int(int64(d.N))
		st.int(d.Node)
		if _, err := st.exec(); err != nil {
			return err
		}
	}
	return nil
}
