package sqlstore

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// EventColumns lists the columns that an EventRow reads, of the table events
// under the name alias. Without payload they give none.
func EventColumns(alias string, payload bool) string {
	body := "NULL"
	if payload {
		body = alias + ".payload"
	}
	return strings.NewReplacer("@", alias+".", "#", body).Replace(
		`@id, @account_id, @uid, @type, #, @channels, @tags, @attributes,
		COALESCE(@created_at, 0), COALESCE(@deliver_at, 0), COALESCE(@payload_expires, 0), @payload_deleted`)
}

// EventRow is a row of EventColumns. It may be used for one row after the other.
type EventRow struct {
	id, account, uid, payload   []byte
	channels, tags, attributes  []byte
	created, deliverAt, expires int64
	kind                        string
	deleted                     bool
}

// Dest returns where to scan the columns.
func (r *EventRow) Dest() []any {
	return []any{
		&r.id, &r.account, &r.uid, &r.kind, &r.payload, &r.channels, &r.tags, &r.attributes,
		&r.created, &r.deliverAt, &r.expires, &r.deleted,
	}
}

// Event returns the event that was scanned.
func (r *EventRow) Event() (e webhook.Event, err error) {
	if e.ID, err = ReadID(r.id); err != nil {
		return e, err
	}
	if e.AccountID, err = ReadID(r.account); err != nil {
		return e, err
	}
	for _, part := range []struct {
		text []byte
		into any
	}{{r.channels, &e.Channels}, {r.tags, &e.Tags}, {r.attributes, &e.Attributes}} {
		if err = readDoc(part.text, part.into); err != nil {
			return e, err
		}
	}
	e.UID, e.Type, e.Payload = string(r.uid), r.kind, r.payload
	e.CreatedAt, e.DeliverAt = stampedTime(r.created, e.ID), Time(r.deliverAt)
	e.PayloadExpires, e.PayloadDeleted = Time(r.expires), r.deleted
	return e, nil
}

func scanEvent(rows Rows) (webhook.Event, error) {
	var r EventRow
	if err := rows.Scan(r.Dest()...); err != nil {
		return webhook.Event{}, err
	}
	return r.Event()
}

// Event returns an event with its payload.
func (c *Core) Event(ctx context.Context, account, event id.ID) (webhook.Event, error) {
	return one(ctx, c.Reads, "event", scanEvent,
		`SELECT `+EventColumns("e", true)+` FROM events e WHERE e.id = $1 AND e.account_id = $2`, event[:], account[:])
}

// EventByUID returns the event of an account that has the uid, with its payload.
func (c *Core) EventByUID(ctx context.Context, account id.ID, uid string) (webhook.Event, error) {
	return one(ctx, c.Reads, "event", scanEvent,
		`SELECT `+EventColumns("e", true)+` FROM events e WHERE e.account_id = $1 AND e.uid = $2`, account[:], uid)
}

// Events lists the events of an account.
func (c *Core) Events(ctx context.Context, q store.EventQuery) (webhook.Slice[webhook.Event], error) {
	return c.eventPager(q, func(*query) {}).read(ctx, c.Reads, q.Page)
}

// eventPager reads the events that a query selects and that meet further conditions.
func (c *Core) eventPager(q store.EventQuery, further func(*query)) *pager[webhook.Event] {
	r := &pager[webhook.Event]{
		base: func() *query {
			s := newQuery(`SELECT `+EventColumns("e", q.Payload)+` FROM events e WHERE e.account_id = ?`, q.AccountID[:])
			within(s, "e.id", q.After, q.Before)
			c.ofEvent(s, q.Types, q.Channel, q.Tag)
			further(s)
			return s
		},
		column: "e.id", scan: scanEvent, id: func(e *webhook.Event) id.ID { return e.ID },
	}
	r.rare = q.Channel != "" || q.Tag != ""
	r.keep = func(e *webhook.Event) bool {
		return between(e.CreatedAt, q.After, q.Before) && marked(e.Channels, q.Channel) && marked(e.Tags, q.Tag)
	}
	return r
}

// within adds that an id was made at after or later, and before before, where they
// are set. It lets a microsecond too much through: between has the last word.
func within(q *query, column string, after, before time.Time) {
	if !after.IsZero() {
		first := id.From(after)
		q.add(" AND "+column+" >= ?", first[:])
	}
	if !before.IsZero() {
		end := id.Since(before)
		q.add(" AND "+column+" < ?", end[:])
	}
}

func between(t, after, before time.Time) bool {
	return (after.IsZero() || !t.Before(after)) && (before.IsZero() || t.Before(before))
}

