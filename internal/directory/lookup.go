package directory

import (
	"context"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Account returns an account, or CodeNotFound when there is none or it was deleted.
func (d *Directory) Account(ctx context.Context, account id.ID) (*webhook.Account, error) {
	return d.accounts.get(ctx, account, func(ctx context.Context) answer[id.ID, *webhook.Account] {
		a, err := d.store.Account(ctx, account)
		return found(&a, err, account)
	})
}

// AccountByUID returns the child of parent with the caller's own name, or CodeNotFound.
func (d *Directory) AccountByUID(ctx context.Context, parent id.ID, uid string) (*webhook.Account, error) {
	account, err := d.uids.get(ctx, uidKey{parent, uid}, func(ctx context.Context) answer[id.ID, id.ID] {
		a, err := d.store.AccountByUID(ctx, parent, uid)
		return found(a.ID, err, a.ID)
	})
	if err != nil {
		return nil, err
	}
	return d.Account(ctx, account)
}

// Endpoint returns an endpoint and its health, or CodeNotFound when there is none
// or it was deleted. It is read from the database each time, because health
// changes without a change in the feed; a lane asks once and keeps it.
func (d *Directory) Endpoint(ctx context.Context, endpoint id.ID) (*webhook.Endpoint, webhook.Health, error) {
	e, h, err := d.store.Endpoint(ctx, endpoint)
	if err != nil {
		return nil, webhook.Health{}, err
	}
	return &e, h, nil
}

// Subscription returns a subscription, or CodeNotFound when there is none or it
// was deleted.
func (d *Directory) Subscription(ctx context.Context, subscription id.ID) (*webhook.Subscription, error) {
	return d.subscriptions.get(ctx, subscription, func(ctx context.Context) answer[id.ID, *webhook.Subscription] {
		s, err := d.store.Subscription(ctx, subscription)
		return found(&s, err, s.EndpointID)
	})
}

// EventType returns a type of the account's catalogue, or CodeNotFound, which is
// remembered too.
func (d *Directory) EventType(ctx context.Context, account id.ID, name string) (*webhook.EventType, error) {
	return d.eventTypes.get(ctx, typeKey{account, name}, func(ctx context.Context) answer[id.ID, *webhook.EventType] {
		t, err := d.store.EventType(ctx, account, name)
		if webhook.CodeOf(err) == webhook.CodeNotFound {
			return answer[id.ID, *webhook.EventType]{err: err, group: account, keep: true}
		}
		return found(&t, err, account)
	})
}

// Credential returns the API key whose text has this SHA-256, or CodeNotFound when
// there is none or it was revoked. It may have expired: see Credential.Usable.
func (d *Directory) Credential(ctx context.Context, keyHash [32]byte) (*webhook.Credential, error) {
	return d.credentials.get(ctx, keyHash, func(ctx context.Context) answer[id.ID, *webhook.Credential] {
		// Those that do not exist are remembered apart, so that trying keys
		// does not push out those that do.
		c, err := d.strangers.get(ctx, keyHash, func(ctx context.Context) answer[id.ID, *webhook.Credential] {
			c, err := d.store.CredentialByKey(ctx, keyHash)
			return answer[id.ID, *webhook.Credential]{value: &c, err: err, keep: webhook.CodeOf(err) == webhook.CodeNotFound}
		})
		if err != nil {
			return answer[id.ID, *webhook.Credential]{err: err}
		}
		return found(c, nil, c.ID)
	})
}

// ValidatePayload says whether the payload fits the newest schema of t. A type
// without one takes everything. The error is text for people.
func (d *Directory) ValidatePayload(t *webhook.EventType, payload []byte) error {
	if len(t.Schemas) == 0 {
		return nil
	}
	// What is shared is not copied, so the pointer names one state of the type.
	s, err := d.schemas.get(context.Background(), t, func(context.Context) answer[id.ID, *Schemas] {
		s, err := ParseSchemas(t.Schemas)
		return found(s, err, t.ID)
	})
	if err != nil {
		return err
	}
	return s.Validate(payload)
}

// found is the answer of a load that keeps what is there and no error.
func found[V any](v V, err error, group id.ID) answer[id.ID, V] {
	if err != nil {
		return answer[id.ID, V]{err: err}
	}
	return answer[id.ID, V]{value: v, group: group, keep: true}
}
