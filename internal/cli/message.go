package cli

import (
	"fmt"
	"net/url"
	"time"

	"github.com/switchhook/switchhook/internal/cli/client"
)

type messageVerbs struct {
	List   messageList   `cmd:"" help:"List an app's messages."`
	Get    messageGet    `cmd:"" help:"Show one message with its payload."`
	Create sendVerb      `cmd:"" help:"Send an event; the same as switchhook send."`
	Resend messageResend `cmd:"" help:"Deliver a message to an endpoint again."`
}

func messageView() view[client.Message] {
	return view[client.Message]{"ID EVENT-ID TYPE CHANNELS TIME", func(m client.Message) []string {
		return []string{m.ID, orDash(m.EventID), m.EventType, list(m.Channels), when(m.Timestamp)}
	}}
}

// filter are the flags that select messages and attempts.
type filter struct {
	EventType []string `help:"Of this event type; repeatable." placeholder:"TYPE"`
	Channel   string   `help:"Of this channel."`
	Since     string   `help:"From then on: a duration like 12h or 3d, or a time in RFC 3339." placeholder:"TIME"`
	Until     string   `help:"Up to then; the same spellings." placeholder:"TIME"`
}

func (f filter) query() (url.Values, error) {
	q := url.Values{}
	for _, t := range f.EventType {
		q.Add("event_types", t)
	}
	if f.Channel != "" {
		q.Set("channel", f.Channel)
	}
	for _, bound := range []struct{ flag, name, text string }{{"--since", "after", f.Since}, {"--until", "before", f.Until}} {
		if bound.text == "" {
			continue
		}
		t, err := moment(bound.text)
		if err != nil {
			return nil, usagef("%s: %w", bound.flag, err)
		}
		q.Set(bound.name, t.Format(time.RFC3339Nano))
	}
	return q, nil
}

type messageList struct {
	remote
	paging
	filter
	App string `arg:"" help:"Id or uid of the app."`
}

// Run lists messages.
func (v *messageList) Run(s *session) error {
	q, err := v.query()
	if err != nil {
		return err
	}
	if !v.JSON {
		q.Set("with_content", "false") // the table does not show it
	}
	of := func(c *client.Client) client.Resource[client.Message] { return c.Messages(v.App) }
	return showList(s, &v.remote, messageView(), of, v.page(q))
}

type messageGet struct {
	remote
	App     string `arg:"" help:"Id or uid of the app."`
	Message string `arg:"" help:"Id or event id of the message."`
}

// Run shows one message.
func (v *messageGet) Run(s *session) error {
	c, err := v.connect()
	if err != nil {
		return err
	}
	a, err := c.Messages(v.App).Get(s.ctx, v.Message, nil)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(s.out, a.Raw)
	}
	view := messageView()
	if err := printTable(s.out, view.headings, [][]string{view.row(a.Value)}); err != nil {
		return err
	}
	fmt.Fprintln(s.out)
	return printJSON(s.out, a.Value.Payload)
}

type messageResend struct {
	remote
	App      string `arg:"" help:"Id or uid of the app."`
	Message  string `arg:"" help:"Id or event id of the message."`
	Endpoint string `arg:"" help:"Id or uid of the endpoint."`
}

// Run delivers a message again.
func (v *messageResend) Run(s *session) error {
	return tell(s, &v.remote, "On its way.", func(c *client.Client) error {
		return c.Resend(s.ctx, v.App, v.Message, v.Endpoint)
	})
}
