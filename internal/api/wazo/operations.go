package wazo

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Operations are what operators do: tenants and tokens where no wazo-auth has them, and
// moving in.
func (a *API) Operations() httpx.Operations {
	return httpx.Operations{
		"GET /tenants":  a.listTenants,
		"POST /tenants": a.createTenant,
		"POST /tokens":  a.createToken,
		"POST /import":  a.moveIn,
	}
}

func invalid(field, message string) error {
	return webhook.Errorf(webhook.CodeInvalid, field, "%s", message)
}

// input reads the JSON object that an operation is told.
func (a *API) input(r *http.Request, into any) error {
	body, err := httpx.ReadBody(r, a.BodyLimit)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return invalid("", "the body must be a JSON object with the members that are documented")
	}
	return nil
}

// ownTenants refuses what only makes sense without a wazo-auth.
func (a *API) ownTenants() error {
	if a.Tenants.foreign {
		return webhook.Errorf(webhook.CodeConflict, "", "tenants and tokens are kept by the wazo-auth that is configured")
	}
	return nil
}

type tenantOut struct {
	UUID       string `json:"uuid"`
	Name       string `json:"name"`
	ParentUUID string `json:"parent_uuid"` // the master tenant's is its own
}

func tenantOf(account *webhook.Account) tenantOut {
	t := tenantOut{UUID: account.ID.String(), Name: account.Name, ParentUUID: account.ParentID.String()}
	if account.IsRoot() {
		t.ParentUUID, t.Name = t.UUID, "master"
	}
	return t
}

func (a *API) listTenants(r *http.Request) (any, error) {
	master, err := a.Tenants.Master(r.Context())
	if err != nil {
		return nil, err
	}
	out := struct {
		Items []tenantOut `json:"items"`
	}{[]tenantOut{tenantOf(master)}}
	for page := (webhook.Page{Limit: 500, Ascending: true}); ; {
		s, err := a.Control.Descendants(r.Context(), master.ID, page)
		if err != nil {
			return nil, err
		}
		for i := range s.Items {
			out.Items = append(out.Items, tenantOf(&s.Items[i]))
			page.After = s.Items[i].ID
		}
		if s.Done {
			return out, nil
		}
	}
}

func (a *API) createTenant(r *http.Request) (any, error) {
	var in struct {
		Name   string `json:"name"`
		UUID   string `json:"uuid"`        // empty is a new one
		Parent string `json:"parent_uuid"` // empty is the master tenant
	}
	if err := a.input(r, &in); err != nil {
		return nil, err
	}
	if err := a.ownTenants(); err != nil {
		return nil, err
	}
	parent, err := a.operatorsTenant(r, "parent_uuid", in.Parent)
	if err != nil {
		return nil, err
	}
	self := id.New()
	if in.UUID != "" {
		if self, err = id.Parse(in.UUID); err != nil || self.IsZero() {
			return nil, invalid("uuid", "must be a UUID")
		}
	}
	made := tenantAccount(self, parent, in.Name)
	did, err := a.Control.AddBundle(r.Context(), control.Bundle{Accounts: []webhook.Account{made}})
	switch {
	case err != nil:
		return nil, err
	case did.Accounts == 0:
		return nil, webhook.Errorf(webhook.CodeConflict, "uuid", "there is, or was, a tenant or another account with this UUID")
	}
	return tenantOf(&made), nil
}

// operatorsTenant returns the tenant that an operator names; none is the master's.
func (a *API) operatorsTenant(r *http.Request, field, tenant string) (*webhook.Account, error) {
	if tenant == "" {
		return a.Tenants.Master(r.Context())
	}
	account, err := a.Tenants.Account(r.Context(), tenant)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil, invalid(field, "there is no such tenant")
	}
	return account, err
}

type tokenOut struct {
	Token      string   `json:"token"`
	TenantUUID string   `json:"tenant_uuid"`
	UserUUID   *string  `json:"user_uuid"`
	ACL        []string `json:"acl"`
}

func (a *API) createToken(r *http.Request) (any, error) {
	var in struct {
		Tenant    string   `json:"tenant_uuid"` // empty is the master tenant
		User      string   `json:"user_uuid"`   // empty is none
		ACL       []string `json:"acl"`         // empty is everything
		Name      string   `json:"name"`
		ExpiresIn int64    `json:"expires_in"` // seconds; 0 is never
	}
	if err := a.input(r, &in); err != nil {
		return nil, err
	}
	if err := a.ownTenants(); err != nil {
		return nil, err
	}
	account, err := a.operatorsTenant(r, "tenant_uuid", in.Tenant)
	if err != nil {
		return nil, err
	}
	if user, err := id.Parse(in.User); in.User != "" && (err != nil || user.String() != in.User) {
		return nil, invalid("user_uuid", "must be a UUID in lower case")
	}
	if wrong := checkACL(in.ACL); wrong != "" {
		return nil, invalid("acl", wrong)
	}
	const longest = 100 * 365 * 24 * 60 * 60
	if in.ExpiresIn < 0 || in.ExpiresIn > longest {
		return nil, invalid("expires_in", "must be 0 or a number of seconds")
	}
	var expires time.Time
	if in.ExpiresIn > 0 {
		expires = a.Now().Add(time.Duration(in.ExpiresIn) * time.Second).UTC().Truncate(time.Microsecond)
	}
	return a.newToken(r.Context(), account, in.Name, note{UserUUID: in.User, ACL: in.ACL}, expires)
}
