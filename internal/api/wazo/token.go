package wazo

import (
	"context"
	"encoding/json"
	"time"

	dialect "github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// newToken makes a token; an empty ACL is everything.
func (a *API) newToken(ctx context.Context, account *webhook.Account, name string, n note, expires time.Time) (*tokenOut, error) {
	if len(n.ACL) == 0 {
		n.ACL = acl{"#"}
	}
	text, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	_, token, err := a.Control.CreateKey(ctx, webhook.Credential{
		AccountID: account.ID, Scope: webhook.ScopeAccount, Name: name, ExpiresAt: expires,
		Annotations: webhook.Annotations{dialect.Annotation: text},
	})
	if err != nil {
		return nil, err
	}
	out := &tokenOut{Token: token, TenantUUID: account.ID.String(), ACL: n.ACL}
	if n.UserUUID != "" {
		out.UserUUID = &n.UserUUID
	}
	return out, nil
}

// Begin makes the master token of an installation that has none, and tells it with
// the master tenant. With a wazo-auth there is nothing to make: token is "".
func (a *API) Begin(ctx context.Context) (token, tenant string, err error) {
	if a.Tenants.foreign {
		return "", "", nil
	}
	master, err := a.Tenants.Master(ctx)
	if err != nil {
		return "", "", err
	}
	keys, err := a.Control.Keys(ctx, master.ID)
	if err != nil {
		return "", "", err
	}
	for i := range keys {
		if keys[i].Annotations[dialect.Annotation] != nil {
			return "", "", nil
		}
	}
	t, err := a.newToken(ctx, master, "wazo master", note{}, time.Time{})
	if err != nil {
		return "", "", err
	}
	return t.Token, t.TenantUUID, nil
}
