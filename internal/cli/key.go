package cli

import (
	"fmt"
	"net/url"
	"time"

	"github.com/switchhook/switchhook/internal/cli/client"
	"github.com/switchhook/switchhook/internal/config"
)

type keyVerbs struct {
	Create keyCreate `cmd:"" help:"Create an API key and print it, once."`
	List   keyList   `cmd:"" help:"List API keys."`
	Revoke keyRevoke `cmd:"" help:"Revoke an API key, at once."`
}

func keyView() view[client.Key] {
	return view[client.Key]{"ID NAME SCOPE APP BEGINS-WITH EXPIRES CREATED", func(k client.Key) []string {
		expires := "-"
		if k.ExpiresAt != nil {
			expires = when(*k.ExpiresAt)
		}
		return []string{k.ID, orDash(k.Name), k.Scope, orDash(k.AppID), k.Hint, expires, when(k.CreatedAt)}
	}}
}

type keyCreate struct {
	remote
	Name    string `arg:"" help:"What it is for."`
	Scope   string `enum:"root,account,read-only" default:"account" help:"root, account or read-only."`
	App     string `help:"Id or uid of the app it is for; not for scope root."`
	Expires string `help:"How long it is valid, for example 90d. Without it: until it is revoked." placeholder:"DURATION"`
}

// Run creates a key and prints it alone on standard output.
func (v *keyCreate) Run(s *session) error {
	f := fields{"name": v.Name, "scope": v.Scope}
	f.text("appId", v.App)
	if v.Expires != "" {
		d, err := config.ParseDuration(v.Expires)
		if err != nil || d <= 0 {
			return usagef("--expires: %q is not a duration like 90d", v.Expires)
		}
		f["expiresAt"] = time.Now().UTC().Add(d)
	}
	c, err := v.connect()
	if err != nil {
		return err
	}
	a, err := c.Keys().Create(s.ctx, f)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(s.out, a.Raw)
	}
	fmt.Fprintln(s.err, "This is the only time that the key is shown:")
	_, err = fmt.Fprintln(s.out, a.Value.Key)
	return err
}

type keyList struct {
	remote
	App string `help:"Keys of this app: id or uid. Without it: of the account that asks."`
}

// Run lists keys.
func (v *keyList) Run(s *session) error {
	q := url.Values{}
	if v.App != "" {
		q.Set("appId", v.App)
	}
	of := func(c *client.Client) client.Resource[client.Key] { return c.Keys() }
	return showList(s, &v.remote, keyView(), of, client.Page{Filter: q})
}

type keyRevoke struct {
	remote
	Key string `arg:"" help:"Id of the key."`
}

// Run revokes a key.
func (v *keyRevoke) Run(s *session) error {
	return tell(s, &v.remote, "Revoked.", func(c *client.Client) error { return c.Keys().Delete(s.ctx, v.Key, nil) })
}
