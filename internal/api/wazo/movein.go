package wazo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	dialect "github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Original reads the subscriptions of a wazo-webhookd from its database. The error is
// a *webhook.Error where the address or what is there is wrong.
type Original func(ctx context.Context, url webhook.Secret) ([]dialect.Document, error)

// moveIn takes over the subscriptions of a wazo-webhookd, all of them or none. Those
// that are there, or were, are left as they are.
func (a *API) moveIn(r *http.Request) (any, error) {
	var in struct {
		Database webhook.Secret `json:"database"`
		// Master is the master tenant of the original, where it is not ours.
		Master string `json:"master_tenant"`
	}
	if err := a.input(r, &in); err != nil {
		return nil, err
	}
	url := in.Database.Reveal()
	if !strings.HasPrefix(url, "postgresql://") && !strings.HasPrefix(url, "postgres://") {
		return nil, invalid("database", "must begin with postgresql://")
	}
	if a.Original == nil {
		return nil, errors.New("no reader of the original's database")
	}
	all, err := a.Original(r.Context(), in.Database)
	if err != nil {
		return nil, err
	}
	b, err := a.bundle(r.Context(), all, in.Master)
	if err != nil {
		return nil, err
	}
	did, err := a.Control.AddBundle(r.Context(), *b)
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range all {
		names = append(names, all[i].Events...)
	}
	slices.Sort(names)
	a.Follow(r.Context(), slices.Compact(names))
	return map[string]int{
		"subscriptions": did.Endpoints, "left_as_they_are": len(all) - did.Endpoints, "tenants": did.Accounts,
	}, nil
}

// bundle makes endpoints of subscriptions, and accounts of tenants that have none.
func (a *API) bundle(ctx context.Context, all []dialect.Document, theirMaster string) (*control.Bundle, error) {
	master, err := a.Tenants.Master(ctx)
	if errors.Is(err, ErrNoMaster) {
		return nil, webhook.Errorf(webhook.CodeUnavailable, "", "%s: is wazo-auth reachable, and the server running?", err)
	}
	if err != nil {
		return nil, err
	}
	m := movingIn{api: a, master: master, theirMaster: theirMaster, tenants: map[string]id.ID{}, bundle: &control.Bundle{}}
	for i := range all {
		if err := m.add(ctx, &all[i]); err != nil {
			return nil, fmt.Errorf("subscription %s: %w", all[i].UUID, err)
		}
	}
	return m.bundle, nil
}

// movingIn gathers a bundle.
type movingIn struct {
	api         *API
	master      *webhook.Account
	theirMaster string
	tenants     map[string]id.ID // their accounts
	bundle      *control.Bundle
}

func (m *movingIn) add(ctx context.Context, d *dialect.Document) error {
	if d.OwnerTenantUUID == m.theirMaster {
		d.OwnerTenantUUID = m.master.ID.String()
	}
	if err := m.check(d); err != nil {
		return err
	}
	self, err := id.Parse(d.UUID)
	if err != nil {
		return invalid("uuid", "is not a UUID")
	}
	account, err := m.tenant(ctx, d.OwnerTenantUUID)
	if err != nil {
		return err
	}
	_, err = m.api.place(m.bundle, self, account, d, account == m.master.ID)
	return err
}

// check holds a subscription to the rules for new ones.
func (m *movingIn) check(d *dialect.Document) error {
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	v, err := decode(text)
	if err != nil {
		return err
	}
	_, err = readSubscription(v, false, m.api.free)
	if r, ok := errors.AsType[*refusal](err); ok {
		what, err := json.Marshal(r.details)
		if err != nil {
			return err
		}
		return invalid("", "subscription "+d.UUID+" cannot be kept: "+string(what))
	}
	return err
}

// tenant returns the account of a tenant, which comes with the bundle if it is new.
func (m *movingIn) tenant(ctx context.Context, tenant string) (id.ID, error) {
	if account, ok := m.tenants[tenant]; ok {
		return account, nil
	}
	self, err := id.Parse(tenant)
	if err != nil {
		return id.ID{}, invalid("owner_tenant_uuid", "is not a UUID")
	}
	switch _, err := m.api.Control.Account(ctx, self); {
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		m.bundle.Accounts = append(m.bundle.Accounts, tenantAccount(self, m.master, "Wazo tenant "+tenant))
	case err != nil:
		return id.ID{}, err
	}
	m.tenants[tenant] = self
	return self, nil
}
