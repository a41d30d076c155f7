package intake

import (
	"context"

	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/bus"
	"github.com/switchhook/switchhook/internal/render"
	"github.com/switchhook/switchhook/internal/render/py"
)

// Other parts of the platform may ask by the bus that hooks which were disabled by
// themselves be enabled again. The answer goes to the queue that the request names.

// The event of such requests, and where it is published.
const (
	requestEvent = "doc_type_update"
	answerEvent  = "doc_type_updated"

	answerExchange = "targeted"
)

// isRequest says whether a message asks for hooks to be enabled.
func isRequest(m hooktype.Message) bool {
	return text(m, "Event-Category") == "configuration" && text(m, "Event-Name") == requestEvent && text(m, "Type") == "webhook"
}

// serve does what a request asks for. One about an account that is not known here is
// another's to answer.
func (k *Intake) serve(ctx context.Context, m hooktype.Message) error {
	descendants := text(m, "Action") == "descendants"
	if k.o.Enable == nil || !descendants && text(m, "Action") != "account" {
		return nil
	}
	account, err := k.account(ctx, text(m, "Account-ID"))
	if account == nil || err != nil {
		return err
	}
	if err := k.o.Enable(ctx, account, descendants); err != nil {
		return err
	}
	queue := text(m, "Server-ID")
	if queue == "" || k.o.Publish == nil {
		return nil
	}
	answer := hooktype.Compose("webhooks", "configuration", answerEvent)
	answer.Set("Msg-ID", py.Str(text(m, "Msg-ID")))
	answer.Set("status", py.Str("success"))
	body, err := render.JSON(answer.Dict)
	if err != nil {
		return err
	}
	// Who asked asks again when no answer comes: one that cannot be sent holds up nothing.
	_ = k.o.Publish(ctx, bus.Message{Exchange: answerExchange, RoutingKey: queue, ContentType: "application/json", Body: body})
	return nil
}

func text(m hooktype.Message, name string) string {
	s, _ := py.Text(m.Get(name))
	return s
}
