package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// maxWazo bounds how many subscriptions are read of another server.
const maxWazo = 1_000_000

// WazoSubscriptions reads the subscriptions in the database of a wazo-webhookd, all at
// one moment, ordered by UUID. It changes nothing there. The error is a *webhook.Error
// where the address is wrong or the tables are not there.
func WazoSubscriptions(ctx context.Context, url webhook.Secret) ([]wazo.Document, error) {
	config, err := pgx.ParseConfig(url.Reveal())
	if err != nil {
		return nil, webhook.Errorf(webhook.CodeInvalid, "database", "%s", err) // pgx leaves the password out
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, webhook.Errorf(webhook.CodeInvalid, "database", "cannot be opened: %s", err)
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = conn.Close(end)
	}()
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	all, err := wazoRows(ctx, tx)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return nil, webhook.Errorf(webhook.CodeInvalid, "database", "is not that of a wazo-webhookd: %s", e.Message)
	}
	return all, err
}

// wazoPart is a table of what hangs on subscriptions: a name and a value each.
type wazoPart struct {
	query string
	add   func(d *wazo.Document, config map[string]string, name string, value *string)
}

func wazoParts() []wazoPart {
	return []wazoPart{
		{
			`SELECT subscription_uuid::text, event_name, NULL FROM webhookd_subscription_event ORDER BY event_name`,
			func(d *wazo.Document, _ map[string]string, name string, _ *string) { d.Events = append(d.Events, name) },
		},
		{
			`SELECT subscription_uuid::text, name, value FROM webhookd_subscription_option`,
			func(_ *wazo.Document, config map[string]string, name string, value *string) {
				if value != nil {
					config[name] = *value
				}
			},
		},
		{
			`SELECT subscription_uuid::text, key, value FROM webhookd_subscription_metadatum ORDER BY uuid`,
			func(d *wazo.Document, _ map[string]string, name string, value *string) { d.Metadata[name] = value },
		},
	}
}

// wazoRows reads the subscriptions, and then what hangs on them.
func wazoRows(ctx context.Context, tx pgx.Tx) ([]wazo.Document, error) {
	rows, err := tx.Query(ctx, `SELECT uuid::text, COALESCE(name, ''), COALESCE(service, ''), events_user_uuid::text,
		events_wazo_uuid::text, owner_user_uuid::text, owner_tenant_uuid::text FROM webhookd_subscription ORDER BY uuid::text LIMIT $1`, maxWazo)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (wazo.Document, error) {
		d := wazo.Document{Events: []string{}, Metadata: map[string]*string{}}
		return d, row.Scan(&d.UUID, &d.Name, &d.Service, &d.EventsUserUUID, &d.EventsWazoUUID, &d.OwnerUserUUID, &d.OwnerTenantUUID)
	})
	if err != nil {
		return nil, err
	}
	place := make(map[string]int, len(all))
	configs := make([]map[string]string, len(all))
	for i := range all {
		place[all[i].UUID], configs[i] = i, map[string]string{}
	}
	for _, part := range wazoParts() {
		rows, err := tx.Query(ctx, part.query)
		if err != nil {
			return nil, err
		}
		var uuid, name string
		var value *string
		if _, err := pgx.ForEachRow(rows, []any{&uuid, &name, &value}, func() error {
			if i, ok := place[uuid]; ok {
				part.add(&all[i], configs[i], name, value)
			}
			value = nil
			return nil
		}); err != nil {
			return nil, err
		}
	}
	for i := range all {
		if all[i].Config, err = json.Marshal(configs[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}
