package wazo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	dialect "github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/wazo/auth"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Keys is the Auth of an installation without a wazo-auth: tokens are API keys of
// ours that carry an ACL, tenants are accounts below the root, which is the master
// tenant. An organisation's own API key may do everything.
type Keys struct {
	control *control.Control
	wazo    string // UUID of the installation; "" is the root account's
	root    atomic.Pointer[id.ID]
}

// NewKeys returns a Keys. wazo is the UUID of the installation, whose events those
// of users are; empty is that of the root account.
func NewKeys(c *control.Control, wazo string) *Keys { return &Keys{control: c, wazo: wazo} }

// note is what a key carries as its annotation.
type note struct {
	UserUUID string `json:"user_uuid,omitempty"`
	ACL      acl    `json:"acl"`
}

// keyHolder finds out whose a token is.
func (k *Keys) keyHolder(ctx context.Context, token string) (*control.Principal, *note, error) {
	who, err := k.control.AuthenticateFor(ctx, dialect.Annotation, token)
	if webhook.CodeOf(err) == webhook.CodeUnauthorized {
		return nil, nil, auth.ErrUnknown
	}
	if err != nil {
		return nil, nil, err
	}
	text := who.Credential.Annotations[dialect.Annotation]
	if text == nil {
		n := &note{}
		if who.Organisation() {
			n.ACL = acl{"#"}
		}
		return who, n, nil
	}
	var n note
	if err := json.Unmarshal(text, &n); err != nil {
		return nil, nil, fmt.Errorf("annotation of credential %s: %w", who.Credential.ID, err)
	}
	return who, &n, nil
}

// Check says whether a token has an access, and whether the tenant is its own or
// below it.
func (k *Keys) Check(ctx context.Context, token, access, tenant string) error {
	who, n, err := k.keyHolder(ctx, token)
	if err != nil {
		return err
	}
	if !n.ACL.allows(access, n.UserUUID) {
		return auth.ErrDenied
	}
	if tenant == "" {
		return nil
	}
	a, err := k.account(ctx, tenant)
	switch {
	case err != nil:
		return err
	case a == nil || !a.Within(who.Account.ID):
		return auth.ErrDenied
	}
	return nil
}

// account returns a tenant's account; nil when there is none.
func (k *Keys) account(ctx context.Context, tenant string) (*webhook.Account, error) {
	self, err := id.Parse(tenant)
	if err != nil || self.String() != tenant {
		return nil, nil
	}
	a, err := k.control.Account(ctx, self)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil, nil
	}
	return a, err
}

// Holder tells of a token.
func (k *Keys) Holder(ctx context.Context, token string) (*auth.Token, error) {
	who, n, err := k.keyHolder(ctx, token)
	if err != nil {
		return nil, err
	}
	t := &auth.Token{Token: token, XivoUUID: k.wazo}
	if t.XivoUUID == "" {
		if t.XivoUUID, err = k.Master(ctx); err != nil {
			return nil, err
		}
	}
	t.Metadata.UUID, t.Metadata.TenantUUID = n.UserUUID, who.Account.ID.String()
	return t, nil
}

// Below tells whether a tenant is the given one, or below it.
func (k *Keys) Below(ctx context.Context, _, tenant string) (func(tenant string) bool, error) {
	top, err := k.account(ctx, tenant)
	if err != nil {
		return nil, err
	}
	return func(tenant string) bool {
		a, err := k.account(ctx, tenant)
		return err == nil && a != nil && top != nil && a.Within(top.ID)
	}, nil
}

// HasUser says whether a tenant has a user: those who hold a token there.
func (k *Keys) HasUser(ctx context.Context, tenant, user string) (bool, error) {
	a, err := k.account(ctx, tenant)
	if err != nil || a == nil {
		return false, err
	}
	keys, err := k.control.Keys(ctx, a.ID)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(keys, func(key webhook.Credential) bool {
		var n note
		text := key.Annotations[dialect.Annotation]
		return text != nil && json.Unmarshal(text, &n) == nil && n.UserUUID == user && key.Usable(time.Now())
	}), nil
}

// AwaitMaster returns the root account, too, which is always known.
func (k *Keys) AwaitMaster(ctx context.Context) (string, error) { return k.Master(ctx) }

// Master returns the root account.
func (k *Keys) Master(ctx context.Context) (string, error) {
	if root := k.root.Load(); root != nil {
		return root.String(), nil
	}
	root, err := k.control.Root(ctx)
	if err != nil {
		return "", err
	}
	k.root.Store(&root.ID)
	return root.ID.String(), nil
}
