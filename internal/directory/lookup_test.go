package directory_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"sync/atomic"
	"testing"

	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// counting is a store that counts what is read from it.
type counting struct {
	directory.Store
	n atomic.Int64
}

func (c *counting) Account(ctx context.Context, account id.ID) (webhook.Account, error) {
	c.n.Add(1)
	return c.Store.Account(ctx, account)
}

func (c *counting) EventType(ctx context.Context, account id.ID, name string) (webhook.EventType, error) {
	c.n.Add(1)
	return c.Store.EventType(ctx, account, name)
}

func (c *counting) CredentialByKey(ctx context.Context, hash [32]byte) (webhook.Credential, error) {
	c.n.Add(1)
	return c.Store.CredentialByKey(ctx, hash)
}

func (c *counting) Subscription(ctx context.Context, sub id.ID) (webhook.Subscription, error) {
	c.n.Add(1)
	return c.Store.Subscription(ctx, sub)
}

// counted makes the world's directory count its reads.
func counted(w *world) *counting {
	c := &counting{Store: w.s}
	w.d = w.directory(directory.Options{Store: c})
	return c
}

func TestAccountsAreReadOnceUntilTheyChange(t *testing.T) {
	w := newWorld(t)
	app := w.account(w.root, "app")
	c := counted(w)
	for range 3 {
		a, err := w.d.Account(t.Context(), app.ID)
		w.must(err)
		w.same(*a, app)
		b, err := w.d.AccountByUID(t.Context(), w.root.ID, "app")
		w.must(err)
		w.same(*b, app)
	}
	w.same(c.n.Load(), int64(1))

	_, err := w.s.UpdateAccount(t.Context(), app.ID, func(a *webhook.Account) error {
		a.UID, a.Name = "shop", "renamed"
		return nil
	})
	w.must(err)
	w.refresh()
	a, err := w.d.Account(t.Context(), app.ID)
	w.must(err)
	w.same(a.Name, "renamed")
	_, err = w.d.AccountByUID(t.Context(), w.root.ID, "app")
	w.missing(err)

	other := w.account(w.root, "app") // the name is free, and missing it was not remembered
	w.refresh()
	b, err := w.d.AccountByUID(t.Context(), w.root.ID, "app")
	w.must(err)
	w.same(b.ID, other.ID)
}

