package pywebhooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// adminName is the username of the admin that every installation begins with. Nobody
// else gets it.
const adminName = "admin"

// Admin is what is shown, once, of the account that an installation begins with.
type Admin struct{ Username, APIKey, SecretKey string }

// Begin makes the admin if there is none, and returns it only then. It also brings the
// endpoints that were made under another policy to the present one.
func (a *API) Begin(ctx context.Context) (*Admin, error) {
	if err := a.applyPolicy(ctx); err != nil {
		return nil, fmt.Errorf("pywebhooks: apply the configuration to endpoints: %w", err)
	}
	_, err := a.accountNamed(ctx, adminName)
	if err == nil {
		return nil, nil
	}
	if webhook.CodeOf(err) != webhook.CodeNotFound {
		return nil, fmt.Errorf("pywebhooks: find the admin: %w", err)
	}
	root, err := a.root(ctx)
	if err != nil {
		return nil, err
	}
	made := &Admin{Username: adminName, APIKey: newKey(), SecretKey: newKey()}
	p := profile{id: id.NewRandom(), username: adminName, secretKey: made.SecretKey, admin: true, at: now()}
	if p.verifiers, err = verifiers(made.APIKey); err != nil {
		return nil, err
	}
	n, err := a.compose(root, p)
	if err != nil {
		return nil, err
	}
	if err := a.store(ctx, n); webhook.CodeOf(err) == webhook.CodeConflict {
		return nil, nil // another node was quicker, and shows it
	} else if err != nil {
		return nil, fmt.Errorf("pywebhooks: make the admin: %w", err)
	}
	return made, nil
}

// applyPolicy gives all endpoints the configured policy when it is not the one that they
// were given last.
func (a *API) applyPolicy(ctx context.Context) error {
	root, err := a.root(ctx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(a.Policy)
	if err != nil {
		return err
	}
	if string(root.Annotations[dialect]) == string(text) {
		return nil
	}
	if err := a.eachAccount(ctx, a.applyPolicyTo(ctx)); err != nil {
		return err
	}
	_, err = a.Control.UpdateAccount(ctx, root.ID, func(root *webhook.Account) error {
		root.Annotations = maps.Clone(root.Annotations)
		if root.Annotations == nil {
			root.Annotations = webhook.Annotations{}
		}
		root.Annotations[dialect] = text
		return nil
	})
	return err
}

func (a *API) applyPolicyTo(ctx context.Context) func(*webhook.Account) error {
	return func(account *webhook.Account) error {
		e, err := a.endpoint(ctx, account)
		if e == nil || err != nil {
			return err
		}
		_, err = a.Control.UpdateEndpoint(ctx, e.ID, id.ID{}, func(edit *control.EndpointEdit) error {
			was := *edit.Endpoint
			a.Policy.set(edit.Endpoint)
			if reflect.DeepEqual(was, *edit.Endpoint) {
				return errAsItIs
			}
			return nil
		})
		if errors.Is(err, errAsItIs) || webhook.CodeOf(err) == webhook.CodeNotFound {
			return nil
		}
		return err
	}
}

var errAsItIs = errors.New("nothing to change")
