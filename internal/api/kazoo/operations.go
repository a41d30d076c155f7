package kazoo

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Operations are what the operators of an installation do: accounts and users, the
// upkeep of hooks, and moving in.
func (a *API) Operations() httpx.Operations {
	return httpx.Operations{
		"POST /import": a.importDocuments,

		"GET /accounts":              a.operatorAccounts,
		"POST /accounts":             a.operatorCreateAccount,
		"DELETE /accounts/{account}": a.operatorDeleteAccount,

		"POST /accounts/{account}/users":                    a.operatorCreateUser,
		"PUT /accounts/{account}/users/{username}/password": a.operatorSetPassword,

		"GET /hooks":      a.hooksConfigured,
		"PUT /settings":   a.changeSettings,
		"GET /failures":   a.failureStatus,
		"POST /enable":    a.operatorEnable,
		"POST /flush":     a.flushFailures,
		"POST /hooktypes": a.resetHookTypes,
	}
}

// maxOperation bounds the body of an operation other than an import.
const maxOperation = 1 << 20

// operationBody reads the object that an operation is told. No body is an empty one.
func operationBody(r *http.Request) (document, error) {
	body, err := httpx.ReadBody(r, maxOperation)
	if err != nil {
		return document{}, err
	}
	return parseDocument(body)
}

// spelledID is an id in all its spellings.
type spelledID struct {
	ID   string `json:"id"` // as this dialect spells it
	UUID string `json:"uuid"`
	Hex  string `json:"hex"`
}

func spellings(v id.ID) spelledID { return spelledID{v.Hex(), v.String(), v.Hex()} }

// accountNamed reads an id in any of its spellings and finds the account. An empty text
// is the master account.
func (a *API) accountNamed(ctx context.Context, field, text string) (*webhook.Account, error) {
	if text == "" {
		return a.Control.Root(ctx)
	}
	account, err := id.Parse(text)
	if err != nil {
		account, err = id.ParsePrefixed(text, "app_")
	}
	if err != nil {
		return nil, webhook.Errorf(webhook.CodeInvalid, field, "%q is no id of an account", text)
	}
	found, err := a.Control.Account(ctx, account)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil, webhook.Errorf(webhook.CodeNotFound, field, "there is no account %s", text)
	}
	return found, err
}

type accountOut struct {
	spelledID
	Name   string `json:"name"`
	Realm  string `json:"realm"`
	Parent string `json:"parent"` // "" for the master account
	Depth  int    `json:"depth"`
}

func showOperator(a *webhook.Account) accountOut {
	out := accountOut{spelledID: spellings(a.ID), Name: a.Name, Realm: a.UID, Depth: len(a.Path)}
	if !a.IsRoot() {
		out.Parent = a.ParentID.Hex()
	}
	return out
}

// operatorAccounts lists an account, the master account when none is named, with
// everything below it.
func (a *API) operatorAccounts(r *http.Request) (any, error) {
	top, err := a.accountNamed(r.Context(), "account", r.URL.Query().Get("account"))
	if err != nil {
		return nil, err
	}
	below, err := everything(func(p webhook.Page) (webhook.Slice[webhook.Account], error) {
		return a.Control.Descendants(r.Context(), top.ID, p)
	}, func(a *webhook.Account) id.ID { return a.ID })
	if err != nil {
		return nil, err
	}
	all := []accountOut{showOperator(top)}
	for i := range below {
		all = append(all, showOperator(&below[i]))
	}
	return all, nil
}

func (a *API) operatorCreateAccount(r *http.Request) (any, error) {
	in, err := operationBody(r)
	if err != nil {
		return nil, err
	}
	parent, err := a.accountNamed(r.Context(), "parent", in.text("parent"))
	if err != nil {
		return nil, err
	}
	in.delete("parent")
	made, err := a.makeAccount(r.Context(), parent.ID, submitted(&in), a.operatorStamp())
	if err != nil {
		return nil, plain(err)
	}
	return showOperator(made), nil
}

func (a *API) operatorStamp() document {
	now := a.Now()
	return object("pvt_created", hook.Gregorian(now), "pvt_modified", hook.Gregorian(now))
}

func (a *API) operatorDeleteAccount(r *http.Request) (any, error) {
	account, err := a.accountNamed(r.Context(), "account", r.PathValue("account"))
	if err != nil {
		return nil, err
	}
	if err := a.removeAccount(r.Context(), account); err != nil {
		return nil, plain(err)
	}
	return showOperator(account), nil
}

type userOut struct {
	spelledID
	Account  string `json:"account"`
	Username string `json:"username"`
}

func showUserOut(cr *webhook.Credential) userOut {
	return userOut{spellings(cr.ID), cr.AccountID.Hex(), cr.Username}
}

func (a *API) operatorCreateUser(r *http.Request) (any, error) {
	account, err := a.accountNamed(r.Context(), "account", r.PathValue("account"))
	if err != nil {
		return nil, err
	}
	in, err := operationBody(r)
	if err != nil {
		return nil, err
	}
	made, err := a.makeUser(r.Context(), account, submitted(&in), a.operatorStamp())
	if err != nil {
		return nil, plain(err)
	}
	return showUserOut(made), nil
}

// operatorSetPassword gives a user another password; tokens of the old one end.
func (a *API) operatorSetPassword(r *http.Request) (any, error) {
	account, err := a.accountNamed(r.Context(), "account", r.PathValue("account"))
	if err != nil {
		return nil, err
	}
	in, err := operationBody(r)
	if err != nil {
		return nil, err
	}
	if in.text("password") == "" {
		return nil, webhook.Errorf(webhook.CodeInvalid, "password", "must not be empty")
	}
	cr, err := a.Control.FindUser(r.Context(), account.ID, r.PathValue("username"))
	if webhook.CodeOf(err) == webhook.CodeNotFound || err == nil && !isOurs(cr) {
		return nil, webhook.Errorf(webhook.CodeNotFound, "username", "the account has no user %s", r.PathValue("username"))
	}
	if err != nil {
		return nil, err
	}
	n, err := noteOf(cr)
	if err != nil {
		return nil, err
	}
	doc := n.Doc.clone()
	doc.set("password", in.get("password"))
	changed, err := a.rewriteUser(r.Context(), cr, doc)
	if err != nil {
		return nil, plain(err)
	}
	return showUserOut(changed), nil
}

// plain makes an error for operators of one of the wire: its first fault in one line.
func plain(err error) error {
	r := refusalOf(err)
	if r == nil {
		return err
	}
	if e, ok := asError(err); ok {
		return e
	}
	code := map[int]webhook.Code{
		http.StatusForbidden: webhook.CodeForbidden, http.StatusNotFound: webhook.CodeNotFound, http.StatusConflict: webhook.CodeConflict,
	}[r.status]
	if code == "" {
		code = webhook.CodeInvalid
	}
	if f, ok := r.data.(faults); ok {
		for _, field := range slices.Sorted(maps.Keys(f)) {
			for _, rule := range slices.Sorted(maps.Keys(f[field])) {
				sentence, _ := f[field][rule]["message"].(string)
				return webhook.Errorf(code, field, "%s", sentence)
			}
		}
	}
	return webhook.Errorf(code, "", "%s", r.message)
}
