package viahttp

import (
	"encoding/json"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/sign"
	"github.com/switchhook/switchhook/internal/webhook"
)

// plan is what deliveries to one endpoint have in common.
type plan struct {
	version   int64 // of the endpoint
	signer    *sign.Signer
	headers   []webhook.Header // the same for every event
	record    []byte           // those headers as they are recorded
	ownRecord int              // about what the others will take there
	svix      bool             // send svix-* headers too
	tlsKey    string
	unusable  string // why nothing can be sent; "" is that it can
}

// maxPlans bounds the endpoints whose plans are kept.
const maxPlans = 8 << 10

// plans remembers the plan of each endpoint until the endpoint changes.
type plans struct {
	options ServiceOptions
	kept    *cache[id.ID, *plan]
}

func newPlans(o ServiceOptions) *plans {
	return &plans{options: o, kept: newCache[id.ID, *plan](maxPlans)}
}

func (s *plans) of(e *webhook.Endpoint) *plan {
	if p, ok := s.kept.get(e.ID); ok && p.version == e.Version {
		return p
	}
	p := s.make(e)
	if !e.ID.IsZero() {
		s.kept.put(e.ID, p)
	}
	return p
}

func (s *plans) make(e *webhook.Endpoint) *plan {
	p := &plan{version: e.Version, svix: s.options.SvixHeaders || wantsSvix(e)}
	var err error
	if p.signer, err = sign.NewSigner(e.Keys); err != nil {
		p.unusable = err.Error()
		return p
	}
	p.tlsKey = deliver.TLSKey(e)
	for _, h := range []webhook.Header{
		{Name: "Content-Type", Value: "application/json"},
		{Name: "User-Agent", Value: s.options.UserAgent},
		{Name: "Accept", Value: "*/*"},
	} {
		if !has(e.Headers, h.Name) {
			p.headers = append(p.headers, h)
		}
	}
	for _, h := range e.Headers {
		if !reservedHeader(h.Name) {
			p.headers = append(p.headers, h)
		}
	}
	p.record = deliver.AppendHeaders(nil, p.headers)
	p.ownRecord = 96 + 64*len(e.Keys)
	if p.svix {
		p.ownRecord *= 2
	}
	return p
}

// wantsSvix reads the native API's annotation.
func wantsSvix(e *webhook.Endpoint) bool {
	var native struct {
		SvixHeaders bool `json:"svixHeaders"`
	}
	raw := e.Annotations["native"]
	return len(raw) > 0 && json.Unmarshal(raw, &native) == nil && native.SvixHeaders
}
