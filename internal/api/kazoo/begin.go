package kazoo

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// First is the user that an installation begins with. The password is shown once.
type First struct {
	AccountName string
	AccountID   string
	Username    string
	Password    webhook.Secret
}

// firstUser is what the first user is called.
const firstUser = "admin"

// Begin makes the first user of the master account, unless the account has users. nil
// says that nothing was made.
func (a *API) Begin(ctx context.Context) (*First, error) {
	root, err := a.Control.Root(ctx)
	if err != nil {
		return nil, err
	}
	if there, err := a.hasUsers(ctx, root.ID); there || err != nil {
		return nil, err
	}
	var b [12]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never returns an error
	first := &First{root.Name, root.ID.Hex(), firstUser, webhook.Secret(hex.EncodeToString(b[:]))}
	doc := object("username", first.Username, "password", first.Password.Reveal(), "priv_level", "admin")
	_, err = a.makeUser(ctx, root, doc, a.operatorStamp())
	if err == nil {
		return first, nil
	}
	if there, _ := a.hasUsers(ctx, root.ID); there {
		return nil, nil // another node was quicker
	}
	return nil, err
}

func (a *API) hasUsers(ctx context.Context, account id.ID) (bool, error) {
	users, err := a.users(ctx, account)
	return len(users) > 0, err
}
