package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/cli/client"
	"github.com/switchhook/switchhook/internal/config"
)

type endpointVerbs struct {
	List    endpointList    `cmd:"" help:"List an app's endpoints."`
	Get     endpointGet     `cmd:"" help:"Show one endpoint."`
	Create  endpointCreate  `cmd:"" help:"Create an endpoint."`
	Update  endpointUpdate  `cmd:"" help:"Change what is given and leave the rest."`
	Delete  endpointDelete  `cmd:"" help:"Delete an endpoint; what is pending for it is cancelled."`
	Secret  endpointSecret  `cmd:"" help:"Print the secret that receivers verify with."`
	Rotate  endpointRotate  `cmd:"" help:"Sign with a new secret; the old one signs along for a while."`
	Enable  endpointEnable  `cmd:"" help:"Switch on, and forget failures."`
	Disable endpointDisable `cmd:"" help:"Switch off; what is pending waits."`
	Recover endpointRecover `cmd:"" help:"Deliver again what failed."`
}

func endpointView() view[client.Endpoint] {
	return view[client.Endpoint]{"ID UID URL EVENTS STATE CREATED", func(e client.Endpoint) []string {
		state := "enabled"
		if e.Disabled {
			state = strings.TrimSuffix("disabled: "+e.Health.DisabledReason, ": ")
		}
		return []string{e.ID, orDash(e.UID), e.URL, list(e.EventTypes), state, when(e.CreatedAt)}
	}}
}

// ofApp are the arguments of verbs about one endpoint.
type ofApp struct {
	remote
	App      string `arg:"" help:"Id or uid of the app."`
	Endpoint string `arg:"" help:"Id or uid of the endpoint."`
}

func (v *ofApp) show(s *session, do func(client.Resource[client.Endpoint]) (client.Answer[client.Endpoint], error)) error {
	return showOne(s, &v.remote, endpointView(), func(c *client.Client) (client.Answer[client.Endpoint], error) {
		return do(c.Endpoints(v.App))
	})
}

func (v *ofApp) update(s *session, f fields) error {
	return v.show(s, func(r client.Resource[client.Endpoint]) (client.Answer[client.Endpoint], error) {
		return r.Update(s.ctx, v.Endpoint, f)
	})
}

type endpointList struct {
	remote
	paging
	App string `arg:"" help:"Id or uid of the app."`
}

// Run lists endpoints.
func (v *endpointList) Run(s *session) error {
	of := func(c *client.Client) client.Resource[client.Endpoint] { return c.Endpoints(v.App) }
	return showList(s, &v.remote, endpointView(), of, v.page(nil))
}

type endpointGet struct{ ofApp }

// Run shows one endpoint.
func (v *endpointGet) Run(s *session) error {
	return v.show(s, func(r client.Resource[client.Endpoint]) (client.Answer[client.Endpoint], error) {
		return r.Get(s.ctx, v.Endpoint, nil)
	})
}

// endpointFields are what can be said about an endpoint.
type endpointFields struct {
	UID         *string           `name:"uid" help:"Your own name for it."`
	Description *string           `help:"A line for people."`
	EventType   []string          `help:"Event type that is wanted, or a prefix that ends in *; repeatable. Without it: all." placeholder:"TYPE"`
	Channel     []string          `help:"Channel of which a message must carry one; repeatable."`
	RateLimit   *int              `help:"Deliveries a second; 0 is no limit."`
	MaxInFlight *int              `help:"Deliveries at the same time."`
	Timeout     *string           `help:"Deadline of a delivery, for example 15s."`
	Ordering    *string           `enum:"none,fifo" help:"none or fifo: one after the other, in order."`
	Service     *string           `help:"Way to deliver: http, amqp, or the name of a plug-in."`
	Options     *string           `help:"Configuration of the service." placeholder:"JSON"`
	Retry       *string           `help:"Waits before the second, third, … attempt, for example 5s,5m,1h." placeholder:"WAITS"`
	Metadata    map[string]string `help:"key=value, repeatable." placeholder:"KEY=VALUE"`
}

func (e *endpointFields) fields() (fields, error) {
	f := fields{}
	give(f, "uid", e.UID)
	give(f, "description", e.Description)
	give(f, "throttleRate", e.RateLimit)
	give(f, "maxInFlight", e.MaxInFlight)
	f.list("eventTypes", e.EventType)
	f.list("channels", e.Channel)
	f.texts("metadata", e.Metadata)
	if e.Ordering != nil {
		f["ordering"] = *e.Ordering
	}
	if e.Timeout != nil {
		d, err := config.ParseDuration(*e.Timeout)
		if err != nil || d%time.Second != 0 {
			return nil, usagef("--timeout: %q is not a number of seconds like 15s", *e.Timeout)
		}
		f["timeoutSeconds"] = int(d / time.Second)
	}
	give(f, "service", e.Service)
	if e.Options != nil {
		if !json.Valid([]byte(*e.Options)) {
			return nil, usagef("--options: is not JSON")
		}
		f["config"] = json.RawMessage(*e.Options)
	}
	if e.Retry != nil {
		f["retrySchedule"] = strings.FieldsFunc(*e.Retry, func(r rune) bool { return r == ',' || r == ' ' })
	}
	return f, nil
}

