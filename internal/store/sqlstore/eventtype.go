package sqlstore

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// eventTypeDoc is the part of an event type that nothing selects by.
type eventTypeDoc struct {
	Description string `json:"description,omitempty"`
	Schemas     raw    `json:"schemas,omitempty"`
	Validate    bool   `json:"validate,omitempty"`
	FeatureFlag string `json:"feature_flag,omitempty"`
	Archived    bool   `json:"archived,omitempty"`
	Deprecated  bool   `json:"deprecated,omitempty"`
	Payload     raw    `json:"payload,omitempty"`
	Annotations rawMap `json:"annotations,omitempty"`
}

const eventTypeColumns = `id, account_id, name, doc, created_at, updated_at`

func scanEventType(rows Rows) (t webhook.EventType, err error) {
	var self, account, doc []byte
	var created, updated int64
	if err = rows.Scan(&self, &account, &t.Name, &doc, &created, &updated); err != nil {
		return t, err
	}
	if t.ID, err = ReadID(self); err != nil {
		return t, err
	}
	if t.AccountID, err = ReadID(account); err != nil {
		return t, err
	}
	var d eventTypeDoc
	if err = readDoc(doc, &d); err != nil {
		return t, err
	}
	t.Description, t.Schemas, t.Validate, t.FeatureFlag = d.Description, d.Schemas.message(), d.Validate, d.FeatureFlag
	t.Archived, t.Deprecated, t.Payload = d.Archived, d.Deprecated, d.Payload.message()
	t.Annotations, t.CreatedAt, t.UpdatedAt = d.Annotations.annotations(), Time(created), Time(updated)
	return t, nil
}

func eventTypeValues(t *webhook.EventType) string {
	return writeDoc(eventTypeDoc{
		t.Description, raw(t.Schemas), t.Validate, t.FeatureFlag,
		t.Archived, t.Deprecated, raw(t.Payload), rawMapOf(t.Annotations),
	})
}

// CreateEventType stores an event type.
func (c *Core) CreateEventType(ctx context.Context, t *webhook.EventType, once *store.Once) error {
	return c.edit(ctx, func(tx Tx) error {
		if over, err := settle(ctx, tx, once); over || err != nil {
			return err
		}
		if err := eventTypeNameFree(ctx, tx, t); err != nil {
			return err
		}
		if err := insertEventType(ctx, tx, t); err != nil {
			return err
		}
		if err := remember(ctx, tx, once, t.ID); err != nil {
			return err
		}
		return Announce(ctx, tx, store.EventTypeChanged, t.AccountID, t.CreatedAt)
	})
}

func insertEventType(ctx context.Context, tx Tx, t *webhook.EventType) error {
	_, err := tx.Exec(ctx, `INSERT INTO event_types (`+eventTypeColumns+`, fixed) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		t.ID[:], t.AccountID[:], t.Name, eventTypeValues(t), Micros(t.CreatedAt), Micros(t.UpdatedAt), t.Payload != nil)
	return err
}

func eventTypeNameFree(ctx context.Context, tx Tx, t *webhook.EventType) error {
	taken, err := exists(ctx, tx, `SELECT 1 FROM event_types WHERE account_id = $1 AND name = $2 AND id <> $3`,
		t.AccountID[:], t.Name, t.ID[:])
	if err != nil || !taken {
		return err
	}
	return webhook.Errorf(webhook.CodeConflict, "name", "another event type has this name")
}

// EventType returns the event type of an account that has the name.
func (c *Core) EventType(ctx context.Context, account id.ID, name string) (webhook.EventType, error) {
	return one(ctx, c.Reads, "event type", scanEventType,
		`SELECT `+eventTypeColumns+` FROM event_types WHERE account_id = $1 AND name = $2`, account[:], name)
}

// EventTypes lists those of an account.
func (c *Core) EventTypes(ctx context.Context, account id.ID, p webhook.Page) (webhook.Slice[webhook.EventType], error) {
	r := pager[webhook.EventType]{
		base: func() *query {
			return newQuery(`SELECT `+eventTypeColumns+` FROM event_types WHERE account_id = ?`, account[:])
		},
		column: "id", scan: scanEventType, id: func(t *webhook.EventType) id.ID { return t.ID },
	}
	return r.read(ctx, c.Reads, p)
}

func eventTypeByID(ctx context.Context, tx Tx, eventType id.ID) (webhook.EventType, error) {
	return one(ctx, tx, "event type", scanEventType,
		`SELECT `+eventTypeColumns+` FROM event_types WHERE id = $1`, eventType[:])
}

// UpdateEventType lets change edit an event type. ID, AccountID and CreatedAt stay.
func (c *Core) UpdateEventType(ctx context.Context, eventType id.ID, change func(*webhook.EventType) error) (webhook.EventType, error) {
	var t webhook.EventType
	err := c.edit(ctx, func(tx Tx) (err error) {
		if t, err = eventTypeByID(ctx, tx, eventType); err != nil {
			return err
		}
		was := t
		if err := change(&t); err != nil {
			return err
		}
		t.ID, t.AccountID, t.CreatedAt = was.ID, was.AccountID, was.CreatedAt
		if err := eventTypeNameFree(ctx, tx, &t); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE event_types SET name = $1, doc = $2, updated_at = $3, fixed = $4 WHERE id = $5`,
			t.Name, eventTypeValues(&t), Micros(t.UpdatedAt), t.Payload != nil, t.ID[:])
		if err != nil {
			return err
		}
		return Announce(ctx, tx, store.EventTypeChanged, t.AccountID, t.UpdatedAt)
	})
	if err != nil {
		return webhook.EventType{}, err
	}
	return t, nil
}

// DeleteEventType removes an event type for good, with the subscriptions that are for it.
func (c *Core) DeleteEventType(ctx context.Context, eventType id.ID) error {
	var left []doomed
	err := c.edit(ctx, func(tx Tx) error {
		t, err := eventTypeByID(ctx, tx, eventType)
		if err != nil {
			return err
		}
		now := time.Now()
		if left, err = dropRegistered(ctx, tx, now, `event_type_id = $1`, eventType[:]); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM event_types WHERE id = $1`, eventType[:]); err != nil {
			return err
		}
		return Announce(ctx, tx, store.EventTypeChanged, t.AccountID, now)
	})
	if err != nil {
		return err
	}
	return c.cancelRest(ctx, left)
}
