package native

import (
	"net/http"
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// API keys are an addition of ours.
func keyRoutes() []Route {
	return []Route{
		{Method: "POST", Path: "/key", needs: organisation, handle: (*API).createKey},
		{Method: "GET", Path: "/key", needs: organisation, handle: (*API).listKeys},
		{Method: "DELETE", Path: "/key/{key_id}", needs: organisation, handle: (*API).revokeKey},
	}
}

type keyOut struct {
	ID        string        `json:"id"`
	Name      string        `json:"name"`
	Scope     webhook.Scope `json:"scope"`
	AppID     *string       `json:"appId"` // of an application's key
	Hint      string        `json:"hint"`
	CreatedAt time.Time     `json:"createdAt"`
	ExpiresAt *time.Time    `json:"expiresAt"`
	Key       string        `json:"key,omitempty"` // said once
}

func (c *call) showKey(cr *webhook.Credential) keyOut {
	out := keyOut{
		ID: keyID(cr), Name: cr.Name, Scope: cr.Scope, Hint: cr.KeyHint,
		CreatedAt: cr.CreatedAt, ExpiresAt: timeOrNull(cr.ExpiresAt),
	}
	if cr.AccountID != c.who.Account.ID {
		out.AppID = orNull(cr.AccountID.Prefixed(appPrefix))
	}
	return out
}

func keyID(cr *webhook.Credential) string { return cr.ID.Prefixed(keyPrefix) }

type keyIn struct {
	name    string
	scope   webhook.Scope
	app     string
	expires time.Time
}

func readKey(body []byte) (keyIn, error) {
	in := keyIn{scope: webhook.ScopeAccount}
	o := httpx.ReadObject(body)
	for name, v := range o.Members {
		if v.IsNull() {
			continue
		}
		switch string(name) {
		case "name":
			in.name = v.Line()
		case "scope":
			in.scope = webhook.Scope(v.Line())
		case "appId":
			in.app = readName(v)
		case "expiresAt":
			in.expires = v.Time()
		default:
			v.Unknown()
		}
	}
	return in, o.Err()
}

// createKey makes an API key for the caller's account, or for an application.
func (a *API) createKey(c *call) error {
	body, err := a.body(c)
	if err != nil {
		return err
	}
	in, err := readKey(body)
	if err != nil {
		return err
	}
	account, err := a.keyHolder(c, in.app)
	if err != nil {
		return err
	}
	made, key, err := a.Control.CreateKey(c.ctx(), webhook.Credential{
		AccountID: account.ID, Scope: in.scope, Name: in.name, ExpiresAt: in.expires,
	})
	if err != nil {
		return err
	}
	out := c.showKey(made)
	out.Key = key
	return c.json(http.StatusCreated, out)
}

// keyHolder returns the application of that id or uid; none is the caller's own account.
func (a *API) keyHolder(c *call, app string) (*webhook.Account, error) {
	if app == "" {
		return c.who.Account, nil
	}
	return a.findApplication(c, app)
}

func (a *API) listKeys(c *call) error {
	q := c.query()
	p := q.page(keyPrefix, true)
	app := q.name("appId")
	if q.err != nil {
		return q.err
	}
	account, err := a.keyHolder(c, app)
	if err != nil {
		return err
	}
	all, err := a.Control.Keys(c.ctx(), account.ID)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, listOf(part(all, p), keyID, c.showKey))
}

// part returns the page of a list that is there as a whole, oldest first.
func part(all []webhook.Credential, p webhook.Page) webhook.Slice[webhook.Credential] {
	up := p.Ascending != p.Backward // the direction to walk in
	rest := slices.DeleteFunc(slices.Clone(all), func(cr webhook.Credential) bool {
		at := cr.ID.Compare(p.After)
		return !p.After.IsZero() && (up && at <= 0 || !up && at >= 0)
	})
	if !up {
		slices.Reverse(rest)
	}
	n := min(len(rest), p.Rows())
	s := webhook.Slice[webhook.Credential]{Items: rest[:n], Done: n == len(rest)}
	if p.Backward {
		slices.Reverse(s.Items)
	}
	return s
}

// revokeKey ends a key at once, wherever below the caller's account it is held.
func (a *API) revokeKey(c *call) error {
	key, err := id.ParsePrefixed(c.r.PathValue("key_id"), keyPrefix)
	if err != nil {
		return notFound()
	}
	if err := a.Control.RevokeKeyBelow(c.ctx(), c.who.Account.ID, key); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