type endpointCreate struct {
	remote
	endpointFields
	App      string            `arg:"" help:"Id or uid of the app."`
	URL      string            `arg:"" optional:"" name:"endpoint-url" help:"Where to deliver: an http or https URL; services without one do without."`
	Secret   string            `help:"Signing secret (whsec_… or whsk_…). Without it: a fresh one."`
	Header   map[string]string `help:"Header that is sent along, Name=value; repeatable." placeholder:"NAME=VALUE"`
	Disabled bool              `help:"Create it switched off."`
}

// Run creates an endpoint.
func (v *endpointCreate) Run(s *session) error {
	f, err := v.fields()
	if err != nil {
		return err
	}
	f.text("url", v.URL)
	f.text("secret", v.Secret)
	f.texts("headers", v.Header)
	if v.Disabled {
		f["disabled"] = true
	}
	return showOne(s, &v.remote, endpointView(), func(c *client.Client) (client.Answer[client.Endpoint], error) {
		return c.Endpoints(v.App).Create(s.ctx, f)
	})
}

type endpointUpdate struct {
	ofApp
	endpointFields
	To *string `help:"Where to deliver." placeholder:"URL"`
}

// Run changes an endpoint.
func (v *endpointUpdate) Run(s *session) error {
	f, err := v.fields()
	if err != nil {
		return err
	}
	give(f, "url", v.To)
	return v.update(s, f)
}

type endpointDelete struct{ ofApp }

// Run deletes an endpoint.
func (v *endpointDelete) Run(s *session) error {
	return tell(s, &v.remote, "Deleted.", func(c *client.Client) error {
		return c.Endpoints(v.App).Delete(s.ctx, v.Endpoint, nil)
	})
}

type endpointSecret struct{ ofApp }

// Run prints the secret alone, so that it can be piped.
func (v *endpointSecret) Run(s *session) error {
	c, err := v.connect()
	if err != nil {
		return err
	}
	a, err := c.Secret(s.ctx, v.App, v.Endpoint)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(s.out, a.Raw)
	}
	_, err = fmt.Fprintln(s.out, a.Value.Key)
	return err
}

type endpointRotate struct {
	ofApp
	Key   string `help:"The new secret. Without it: a fresh one."`
	Grace string `help:"How long the old one signs along, up to 7d." default:"24h"`
}

// Run rotates the secret.
func (v *endpointRotate) Run(s *session) error {
	grace, err := config.ParseDuration(v.Grace)
	if err != nil {
		return usagef("--grace: %w", err)
	}
	f := fields{"gracePeriodSeconds": int(grace / time.Second)}
	f.text("key", v.Key)
	return tell(s, &v.remote, "Rotated; show the new one with: switchhook endpoint secret", func(c *client.Client) error {
		return c.Rotate(s.ctx, v.App, v.Endpoint, f)
	})
}

type endpointEnable struct{ ofApp }

// Run switches an endpoint on.
func (v *endpointEnable) Run(s *session) error { return v.update(s, fields{"disabled": false}) }

type endpointDisable struct{ ofApp }

// Run switches an endpoint off.
func (v *endpointDisable) Run(s *session) error { return v.update(s, fields{"disabled": true}) }

type endpointRecover struct {
	ofApp
	Since string `default:"24h" help:"How far back: a duration like 12h or 3d, or a time in RFC 3339."`
	Until string `help:"Up to when; the same spellings. Without it: now."`
}

// Run delivers again what failed.
func (v *endpointRecover) Run(s *session) error {
	since, err := moment(v.Since)
	if err != nil {
		return usagef("--since: %w", err)
	}
	f := fields{"since": since}
	if v.Until != "" {
		if f["until"], err = moment(v.Until); err != nil {
			return usagef("--until: %w", err)
		}
	}
	c, err := v.connect()
	if err != nil {
		return err
	}
	a, err := c.Recover(s.ctx, v.App, v.Endpoint, f)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(s.out, a.Raw)
	}
	_, err = fmt.Fprintf(s.out, "Messages that failed and are delivered again: %d.\n", a.Value.Recovered)
	return err
}

// moment reads a time, or a duration that has passed since then.
func moment(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC(), nil
	}
	d, err := config.ParseDuration(text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a duration like 12h or 3d nor a time in RFC 3339", text)
	}
	return time.Now().UTC().Add(-d), nil
}