// ofEvent adds conditions on an event e, where they are set. Those on channel
// and tag let too much through: marked has the last word.
func (c *Core) ofEvent(q *query, types []string, channel, tag string) {
	if len(types) > 0 {
		q.add(" AND ").in("e.type", textArgs(types))
	}
	if channel != "" {
		q.add(" AND "+c.Dialect.Contains+"(e.channels, ?) > 0", quoted(channel))
	}
	if tag != "" {
		q.add(" AND "+c.Dialect.Contains+"(e.tags, ?) > 0", quoted(tag))
	}
}

// quoted is how a text looks in a list of Texts.
func quoted(text string) string {
	list := Texts([]string{text}).(string)
	return list[1 : len(list)-1]
}

func marked(list []string, want string) bool {
	return want == "" || slices.Contains(list, want)
}

// DeliveryColumns lists the columns that a DeliveryRow reads, of the table
// deliveries under the name alias.
func DeliveryColumns(alias string) string {
	return strings.ReplaceAll(`@event_id, @n, @account_id, @endpoint_id, @subscription_id, @status, @cause, @attempts,
		COALESCE(@due_at, 0), COALESCE(@not_before, 0), @node`, "@", alias+".")
}

// DeliveryRow is a row of DeliveryColumns. It may be used for one row after the other.
type DeliveryRow struct {
	event, account, endpoint, subscription     []byte
	n, status, cause, attempts, due, notBefore int64
	node                                       int64
}

// Dest returns where to scan the columns.
func (r *DeliveryRow) Dest() []any {
	return []any{
		&r.event, &r.n, &r.account, &r.endpoint, &r.subscription, &r.status, &r.cause, &r.attempts,
		&r.due, &r.notBefore, &r.node,
	}
}

// Delivery returns the delivery that was scanned.
func (r *DeliveryRow) Delivery() (d webhook.Delivery, err error) {
	for _, part := range []struct {
		bytes []byte
		into  *id.ID
	}{{r.event, &d.Event}, {r.account, &d.AccountID}, {r.endpoint, &d.EndpointID}, {r.subscription, &d.SubscriptionID}} {
		if *part.into, err = ReadID(part.bytes); err != nil {
			return d, err
		}
	}
	d.N, d.Attempts, d.Node = int32(r.n), int32(r.attempts), r.node
	d.Status, d.Trigger = webhook.Status(r.status), webhook.Trigger(r.cause)
	d.DueAt, d.NotBefore = Time(r.due), Time(r.notBefore)
	return d, nil
}

func scanDelivery(rows Rows) (webhook.Delivery, error) {
	var r DeliveryRow
	if err := rows.Scan(r.Dest()...); err != nil {
		return webhook.Delivery{}, err
	}
	return r.Delivery()
}

// Deliveries returns those of an event, in the order in which they were made.
func (c *Core) Deliveries(ctx context.Context, event id.ID) ([]webhook.Delivery, error) {
	return all(ctx, c.Reads, scanDelivery,
		`SELECT `+DeliveryColumns("d")+` FROM deliveries d WHERE d.event_id = $1 ORDER BY d.n`, event[:])
}

// EndpointEvents lists the events of an account that were to be delivered to an
// endpoint. It walks the account's events, for no index knows an endpoint's.
func (c *Core) EndpointEvents(ctx context.Context, endpoint id.ID, q store.EventQuery) (webhook.Slice[store.EventDelivery], error) {
	events, err := c.eventPager(q, func(s *query) {
		s.add(` AND EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = e.id AND d.endpoint_id = ?)`, endpoint[:])
	}).read(ctx, c.Reads, q.Page)
	if err != nil {
		return webhook.Slice[store.EventDelivery]{}, err
	}
	got := webhook.Slice[store.EventDelivery]{Done: events.Done}
	newest, err := c.newestDeliveries(ctx, endpoint, events.Items)
	if err != nil {
		return got, err
	}
	for _, e := range events.Items {
		got.Items = append(got.Items, store.EventDelivery{Event: e, Delivery: newest[e.ID]})
	}
	return got, nil
}

func (c *Core) newestDeliveries(ctx context.Context, endpoint id.ID, events []webhook.Event) (map[id.ID]webhook.Delivery, error) {
	newest := make(map[id.ID]webhook.Delivery, len(events))
	for part := range slices.Chunk(events, chunk) {
		ids := make([]any, len(part))
		for i := range part {
			ids[i] = part[i].ID[:]
		}
		q := newQuery(`SELECT `+DeliveryColumns("d")+` FROM deliveries d WHERE d.endpoint_id = ? AND `, endpoint[:]).
			in("d.event_id", ids).add(" ORDER BY d.event_id, d.n")
		list, err := all(ctx, c.Reads, scanDelivery, q.String(), q.args...)
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			newest[d.Event] = d
		}
	}
	return newest, nil
}
