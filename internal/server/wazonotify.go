package server

import (
	"context"
	"encoding/json"

	api "github.com/switchhook/switchhook/internal/api/wazo"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/deliver/viawazomobile"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// wazoNotifier sends notifications to the phones of Wazo's users. Each is an event for
// an endpoint of ours in the tenant's account, which is no subscription of Wazo's: it
// is durable before it is sent, and no log of deliveries shows it.
type wazoNotifier struct {
	control *control.Control
	tenants *api.Tenants
}

// What that endpoint is known by, and the type of its events.
const (
	notificationsUID  = "wazo-notifications"
	notificationsType = "switchhook.wazo.notification"
)

// Notify takes a notification on. See api.Notifier.
func (n *wazoNotifier) Notify(ctx context.Context, in api.Notification) error {
	account, err := n.tenants.Account(ctx, in.TenantUUID)
	if err != nil {
		return err
	}
	to, err := n.endpoint(ctx, account.ID)
	if err != nil {
		return err
	}
	payload, err := json.Marshal(viawazomobile.Notification{
		Type: in.Type, TenantUUID: in.TenantUUID, UserUUID: in.UserUUID, Title: in.Title, Body: in.Body, Extra: in.Extra,
	})
	if err != nil {
		return err
	}
	_, err = n.control.SendTo(ctx, to, webhook.Event{Type: notificationsType, Payload: payload})
	return err
}

// endpoint finds the account's, or makes it.
func (n *wazoNotifier) endpoint(ctx context.Context, account id.ID) (id.ID, error) {
	found, err := n.control.FindEndpoint(ctx, account, id.ID{}, notificationsUID)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		found, _, err = n.control.CreateEndpoint(ctx, control.NewEndpoint{
			Endpoint: webhook.Endpoint{
				AccountID: account, UID: notificationsUID, Description: "Sends notifications to the phones of Wazo's users", Enabled: true,
				Service: wazo.ServiceMobile, Health: webhook.HealthPolicy{NoBreaker: true},
				Annotations: webhook.Annotations{viawazomobile.Annotation: json.RawMessage("{}")},
			},
			Subscriptions: []webhook.Subscription{{Enabled: true, Filter: webhook.Filter{Types: []string{notificationsType}}}},
		})
	}
	if webhook.CodeOf(err) == webhook.CodeConflict { // another node was quicker
		found, err = n.control.FindEndpoint(ctx, account, id.ID{}, notificationsUID)
	}
	if err != nil {
		return id.ID{}, err
	}
	return found.ID, nil
}
