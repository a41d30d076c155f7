package native

import (
	"net/http"
	"time"

	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

func applicationRoutes() []Route {
	return []Route{
		{Method: "POST", Path: "/app", needs: organisation, handle: (*API).createApplication},
		{Method: "GET", Path: "/app", needs: organisation, handle: (*API).listApplications},
		{Method: "GET", Path: "/app/{app_id}", needs: viewer, handle: (*API).getApplication},
		{Method: "PUT", Path: "/app/{app_id}", needs: organisation, handle: (*API).putApplication},
		{Method: "PATCH", Path: "/app/{app_id}", needs: organisation, handle: (*API).patchApplication},
		{Method: "DELETE", Path: "/app/{app_id}", needs: organisation, handle: (*API).deleteApplication},
	}
}

type applicationOut struct {
	ID           string            `json:"id"`
	UID          *string           `json:"uid"`
	Name         string            `json:"name"`
	RateLimit    *int              `json:"rateLimit"` // the older name of ThrottleRate
	ThrottleRate *int              `json:"throttleRate"`
	Metadata     map[string]string `json:"metadata"`
	CreatedAt    time.Time         `json:"createdAt"`
	UpdatedAt    time.Time         `json:"updatedAt"`
}

func showApplication(a *webhook.Account) applicationOut {
	return applicationOut{
		ID: applicationID(a), UID: orNull(a.UID), Name: a.Name,
		RateLimit: orNull(a.RateLimit), ThrottleRate: orNull(a.RateLimit),
		Metadata: orEmpty(a.Metadata), CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
	}
}

func applicationID(a *webhook.Account) string { return a.ID.Prefixed(appPrefix) }

// applicationFields are what can be said about an application.
type applicationFields struct {
	name      httpx.Opt[string]
	uid       httpx.Opt[string]
	rateLimit httpx.Opt[int]
	metadata  httpx.Opt[map[string]string]
}

// readApplicationFields reads an application; whole wants all that it needs to have.
func readApplicationFields(o *httpx.Object, whole bool) *applicationFields {
	f := &applicationFields{}
	for name, v := range o.Members {
		switch string(name) {
		case "name":
			f.name = httpx.Opt[string]{Set: true, V: v.Line()}
			if f.name.V == "" {
				v.Fail("must not be empty")
			}
		case "uid":
			f.uid = httpx.Optional(v, readUID(appPrefix))
		case "throttleRate":
			f.rateLimit = httpx.Optional(v, readRate)
		case "rateLimit":
			readOlder(v, &f.rateLimit, readRate)
		case "metadata":
			f.metadata = httpx.Optional(v, readMetadata)
		default:
			v.Unknown()
		}
	}
	if whole && !f.name.Set {
		o.Fail("name", "must be there")
	}
	return f
}

// apply changes what is said, and with whole what is not said, too.
func (f *applicationFields) apply(a *webhook.Account, whole bool) {
	if f.name.Set {
		a.Name = f.name.V
	}
	if whole || f.uid.Set {
		a.UID = f.uid.Or("")
	}
	if whole || f.rateLimit.Set {
		a.RateLimit = f.rateLimit.Or(0)
	}
	if whole || f.metadata.Set {
		a.Metadata = f.metadata.Or(nil)
	}
}

// readApplication reads the body's application.
func readApplication(body []byte, whole bool) (*applicationFields, error) {
	o := httpx.ReadObject(body)
	return readApplicationFields(o, whole), o.Err()
}

func (a *API) createApplication(c *call) error {
	q := c.query()
	getIfExists := q.flag("get_if_exists", false)
	if q.err != nil {
		return q.err
	}
	body, err := a.body(c)
	if err != nil {
		return err
	}
	in, err := readApplication(body, true)
	if err != nil {
		return err
	}
	once, err := a.once(c, "app", body)
	if err != nil {
		return err
	}
	account := webhook.Account{ParentID: c.who.Account.ID}
	in.apply(&account, true)
	if !getIfExists {
		made, _, err := a.Control.CreateAccount(c.ctx(), account, once)
		if err != nil {
			return err
		}
		return c.json(http.StatusCreated, showApplication(made))
	}
	got, created, err := a.Control.GetOrCreateAccount(c.ctx(), account, once)
	if err != nil {
		return err
	}
	return c.json(upserted(created), showApplication(got))
}

func (a *API) listApplications(c *call) error {
	q := c.query()
	p := q.page(appPrefix, true)
	if q.err != nil {
		return q.err
	}
	s, err := a.Control.Accounts(c.ctx(), c.who.Account.ID, p)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, listOf(s, applicationID, showApplication))
}

