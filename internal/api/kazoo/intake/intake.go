// Package intake takes in what happens on a Kazoo platform: messages of its bus, and
// those that the dialect's own API makes. It finds out what a message means, whose it is
// and whether a hook wants it, and hands it on as events.
package intake

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"time"

	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/bus"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/webhook"
)

// maxBody is how long a message may become when it is unpacked, in bytes.
const maxBody = 8 << 20

// Directory knows accounts and who wants an event. *directory.Directory is one.
type Directory interface {
	Account(ctx context.Context, account id.ID) (*webhook.Account, error)
	Match(e *webhook.Event, path []id.ID, dst []directory.Target) []directory.Target
}

// Events makes events durable. *ingest.Ingest is one.
type Events interface {
	AcceptEach(ctx context.Context, all []ingest.Submission) []error
}

// Endpoints makes and finds endpoints. *control.Control is one.
type Endpoints interface {
	CreateEndpoint(ctx context.Context, n control.NewEndpoint) (made *control.Endpoint, created bool, err error)
	FindEndpoint(ctx context.Context, account, endpoint id.ID, uid string) (*control.Endpoint, error)
}

// Options configure an Intake.
type Options struct {
	Types      *hooktype.Catalogue // required
	Directory  Directory           // required
	Events     Events              // required
	Endpoints  Endpoints           // required: for hooks that come with their messages
	RetryDelay time.Duration       // of such hooks
	// Node is the sender of messages that this installation published after it had taken
	// them in: they are not taken in again. nil is nobody.
	Node func() string
	// Enable enables the hooks of an account, or those of its descendants too, that
	// were disabled by themselves; Publish sends an answer. Without them requests that
	// come by the bus are nobody's.
	Enable  func(ctx context.Context, account *webhook.Account, descendants bool) error
	Publish func(ctx context.Context, m bus.Message) error
}

// Intake takes in messages. It is safe for concurrent use.
type Intake struct{ o Options }

// New checks the options and returns an Intake.
func New(o Options) (*Intake, error) {
	if o.Types == nil || o.Directory == nil || o.Events == nil || o.Endpoints == nil {
		return nil, errors.New("intake: types, directory, events and endpoints are required")
	}
	return &Intake{o}, nil
}

// Fire takes in a message that this server made. When it returns nil, what hooks want
// of it is durable.
func (k *Intake) Fire(ctx context.Context, m hooktype.Message) error {
	submissions, err := k.submissions(ctx, m)
	if err != nil {
		return err
	}
	return errors.Join(k.o.Events.AcceptEach(ctx, submissions)...)
}

// Handle takes in messages of the bus. It is a bus.Handler.
func (k *Intake) Handle(ctx context.Context, batch []bus.Message) []error {
	verdicts := make([]error, len(batch))
	var all []ingest.Submission
	var from []int // the message of each submission
	for i := range batch {
		submissions, err := k.read(ctx, &batch[i])
		if _, poison := errors.AsType[*bus.Poison](err); err != nil && !poison {
			for rest := i; rest < len(batch); rest++ {
				verdicts[rest] = err // not now, and none before it
			}
			break
		}
		verdicts[i] = err
		for _, s := range submissions {
			all, from = append(all, s), append(from, i)
		}
	}
	for i, err := range k.o.Events.AcceptEach(ctx, all) {
		if m := from[i]; err != nil && verdicts[m] == nil {
			verdicts[m] = verdict(err)
		}
	}
	return verdicts
}

// verdict says what becomes of a message with which something went wrong: it is set
// aside where that will never be otherwise.
func verdict(err error) error {
	switch webhook.CodeOf(err) {
	case webhook.CodeInvalid, webhook.CodeTooLarge, webhook.CodeLimit:
		return &bus.Poison{Reason: err.Error()}
	}
	return err
}

// read says what a message of the bus means.
func (k *Intake) read(ctx context.Context, m *bus.Message) ([]ingest.Submission, error) {
	if kind, _, err := mime.ParseMediaType(m.ContentType); err == nil && kind == "application/erlang" {
		return nil, nil // the platform talking to itself
	}
	body, err := unpacked(m)
	if err != nil {
		return nil, &bus.Poison{Reason: err.Error()}
	}
	message, err := hooktype.ParseMessage(body)
	if err != nil {
		return nil, &bus.Poison{Reason: err.Error()}
	}
	if node := text(message, "Node"); node != "" && k.o.Node != nil && node == k.o.Node() {
		return nil, nil
	}
	if isRequest(message) {
		return nil, verdict(k.serve(ctx, message))
	}
	return k.submissions(ctx, message)
}

// unpacked returns the body of a message as it was before it was packed.
func unpacked(m *bus.Message) ([]byte, error) {
	switch m.Encoding {
	case "gzip":
	case "", "identity", "utf-8":
		return m.Body, nil
	default:
		return nil, fmt.Errorf("the encoding %.40q is not known", m.Encoding)
	}
	r, err := gzip.NewReader(bytes.NewReader(m.Body))
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("unpacked it is longer than %d bytes", maxBody)
	}
	return body, nil
}

// submissions is what a message means for accounts that are known here and have, or are
// below, a hook that wants it. A *bus.Poison says that it can mean nothing.
func (k *Intake) submissions(ctx context.Context, m hooktype.Message) ([]ingest.Submission, error) {
	events, err := k.o.Types.Events(m)
	if err != nil {
		return nil, &bus.Poison{Reason: err.Error()}
	}
	var all []ingest.Submission
	for i := range events {
		s, err := k.submission(ctx, &events[i])
		if err != nil {
			return nil, verdict(err)
		}
		if s != nil {
			all = append(all, *s)
		}
	}
	return all, nil
}

// submission is what an event comes to; nil where it is nobody's, or nobody wants it: a
// platform tells of far more than hooks ask for.
func (k *Intake) submission(ctx context.Context, from *hooktype.Event) (*ingest.Submission, error) {
	account, err := k.account(ctx, from.Account)
	if account == nil || err != nil {
		return nil, err
	}
	e, err := from.Webhook()
	if err != nil {
		return nil, webhook.Errorf(webhook.CodeInvalid, "payload", "%v", err)
	}
	e.AccountID = account.ID
	wanted := func() bool { return len(k.o.Directory.Match(&e, account.Path, nil)) > 0 }
	if from.Hook != nil {
		if err := k.prepare(ctx, from.Hook, &e, wanted); err != nil {
			return nil, err
		}
	}
	if !wanted() {
		return nil, nil
	}
	return &ingest.Submission{Account: account, Events: []webhook.Event{e}, Checked: true}, nil
}

// account finds an account, nil when it is not known here.
func (k *Intake) account(ctx context.Context, hex string) (*webhook.Account, error) {
	v, err := id.Parse(hex)
	if err != nil {
		return nil, nil
	}
	a, err := k.o.Directory.Account(ctx, v)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil, nil
	}
	return a, err
}
