package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Page asks for part of a list.
type Page struct {
	Limit    int    // 0 is the server's default
	Iterator string // where an earlier page ended
	Oldest   bool   // oldest first
	Filter   url.Values
}

func (p Page) query() url.Values {
	q := url.Values{}
	for k, v := range p.Filter {
		q[k] = v
	}
	if p.Limit > 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	if p.Iterator != "" {
		q.Set("iterator", p.Iterator)
	}
	q.Set("order", "descending")
	if p.Oldest {
		q.Set("order", "ascending")
	}
	return q
}

// Resource is a collection with the usual five operations.
type Resource[T any] struct {
	c    *Client
	path string
}

// Apps are the accounts below the key's own.
func (c *Client) Apps() Resource[App] { return Resource[App]{c, "/app"} }

// Endpoints are those of an account.
func (c *Client) Endpoints(app string) Resource[Endpoint] {
	return Resource[Endpoint]{c, escape("app", app, "endpoint")}
}

// EventTypes are the catalogue.
func (c *Client) EventTypes() Resource[EventType] { return Resource[EventType]{c, "/event-type"} }

// Messages are the events of an account. They cannot be changed or deleted.
func (c *Client) Messages(app string) Resource[Message] {
	return Resource[Message]{c, escape("app", app, "msg")}
}

// Keys are the API keys.
func (c *Client) Keys() Resource[Key] { return Resource[Key]{c, "/key"} }

// EndpointAttempts are the attempts at an endpoint.
func (c *Client) EndpointAttempts(app, endpoint string) Resource[Attempt] {
	return Resource[Attempt]{c, escape("app", app, "attempt", "endpoint", endpoint)}
}

// MessageAttempts are the attempts to deliver an event.
func (c *Client) MessageAttempts(app, msg string) Resource[Attempt] {
	return Resource[Attempt]{c, escape("app", app, "attempt", "msg", msg)}
}

// Attempts hold single attempts of an event. They cannot be listed here.
func (c *Client) Attempts(app, msg string) Resource[Attempt] {
	return Resource[Attempt]{c, escape("app", app, "msg", msg, "attempt")}
}

// List returns a page.
func (r Resource[T]) List(ctx context.Context, p Page) (Answer[List[T]], error) {
	return call[List[T]](ctx, r.c, http.MethodGet, r.path, p.query(), nil)
}

// Get returns one.
func (r Resource[T]) Get(ctx context.Context, id string, query url.Values) (Answer[T], error) {
	return call[T](ctx, r.c, http.MethodGet, r.path+escape(id), query, nil)
}

// Create makes one of what is in fields.
func (r Resource[T]) Create(ctx context.Context, fields map[string]any) (Answer[T], error) {
	return call[T](ctx, r.c, http.MethodPost, r.path, nil, fields)
}

// Update changes what is in fields and leaves the rest.
func (r Resource[T]) Update(ctx context.Context, id string, fields map[string]any) (Answer[T], error) {
	return call[T](ctx, r.c, http.MethodPatch, r.path+escape(id), nil, fields)
}

// Delete removes one.
func (r Resource[T]) Delete(ctx context.Context, id string, query url.Values) error {
	_, err := call[Nothing](ctx, r.c, http.MethodDelete, r.path+escape(id), query, nil)
	return err
}

// Secret returns the signing secret of an endpoint, or its public key.
func (c *Client) Secret(ctx context.Context, app, endpoint string) (Answer[Key], error) {
	return call[Key](ctx, c, http.MethodGet, escape("app", app, "endpoint", endpoint, "secret"), nil, nil)
}

// Rotate gives an endpoint a new signing secret.
func (c *Client) Rotate(ctx context.Context, app, endpoint string, fields map[string]any) error {
	_, err := call[Nothing](ctx, c, http.MethodPost, escape("app", app, "endpoint", endpoint, "secret", "rotate"), nil, fields)
	return err
}

// Recover delivers again what failed since a time.
func (c *Client) Recover(ctx context.Context, app, endpoint string, fields map[string]any) (Answer[Recovery], error) {
	return call[Recovery](ctx, c, http.MethodPost, escape("app", app, "endpoint", endpoint, "recover"), nil, fields)
}

// Resend delivers an event to an endpoint again.
func (c *Client) Resend(ctx context.Context, app, msg, endpoint string) error {
	_, err := call[Nothing](ctx, c, http.MethodPost, escape("app", app, "msg", msg, "endpoint", endpoint, "resend"), nil, nil)
	return err
}

// CreateApp makes an account, or with getIfExists returns the one that has the uid.
func (c *Client) CreateApp(ctx context.Context, fields map[string]any, getIfExists bool) (Answer[App], error) {
	q := url.Values{}
	if getIfExists {
		q.Set("get_if_exists", "true")
	}
	return call[App](ctx, c, http.MethodPost, "/app", q, fields)
}

// Send sends an event. The payload, JSON text, goes out byte for byte.
func (c *Client) Send(ctx context.Context, app string, payload []byte, fields map[string]any) (Answer[Message], error) {
	rest, err := json.Marshal(fields)
	if err != nil {
		return Answer[Message]{}, fmt.Errorf("encode request: %w", err)
	}
	body := slices.Concat([]byte(`{"payload":`), payload)
	if len(fields) > 0 {
		body = append(body, ',')
	}
	return call[Message](ctx, c, http.MethodPost, escape("app", app, "msg"), nil, verbatim(append(body, rest[1:]...)))
}

// Operate asks for an operation of the server's operators. The path begins with the
// part that it belongs to: "/pywebhooks/import". The body, which may be nil, is
// sent as it is read; the operation may take as long as ctx lets it.
func (c *Client) Operate(ctx context.Context, method, path string, body io.Reader) (json.RawMessage, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+"/operator"+path, body)
	if err != nil {
		return nil, err
	}
	patient := &Client{base: c.base, key: c.key, http: &http.Client{Transport: c.http.Transport}}
	a, err := send[json.RawMessage](patient, req)
	return a.Raw, err
}

// Alive says whether a server answers at all.
func (c *Client) Alive(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := call[Nothing](ctx, c, http.MethodHead, "/health", nil, nil)
	_, answered := errors.AsType[*Error](err)
	return err == nil || answered
}
