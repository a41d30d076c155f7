package control

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// CreateEventType stores a type in the catalogue of t.AccountID. The caller sets
// everything but the times, and the id if it has to look like something. Schemas is an object of version to JSON
// Schema; Validate needs it. created is false when an earlier call with the same
// once made it. A name that the account has is CodeConflict with Field "name".
func (c *Control) CreateEventType(ctx context.Context, t webhook.EventType, once *Once) (made *webhook.EventType, created bool, err error) {
	if err := c.checkEventType(&t); err != nil {
		return nil, false, err
	}
	if _, err := c.directory.Account(ctx, t.AccountID); err != nil {
		return nil, false, fmt.Errorf("find account: %w", err)
	}
	if once, err = c.prepared(once, t.AccountID); err != nil {
		return nil, false, err
	}
	now := c.now()
	if t.ID.IsZero() {
		t.ID = c.ids.New()
	}
	t.CreatedAt, t.UpdatedAt = now, now
	if err := c.store.CreateEventType(ctx, &t, once); err != nil {
		return nil, false, fmt.Errorf("create event type: %w", err)
	}
	if once != nil && once.Replayed {
		first, err := c.FindEventType(ctx, t.AccountID, t.Name) // the hash covers the name
		return first, false, err
	}
	c.seen(ctx)
	return &t, true, nil
}

// FindEventType returns a type of an account's catalogue, archived or not.
func (c *Control) FindEventType(ctx context.Context, account id.ID, name string) (*webhook.EventType, error) {
	t, err := c.store.EventType(ctx, account, name)
	if err != nil {
		return nil, fmt.Errorf("find event type: %w", err)
	}
	return &t, nil
}

// EventTypes lists the types of an account's catalogue, ordered by id, archived ones too.
func (c *Control) EventTypes(ctx context.Context, account id.ID, p webhook.Page) (webhook.Slice[webhook.EventType], error) {
	s, err := c.store.EventTypes(ctx, account, p)
	if err != nil {
		return s, fmt.Errorf("list event types: %w", err)
	}
	return s, nil
}

// UpdateEventType lets change edit a type, found by its ID. change may be called
// more than once.
func (c *Control) UpdateEventType(ctx context.Context, eventType id.ID, change func(*webhook.EventType) error) (*webhook.EventType, error) {
	t, err := c.store.UpdateEventType(ctx, eventType, func(t *webhook.EventType) error {
		was := *t
		t.Annotations = maps.Clone(t.Annotations)
		if err := change(t); err != nil {
			return err
		}
		t.ID, t.AccountID, t.CreatedAt, t.UpdatedAt = was.ID, was.AccountID, was.CreatedAt, c.now()
		return c.checkEventType(t)
	})
	if err != nil {
		return nil, fmt.Errorf("update event type: %w", err)
	}
	c.seen(ctx)
	return &t, nil
}

// ArchiveEventType takes a type out of use; its name stays taken.
func (c *Control) ArchiveEventType(ctx context.Context, eventType id.ID) error {
	_, err := c.UpdateEventType(ctx, eventType, func(t *webhook.EventType) error {
		t.Archived = true
		return nil
	})
	return err
}

// DeleteEventType removes a type for good and frees its name. Filters that name it
// stay as they are.
func (c *Control) DeleteEventType(ctx context.Context, eventType id.ID) error {
	if err := c.store.DeleteEventType(ctx, eventType); err != nil {
		return fmt.Errorf("delete event type: %w", err)
	}
	c.seen(ctx)
	return nil
}

// checkEventType is as liberal with names as filters are; what an API allows in
// them is that API's to say. A name with a "*" would be a prefix in a filter.
func (c *Control) checkEventType(t *webhook.EventType) error {
	if err := checkName("name", t.Name); err != nil {
		return err
	}
	if len(t.Name) > maxName {
		return invalid("name", "must have at most %d bytes", maxName)
	}
	if err := checkProse("description", t.Description, maxDescription); err != nil {
		return err
	}
	if err := checkText("featureFlag", t.FeatureFlag, maxName); err != nil {
		return err
	}
	for _, part := range []struct {
		field string
		text  []byte
	}{{"schemas", t.Schemas}, {"payload", t.Payload}} {
		if len(part.text) > c.limits.SchemaBytes {
			return webhook.Errorf(webhook.CodeTooLarge, part.field, "must have at most %d bytes, not %d", c.limits.SchemaBytes, len(part.text))
		}
	}
	if t.Payload != nil && !json.Valid(t.Payload) {
		return invalid("payload", "must be JSON")
	}
	if t.Schemas == nil {
		if t.Validate {
			return invalid("schemas", "must be there, as payloads are to be checked")
		}
		return c.checkAnnotations(t.Annotations)
	}
	if _, err := directory.ParseSchemas(t.Schemas); err != nil {
		return invalid("schemas", "%v", err)
	}
	return c.checkAnnotations(t.Annotations)
}
