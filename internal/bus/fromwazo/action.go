package fromwazo

import (
	"context"
	"encoding/json"

	"github.com/switchhook/switchhook/internal/bus"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Actions are what Wazo's bus asks for. Each may be asked for twice. An error with
// CodeBusy or CodeUnavailable, or none, means "not now".
type Actions interface {
	// UserDeleted deletes the subscriptions that the user owns or that watch the user.
	UserDeleted(ctx context.Context, user string) error
	// TenantDeleted deletes the tenant's subscriptions.
	TenantDeleted(ctx context.Context, tenant string) error
	// MobileAdded makes sure that the user has exactly one subscription for push
	// notifications.
	MobileAdded(ctx context.Context, tenant, user string) error
	// MobileRemoved deletes the user's subscriptions for push notifications.
	MobileRemoved(ctx context.Context, tenant, user string) error
}

// The events that ask for something.
const (
	userDeleted   = "user_deleted"
	tenantDeleted = "auth_tenant_deleted"
	authAdded     = "auth_user_external_auth_added"
	authUpdated   = "auth_user_external_auth_updated"
	authDeleted   = "auth_user_external_auth_deleted"
)

// obeyed lists them.
func obeyed() []string {
	return []string{userDeleted, tenantDeleted, authAdded, authUpdated, authDeleted}
}

// action is what a message asks for.
type action func(ctx context.Context) error

// action reads what a message asks for; nil is nothing.
func (h *Handler) action(name string, m *bus.Message) action {
	switch name {
	case userDeleted, tenantDeleted, authAdded, authUpdated, authDeleted:
	default:
		return nil
	}
	var body struct {
		Data struct {
			UUID         string `json:"uuid"`
			UserUUID     string `json:"user_uuid"`
			ExternalAuth string `json:"external_auth_name"`
		} `json:"data"`
	}
	if err := json.Unmarshal(m.Body, &body); err != nil {
		h.o.Logger.Warn("message of the bus does not say what to do", "event", name, "error", err)
		return nil
	}
	tenant, d, do := tenantOf(m), body.Data, h.o.Actions
	switch {
	case name == userDeleted && d.UUID != "":
		return func(ctx context.Context) error { return do.UserDeleted(ctx, d.UUID) }
	case name == tenantDeleted && d.UUID != "":
		return func(ctx context.Context) error { return do.TenantDeleted(ctx, d.UUID) }
	case d.ExternalAuth != "mobile" || d.UserUUID == "":
		return nil
	case name == authDeleted:
		return func(ctx context.Context) error { return do.MobileRemoved(ctx, tenant, d.UserUUID) }
	case name == authAdded || name == authUpdated:
		return func(ctx context.Context) error { return do.MobileAdded(ctx, tenant, d.UserUUID) }
	}
	return nil
}

// carryOut does what a message asks for. What cannot be done is logged and done with:
// the event itself was taken in already.
func (h *Handler) carryOut(ctx context.Context, name string, act action) error {
	err := act(ctx)
	if err == nil {
		return nil
	}
	switch webhook.CodeOf(err) {
	case "", webhook.CodeBusy, webhook.CodeUnavailable:
		h.o.Logger.Warn("what the bus asks for cannot be done for now", "event", name, "error", err)
		return err
	}
	h.o.Logger.Error("what the bus asks for cannot be done", "event", name, "error", err)
	return nil
}
