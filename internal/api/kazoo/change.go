package kazoo

import (
	"context"

	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/id"
)

// change is what happened to a document of an account.
type change struct {
	account id.ID
	action  string
	kind    string // of the document: "user", "account"
	doc     id.ID
}

// tell lets hooks know of a change, with the message that the platform has for it. The
// change stands whether they can be told or not.
func (a *API) tell(ctx context.Context, ch change) {
	account := ch.account.Hex()
	if err := a.Fire(context.WithoutCancel(ctx), hooktype.ObjectMessage(ch.action, ch.kind, ch.doc.Hex(), account)); err != nil {
		a.Logger.Error("hooks cannot be told of a change", "account", account, "action", ch.action, "type", ch.kind, "error", err)
	}
}