func (a *API) getApplication(c *call) error {
	return c.json(http.StatusOK, showApplication(c.app))
}

// findApplication returns the application of a path that the caller can see. An
// organisation can name itself by its id, and so look at what it has of its own.
func (a *API) findApplication(c *call, name string) (*webhook.Account, error) {
	account, uid := idOrUID(name, appPrefix)
	own := c.who.Account
	if account == own.ID || uid != "" && uid == own.UID && !c.who.Organisation() {
		return own, nil
	}
	if !c.who.Organisation() {
		return nil, notFound()
	}
	return a.Control.FindAccount(c.ctx(), own.ID, account, uid)
}

// findBelow is findApplication without the organisation itself, which cannot be
// changed from within.
func (a *API) findBelow(c *call) (*webhook.Account, error) {
	app, err := a.findApplication(c, c.r.PathValue("app_id"))
	if err == nil && app.ID == c.who.Account.ID {
		return nil, forbidden()
	}
	return app, err
}

// findOrMakeApplication returns the application of the path, or makes it from what
// came inline, whose uid must be the one in the path.
func (a *API) findOrMakeApplication(c *call, inline *applicationFields) (*webhook.Account, error) {
	name := c.r.PathValue("app_id")
	app, err := a.findApplication(c, name)
	if inline == nil || !c.who.Organisation() || webhook.CodeOf(err) != webhook.CodeNotFound {
		return app, err
	}
	switch {
	case !inline.uid.Given():
		return nil, invalidAt("application_uid_missing", "must be there and the same as in the path", "body", "application", "uid")
	case inline.uid.V != name:
		return nil, invalidAt("application_uid_mismatch", "must be the same as in the path", "body", "application", "uid")
	}
	account := webhook.Account{ParentID: c.who.Account.ID}
	inline.apply(&account, true)
	app, _, err = a.Control.GetOrCreateAccount(c.ctx(), account, nil)
	return app, within("application", err)
}

// putApplication changes all of an application, or makes it.
func (a *API) putApplication(c *call) error {
	body, err := a.body(c)
	if err != nil {
		return err
	}
	in, err := readApplication(body, true)
	if err != nil {
		return err
	}
	app, err := a.findBelow(c)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		account := webhook.Account{ParentID: c.who.Account.ID}
		in.apply(&account, true)
		made, _, err := a.Control.CreateAccount(c.ctx(), account, nil)
		if err != nil {
			return err
		}
		return c.json(http.StatusCreated, showApplication(made))
	}
	if err != nil {
		return err
	}
	return a.changeApplication(c, app.ID, in, true)
}

func (a *API) patchApplication(c *call) error {
	body, err := a.body(c)
	if err != nil {
		return err
	}
	in, err := readApplication(body, false)
	if err != nil {
		return err
	}
	app, err := a.findBelow(c)
	if err != nil {
		return err
	}
	return a.changeApplication(c, app.ID, in, false)
}

func (a *API) changeApplication(c *call, app id.ID, in *applicationFields, whole bool) error {
	changed, err := a.Control.UpdateAccount(c.ctx(), app, func(account *webhook.Account) error {
		in.apply(account, whole)
		return nil
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, showApplication(changed))
}

func (a *API) deleteApplication(c *call) error {
	app, err := a.findBelow(c)
	if err != nil {
		return err
	}
	if err := a.Control.DeleteAccount(c.ctx(), app.ID); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
