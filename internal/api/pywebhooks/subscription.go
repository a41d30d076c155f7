package pywebhooks

import (
	"encoding/json"
	"net/http"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// subscriptionOut is a subscription's record.
type subscriptionOut struct {
	AccountID      string      `json:"account_id"`
	Epoch          json.Number `json:"epoch"`
	ID             string      `json:"id"`
	RegistrationID string      `json:"registration_id"`
}

// subscriptionNote is what only this API knows of a subscription: who subscribed, also
// when there is no such account any more.
type subscriptionNote struct {
	AccountID id.ID `json:"account_id"`
}

func subscriptionNoteOf(s *webhook.Subscription) (n subscriptionNote) {
	_ = json.Unmarshal(s.Annotations[dialect], &n) // written here alone
	return n
}

// newSubscription makes a subscription of an account, whose endpoint is given, to a
// registration of another or of itself.
func newSubscription(self, account, endpoint, registration, owner id.ID) (webhook.Subscription, error) {
	notes, err := note(subscriptionNote{account})
	return webhook.Subscription{
		ID: self, AccountID: owner, EndpointID: endpoint, EventTypeID: registration, Enabled: true,
		Filter: webhook.Filter{Types: []string{registration.String()}}, Annotations: notes,
	}, err
}

func subscriptionRecord(s *webhook.Subscription) subscriptionOut {
	return subscriptionOut{subscriptionNoteOf(s).AccountID.String(), epoch(s.CreatedAt), s.ID.String(), s.EventTypeID.String()}
}

func (a *API) createSubscription(c *call) (*answer, error) {
	ctx := c.r.Context()
	t, err := a.Control.Registration(ctx, parseID(c.id))
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil, refuse(http.StatusNotFound, "The registration id does not exist")
	}
	if err != nil {
		return nil, err
	}
	e, err := a.endpointFor(ctx, c.who)
	if err != nil {
		return nil, err
	}
	s, err := newSubscription(id.NewRandom(), c.who.ID, e.ID, t.ID, t.AccountID)
	if err != nil {
		return nil, err
	}
	made, err := a.Control.CreateSubscription(ctx, s, id.ID{})
	if err != nil {
		return nil, err
	}
	return &answer{http.StatusCreated, subscriptionRecord(made)}, nil
}

// deleteSubscription deletes a subscription: whoever subscribed may, and an admin.
func (a *API) deleteSubscription(c *call) (*answer, error) {
	ctx, admin := c.r.Context(), noteOf(c.who).Admin
	s, err := a.Control.Subscription(ctx, parseID(c.id))
	there := err == nil && !s.EventTypeID.IsZero()
	switch {
	case err != nil && webhook.CodeOf(err) != webhook.CodeNotFound:
		return nil, err
	case !there && admin:
		return summary(summaryOut{Skipped: 1})
	case !there, subscriptionNoteOf(s).AccountID != c.who.ID && !admin:
		return nil, notAuthorized()
	}
	if err := a.Control.DeleteSubscription(ctx, s.ID); err != nil {
		return nil, err
	}
	return summary(summaryOut{Deleted: 1})
}

func (a *API) listOwnSubscriptions(c *call) (*answer, error) {
	e, err := a.endpoint(c.r.Context(), c.who)
	if err != nil {
		return nil, err
	}
	if e == nil { // nothing could be subscribed so far
		return listing[subscriptionOut](c, "subscriptions", nil)
	}
	return a.subscriptions(c, e.ID)
}

func (a *API) listSubscriptions(c *call) (*answer, error) { return a.subscriptions(c, id.ID{}) }

// subscriptions lists those of an endpoint, or everybody's.
func (a *API) subscriptions(c *call, endpoint id.ID) (*answer, error) {
	all, err := a.Control.Registered(c.r.Context(), endpoint, c.window)
	if err != nil {
		return nil, err
	}
	out := make([]subscriptionOut, len(all))
	for i := range all {
		out[i] = subscriptionRecord(&all[i])
	}
	return listing(c, "subscriptions", out)
}

func (a *API) clearSubscriptions(c *call) (*answer, error) {
	n, err := a.Control.ClearRegistered(c.r.Context())
	if err != nil {
		return nil, err
	}
	return summary(summaryOut{Deleted: n})
}
