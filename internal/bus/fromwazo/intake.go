// Package fromwazo knows what the messages of Wazo's bus mean: which of them are
// events, for which account, and which ask Switchhook for something. It decides what
// the queue is bound to. How messages come is package fromamqp's, what an event
// matches is decided by the engine, with the words of package wazo.
package fromwazo

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"

	"github.com/switchhook/switchhook/internal/bus"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Intake makes events durable. *ingest.Ingest is one.
type Intake interface {
	AcceptEach(ctx context.Context, all []ingest.Submission) []error
}

// Tenants knows the accounts of tenants.
type Tenants interface {
	// Receiver returns the account in which an event of the tenant is taken in: the
	// tenant's own, or the master's where the tenant is empty or has no account. Its
	// errors mean "not now".
	Receiver(ctx context.Context, tenant string) (*webhook.Account, error)
}

// Directory answers who wants an event. *directory.Directory is one.
type Directory interface {
	Match(e *webhook.Event, path []id.ID, dst []directory.Target) []directory.Target
}

// Options configure a Handler. All but Logger are required.
type Options struct {
	Intake    Intake
	Tenants   Tenants
	Directory Directory
	Actions   Actions
	Logger    *slog.Logger
}

// Handler takes the messages of Wazo's bus.
type Handler struct{ o Options }

// New returns a Handler.
func New(o Options) (*Handler, error) {
	if o.Intake == nil || o.Tenants == nil || o.Directory == nil || o.Actions == nil {
		return nil, errors.New("fromwazo: intake, tenants, directory and actions are required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Handler{o}, nil
}

// Handle is a bus.Handler. What somebody wants is durable when it returns; what nobody
// wants is let go. A message that asks for something is answered in its turn, behind
// the events before it.
func (h *Handler) Handle(ctx context.Context, batch []bus.Message) []error {
	t := turn{h: h, verdicts: make([]error, len(batch)), accounts: map[string]*webhook.Account{}}
	for i := range batch {
		if t.stopped != nil {
			t.verdicts[i] = t.stopped
			continue
		}
		t.take(ctx, i, &batch[i])
	}
	t.flush(ctx)
	return t.verdicts
}

// turn is one batch on its way.
type turn struct {
	h        *Handler
	verdicts []error
	stopped  error                       // why nothing more is taken for now
	accounts map[string]*webhook.Account // by tenant, as far as they were needed

	pending []ingest.Submission
	places  []int // of each, in the batch
}

// take plans to accept a message, and does what it asks for.
func (t *turn) take(ctx context.Context, place int, m *bus.Message) {
	name, _ := m.Headers["name"].(string)
	switch {
	case name == "":
		t.verdicts[place] = &bus.Poison{Reason: "the message has no header with its name"}
		return
	case !json.Valid(m.Body):
		t.verdicts[place] = &bus.Poison{Reason: "the body is not JSON"}
		return
	}
	if err := t.plan(ctx, place, name, m); err != nil {
		t.refuse(place, err)
		return
	}
	if act := t.h.action(name, m); act != nil {
		t.flush(ctx) // what came before it is not to feel it
		if t.stopped == nil && t.verdicts[place] == nil {
			t.verdicts[place] = t.h.carryOut(ctx, name, act)
			t.stop(t.verdicts[place])
		}
	}
}

// plan adds an event to what is to be accepted, if anybody wants it.
func (t *turn) plan(ctx context.Context, place int, name string, m *bus.Message) error {
	account, err := t.receiver(ctx, tenantOf(m))
	if err != nil {
		return err
	}
	e := webhook.Event{Type: wazo.EventType(name), Payload: m.Body, Attributes: wazo.Attributes(m.Headers), AccountID: account.ID}
	if len(t.h.o.Directory.Match(&e, account.Path, nil)) == 0 {
		return nil
	}
	t.pending = append(t.pending, ingest.Submission{Account: account, Events: []webhook.Event{e}, Checked: true})
	t.places = append(t.places, place)
	return nil
}

// tenantOf is the tenant that a message is of; empty is none.
func tenantOf(m *bus.Message) string {
	tenant, _ := m.Headers[wazo.AttributeTenant].(string)
	return tenant
}

func (t *turn) receiver(ctx context.Context, tenant string) (*webhook.Account, error) {
	if a := t.accounts[tenant]; a != nil {
		return a, nil
	}
	a, err := t.h.o.Tenants.Receiver(ctx, tenant)
	if err == nil {
		t.accounts[tenant] = a
	}
	return a, err
}

// flush makes what is planned durable.
func (t *turn) flush(ctx context.Context) {
	pending, places := t.pending, t.places
	t.pending, t.places = nil, nil
	if len(pending) == 0 {
		return
	}
	for i, err := range t.h.o.Intake.AcceptEach(ctx, pending) {
		if err != nil {
			t.refuse(places[i], err)
		}
	}
}

// refuse keeps the verdict on a message that was not taken.
func (t *turn) refuse(place int, err error) {
	t.verdicts[place] = verdict(err)
	t.stop(t.verdicts[place])
}

// stop takes no more messages after one that is to come again, to keep their order.
func (t *turn) stop(err error) {
	if _, poison := errors.AsType[*bus.Poison](err); err != nil && !poison && t.stopped == nil {
		t.stopped = err
	}
}

// verdict says what an error means for a message: with one that is about the message
// itself it is set aside, any other one may pass.
func verdict(err error) error {
	switch webhook.CodeOf(err) {
	case "", webhook.CodeBusy, webhook.CodeUnavailable:
		return err
	}
	return &bus.Poison{Reason: err.Error()}
}
