package wazo

import (
	"context"
	"errors"
	"slices"

	"github.com/switchhook/switchhook/internal/wazo/auth"
)

// Remote is the Auth of an installation with a wazo-auth.
type Remote struct{ *auth.Client }

// Below tells whether a tenant is the given one, or below it.
func (r Remote) Below(ctx context.Context, token, tenant string) (func(tenant string) bool, error) {
	tenants, err := r.Tenants(ctx, token, tenant)
	if err != nil {
		return nil, err
	}
	return func(tenant string) bool { return slices.Contains(tenants, tenant) }, nil
}

// HasUser says whether a tenant has a user who is not disabled.
func (r Remote) HasUser(ctx context.Context, tenant, user string) (bool, error) {
	u, err := r.User(ctx, user)
	if _, missing := errors.AsType[*auth.NotFoundError](err); missing {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return u.Enabled && u.TenantUUID == tenant, nil
}

// Master returns the master tenant.
func (r Remote) Master(context.Context) (string, error) {
	if tenant, known := r.Client.Master(); known {
		return tenant, nil
	}
	return "", ErrNoMaster
}

// AwaitMaster waits for the first token of our own.
func (r Remote) AwaitMaster(ctx context.Context) (string, error) {
	tenant, err := r.WaitMaster(ctx)
	if err != nil {
		return "", ErrNoMaster
	}
	return tenant, nil
}
