package pywebhooks

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// accountOut is an account's record.
type accountOut struct {
	APIKey      string      `json:"api_key"`
	Endpoint    string      `json:"endpoint"`
	Epoch       json.Number `json:"epoch"`
	FailedCount *int        `json:"failed_count,omitempty"` // absent before there was an endpoint
	ID          string      `json:"id"`
	IsAdmin     bool        `json:"is_admin"`
	SecretKey   string      `json:"secret_key"`
	Username    string      `json:"username"`
}

// endpointUID is what the endpoint of this API is called in its account.
const endpointUID = "pywebhooks"

// endpoint returns the endpoint that an account has here, or nil.
func (a *API) endpoint(ctx context.Context, account *webhook.Account) (*control.Endpoint, error) {
	e, err := a.Control.FindEndpoint(ctx, account.ID, id.ID{}, endpointUID)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil, nil
	}
	return e, err
}

// newAccount is an account with what belongs to it.
type newAccount struct {
	account webhook.Account
	user    webhook.Credential
	place   control.NewPlace
}

// profile is what an account is made of. An empty endpoint receives nothing.
type profile struct {
	id        id.ID
	username  string
	endpoint  string
	secretKey string
	verifiers map[string]string // of its API key
	admin     bool
	failed    int
	at        time.Time
}

// compose makes the parts of an account.
func (a *API) compose(root *webhook.Account, p profile) (newAccount, error) {
	place := id.NewRandom()
	n := newAccount{
		account: webhook.Account{
			ID: p.id, ParentID: root.ID, Path: []id.ID{root.ID}, UID: uidOf(p.username), Name: p.username, Hidden: p.admin,
			CreatedAt: p.at, UpdatedAt: p.at,
		},
		user: webhook.Credential{
			ID: id.NewRandom(), AccountID: p.id, Kind: webhook.KindUser, Scope: webhook.ScopeAccount,
			Username: credentialName, Verifiers: p.verifiers, CreatedAt: p.at,
		},
		place: control.NewPlace{
			Endpoint: a.newEndpoint(p.id, p.endpoint, p.secretKey, p.at),
			Health:   webhook.Health{EndpointID: place, FailuresInRow: p.failed, Closed: p.failed > a.Policy.MaxFailedCount},
		},
	}
	n.place.Endpoint.ID = place
	if p.failed > 0 {
		n.place.Health.FailingSince = now()
	}
	var err error
	n.account.Annotations, err = note(accountNote{p.username, p.admin})
	return n, err
}

// newEndpoint makes the endpoint of an account, which has no id yet.
func (a *API) newEndpoint(account id.ID, to, secretKey string, at time.Time) webhook.Endpoint {
	e := webhook.Endpoint{
		AccountID: account, UID: endpointUID, Description: "PyWebhooks", Service: a.Service, URL: to, Enabled: to != "",
		Keys: []webhook.SigningKey{{Key: webhook.Secret(secretKey), CreatedAt: at}}, CreatedAt: at, UpdatedAt: at, Version: 1,
	}
	if !e.Enabled {
		e.DisabledReason, e.DisabledAt = noEndpoint, at
	}
	a.Policy.set(&e)
	return e
}

// noEndpoint is why the endpoint of an account is disabled that never named one.
const noEndpoint = "no endpoint"

// store keeps a new account. A username that is taken is CodeConflict.
func (a *API) store(ctx context.Context, n newAccount) error {
	_, err := a.Control.AddBundle(ctx, control.Bundle{
		Accounts: []webhook.Account{n.account}, Credentials: []webhook.Credential{n.user}, Endpoints: []control.NewPlace{n.place},
	})
	return err
}

