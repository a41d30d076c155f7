package kazoo

import (
	"context"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// EnableHooks enables the hooks of an account, and of those below it, that were disabled
// by themselves; their failures are forgotten. It returns their names.
func (a *API) EnableHooks(ctx context.Context, account *webhook.Account, descendants bool) ([]string, error) {
	names := []string{}
	visit := func(account *webhook.Account) error {
		hooks, err := a.hooksOf(ctx, account.ID)
		if err != nil {
			return err
		}
		for _, h := range hooks {
			if h.reason() == "" {
				continue
			}
			enabled := false
			_, err := a.Control.UpdateEndpoint(ctx, h.ID, nowhere(), func(edit *edit) error {
				if enabled = disabledItself(edit.Endpoint); enabled { // and nobody has switched it off or on meanwhile
					edit.Endpoint.Enabled, edit.ResetHealth = true, true
				}
				return nil
			})
			if err != nil && webhook.CodeOf(err) != webhook.CodeNotFound { // which is deleted meanwhile
				return err
			}
			if enabled {
				names = append(names, h.UID)
			}
		}
		return nil
	}
	if err := visit(account); err != nil || !descendants {
		return names, err
	}
	return names, a.eachBelow(ctx, account.ID, visit)
}

// eachBelow visits the accounts below another that may have hooks.
func (a *API) eachBelow(ctx context.Context, ancestor id.ID, visit func(*webhook.Account) error) error {
	below, err := everything(func(p webhook.Page) (webhook.Slice[webhook.Account], error) {
		return a.Control.Descendants(ctx, ancestor, p)
	}, func(a *webhook.Account) id.ID { return a.ID })
	if err != nil {
		return err
	}
	for i := range below {
		if !a.MayHaveHooks(below[i].ID) {
			continue
		}
		if err := visit(&below[i]); err != nil {
			return err
		}
	}
	return nil
}
