// Package auth is a client of wazo-auth: who holds a token and what it may, which
// tenants and users there are, and a token of our own. The host is the operator's
// choice and never a tenant's. It caches nothing but that token, so that what is
// revoked is revoked at once.
package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Options configure a Client. Zero fields take the defaults named.
type Options struct {
	Sender deliver.Sender // required
	Host   string         // required
	Port   int            // 9497
	Prefix string         // of all paths: "" or "/api/auth"
	HTTPS  bool
	TLS    *webhook.TLS // nil is the system's roots

	Username string // the service's credentials
	Password webhook.Secret
	// Master is the UUID of the master tenant; empty is that of our first token.
	Master string

	Timeout time.Duration // of one call: 10 s
	Logger  *slog.Logger
}

// Client asks wazo-auth. Make it with New and Run it. It is safe for concurrent use.
type Client struct {
	o    Options
	base string

	mu      sync.Mutex
	own     *Token
	master  string
	changed chan struct{} // closed and replaced at each new token
}

// Token is what wazo-auth tells of a token.
type Token struct {
	Token    string `json:"token"`
	XivoUUID string `json:"xivo_uuid"`
	Metadata struct {
		UUID       string `json:"uuid"` // of the user
		TenantUUID string `json:"tenant_uuid"`
		JWT        string `json:"jwt"`
	} `json:"metadata"`
}

// What wazo-auth says of a token.
var (
	ErrUnknown = errors.New("the token is unknown or has expired")
	ErrDenied  = errors.New("the token lacks a permission, or its tenant is not visible")
)

// NotFoundError says that wazo-auth has no such thing.
type NotFoundError struct{ Path string }

// Error names the path.
func (e *NotFoundError) Error() string { return "wazo-auth has no " + e.Path }

// UnreachableError says that wazo-auth did not answer, or not what it should.
type UnreachableError struct {
	Host   string
	Port   int
	Reason string
}

// Error returns the reason.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("wazo-auth at %s:%d: %s", e.Host, e.Port, e.Reason)
}

// New returns a Client.
func New(o Options) (*Client, error) {
	if o.Sender == nil || o.Host == "" {
		return nil, errors.New("wazo/auth: sender and host are required")
	}
	if o.Port == 0 {
		o.Port = 9497
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	scheme := "http"
	if o.HTTPS {
		scheme = "https"
	}
	prefix := strings.Trim(o.Prefix, "/")
	if prefix != "" {
		prefix = "/" + prefix
	}
	return &Client{
		o:      o,
		base:   scheme + "://" + net.JoinHostPort(o.Host, strconv.Itoa(o.Port)) + prefix + "/0.1",
		master: o.Master, changed: make(chan struct{}),
	}, nil
}

// Check says whether a token has an access, in the tenant where that is not empty:
// nil, ErrUnknown, ErrDenied or an *UnreachableError.
func (c *Client) Check(ctx context.Context, token, access, tenant string) error {
	query := url.Values{"scope": {access}}
	if tenant != "" {
		query.Set("tenant", tenant)
	}
	r, err := c.send(ctx, &request{method: http.MethodHead, path: "/token/" + url.PathEscape(token) + "?" + query.Encode()})
	if err != nil {
		return err
	}
	switch r.Status {
	case http.StatusNoContent:
		return nil
	case http.StatusNotFound:
		return ErrUnknown
	case http.StatusForbidden:
		return ErrDenied
	}
	return c.unreachable(fmt.Sprintf("answered %d", r.Status))
}

// Holder returns what is known of a token, or ErrUnknown.
func (c *Client) Holder(ctx context.Context, token string) (*Token, error) {
	var out struct{ Data Token }
	status, err := c.read(ctx, &request{path: "/token/" + url.PathEscape(token)}, &out)
	switch {
	case err != nil:
		return nil, err
	case status != http.StatusOK:
		return nil, ErrUnknown
	}
	return &out.Data, nil
}

// Tenants returns the UUIDs of a tenant and all below it, as the holder of the token
// may list them. Who may not list has the tenant alone.
func (c *Client) Tenants(ctx context.Context, token, tenant string) ([]string, error) {
	var out struct {
		Items []struct {
			UUID string `json:"uuid"`
		} `json:"items"`
	}
	status, err := c.read(ctx, &request{path: "/tenants", token: token, tenant: tenant}, &out)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return []string{tenant}, nil
	case status != http.StatusOK:
		return nil, c.unreachable(fmt.Sprintf("answered %d", status))
	}
	tenants := make([]string, len(out.Items))
	for i := range out.Items {
		tenants[i] = out.Items[i].UUID
	}
	return tenants, nil
}