func (a *API) createAccount(c *call) (*answer, error) {
	username, to, err := a.readAccount(c)
	if err != nil {
		return nil, err
	}
	ctx := c.r.Context()
	if err := a.prove(ctx, to); err != nil {
		return nil, err
	}
	root, err := a.root(ctx)
	if err != nil {
		return nil, err
	}
	key := newKey()
	p := profile{id: id.NewRandom(), username: username, endpoint: to, secretKey: newKey(), at: now()}
	if p.verifiers, err = verifiers(key); err != nil {
		return nil, err
	}
	n, err := a.compose(root, p)
	if err != nil {
		return nil, err
	}
	if username == adminName {
		return nil, usernameTaken()
	}
	if err := a.store(ctx, n); webhook.CodeOf(err) == webhook.CodeConflict {
		return nil, usernameTaken()
	} else if err != nil {
		return nil, err
	}
	out := record(&n.account, nil, &control.Endpoint{Endpoint: n.place.Endpoint})
	out.APIKey = key
	return &answer{http.StatusCreated, out}, nil
}

func usernameTaken() error { return refuse(http.StatusConflict, "Username already exists") }

// readAccount reads who wants to be let in. An endpoint that is no text is left empty:
// it proves nothing.
func (a *API) readAccount(c *call) (username, endpoint string, err error) {
	members, err := a.object(c)
	if err != nil {
		return "", "", err
	}
	raw, err := required(members, "username")
	if err != nil {
		return "", "", err
	}
	if username, err = readUsername(raw); err != nil {
		return "", "", err
	}
	if raw, err = required(members, "endpoint"); err != nil {
		return "", "", err
	}
	return username, textOf(raw), nil
}

// textOf returns the text that a value is, or "".
func textOf(raw json.RawMessage) (text string) {
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

// prove refuses an endpoint that does not answer the echo challenge.
func (a *API) prove(ctx context.Context, endpoint string) error {
	ok, err := a.contacts.proves(ctx, endpoint)
	if err != nil || ok {
		return err
	}
	return refuse(http.StatusBadRequest, "Echo response failed")
}

// record spells an account. user and e may be nil.
func record(account *webhook.Account, user *webhook.Credential, e *control.Endpoint) accountOut {
	out := accountOut{
		Epoch: epoch(account.CreatedAt), ID: account.ID.String(), IsAdmin: noteOf(account).Admin, Username: usernameOf(account),
	}
	if user != nil {
		out.APIKey = user.Verifiers[shownVerifier]
	}
	if e == nil {
		return out
	}
	out.Endpoint = e.URL
	if len(e.Keys) > 0 {
		out.SecretKey = e.Keys[0].Key.Reveal()
	}
	if e.URL != "" {
		failed := e.State.FailuresInRow
		out.FailedCount = &failed
	}
	return out
}

// recordOf looks up what belongs to an account and spells it.
func (a *API) recordOf(ctx context.Context, account *webhook.Account) (accountOut, error) {
	user, err := a.user(ctx, account)
	if err != nil {
		return accountOut{}, err
	}
	e, err := a.endpoint(ctx, account)
	if err != nil {
		return accountOut{}, err
	}
	return record(account, user, e), nil
}

func (a *API) getAccount(c *call) (*answer, error) {
	if c.id != c.who.ID.String() {
		return nil, notAuthorized()
	}
	out, err := a.recordOf(c.r.Context(), c.who)
	return &answer{http.StatusOK, out}, err
}

// moveAccount lets an account's endpoint lead elsewhere, which also opens it again
// after too many failures.
func (a *API) moveAccount(c *call) (*answer, error) {
	members, err := a.object(c)
	if err != nil {
		return nil, err
	}
	raw, ok := members["endpoint"]
	if !ok {
		return nil, refuse(http.StatusBadRequest, "Missing endpoint field")
	}
	to, ctx := textOf(raw), c.r.Context()
	if err := a.prove(ctx, to); err != nil {
		return nil, err
	}
	e, err := a.endpointFor(ctx, c.who)
	if err != nil {
		return nil, err
	}
	if e.URL == to && e.Enabled && e.State.FailuresInRow == 0 && !e.State.Closed {
		return updated(false)
	}
	_, err = a.Control.UpdateEndpoint(ctx, e.ID, id.ID{}, func(edit *control.EndpointEdit) error {
		edit.Endpoint.Enabled, edit.ResetHealth = true, true
		return deliver.Move(edit.Endpoint, to, now())
	})
	if err != nil {
		return nil, err
	}
	return updated(true)
}

// endpointFor returns the endpoint that an account has here. An account that was made
// elsewhere gets one that leads to nowhere so far.
func (a *API) endpointFor(ctx context.Context, account *webhook.Account) (*control.Endpoint, error) {
	e, err := a.endpoint(ctx, account)
	if e != nil || err != nil {
		return e, err
	}
	e, _, err = a.Control.CreateEndpoint(ctx, control.NewEndpoint{Endpoint: a.newEndpoint(account.ID, "", newKey(), now())})
	if webhook.CodeOf(err) == webhook.CodeConflict {
		return a.endpoint(ctx, account) // someone was quicker
	}
	return e, err
}

// deleteAccount deletes an account with everything that hangs on it: its own owner may,
// and an admin, whose own account stays.
func (a *API) deleteAccount(c *call) (*answer, error) {
	own, admin := c.id == c.who.ID.String(), noteOf(c.who).Admin
	if !own && !admin {
		return nil, notAuthorized()
	}
	ctx := c.r.Context()
	account, err := a.accountByID(ctx, c.id)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return summary(summaryOut{Skipped: 1})
	}
	if err != nil {
		return nil, err
	}
	if noteOf(account).Admin {
		return nil, notAuthorized()
	}
	if err := a.Control.DeleteAccount(ctx, account.ID); err != nil {
		return nil, err
	}
	return summary(summaryOut{Deleted: 1})
}

