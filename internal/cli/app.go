package cli

import (
	"strconv"

	"github.com/switchhook/switchhook/internal/cli/client"
)

type appVerbs struct {
	List   appList   `cmd:"" help:"List apps."`
	Get    appGet    `cmd:"" help:"Show one app."`
	Create appCreate `cmd:"" help:"Create an app."`
	Update appUpdate `cmd:"" help:"Change what is given and leave the rest."`
	Delete appDelete `cmd:"" help:"Delete an app with its endpoints; what is pending is cancelled."`
}

func apps(c *client.Client) client.Resource[client.App] { return c.Apps() }

func appView() view[client.App] {
	return view[client.App]{"ID UID NAME RATE CREATED", func(a client.App) []string {
		return []string{a.ID, orDash(a.UID), a.Name, limit(a.RateLimit), when(a.CreatedAt)}
	}}
}

// limit spells a limit of which 0 is none.
func limit(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

type appList struct {
	remote
	paging
}

// Run lists apps.
func (v *appList) Run(s *session) error {
	return showList(s, &v.remote, appView(), apps, v.page(nil))
}

type appGet struct {
	remote
	App string `arg:"" help:"Id or uid."`
}

// Run shows one app.
func (v *appGet) Run(s *session) error {
	return showOne(s, &v.remote, appView(), func(c *client.Client) (client.Answer[client.App], error) {
		return c.Apps().Get(s.ctx, v.App, nil)
	})
}

// appFields are what can be said about an app.
type appFields struct {
	UID       *string           `name:"uid" help:"Your own name for it."`
	RateLimit *int              `help:"Events a second that may be sent in; 0 is no limit."`
	Metadata  map[string]string `help:"key=value, repeatable." placeholder:"KEY=VALUE"`
}

func (a *appFields) fields() fields {
	f := fields{}
	give(f, "uid", a.UID)
	give(f, "throttleRate", a.RateLimit)
	f.texts("metadata", a.Metadata)
	return f
}

type appCreate struct {
	remote
	appFields
	Name        string `arg:"" help:"Name for people."`
	GetIfExists bool   `help:"Answer the app that has the uid already, if there is one."`
}

// Run creates an app.
func (v *appCreate) Run(s *session) error {
	f := v.fields()
	f["name"] = v.Name
	return showOne(s, &v.remote, appView(), func(c *client.Client) (client.Answer[client.App], error) {
		return c.CreateApp(s.ctx, f, v.GetIfExists)
	})
}

type appUpdate struct {
	remote
	appFields
	App  string  `arg:"" help:"Id or uid."`
	Name *string `help:"Name for people."`
}

// Run changes an app.
func (v *appUpdate) Run(s *session) error {
	f := v.fields()
	give(f, "name", v.Name)
	return showOne(s, &v.remote, appView(), func(c *client.Client) (client.Answer[client.App], error) {
		return c.Apps().Update(s.ctx, v.App, f)
	})
}

type appDelete struct {
	remote
	App string `arg:"" help:"Id or uid."`
}

// Run deletes an app.
func (v *appDelete) Run(s *session) error {
	return tell(s, &v.remote, "Deleted.", func(c *client.Client) error { return c.Apps().Delete(s.ctx, v.App, nil) })
}