func TestADeletedAccountAndAllOfItIsGone(t *testing.T) {
	w := newWorld(t)
	parent := w.account(w.root, "parent")
	child := w.account(parent, "child")
	e := w.endpoint(child.ID, orders)
	sub := w.d.Match(&webhook.Event{AccountID: child.ID, Type: "order.paid"}, child.Path, nil)
	w.same(len(sub), 0)
	w.refresh()
	sub = w.d.Match(&webhook.Event{AccountID: child.ID, Type: "order.paid"}, child.Path, nil)
	ty := webhook.EventType{ID: id.New(), AccountID: child.ID, Name: "order.paid", CreatedAt: now(), UpdatedAt: now()}
	w.must(w.s.CreateEventType(t.Context(), &ty, nil))
	w.refresh()

	lookups := map[string]func() error{
		"account":        func() error { _, err := w.d.Account(t.Context(), child.ID); return err },
		"account by uid": func() error { _, err := w.d.AccountByUID(t.Context(), parent.ID, "child"); return err },
		"endpoint":       func() error { _, _, err := w.d.Endpoint(t.Context(), e); return err },
		"subscription":   func() error { _, err := w.d.Subscription(t.Context(), sub[0].SubscriptionID); return err },
		"event type":     func() error { _, err := w.d.EventType(t.Context(), child.ID, "order.paid"); return err },
	}
	for name, lookup := range lookups {
		if err := lookup(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	w.must(w.s.DeleteAccount(t.Context(), parent.ID, now()))
	w.refresh()
	for name, lookup := range lookups {
		if err := lookup(); webhook.CodeOf(err) != webhook.CodeNotFound {
			t.Errorf("%s: %v, want not_found", name, err)
		}
	}
}

func TestCredentialsAreReadOnceUntilTheyChange(t *testing.T) {
	w := newWorld(t)
	c := counted(w)
	hash := sha256.Sum256([]byte("a key"))
	for range 3 {
		_, err := w.d.Credential(t.Context(), hash)
		w.missing(err)
	}
	w.same(c.n.Load(), int64(1))

	cr := webhook.Credential{
		ID: id.New(), AccountID: w.root.ID, Kind: webhook.KindAPIKey, Scope: webhook.ScopeRoot,
		KeyHash: hash, CreatedAt: now(),
	}
	w.must(w.s.CreateCredential(t.Context(), &cr))
	w.refresh()
	for range 3 {
		got, err := w.d.Credential(t.Context(), hash)
		w.must(err)
		w.same(*got, cr)
	}
	w.same(c.n.Load(), int64(2))

	_, err := w.s.UpdateCredential(t.Context(), cr.ID, func(cr *webhook.Credential) error {
		cr.RevokedAt = now()
		return nil
	})
	w.must(err)
	w.refresh()
	_, err = w.d.Credential(t.Context(), hash)
	w.missing(err)
}

func TestTryingKeysDoesNotPushOutThoseInUse(t *testing.T) {
	w := newWorld(t)
	c := &counting{Store: w.s}
	w.d = w.directory(directory.Options{Store: c, CacheSize: 10})
	hash := sha256.Sum256([]byte("a key"))
	w.must(w.s.CreateCredential(t.Context(), &webhook.Credential{
		ID: id.New(), AccountID: w.root.ID, Kind: webhook.KindAPIKey, KeyHash: hash, CreatedAt: now(),
	}))
	w.refresh()
	_, err := w.d.Credential(t.Context(), hash)
	w.must(err)
	for i := range 50 {
		_, err := w.d.Credential(t.Context(), [32]byte{byte(i), 1})
		w.missing(err)
	}
	c.n.Store(0)
	_, err = w.d.Credential(t.Context(), hash)
	w.must(err)
	w.same(c.n.Load(), int64(0))
}

func TestEventTypesAreReadOnceUntilTheCatalogueChanges(t *testing.T) {
	w := newWorld(t)
	c := counted(w)
	for range 3 {
		_, err := w.d.EventType(t.Context(), w.root.ID, "order.paid")
		w.missing(err)
	}
	w.same(c.n.Load(), int64(1))
	ty := webhook.EventType{
		ID: id.New(), AccountID: w.root.ID, Name: "order.paid", Validate: true,
		Schemas: json.RawMessage(`{"1": {"required": ["total"]}}`), CreatedAt: now(), UpdatedAt: now(),
	}
	w.must(w.s.CreateEventType(t.Context(), &ty, nil))
	w.refresh()
	validates := func(payload string) error {
		got, err := w.d.EventType(t.Context(), w.root.ID, "order.paid")
		w.must(err)
		return w.d.ValidatePayload(got, []byte(payload))
	}
	w.must(validates(`{"total": 1}`))
	if validates(`{}`) == nil {
		t.Error("took a payload that does not fit")
	}
	_, err := w.s.UpdateEventType(t.Context(), ty.ID, func(t *webhook.EventType) error {
		t.Schemas = json.RawMessage(`{"1": {"required": ["sum"]}}`)
		return nil
	})
	w.must(err)
	w.refresh()
	w.must(validates(`{"sum": 1}`))
	if validates(`{"total": 1}`) == nil {
		t.Error("the schema from before the change decided")
	}
	w.must(w.s.DeleteEventType(t.Context(), ty.ID))
	w.refresh()
	_, err = w.d.EventType(t.Context(), w.root.ID, "order.paid")
	w.missing(err)
}

func TestATypeWithoutSchemaTakesEverything(t *testing.T) {
	w := newWorld(t)
	w.must(w.d.ValidatePayload(&webhook.EventType{Validate: true}, []byte("anything")))
}

func TestSubscriptionsAreReadOnceUntilTheirEndpointChanges(t *testing.T) {
	w := newWorld(t)
	e := w.endpoint(w.root.ID, orders)
	other := w.endpoint(w.root.ID, orders)
	c := counted(w)
	sub := map[id.ID]id.ID{}
	for _, target := range w.d.Match(&webhook.Event{AccountID: w.root.ID, Type: "order.paid"}, nil, nil) {
		sub[target.EndpointID] = target.SubscriptionID
	}
	for range 3 {
		for _, s := range sub {
			_, err := w.d.Subscription(t.Context(), s)
			w.must(err)
		}
	}
	w.same(c.n.Load(), int64(2))

	// A change while it is disabled is seen too, though the index never had it.
	for _, name := range []string{"first", "second"} {
		_, err := w.s.UpdateEndpoint(t.Context(), e, func(edit *store.EndpointEdit) error {
			edit.Subscriptions[0].Enabled, edit.Subscriptions[0].Name = false, name
			return nil
		})
		w.must(err)
		w.refresh()
		s, err := w.d.Subscription(t.Context(), sub[e])
		w.must(err)
		w.same(s.Name, name)
	}
	_, err := w.d.Subscription(t.Context(), sub[other])
	w.must(err)
	w.same(c.n.Load(), int64(4))
}

func TestEndpointsComeWithTheirPresentHealth(t *testing.T) {
	w := newWorld(t)
	e := w.endpoint(w.root.ID, orders)
	_, h, err := w.d.Endpoint(t.Context(), e)
	w.must(err)
	w.same(h.FailuresInRow, 0)
	w.must(w.s.Commit(t.Context(), &store.Batch{Health: []store.HealthChange{
		{Health: webhook.Health{EndpointID: e, FailuresInRow: 7}, At: now()},
	}}))
	_, h, err = w.d.Endpoint(t.Context(), e) // and nothing in the feed said so
	w.must(err)
	w.same(h.FailuresInRow, 7)
	_, _, err = w.d.Endpoint(t.Context(), id.New())
	w.missing(err)
}