// accountByID returns the account that is shown with an id. It is shared and
// read-only.
func (a *API) accountByID(ctx context.Context, text string) (*webhook.Account, error) {
	root, err := a.root(ctx)
	if err != nil {
		return nil, err
	}
	account, err := a.Control.Account(ctx, parseID(text))
	if err == nil && account.ParentID != root.ID {
		return nil, webhook.Errorf(webhook.CodeNotFound, "", "there is no such account")
	}
	return account, err
}

// parseID reads an id as it is shown; everything else is that of nothing.
func parseID(text string) id.ID {
	v, err := id.Parse(text)
	if err != nil || v.String() != text {
		return id.ID{}
	}
	return v
}

func (a *API) listAccounts(c *call) (*answer, error) {
	ctx := c.r.Context()
	root, err := a.root(ctx)
	if err != nil {
		return nil, err
	}
	accounts, err := a.Control.AccountsByAge(ctx, root.ID, c.window)
	if err != nil {
		return nil, err
	}
	out := make([]accountOut, len(accounts))
	for i := range accounts {
		if out[i], err = a.recordOf(ctx, &accounts[i]); err != nil {
			return nil, err
		}
	}
	return listing(c, "accounts", out)
}

// clearAccounts deletes all accounts that were made here, but for those of admins. What
// was made by other APIs is not this one's to clear.
func (a *API) clearAccounts(c *call) (*answer, error) {
	ctx := c.r.Context()
	var gone []id.ID
	err := a.eachAccount(ctx, func(account *webhook.Account) error {
		if n := noteOf(account); n.Username != "" && !n.Admin {
			gone = append(gone, account.ID)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	n, err := a.Control.ClearAccounts(ctx, gone)
	if err != nil {
		return nil, err
	}
	return summary(summaryOut{Deleted: n})
}

// eachAccount visits every account, oldest first.
func (a *API) eachAccount(ctx context.Context, visit func(*webhook.Account) error) error {
	root, err := a.root(ctx)
	if err != nil {
		return err
	}
	const step = 500
	for start := 0; ; start += step {
		accounts, err := a.Control.AccountsByAge(ctx, root.ID, control.Window{Start: start, Limit: step})
		if err != nil {
			return err
		}
		for i := range accounts {
			if err := visit(&accounts[i]); err != nil {
				return err
			}
		}
		if len(accounts) < step {
			return nil
		}
	}
}
