package ingest

import (
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Prepare matches an event that Switchhook itself has to tell, without writing
// it: the intake goes into the transaction of what it tells about. pass is to be
// called after that transaction, with its error.
func (g *Ingest) Prepare(account *webhook.Account, e webhook.Event) (in *store.Intake, pass func(error)) {
	in = g.prepare(&Submission{Account: account, Events: []webhook.Event{e}})
	return in, func(err error) {
		if err != nil || in.Err != nil {
			g.release(in)
			return
		}
		g.pass(in)
	}
}
