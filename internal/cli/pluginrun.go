package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viaplugin"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

type pluginRun struct {
	pluginFlags
	Name    string `arg:"" help:"Name of the plug-in."`
	Event   string `placeholder:"FILE" help:"Payload of the event, as JSON; - is standard input. A sample where nothing is said."`
	Type    string `default:"user_created" help:"Type of the event."`
	Options string `default:"{}" placeholder:"JSON" help:"Configuration of the endpoint."`
	Attempt int32  `default:"1" help:"Number of the attempt."`
	Timeout string `default:"15s" help:"Deadline of the attempt."`
}

// pluginResult is what came of a delivery.
type pluginResult struct {
	Result     string          `json:"result"`
	Error      string          `json:"error,omitempty"`
	Detail     json.RawMessage `json:"detail"`
	RetryAfter string          `json:"retry_after,omitempty"`
	Took       string          `json:"took"`
	Problems   []string        `json:"problems"`
}

// Run delivers one event. Its error says that it was not delivered.
func (v *pluginRun) Run(s *session) error {
	log := &complaints{out: s.err}
	found, err := v.installed(s, log, []string{v.Name})
	if err != nil {
		return err
	}
	if found[0].Err != nil {
		return found[0].Err
	}
	job, err := v.job(s.in)
	if err != nil {
		return err
	}
	out, err := tryPlugin(s.ctx, found[0].Service, job)
	if err != nil {
		return fmt.Errorf("--options: %w", err)
	}
	r := pluginResult{Result: out.Result.String(), Error: out.Detail, Took: out.Latency.Round(time.Millisecond).String(), Problems: append([]string{}, log.take()...)}
	if out.RetryAfter > 0 {
		r.RetryAfter = out.RetryAfter.String()
	}
	var row struct{ Detail json.RawMessage }
	if err := json.Unmarshal(out.Extra, &row); err != nil {
		return fmt.Errorf("read the detail: %w", err)
	}
	r.Detail = row.Detail
	if v.JSON {
		err = printValue(s.out, r)
	} else {
		err = r.print(s.out)
	}
	if err == nil && out.Result != webhook.ResultDelivered {
		err = fmt.Errorf("it was not delivered: %s", out.Detail)
	}
	return err
}

// sample is a payload for who has none at hand.
const sample = `{"id": 12, "firstname": "Ada"}`

func (v *pluginRun) job(stdin io.Reader) (*deliver.Job, error) {
	timeout, err := config.ParseDuration(v.Timeout)
	if err != nil || timeout <= 0 {
		return nil, usagef("--timeout: %q is no duration like 15s", v.Timeout)
	}
	if v.Attempt < 1 {
		return nil, usagef("--attempt: counts from 1")
	}
	payload := []byte(sample)
	switch v.Event {
	case "":
	case "-":
		payload, err = io.ReadAll(stdin)
	default:
		payload, err = os.ReadFile(v.Event)
	}
	if err != nil {
		return nil, usagef("--event: %w", err)
	}
	account, event := id.New(), id.New()
	e := &webhook.Endpoint{ID: id.New(), AccountID: account, Description: "tried by hand", Service: v.Name, Config: json.RawMessage(v.Options), Enabled: true}
	return &deliver.Job{
		Event:        &webhook.Event{ID: event, AccountID: account, Type: v.Type, Payload: payload, CreatedAt: time.Now()},
		Delivery:     &webhook.Delivery{DeliveryID: webhook.DeliveryID{Event: event}, AccountID: account, EndpointID: e.ID},
		Endpoint:     e,
		Subscription: &webhook.Subscription{ID: id.New(), EndpointID: e.ID, AccountID: account, Filter: webhook.Filter{Types: []string{v.Type}}, Enabled: true},
		Number:       v.Attempt, StartedAt: time.Now(), Timeout: timeout,
	}, nil
}

// tryPlugin runs a plug-in for one delivery. An error is one of the configuration.
func tryPlugin(ctx context.Context, p *viaplugin.Service, job *deliver.Job) (webhook.Outcome, error) {
	running, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	p.Announce()
	go func() { ended <- p.Run(running) }()
	defer func() {
		end()
		<-ended
	}()
	if err := p.Validate(job.Endpoint); err != nil {
		return webhook.Outcome{}, err
	}
	began := time.Now()
	out := p.Deliver(ctx, job)
	out.Latency = time.Since(began)
	return out, nil
}

// print shows a result to people.
func (r *pluginResult) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s after %s", r.Result, r.Took)
	if r.RetryAfter != "" {
		fmt.Fprintf(&b, ", again after %s", r.RetryAfter)
	}
	b.WriteByte('\n')
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "problem: %s\n", printable(p))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	return printJSON(w, r.Detail)
}
