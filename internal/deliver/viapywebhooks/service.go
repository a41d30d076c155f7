// Package viapywebhooks is the service "pywebhooks": it delivers the way PyWebhooks
// does, over the shared HTTP sender. The body is Python-style JSON, signed with
// HMAC-SHA1, and only a 200 with a JSON body is a success. Beside that it sends
// the headers of Standard Webhooks, which no receiver of PyWebhooks looks at. When to
// try again is the endpoint's policy, not this package's.
package viapywebhooks

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/render"
	"github.com/switchhook/switchhook/internal/sign"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Name is what an endpoint's Service says.
const Name = "pywebhooks"

// EventAttribute is the attribute of an event that becomes the header "event". An
// event without it is sent without that header.
const EventAttribute = "event"

// maxHops is how many redirects are followed.
const maxHops = 30

// Options configure a Service. Sender and CheckURL are required.
type Options struct {
	Sender    deliver.Sender
	CheckURL  func(raw string) (*url.URL, error) // that of the egress.Dialer
	UserAgent string                             // "Switchhook" when empty
}

// Service delivers like PyWebhooks. It implements deliver.Service.
type Service struct{ o Options }

// New checks the options and returns the service.
func New(o Options) (*Service, error) {
	if o.Sender == nil || o.CheckURL == nil {
		return nil, errors.New("viapywebhooks: a service needs a sender and a check for URLs")
	}
	if o.UserAgent == "" {
		o.UserAgent = "Switchhook"
	}
	return &Service{o}, nil
}

// Name returns "pywebhooks".
func (s *Service) Name() string { return Name }

// Validate checks what only this service knows of an endpoint. One that is disabled
// may have no URL yet: an account that receives nothing.
func (s *Service) Validate(e *webhook.Endpoint) error {
	if e.URL != "" || e.Enabled {
		if _, err := s.o.CheckURL(e.URL); err != nil {
			return err
		}
	}
	if len(e.Keys) == 0 {
		return webhook.Errorf(webhook.CodeInvalid, "keys", "must have the secret key that deliveries are signed with")
	}
	if len(e.Headers) > 0 {
		return webhook.Errorf(webhook.CodeInvalid, "headers", "are not sent by this service")
	}
	return deliver.CheckPast(e.Config)
}

// Deliver makes one attempt. Where it goes and what signs it is what the endpoint
// had when the event was accepted.
func (s *Service) Deliver(ctx context.Context, job *deliver.Job) webhook.Outcome {
	if job.Event.PayloadDeleted {
		return webhook.Outcome{Result: webhook.ResultRejected, Detail: "the payload was deleted"}
	}
	to, key, err := deliver.At(job.Endpoint, job.Event.CreatedAt)
	if err != nil || to == "" || key == "" {
		return webhook.Outcome{Result: webhook.ResultRejected, Detail: "the endpoint has no URL or no secret key"}
	}
	body, err := render.PythonJSON(job.Event.Payload, render.JSONStyle{SortKeys: true, WholeNumbers: true})
	if err != nil {
		return webhook.Outcome{Result: webhook.ResultRejected, Detail: "the payload is not JSON"}
	}
	headers := s.headers(job, key.Reveal(), body)
	resp, err := deliver.Follow(ctx, s.o.Sender, &deliver.Request{
		Method: "POST", URL: to, Headers: headers, Body: body, TLS: job.Endpoint.TLS, TLSKey: deliver.TLSKey(job.Endpoint), Timeout: job.Timeout,
	}, maxHops)
	out := judge(resp, err)
	out.RequestHeaders = deliver.AppendHeaders(nil, headers)
	return out
}

// headers returns those of a delivery, in the spelling that PyWebhooks sends.
func (s *Service) headers(job *deliver.Job, key string, body []byte) []webhook.Header {
	all := []webhook.Header{
		{Name: "User-Agent", Value: s.o.UserAgent},
		{Name: "Accept", Value: "application/json"},
		{Name: "Content-Type", Value: "application/json"},
	}
	if name := latin1(job.Event.Attributes[EventAttribute]); name != "" {
		all = append(all, webhook.Header{Name: "event", Value: name})
	}
	all = append(all, webhook.Header{Name: "pywebhooks-signature", Value: sign.SHA1Hex(key, body)})
	msgID, ts := job.Event.ID.Prefixed("msg_"), job.StartedAt.Unix()
	standard, err := sign.Header([]webhook.SigningKey{{Key: StandardKey(key)}}, job.StartedAt, msgID, ts, body)
	if err != nil {
		return all // a key too long or too short for it; the receiver never asked for this header
	}
	return append(all,
		webhook.Header{Name: "webhook-id", Value: msgID},
		webhook.Header{Name: "webhook-timestamp", Value: strconv.FormatInt(ts, 10)},
		webhook.Header{Name: "webhook-signature", Value: standard},
	)
}

// StandardKey is the key of the header webhook-signature: the text of the secret key,
// as Standard Webhooks spells the bytes of a key.
func StandardKey(secretKey string) webhook.Secret {
	return webhook.Secret("whsec_" + base64.StdEncoding.EncodeToString([]byte(secretKey)))
}

// latin1 spells text the way Python puts it into a header: a byte for each character.
// What has no such byte is not sent.
func latin1(text string) string {
	b := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff {
			return ""
		}
		b = append(b, byte(r))
	}
	return string(b)
}

// judge says what came of an exchange. Whatever is not a success may be tried
// again, and no wish of the receiver changes the plan.
func judge(resp *deliver.Response, err error) webhook.Outcome {
	out := deliver.OutcomeOf(resp, err, time.Now())
	out.Result, out.RetryAfter = webhook.ResultRetry, 0
	switch {
	case err != nil:
	case resp.Status != 200:
		out.Detail = fmt.Sprintf("status %d", resp.Status)
	case resp.Truncated:
		out.Detail = "status 200 with too large a body"
	case !resp.IsJSON():
		out.Detail = "status 200 without a JSON body"
	default:
		out.Result, out.Detail = webhook.ResultDelivered, ""
	}
	return out
}
