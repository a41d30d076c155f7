package kazoo

import (
	"context"
	"regexp"
	"strings"

	"github.com/switchhook/switchhook/internal/password"
	"github.com/switchhook/switchhook/internal/webhook"
)

// How credentials are made of "username:password", in lower-case hex. They are also the
// names of a user's verifiers.
const (
	methodMD5 = "md5"
	methodSHA = "sha"
)

var realmPattern = regexp.MustCompile(`^[.\w_-]+$`)

func userAuthRules() []rule {
	return []rule{
		{name: "credentials", kind: "string", required: true, minLength: 1, maxLength: 64},
		{name: "method", kind: "string", enum: []string{methodMD5, methodSHA}, otherwise: encode(methodMD5)},
		{name: "account_name", kind: "string", minLength: 1, maxLength: 128},
		{name: "account_realm", kind: "string", minLength: 4, maxLength: 253, pattern: realmPattern},
		{name: "phone_number", kind: "string", minLength: 1, maxLength: 64},
	}
}

// userAuth gives a token to a user who proves name and password.
func (c *call) userAuth() (*answer, error) {
	in := c.in.data.clone()
	if realm := in.get("realm"); realm != nil && !in.has("account_realm") {
		in.set("account_realm", realm)
	}
	f := faults{}
	check(&in, userAuthRules(), f)
	if err := f.err(); err != nil {
		return nil, err
	}
	accounts, err := c.api.accountsFor(c.ctx(), in.text("account_realm"), in.text("account_name"))
	if err != nil {
		return nil, err
	}
	cr, err := c.api.proven(c.ctx(), accounts, in.text("method"), webhook.Secret(in.text("credentials")))
	if err != nil {
		return nil, err
	}
	if cr == nil {
		return nil, invalidCredentials()
	}
	return c.loggedIn(cr, byUser)
}

// accountsFor returns the accounts that a login may mean: those of the realm, or if
// there are none those of the name.
func (a *API) accountsFor(ctx context.Context, realm, name string) ([]webhook.Account, error) {
	if realm != "" {
		all, err := a.Control.AccountsWithUID(ctx, strings.ToLower(realm))
		if err != nil || len(all) > 0 {
			return all, err
		}
	}
	return a.Control.AccountsNamed(ctx, name)
}

// proven returns the first user of the accounts whose credentials these are, nil when
// they are nobody's. It takes as long where there is no such account as where the
// password is wrong.
func (a *API) proven(ctx context.Context, accounts []webhook.Account, method string, credentials webhook.Secret) (*webhook.Credential, error) {
	done, err := a.hash(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	m := password.NewMatcher(credentials)
	for i := range accounts {
		users, err := a.users(ctx, accounts[i].ID)
		if err != nil {
			return nil, err
		}
		for j := range users {
			n, err := noteOf(&users[j])
			if err != nil {
				return nil, err
			}
			if n.Doc.flag("enabled", true) && users[j].Usable(a.Now()) && m.Matches(users[j].Verifiers[method]) {
				return &users[j], nil
			}
		}
	}
	if m.Computed() == 0 {
		password.Hash(credentials, password.NewSalt(), a.PasswordCost)
	}
	return nil, nil
}

// hash waits until a slow hash may be computed: each takes memory, and a processor. The
// caller says when it is done.
func (a *API) hash(ctx context.Context) (done func(), err error) {
	select {
	case a.hashing <- struct{}{}:
		return func() { <-a.hashing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// keyLength is that of the keys that api_auth takes.
const keyLength = 64

// apiAuth gives a token to whoever has an account's API key.
func (c *call) apiAuth() (*answer, error) {
	f := faults{}
	check(&c.in.data, []rule{{name: "api_key", kind: "string", required: true, minLength: keyLength, maxLength: keyLength}}, f)
	for _, m := range c.in.data.members {
		if m.name != "api_key" {
			f.add([]string{m.name}, "additionalProperties", "This field is not known here", "value", m.value)
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	key := c.in.data.text("api_key")
	cr, err := c.api.Control.FindKey(c.ctx(), webhook.Secret(key))
	switch {
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		return nil, badName(key)
	case err != nil:
		return nil, err
	case !cr.Usable(c.api.Now()), !isOurs(cr):
		return nil, badName(key)
	}
	return c.loggedIn(cr, byKey)
}
