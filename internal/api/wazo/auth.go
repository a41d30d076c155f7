package wazo

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/switchhook/switchhook/internal/wazo/auth"
)

// Auth knows tokens, tenants and users. It asks a wazo-auth, or the installation's own
// credentials. Errors are auth.ErrUnknown, auth.ErrDenied and *auth.UnreachableError
// where they are for the caller.
type Auth interface {
	// Check says whether a token has an access, in the tenant where that is not empty.
	Check(ctx context.Context, token, access, tenant string) error
	// Holder tells of a token that was checked.
	Holder(ctx context.Context, token string) (*auth.Token, error)
	// Below tells whether a tenant is the given one, or below it, as far as the
	// holder of the token may know.
	Below(ctx context.Context, token, tenant string) (func(tenant string) bool, error)
	// HasUser says whether a tenant has a user who is not disabled.
	HasUser(ctx context.Context, tenant, user string) (bool, error)
	// Master returns the master tenant, or ErrNoMaster as long as it is not known.
	Master(ctx context.Context) (tenant string, err error)
	// AwaitMaster is Master that waits until the tenant is known, or ctx is done.
	AwaitMaster(ctx context.Context) (tenant string, err error)
}

// ErrNoMaster says that wazo-auth has not told the master tenant so far.
var ErrNoMaster = errors.New("the master tenant is not known yet")

// holder is who a token is.
type holder struct {
	tenant string
	user   string // "" is none
	wazo   string // UUID of the installation
}

// maxToken bounds what is taken for a token, in bytes.
const maxToken = 4096

// admit wants a token with the access, and the tenant of the header to be visible
// to it.
func (a *API) admit(c *call, access string) error {
	if access == public {
		return nil
	}
	c.token, c.tenant = c.r.Header.Get("X-Auth-Token"), c.r.Header.Get("Wazo-Tenant")
	c.access = strings.ReplaceAll(access, parameter, strings.ReplaceAll(c.uuid, ".", "_"))
	if c.token == "" || len(c.token) > maxToken || len(c.tenant) > maxToken {
		return a.refused(c, auth.ErrUnknown)
	}
	return a.refused(c, a.Auth.Check(c.ctx(), c.token, c.access, c.tenant))
}

// refused makes an answer of what Auth says of the caller's token.
func (a *API) refused(c *call, err error) error {
	details := map[string]any{"invalid_token": c.token, "required_access": c.access}
	switch unreachable, _ := errors.AsType[*auth.UnreachableError](err); {
	case errors.Is(err, auth.ErrUnknown):
		details["reason"] = "not_found_or_expired"
	case errors.Is(err, auth.ErrDenied):
		details["reason"] = "missing_permission_or_invalid_tenant"
		details["tenant_uuid"] = nil
		if c.tenant != "" {
			details["tenant_uuid"] = c.tenant
		}
	case unreachable != nil:
		return &refusal{
			status: http.StatusServiceUnavailable, id: "authentication-server-unreachable", message: "Authentication server unreachable",
			details: map[string]any{
				"auth_server_host": unreachable.Host, "auth_server_port": unreachable.Port, "original_error": unreachable.Reason,
			},
		}
	default:
		return err
	}
	return unauthorized(details)
}

func unauthorized(details map[string]any) error {
	return &refusal{status: http.StatusUnauthorized, id: "unauthorized", message: "Unauthorized", details: details}
}

// who tells who calls.
func (a *API) who(c *call) (*holder, error) {
	if c.holder != nil {
		return c.holder, nil
	}
	t, err := a.Auth.Holder(c.ctx(), c.token)
	if err != nil {
		return nil, a.refused(c, err)
	}
	c.holder = &holder{tenant: t.Metadata.TenantUUID, user: t.Metadata.UUID, wazo: t.XivoUUID}
	return c.holder, nil
}

// about tells which tenant a call is about: the one in the header, or the token's.
func (a *API) about(c *call) (string, error) {
	if c.tenant != "" {
		return c.tenant, nil
	}
	h, err := a.who(c)
	if err != nil {
		return "", err
	}
	return h.tenant, nil
}

// below tells which tenants are in the scope of a call.
func (a *API) below(c *call) (func(tenant string) bool, error) {
	tenant, err := a.about(c)
	if err != nil {
		return nil, err
	}
	in, err := a.Auth.Below(c.ctx(), c.token, tenant)
	if err != nil {
		return nil, a.refused(c, err)
	}
	return in, nil
}

// needMaster wants the token to be one of the master tenant, and returns that.
func (a *API) needMaster(c *call) (master string, err error) {
	if master, err = a.Auth.Master(c.ctx()); err != nil {
		return "", err
	}
	h, err := a.who(c)
	if err != nil {
		return "", err
	}
	if h.tenant != master {
		return "", unauthorized(map[string]any{"invalid_token": c.token})
	}
	return master, nil
}
