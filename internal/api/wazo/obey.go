package wazo

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/switchhook/switchhook/internal/id"
	dialect "github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// What the platform tells over the bus and has to be done here. All of it may be
// repeated. An error means that it is to be tried again later.

// UserDeleted deletes the subscriptions that a user owns or whose events are those of
// the user, in any tenant.
func (a *API) UserDeleted(ctx context.Context, user string) error {
	return a.removeAll(ctx, id.ID{}, func(d *dialect.Document) bool {
		return is(d.OwnerUserUUID, user) || is(d.EventsUserUUID, user)
	})
}

// TenantDeleted deletes the subscriptions of a tenant.
func (a *API) TenantDeleted(ctx context.Context, tenant string) error {
	account, err := id.Parse(tenant)
	if err != nil || account.IsZero() {
		return nil
	}
	return a.removeAll(ctx, account, func(d *dialect.Document) bool { return d.OwnerTenantUUID == tenant })
}

// MobileAdded sees to it that exactly one subscription lets the phones of a user know.
func (a *API) MobileAdded(ctx context.Context, tenant, user string) error {
	a.mobile.Lock()
	defer a.mobile.Unlock()
	has, err := a.ofTenant(ctx, tenant, func(d *dialect.Document) bool { return isMobile(d, user) })
	if err != nil {
		return err
	}
	if len(has) == 0 {
		_, err := a.add(ctx, mobileSubscription(tenant, user))
		return err
	}
	return a.removeThese(ctx, has[1:])
}

// MobileRemoved deletes the subscriptions that let the phones of a user know.
func (a *API) MobileRemoved(ctx context.Context, tenant, user string) error {
	a.mobile.Lock()
	defer a.mobile.Unlock()
	account, err := id.Parse(tenant)
	if err != nil || account.IsZero() {
		return nil
	}
	return a.removeAll(ctx, account, func(d *dialect.Document) bool { return isMobile(d, user) })
}

func isMobile(d *dialect.Document, user string) bool {
	return is(d.OwnerUserUUID, user) && is(d.Metadata["mobile"], "true")
}

func is(have *string, want string) bool { return have != nil && *have == want }

func mobileSubscription(tenant, user string) *dialect.Document {
	yes := "true"
	return &dialect.Document{
		Name: "Push notification mobile for user " + tenant + "/" + user, Service: "mobile", Config: json.RawMessage("{}"),
		Metadata: map[string]*string{"mobile": &yes}, OwnerUserUUID: &user, EventsUserUUID: &user, OwnerTenantUUID: tenant,
		Events: []string{
			"chatd_user_room_message_created", "call_push_notification", "call_cancel_push_notification",
			"user_voicemail_message_created", "global_voicemail_message_created", "user_missed_call",
		},
	}
}

// removeAll deletes the subscriptions that are meant: of an account, or everybody's
// when it is zero.
func (a *API) removeAll(ctx context.Context, account id.ID, meant func(*dialect.Document) bool) error {
	some, err := a.subscriptions(ctx, account, meant)
	if err != nil {
		return err
	}
	return a.removeThese(ctx, some)
}

func (a *API) removeThese(ctx context.Context, some []*dialect.Document) error {
	var errs []error
	for d := range slices.Values(some) {
		self, err := id.Parse(d.UUID)
		if err == nil {
			err = a.remove(ctx, self)
		}
		if webhook.CodeOf(err) != webhook.CodeNotFound {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