// User is what wazo-auth tells of a user.
type User struct {
	UUID       string `json:"uuid"`
	TenantUUID string `json:"tenant_uuid"`
	Enabled    bool   `json:"enabled"`
}

// User returns a user, or a *NotFoundError.
func (c *Client) User(ctx context.Context, user string) (*User, error) {
	var u User
	if err := c.Get(ctx, "/users/"+url.PathEscape(user), "", &u); err != nil {
		return nil, err
	}
	return &u, nil
}

// Get reads something with our own token, for a tenant where that is not empty. What
// is not there is a *NotFoundError, anything but 200 an *UnreachableError.
func (c *Client) Get(ctx context.Context, path, tenant string, into any) error {
	own, ok := c.Own()
	if !ok {
		return c.unreachable("gave us no token so far")
	}
	status, err := c.read(ctx, &request{path: path, token: own.Token, tenant: tenant}, into)
	switch {
	case err != nil:
		return err
	case status == http.StatusNotFound:
		return &NotFoundError{path}
	case status != http.StatusOK:
		return c.unreachable(fmt.Sprintf("answered %d", status))
	}
	return nil
}

// NewToken asks for a token of the service's credentials. backend may be empty.
func (c *Client) NewToken(ctx context.Context, backend string, lifetime time.Duration) (*Token, error) {
	body, err := json.Marshal(struct {
		Backend    string `json:"backend,omitempty"`
		Expiration int64  `json:"expiration"`
	}{backend, int64(lifetime / time.Second)})
	if err != nil {
		return nil, err
	}
	var out struct{ Data Token }
	status, err := c.read(ctx, &request{method: http.MethodPost, path: "/token", body: body, login: true}, &out)
	switch {
	case err != nil:
		return nil, err
	case status != http.StatusOK:
		return nil, c.unreachable(fmt.Sprintf("answered %d to our credentials", status))
	case out.Data.Token == "":
		return nil, c.unreachable("answered without a token")
	}
	return &out.Data, nil
}

// request is one call.
type request struct {
	method string // GET when empty
	path   string // below /0.1, with the query
	token  string
	tenant string
	body   []byte
	login  bool // with the service's credentials
}

// maxAnswer bounds what is read of an answer: a list of tenants may be long.
const maxAnswer = 16 << 20

func (c *Client) send(ctx context.Context, r *request) (*deliver.Response, error) {
	q := &deliver.Request{
		Method: r.method, URL: c.base + r.path, Body: r.body, Timeout: c.o.Timeout, BodyLimit: maxAnswer,
		Headers: []webhook.Header{{Name: "Accept", Value: "application/json"}},
	}
	if q.Method == "" {
		q.Method = http.MethodGet
	}
	for _, h := range []webhook.Header{{Name: "X-Auth-Token", Value: r.token}, {Name: "Wazo-Tenant", Value: r.tenant}} {
		if h.Value != "" {
			q.Headers = append(q.Headers, h)
		}
	}
	if r.body != nil {
		q.Headers = append(q.Headers, webhook.Header{Name: "Content-Type", Value: "application/json"})
	}
	if r.login {
		pair := base64.StdEncoding.EncodeToString([]byte(c.o.Username + ":" + c.o.Password.Reveal()))
		q.Headers = append(q.Headers, webhook.Header{Name: "Authorization", Value: "Basic " + pair})
	}
	if c.o.TLS != nil {
		q.TLS, q.TLSKey = c.o.TLS, "wazo-auth"
	}
	resp, err := c.o.Sender.Send(ctx, q)
	if err == nil {
		return resp, nil
	}
	reason := "does not answer"
	if e, ok := errors.AsType[*deliver.SendError](err); ok {
		reason = e.Reason
	}
	return nil, c.unreachable(reason)
}

// read makes a call and reads the answer where it is 200.
func (c *Client) read(ctx context.Context, r *request, into any) (status int, err error) {
	resp, err := c.send(ctx, r)
	if err != nil {
		return 0, err
	}
	if resp.Status == http.StatusOK {
		if err := json.Unmarshal(resp.Body, into); err != nil {
			return 0, c.unreachable("answered what is not the JSON that was asked for")
		}
	}
	return resp.Status, nil
}

func (c *Client) unreachable(reason string) error {
	return &UnreachableError{Host: c.o.Host, Port: c.o.Port, Reason: reason}
}
