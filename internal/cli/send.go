package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/cli/client"
)

type sendVerb struct {
	remote
	App            string   `arg:"" help:"Id or uid of the app."`
	EventType      string   `arg:"" help:"Event type, for example order.created."`
	Payload        string   `arg:"" optional:"" help:"JSON object, @file, or - for standard input, which is the default."`
	EventID        string   `name:"event-id" help:"Your own id for the event."`
	Channel        []string `help:"Channel; repeatable."`
	Tag            []string `help:"Tag; repeatable."`
	IdempotencyKey string   `help:"Sending again with the same key sends nothing."`
	DeliverAt      string   `help:"Not before this time, in RFC 3339." placeholder:"TIME"`
}

// Run sends an event.
func (v *sendVerb) Run(s *session) error {
	payload, err := v.payload(s)
	if err != nil {
		return err
	}
	f := fields{"eventType": v.EventType}
	f.text("eventId", v.EventID)
	f.list("channels", v.Channel)
	f.list("tags", v.Tag)
	f.text("idempotencyKey", v.IdempotencyKey)
	if v.DeliverAt != "" {
		at, err := time.Parse(time.RFC3339, v.DeliverAt)
		if err != nil {
			return usagef("--deliver-at: %q is not a time like 2030-01-31T12:00:00Z", v.DeliverAt)
		}
		f["deliverAt"] = at
	}
	return showOne(s, &v.remote, messageView(), func(c *client.Client) (client.Answer[client.Message], error) {
		return c.Send(s.ctx, v.App, payload, f)
	})
}

// payload reads the payload from where the argument says.
func (v *sendVerb) payload(s *session) ([]byte, error) {
	text := []byte(v.Payload)
	var err error
	switch {
	case v.Payload == "" && isTerminal(s.in):
		return nil, usagef("no payload: give it as an argument, as @file, or on standard input")
	case v.Payload == "" || v.Payload == "-":
		text, err = io.ReadAll(s.in)
	case strings.HasPrefix(v.Payload, "@"):
		text, err = os.ReadFile(v.Payload[1:])
	}
	if err != nil {
		return nil, fmt.Errorf("read payload: %w", err)
	}
	if !json.Valid(text) {
		return nil, usagef("the payload is not JSON")
	}
	return text, nil
}

// isTerminal says whether a person sits at the stream.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
