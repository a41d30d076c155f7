package wazo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// A delivery is made for the subscription as it was when its event came: a change does
// not reach what waits to be tried again. What a subscription was is kept with its
// configuration, encrypted like that, for as long as a delivery can wait for it.

// How much is kept of what a subscription was.
const (
	morePast     = 24 * time.Hour // beyond the retry plan, for what waited for its first attempt
	maxEarlier   = 20
	maxPastBytes = 512 << 10 // with the configuration of now
)

// remembering is a configuration with what the subscription was.
type remembering struct {
	Earlier []earlier       `json:"wazo:earlier"` // oldest first; see marked
	Config  json.RawMessage `json:"config"`
}

type earlier struct {
	Until        time.Time       `json:"until"`
	Subscription json.RawMessage `json:"subscription"` // a Document without its UUID
}

// mark is what a configuration begins with that remembers.
const mark = `{"wazo:earlier":[`

// recall splits a configuration that may remember.
func recall(config json.RawMessage) (remembering, error) {
	r := remembering{Config: config}
	if !bytes.HasPrefix(config, []byte(mark)) {
		return r, nil
	}
	r.Config = nil
	if err := json.Unmarshal(config, &r); err != nil {
		return r, fmt.Errorf("what a subscription was: %w", err)
	}
	return r, nil
}

// text is the configuration as the endpoint has it.
func (r remembering) text() (json.RawMessage, error) {
	if len(r.Earlier) == 0 && !bytes.HasPrefix(r.Config, []byte(mark)) {
		return r.Config, nil
	}
	if r.Earlier == nil {
		r.Earlier = []earlier{}
	}
	if r.Config == nil {
		r.Config = json.RawMessage("{}")
	}
	return encode(r)
}

// encode writes JSON in which configurations are as they were: <, > and & are themselves.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	if err := out.Encode(v); err != nil {
		return nil, fmt.Errorf("keep what a subscription was: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// ConfigOf returns the configuration that an endpoint has now, also of one that is no
// subscription of Wazo.
func ConfigOf(e *webhook.Endpoint) json.RawMessage {
	if e.Annotations[Annotation] == nil {
		return e.Config
	}
	r, err := recall(e.Config)
	if err != nil {
		return e.Config
	}
	return r.Config
}

// Replace writes the document to an endpoint as Onto does, and keeps what the endpoint
// was for the events that came before now.
func (d *Document) Replace(e *webhook.Endpoint, now time.Time) error {
	var past []earlier
	if e.Annotations[Annotation] != nil {
		r, err := recall(e.Config)
		if err != nil {
			return err
		}
		was, err := DocumentOf(e)
		if err != nil {
			return err
		}
		was.UUID = ""
		text, err := encode(was)
		if err != nil {
			return err
		}
		past = latest(append(r.Earlier, earlier{now, text}), now.Add(-planned(e.Retry)-morePast), maxPastBytes-len(d.Config))
	}
	err := d.Onto(e)
	if err == nil {
		e.Config, err = remembering{past, d.Config}.text()
	}
	return err
}

// latest leaves out what was before a moment, and of the rest the oldest that is too much.
func latest(past []earlier, since time.Time, size int) []earlier {
	first := len(past)
	for first > 0 && len(past)-first < maxEarlier && !past[first-1].Until.Before(since) {
		const frame = 64 // bytes around each
		if size -= len(past[first-1].Subscription) + frame; size < 0 {
			break
		}
		first--
	}
	return past[first:]
}

// planned is how long a plan goes on.
func planned(p webhook.RetryPolicy) time.Duration {
	var all time.Duration
	for _, wait := range p.Schedule {
		all += wait
	}
	return all
}

// DocumentFor returns what the subscription was when the event of a delivery came. What
// somebody asked to be sent again is for the subscription of now, and so is what was meant
// for another service.
func DocumentFor(e *webhook.Endpoint, event *webhook.Event, delivery *webhook.Delivery) (*Document, error) {
	now, err := DocumentOf(e)
	if err != nil || delivery != nil && delivery.Trigger != webhook.Scheduled {
		return now, err
	}
	r, err := recall(e.Config)
	if err != nil {
		return nil, err
	}
	for _, was := range r.Earlier {
		if !event.CreatedAt.Before(was.Until) {
			continue
		}
		var d Document
		if err := json.Unmarshal(was.Subscription, &d); err != nil {
			return nil, fmt.Errorf("what a subscription was: %w", err)
		}
		if d.Service == now.Service {
			d.UUID = now.UUID
			return &d, nil
		}
	}
	return now, nil
}
