package wazo

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Tenants keeps one account for each tenant, with the tenant's UUID for an id. With
// a wazo-auth, which knows the tenants, accounts are made when they are first needed:
// the master tenant's below the root, all others below that. Without one the root is
// the master tenant, and what is no account is no tenant.
type Tenants struct {
	control *control.Control
	auth    Auth
	foreign bool // kept by a wazo-auth
}

// NewTenants returns a Tenants over what auth says.
func NewTenants(c *control.Control, a Auth) *Tenants {
	_, foreign := a.(Remote)
	return &Tenants{control: c, auth: a, foreign: foreign}
}

// errNoTenant is what a tenant comes to that has no account, and gets none.
var errNoTenant = webhook.Errorf(webhook.CodeNotFound, "", "there is no such tenant")

// Master returns the master tenant's account. The error is ErrNoMaster as long as
// wazo-auth has not told the tenant.
func (t *Tenants) Master(ctx context.Context) (*webhook.Account, error) {
	master, err := t.auth.Master(ctx)
	if err != nil {
		return nil, err
	}
	return t.Account(ctx, master)
}

// Receiver returns the account in which an event of the tenant is taken in: the
// tenant's own, or the master's where the tenant is empty or has no account.
func (t *Tenants) Receiver(ctx context.Context, tenant string) (*webhook.Account, error) {
	if self, err := id.Parse(tenant); err == nil && self.String() == tenant {
		a, err := t.control.Account(ctx, self)
		if webhook.CodeOf(err) != webhook.CodeNotFound {
			return a, err
		}
	}
	return t.Master(ctx)
}

// Account returns a tenant's account, and makes it where wazo-auth knows the tenant.
func (t *Tenants) Account(ctx context.Context, tenant string) (*webhook.Account, error) {
	self, err := id.Parse(tenant)
	if err != nil || self.String() != tenant {
		return nil, errNoTenant
	}
	a, err := t.control.Account(ctx, self)
	if webhook.CodeOf(err) != webhook.CodeNotFound || !t.foreign {
		return a, err
	}
	parent, err := t.parent(ctx, tenant)
	if err != nil {
		return nil, err
	}
	made := tenantAccount(self, parent, "Wazo tenant "+tenant)
	if _, err := t.control.AddBundle(ctx, control.Bundle{Accounts: []webhook.Account{made}}); err != nil {
		return nil, err
	}
	return t.control.Account(ctx, self)
}

// parent returns the account that a tenant's goes below.
func (t *Tenants) parent(ctx context.Context, tenant string) (*webhook.Account, error) {
	master, err := t.auth.Master(ctx)
	if errors.Is(err, ErrNoMaster) {
		return nil, webhook.Errorf(webhook.CodeUnavailable, "", "%s", err)
	}
	if err != nil {
		return nil, err
	}
	if master == tenant {
		return t.control.Root(ctx)
	}
	return t.Account(ctx, master)
}

// tenantAccount is the account of a tenant that is new.
func tenantAccount(self id.ID, parent *webhook.Account, name string) webhook.Account {
	now := time.Now().UTC().Truncate(time.Microsecond)
	return webhook.Account{
		ID: self, ParentID: parent.ID, Path: append(slices.Clone(parent.Path), parent.ID), Name: name, CreatedAt: now, UpdatedAt: now,
	}
}
