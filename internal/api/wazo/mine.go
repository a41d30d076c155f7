package wazo

import (
	"net/http"

	dialect "github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// user tells the user who calls, and refuses tokens that are no user's: without one,
// nothing would keep one user's subscriptions from another.
func (a *API) user(c *call) (*holder, error) {
	h, err := a.who(c)
	if err != nil {
		return nil, err
	}
	if h.user == "" {
		return nil, &refusal{
			status: http.StatusBadRequest, id: "token-with-user-uuid-required", message: "A valid token with a user UUID is required",
		}
	}
	return h, nil
}

// owns says whether a subscription is the user's own.
func (h *holder) owns(d *dialect.Document) bool {
	return d.OwnerUserUUID != nil && *d.OwnerUserUUID == h.user && d.OwnerTenantUUID == h.tenant
}

func (a *API) listMine(c *call) error {
	h, err := a.user(c)
	if err != nil {
		return err
	}
	q, err := readListQuery(c.r)
	if err != nil {
		return err
	}
	items, err := a.ofTenant(c.ctx(), h.tenant, func(d *dialect.Document) bool { return h.owns(d) && q.wants(d) })
	if err != nil {
		return err
	}
	return answer(c.w, http.StatusOK, list(items))
}

func (a *API) createMine(c *call) error {
	h, err := a.user(c)
	if err != nil {
		return err
	}
	d, err := a.asked(c, true)
	if err != nil {
		return err
	}
	user := h.user
	d.OwnerUserUUID, d.EventsUserUUID, d.OwnerTenantUUID = &user, &user, h.tenant
	if h.wazo != "" {
		wazo := h.wazo
		d.EventsWazoUUID = &wazo
	}
	return a.create(c, d)
}

// own is find for those that are the caller's.
func (a *API) own(c *call, h *holder) (*webhook.Endpoint, *dialect.Document, error) {
	e, d, err := a.find(c)
	if err != nil {
		return nil, nil, err
	}
	if !h.owns(d) {
		return nil, nil, noSubscription(c.uuid)
	}
	return e, d, nil
}

func (a *API) getMine(c *call) error {
	h, err := a.user(c)
	if err != nil {
		return err
	}
	_, d, err := a.own(c, h)
	if err != nil {
		return err
	}
	return answer(c.w, http.StatusOK, d)
}

func (a *API) updateMine(c *call) error {
	h, err := a.user(c)
	if err != nil {
		return err
	}
	d, err := a.asked(c, true)
	if err != nil {
		return err
	}
	e, was, err := a.own(c, h)
	if err != nil {
		return err
	}
	d.OwnerTenantUUID, d.OwnerUserUUID = was.OwnerTenantUUID, was.OwnerUserUUID
	d.EventsUserUUID, d.EventsWazoUUID = was.EventsUserUUID, was.EventsWazoUUID
	return a.update(c, e, d)
}

func (a *API) deleteMine(c *call) error {
	h, err := a.user(c)
	if err != nil {
		return err
	}
	e, _, err := a.own(c, h)
	if err != nil {
		return err
	}
	return a.drop(c, e)
}
