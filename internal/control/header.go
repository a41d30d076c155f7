package control

import (
	"context"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// SetHeaders replaces the headers that an endpoint's deliveries carry. Their
// spelling is kept. FindEndpoint shows them.
func (c *Control) SetHeaders(ctx context.Context, endpoint id.ID, headers []webhook.Header) (*Endpoint, error) {
	return c.UpdateEndpoint(ctx, endpoint, id.ID{}, func(edit *EndpointEdit) error {
		edit.Endpoint.Headers = slices.Clone(headers)
		return nil
	})
}

// HeaderChange sets a header, or removes it when Remove is set.
type HeaderChange struct {
	webhook.Header
	Remove bool
}

// PatchHeaders changes some headers and leaves the others alone. Names are the
// same in any case of letters.
func (c *Control) PatchHeaders(ctx context.Context, endpoint id.ID, changes []HeaderChange) (*Endpoint, error) {
	return c.UpdateEndpoint(ctx, endpoint, id.ID{}, func(edit *EndpointEdit) error {
		edit.Endpoint.Headers = patched(edit.Endpoint.Headers, changes)
		return nil
	})
}

func patched(headers []webhook.Header, changes []HeaderChange) []webhook.Header {
	for _, one := range changes {
		at := slices.IndexFunc(headers, func(h webhook.Header) bool { return strings.EqualFold(h.Name, one.Name) })
		switch {
		case one.Remove && at >= 0:
			headers = slices.Delete(headers, at, at+1)
		case one.Remove:
		case at >= 0:
			headers[at] = one.Header
		default:
			headers = append(headers, one.Header)
		}
	}
	return headers
}
