package pywebhooks

import (
	"context"
	"net/http"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// resetAPIKey gives an account a new API key, which is brought to its endpoint. Whoever
// knows the username may ask for it: that is PyWebhooks' way for those who lost theirs.
func (a *API) resetAPIKey(c *call) (*answer, error) {
	name, ok := headerText(c.r, "Username")
	if !ok {
		return nil, refuse(http.StatusBadRequest, "Missing the username header value")
	}
	if wait := a.resets.take(address(c.r), "username "+uidOf(name)); wait > 0 {
		return nil, tooMany(wait)
	}
	account, err := a.accountNamed(c.r.Context(), name)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil, refuse(http.StatusNotFound, "Username not found")
	}
	if err != nil {
		return nil, err
	}
	return a.reset(c, account, "api_key", a.setAPIKey)
}

// resetSecretKey gives the caller's account a new secret key. What was triggered before
// is signed with the old one.
func (a *API) resetSecretKey(c *call) (*answer, error) {
	if wait := a.resets.take(address(c.r), "username "+uidOf(usernameOf(c.who))); wait > 0 {
		return nil, tooMany(wait)
	}
	return a.reset(c, c.who, "secret_key", func(ctx context.Context, _ *webhook.Account, e *control.Endpoint, key string) error {
		_, err := a.Control.UpdateEndpoint(ctx, e.ID, id.ID{}, func(edit *control.EndpointEdit) error {
			deliver.Rekey(edit.Endpoint, webhook.Secret(key), now())
			return nil
		})
		return err
	})
}

// reset brings a new key to an account's endpoint and sets it when it arrived. One at a
// time: the last key that arrives is the one that holds.
func (a *API) reset(c *call, account *webhook.Account, name string,
	set func(context.Context, *webhook.Account, *control.Endpoint, string) error,
) (*answer, error) {
	ctx := c.r.Context()
	over, err := a.turns.take(ctx, account.ID)
	if err != nil {
		return nil, err
	}
	defer over()
	e, err := a.endpoint(ctx, account)
	if err != nil {
		return nil, err
	}
	if e == nil || e.URL == "" {
		return nil, refuse(http.StatusNotFound, "Endpoint not found")
	}
	key := newKey()
	arrived, err := a.contacts.takes(ctx, e.URL, name, key)
	if err != nil {
		return nil, err
	}
	a.Logger.Info("key reset", "key", name, "account", account.ID, "remote", c.r.RemoteAddr, "arrived", arrived)
	if !arrived {
		return nil, refuse(http.StatusBadRequest, "Failed to contact the endpoint or wrong HTTP status code returned")
	}
	// It has arrived and has to hold, whether the caller is still there or not.
	if err := set(context.WithoutCancel(ctx), account, e, key); err != nil {
		return nil, err
	}
	return &answer{http.StatusOK, successOut{"New key sent to endpoint"}}, nil
}

// setAPIKey makes a key the only one that an account has here.
func (a *API) setAPIKey(ctx context.Context, account *webhook.Account, _ *control.Endpoint, key string) error {
	made, err := verifiers(key)
	if err != nil {
		return err
	}
	user, err := a.user(ctx, account)
	if err != nil {
		return err
	}
	if user == nil {
		_, err = a.Control.CreateUser(ctx, webhook.Credential{
			AccountID: account.ID, Scope: webhook.ScopeAccount, Username: credentialName, Verifiers: made,
		})
		return err
	}
	_, err = a.Control.UpdateCredential(ctx, account.ID, user.ID, func(cr *webhook.Credential) error {
		cr.Verifiers = made
		return nil
	})
	return err
}
