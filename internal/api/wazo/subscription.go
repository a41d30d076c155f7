package wazo

import (
	"context"
	"net/http"

	"github.com/switchhook/switchhook/internal/id"
	dialect "github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

type listOut struct {
	Items []*dialect.Document `json:"items"`
	Total int                 `json:"total"`
}

func list(items []*dialect.Document) listOut {
	if items == nil {
		items = []*dialect.Document{}
	}
	return listOut{items, len(items)}
}

func (a *API) listSubscriptions(c *call) error {
	q, err := readListQuery(c.r)
	if err != nil {
		return err
	}
	tenant, err := a.about(c)
	if err != nil {
		return err
	}
	var items []*dialect.Document
	if q.recurse {
		in, err := a.below(c)
		if err != nil {
			return err
		}
		items, err = a.subscriptions(c.ctx(), id.ID{}, func(d *dialect.Document) bool { return in(d.OwnerTenantUUID) && q.wants(d) })
		if err != nil {
			return err
		}
	} else if items, err = a.ofTenant(c.ctx(), tenant, q.wants); err != nil {
		return err
	}
	return answer(c.w, http.StatusOK, list(items))
}

// ofTenant returns the subscriptions of a tenant that are wanted.
func (a *API) ofTenant(ctx context.Context, tenant string, want func(*dialect.Document) bool) ([]*dialect.Document, error) {
	account, err := id.Parse(tenant)
	if err != nil || account.IsZero() {
		return nil, nil // no tenant has this name, or anything else
	}
	return a.subscriptions(ctx, account, func(d *dialect.Document) bool { return d.OwnerTenantUUID == tenant && want(d) })
}

// subscriptions returns those that are wanted: of an account, or everybody's when it
// is zero.
func (a *API) subscriptions(ctx context.Context, account id.ID, want func(*dialect.Document) bool) ([]*dialect.Document, error) {
	var some []*dialect.Document
	err := a.each(ctx, account, func(e *webhook.Endpoint) error {
		d, err := dialect.DocumentOf(e)
		if err == nil && want(d) {
			some = append(some, d)
		}
		return err
	})
	return some, err
}

// each calls do with the endpoint of every subscription: of an account, or everybody's
// when it is zero.
func (a *API) each(ctx context.Context, account id.ID, do func(*webhook.Endpoint) error) error {
	for page := (webhook.Page{Limit: 500, Ascending: true}); ; {
		s, err := a.Control.EndpointsOf(ctx, account, dialect.Annotation, page)
		if err != nil {
			return err
		}
		for i := range s.Items {
			if err := do(&s.Items[i]); err != nil {
				return err
			}
			page.After = s.Items[i].ID
		}
		if s.Done {
			return nil
		}
	}
}

func (a *API) createSubscription(c *call) error {
	d, err := a.asked(c, false)
	if err != nil {
		return err
	}
	if d.OwnerTenantUUID, err = a.about(c); err != nil {
		return err
	}
	return a.create(c, d)
}

// asked reads the subscription that a request brings; mine is for a user's own.
func (a *API) asked(c *call, mine bool) (*dialect.Document, error) {
	v, err := a.body(c)
	if err != nil {
		return nil, err
	}
	return readSubscription(v, mine, a.free)
}

// create keeps a subscription that was asked for.
func (a *API) create(c *call, d *dialect.Document) error {
	d, err := a.add(c.ctx(), d)
	if err != nil {
		return err
	}
	return answer(c.w, http.StatusCreated, d)
}

func (a *API) getSubscription(c *call) error {
	_, d, err := a.visible(c)
	if err != nil {
		return err
	}
	return answer(c.w, http.StatusOK, d)
}

func (a *API) updateSubscription(c *call) error {
	d, err := a.asked(c, false)
	if err != nil {
		return err
	}
	e, was, err := a.visible(c)
	if err != nil {
		return err
	}
	d.OwnerTenantUUID = was.OwnerTenantUUID
	return a.update(c, e, d)
}

// update replaces a subscription.
func (a *API) update(c *call, e *webhook.Endpoint, d *dialect.Document) error {
	d, err := a.replace(c.ctx(), e.ID, d)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return noSubscription(c.uuid) // somebody was quicker
	}
	if err != nil {
		return err
	}
	return answer(c.w, http.StatusOK, d)
}

func (a *API) deleteSubscription(c *call) error {
	e, _, err := a.visible(c)
	if err != nil {
		return err
	}
	return a.drop(c, e)
}

// drop deletes a subscription that was asked for.
func (a *API) drop(c *call, e *webhook.Endpoint) error {
	switch err := a.remove(c.ctx(), e.ID); {
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		return noSubscription(c.uuid)
	case err != nil:
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// find returns the subscription that a call names.
func (a *API) find(c *call) (*webhook.Endpoint, *dialect.Document, error) {
	self, err := id.Parse(c.uuid)
	if err != nil || self.String() != c.uuid {
		return nil, nil, noSubscription(c.uuid)
	}
	e, err := a.Control.LocateEndpoint(c.ctx(), self)
	if webhook.CodeOf(err) == webhook.CodeNotFound || err == nil && e.Annotations[dialect.Annotation] == nil {
		return nil, nil, noSubscription(c.uuid)
	}
	if err != nil {
		return nil, nil, err
	}
	d, err := dialect.DocumentOf(e)
	return e, d, err
}

// visible is find for those that are in the scope of the call.
func (a *API) visible(c *call) (*webhook.Endpoint, *dialect.Document, error) {
	e, d, err := a.find(c)
	if err != nil {
		return nil, nil, err
	}
	in, err := a.below(c)
	if err != nil {
		return nil, nil, err
	}
	if !in(d.OwnerTenantUUID) {
		return nil, nil, noSubscription(c.uuid)
	}
	return e, d, nil
}

// free says whether a service has a rule of its own for configurations.
func (a *API) free(service string) bool {
	ours, there := a.Services[service]
	return there && a.Control.ChecksConfig(ours)
}

// ours is the name of a service here. One that is not there keeps its name, so that it
// works as soon as a plug-in brings it.
func (a *API) ours(service string) string {
	if name, there := a.Services[service]; there {
		return name
	}
	if service == "" || a.Reserved(service) || service == dialect.ServiceHTTP || service == dialect.ServiceMobile {
		return "wazo:" + service
	}
	return service
}
