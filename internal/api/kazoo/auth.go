package kazoo

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// principal is who calls.
type principal struct {
	account    *webhook.Account
	credential *webhook.Credential
	claims     claims
	token      string // as it was sent; "" for who sent credentials instead
}

// reaches says whether the principal may act for the account: its own, one below it, or
// any for the master account.
func (p *principal) reaches(account *webhook.Account) bool {
	return p.account.IsRoot() || account.Within(p.account.ID)
}

// operator says whether the principal acts for the master account.
func (p *principal) operator() bool { return p != nil && p.account.IsRoot() }

// credentialNote is what the dialect keeps with a credential.
type credentialNote struct {
	Doc           document         `json:"doc"`               // of a user, what its owner sees
	Private       document         `json:"private"`           // and what it does not
	Dropped       map[string]int64 `json:"dropped,omitempty"` // tokens by id, with when they expire
	DroppedBefore int64            `json:"dropped_before,omitempty"`
}

// isOurs says whether a credential is this dialect's: an account may have others, which
// mean nothing here.
func isOurs(cr *webhook.Credential) bool { return cr.Annotations[dialect] != nil }

func noteOf(cr *webhook.Credential) (n credentialNote, err error) {
	if err := note(cr.Annotations, &n); err != nil {
		return n, fmt.Errorf("annotation of credential %s: %w", cr.ID, err)
	}
	return n, nil
}

// authenticate finds out who calls; nil is nobody. A token that has expired is an error.
func (c *call) authenticate() (*principal, error) {
	text, basic := c.sentToken()
	if basic != "" {
		return c.authenticateBasic(basic)
	}
	if text == "" {
		return nil, nil
	}
	t, ok := c.api.readToken(text)
	if !ok {
		return nil, nil
	}
	if t.expired(c.api.Now()) {
		return nil, expiredCredentials()
	}
	p, err := c.api.holder(c.ctx(), t)
	if p != nil {
		p.token = text
	}
	return p, err
}

// sentToken returns the token that the request carries, or the text of basic
// credentials.
func (c *call) sentToken() (token, basic string) {
	if text := c.r.Header.Get("X-Auth-Token"); text != "" {
		return text, ""
	}
	if text, ok := c.value("auth_token"); ok && text != "" {
		return text, ""
	}
	for _, text := range []string{c.r.Header.Get("Authorization"), c.query.Get("authorization")} {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
		switch strings.ToLower(scheme) {
		case "bearer":
			return strings.TrimSpace(rest), ""
		case "basic":
			return "", strings.TrimSpace(rest)
		}
	}
	return "", ""
}

// holder returns who a token was given out to; nil when that is nobody any more.
func (a *API) holder(ctx context.Context, t claims) (*principal, error) {
	cr, err := a.Control.FindCredential(ctx, t.AccountID, t.credential())
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n, err := noteOf(cr)
	switch {
	case err != nil:
		return nil, err
	case !cr.Usable(a.Now()), a.identity(cr) != t.Identity, n.dropped(&t), !n.Doc.flag("enabled", true):
		return nil, nil
	}
	account, err := a.Control.Account(ctx, cr.AccountID)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &principal{account: account, credential: cr, claims: t}, nil
}

// authenticateBasic takes an account's id and the md5 credentials of one of its users.
// It is a login each time, and charged as one.
func (c *call) authenticateBasic(text string) (*principal, error) {
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, nil
	}
	name, credentials, _ := strings.Cut(string(plain), ":")
	account, err := id.Parse(name)
	if err != nil {
		return nil, nil
	}
	if err := c.charge(); err != nil {
		return nil, err
	}
	a, err := c.api.Control.Account(c.ctx(), account)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	cr, err := c.api.proven(c.ctx(), []webhook.Account{*a}, methodMD5, webhook.Secret(credentials))
	if cr == nil || err != nil {
		return nil, err
	}
	return &principal{account: a, credential: cr}, nil
}

// showToken returns what a token is about.
func (c *call) showToken() (*answer, error) {
	data, err := c.api.tokenData(c.ctx(), c.who)
	if err != nil {
		return nil, err
	}
	return &answer{data: data}, nil
}

// dropToken ends a token before its time.
func (c *call) dropToken() (*answer, error) {
	if c.who.token == "" {
		return &answer{data: struct{}{}}, nil
	}
	_, err := c.api.Control.UpdateCredential(c.ctx(), c.who.account.ID, c.who.credential.ID, func(cr *webhook.Credential) error {
		n, err := noteOf(cr)
		if err != nil {
			return err
		}
		n.drop(c.who.claims, c.api.Now())
		return annotate(&cr.Annotations, n)
	})
	if err != nil {
		return nil, err
	}
	return &answer{data: struct{}{}}, nil
}

// showUserAuth is showToken for who repeats the token in the path.
func (c *call) showUserAuth() (*answer, error) {
	if c.params["token"] != c.who.token || c.who.token == "" {
		return nil, invalidCredentials()
	}
	return c.showToken()
}

// tokenData is what logins answer, and what a token is about.
func (a *API) tokenData(ctx context.Context, p *principal) (document, error) {
	root, err := a.Control.Root(ctx)
	if err != nil {
		return document{}, err
	}
	d := object("account_id", p.account.ID.Hex())
	if p.credential.Kind == webhook.KindUser {
		d.set("owner_id", p.credential.ID.Hex())
	}
	d.merge(object(
		"account_name", p.account.Name, "reseller_id", root.ID.Hex(), "is_reseller", p.account.IsRoot(),
		"is_master_account", p.account.IsRoot(), "language", language, "cluster_id", a.ClusterID(),
		"apps", []any{}, "capabilities", struct{}{}, "ui_config", struct{}{},
	))
	return d, nil
}

const language = "en-US"

// loggedIn answers who has proven a credential.
func (c *call) loggedIn(cr *webhook.Credential, method string) (*answer, error) {
	account, err := c.api.Control.Account(c.ctx(), cr.AccountID)
	if err != nil {
		return nil, err
	}
	if !accountEnabled(account) {
		return nil, fault("account", "disabled", "account disabled", "cause", account.ID.Hex())
	}
	token, t := c.api.newToken(cr, method)
	data, err := c.api.tokenData(c.ctx(), &principal{account: account, credential: cr, claims: t})
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusCreated, data: data, token: token, page: &pageOut{size: 1}}, nil
}
