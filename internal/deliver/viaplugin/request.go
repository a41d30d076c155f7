package viaplugin

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// appendRequest appends the line of a delivery, with the number that its answer repeats.
// The payload goes in as it is. It must be JSON, and so must the configuration.
func appendRequest(dst []byte, number uint64, job *deliver.Job, deadline time.Time) []byte {
	dst = append(dst, `{"type":"delivery","id":"`...)
	dst = strconv.AppendUint(dst, number, 10)
	dst = append(dst, `","delivery":"`...)
	dst = append(dst, job.Event.ID.Prefixed("msg_")...)
	dst = append(dst, '/')
	dst = strconv.AppendInt(dst, int64(job.Delivery.N), 10)
	dst = append(dst, `","attempt":`...)
	dst = strconv.AppendInt(dst, int64(job.Number), 10)
	dst = append(dst, `,"max_attempts":`...)
	dst = strconv.AppendInt(dst, int64(maxAttempts(job)), 10)
	dst = append(dst, `,"deadline":"`...)
	dst = deadline.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	dst = append(dst, `","options":`...)
	document, err := wazo.DocumentFor(job.Endpoint, job.Event, job.Delivery)
	if err == nil { // what services of Wazo get
		dst = appendLine(dst, orEmpty(document.Config))
		dst = append(dst, `,"event":`...)
		dst = appendLine(dst, job.Event.Payload)
		dst = append(dst, `,"subscription":`...)
		dst = appendJSON(dst, document)
	} else {
		dst = appendLine(dst, orEmpty(job.Endpoint.Config))
		dst = append(dst, `,"event":`...)
		dst = appendEvent(dst, job.Event)
		dst = append(dst, `,"subscription":`...)
		dst = appendJSON(dst, describe(job))
	}
	return append(dst, "}\n"...)
}

// maxAttempts is how many attempts the endpoint's plan has, at least the one that is made.
func maxAttempts(job *deliver.Job) int {
	plan := job.Endpoint.Retry
	most := plan.MaxAttempts
	if len(plan.Schedule) > 0 {
		most = len(plan.Schedule) + 1
	}
	return max(most, int(job.Number))
}

// appendEvent appends an event that no dialect has a form for.
func appendEvent(dst []byte, e *webhook.Event) []byte {
	dst = append(dst, `{"name":`...)
	dst = appendJSON(dst, e.Type)
	dst = append(dst, `,"id":"`...)
	dst = append(dst, e.ID.Prefixed("msg_")...)
	dst = append(dst, `","account":"`...)
	dst = append(dst, e.AccountID.String()...)
	dst = append(dst, `","created_at":"`...)
	dst = e.CreatedAt.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","data":`...)
	dst = appendLine(dst, e.Payload)
	return append(dst, '}')
}

// subscription is what a plug-in gets to know of an endpoint that no dialect has a form for. Its
// keys are those of Wazo's that make sense everywhere.
type subscription struct {
	UUID     string            `json:"uuid"`
	Name     string            `json:"name"`
	Service  string            `json:"service"`
	Events   []string          `json:"events"`
	Config   json.RawMessage   `json:"config"`
	Metadata map[string]string `json:"metadata"`
	Account  string            `json:"account"`
}

func describe(job *deliver.Job) subscription {
	e := job.Endpoint
	d := subscription{
		UUID: e.ID.String(), Name: e.Description, Service: e.Service, Events: []string{},
		Config: orEmpty(e.Config), Metadata: e.Metadata, Account: e.AccountID.String(),
	}
	if d.Metadata == nil {
		d.Metadata = map[string]string{}
	}
	if s := job.Subscription; s != nil {
		d.Events = append(d.Events, s.Filter.Types...)
		if s.Name != "" {
			d.Name = s.Name
		}
	}
	return d
}

func appendJSON(dst []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		text = []byte("null") // there is nothing here that could not be told
	}
	return append(dst, text...)
}

// appendLine appends JSON text and takes line breaks out, which may only be between
// its parts.
func appendLine(dst []byte, text []byte) []byte {
	if bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(text, '\r') < 0 {
		return append(dst, text...)
	}
	b := bytes.NewBuffer(dst)
	if err := json.Compact(b, text); err != nil {
		return append(dst, "null"...) // it is not JSON
	}
	return b.Bytes()
}

// isObject says whether text is a JSON object.
func isObject(text []byte) bool {
	return json.Valid(text) && bytes.TrimLeft(text, " \t\r\n")[0] == '{'
}
