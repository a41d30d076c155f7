package pywebhooks

import (
	"context"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/webhook"
)

// credentialName is the username of the one user that an account has here. What its
// owner calls the account is the account's business and may change.
const credentialName = "pywebhooks"

// authenticate finds out who asks, from the headers api-key and username.
func (a *API) authenticate(c *call) error {
	key, ok := headerText(c.r, "Api-Key")
	if !ok {
		return refuse(http.StatusUnauthorized, "Missing API key header value")
	}
	name, ok := headerText(c.r, "Username")
	if !ok {
		return refuse(http.StatusUnauthorized, "Missing username header value")
	}
	account, err := a.accountNamed(c.r.Context(), name)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		isKey("", key) // a name that nobody has takes no less time
		return a.failedLogin(c, "Invalid API key or Username")
	}
	if err != nil {
		return err
	}
	right, err := a.holds(c, account, key)
	if err != nil {
		return err
	}
	if !right {
		return a.failedLogin(c, "Invalid API key")
	}
	c.who = account
	return nil
}

// isAdmin wants the account to be one of an administrator.
func (a *API) isAdmin(c *call) error {
	if !noteOf(c.who).Admin {
		return refuse(http.StatusUnauthorized, "Not an Admin")
	}
	return nil
}

// failedLogin counts a login that failed. Who has the right key is let in however many
// there were.
func (a *API) failedLogin(c *call, text string) error {
	if wait := a.logins.take(address(c.r)); wait > 0 {
		return tooMany(wait)
	}
	return refuse(http.StatusUnauthorized, text)
}

// holds says whether a key is the account's: the one that was given out here, or one of
// the native API that may change what the account has.
func (a *API) holds(c *call, account *webhook.Account, key string) (bool, error) {
	ctx := c.r.Context()
	if strings.HasPrefix(key, control.KeyPrefix) {
		who, err := a.Control.Authenticate(ctx, key)
		if webhook.CodeOf(err) == webhook.CodeUnauthorized {
			return false, nil
		}
		return err == nil && who.Account.ID == account.ID && !who.ReadOnly(), err
	}
	user, err := a.user(ctx, account)
	if user == nil || err != nil {
		isKey("", key)
		return false, err
	}
	if fast := user.Verifiers[fastVerifier]; fast != "" {
		return isKey(fast, key), nil
	}
	if a.logins.used(address(c.r)) {
		return false, nil // a slow hash is not for those who only try
	}
	slow, err := parseWerkzeug(user.Verifiers[shownVerifier])
	if err != nil || !slow.is(key) {
		return false, nil
	}
	_, err = a.Control.UpdateCredential(ctx, account.ID, user.ID, func(cr *webhook.Credential) error {
		if cr.Verifiers[shownVerifier] == user.Verifiers[shownVerifier] { // it was not reset meanwhile
			cr.Verifiers[fastVerifier] = fastHash(key)
		}
		return nil
	})
	if err != nil {
		a.Logger.Warn("a quicker hash of an API key cannot be kept", "account", account.ID, "error", err)
	}
	return true, nil
}

// user returns the credential that an account has here, or nil.
func (a *API) user(ctx context.Context, account *webhook.Account) (*webhook.Credential, error) {
	user, err := a.Control.FindUser(ctx, account.ID, credentialName)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil, nil
	}
	return user, err
}

// headerText returns a header's value and whether the header is there. Clients send
// what is not ASCII in UTF-8 or, as Python does, in Latin-1.
func headerText(r *http.Request, name string) (string, bool) {
	all, ok := r.Header[name]
	if !ok || len(all) == 0 {
		return "", false
	}
	if utf8.ValidString(all[0]) {
		return all[0], true
	}
	runes := make([]rune, 0, len(all[0]))
	for _, b := range []byte(all[0]) {
		runes = append(runes, rune(b))
	}
	return string(runes), true
}
