package sqlstore

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// endpointDoc is the part of an endpoint that nothing selects by and that is no secret.
type endpointDoc struct {
	Description string            `json:"description,omitempty"`
	Service     string            `json:"service,omitempty"`
	URL         string            `json:"url,omitempty"` // without user and password
	Timeout     time.Duration     `json:"timeout_ns,omitempty"`
	RateLimit   int               `json:"rate_limit,omitempty"`
	MaxInFlight int               `json:"max_in_flight,omitempty"`
	Ordering    webhook.Ordering  `json:"ordering,omitempty"`
	Retry       retryDoc          `json:"retry,omitzero"`
	Health      healthPolicyDoc   `json:"health,omitzero"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Annotations rawMap            `json:"annotations,omitempty"`
}

type retryDoc struct {
	Schedule      []time.Duration `json:"schedule_ns,omitempty"`
	MaxAttempts   int             `json:"max_attempts,omitempty"`
	Base          time.Duration   `json:"base_ns,omitempty"`
	Factor        float64         `json:"factor,omitempty"`
	Jitter        float64         `json:"jitter,omitempty"`
	RetryOn       webhook.RetryOn `json:"retry_on,omitempty"`
	HonourAfter   bool            `json:"honour_after,omitempty"`
	MaxRetryAfter time.Duration   `json:"max_retry_after_ns,omitempty"`
}

type healthPolicyDoc struct {
	DisableOnGone    bool          `json:"disable_on_gone,omitempty"`
	FailingFor       time.Duration `json:"failing_for_ns,omitempty"`
	MinFailures      int           `json:"min_failures,omitempty"`
	MaxFailuresInRow int           `json:"max_failures_in_row,omitempty"`
	CloseOnly        bool          `json:"close_only,omitempty"`
	WindowFailures   int           `json:"window_failures,omitempty"`
	Window           time.Duration `json:"window_ns,omitempty"`
	Reason           string        `json:"reason,omitempty"`
	NoBreaker        bool          `json:"no_breaker,omitempty"`
}

// endpointSecrets is what is sealed.
type endpointSecrets struct {
	URL     string      `json:"url,omitempty"` // where it has a user
	Config  raw         `json:"config,omitempty"`
	Headers [][2]string `json:"headers,omitempty"`
	Keys    []keyDoc    `json:"keys,omitempty"`
	TLS     *tlsDoc     `json:"tls,omitempty"`
}

type keyDoc struct {
	Key       string `json:"key"`
	CreatedAt int64  `json:"created_at,omitempty"`
	ExpiresAt int64  `json:"expires_at,omitempty"`
}

type tlsDoc struct {
	CertificatePEM string `json:"certificate,omitempty"`
	KeyPEM         string `json:"key,omitempty"`
	CAPEM          string `json:"ca,omitempty"`
	ServerName     string `json:"server_name,omitempty"`
	Insecure       bool   `json:"insecure,omitempty"`
}

const endpointColumns = `id, account_id, uid, doc, sealed, enabled, disabled_reason, disabled_at, version, created_at, updated_at`

// scanEndpoint reads an endpoint with its secrets.
func (c *Core) scanEndpoint(rows Rows) (webhook.Endpoint, error) {
	e, sealed, err := scanSealed(rows)
	if err != nil || sealed == nil {
		return e, err
	}
	plain, err := c.Box.Open(sealed, e.ID[:])
	if err != nil {
		return e, fmt.Errorf("open the secrets of endpoint %s: %w", e.ID, err)
	}
	var s endpointSecrets
	if err := readDoc(plain, &s); err != nil {
		return e, err
	}
	s.into(&e)
	return e, nil
}

func scanSealed(rows Rows) (e webhook.Endpoint, sealed []byte, err error) {
	var self, account, doc []byte
	var disabled, created, updated int64
	err = rows.Scan(&self, &account, &e.UID, &doc, &sealed, &e.Enabled, &e.DisabledReason, &disabled,
		&e.Version, &created, &updated)
	if err != nil {
		return e, nil, err
	}
	if e.ID, err = ReadID(self); err != nil {
		return e, nil, err
	}
	if e.AccountID, err = ReadID(account); err != nil {
		return e, nil, err
	}
	var d endpointDoc
	if err = readDoc(doc, &d); err != nil {
		return e, nil, err
	}
	e.Description, e.Service, e.URL, e.Timeout = d.Description, d.Service, d.URL, d.Timeout
	e.RateLimit, e.MaxInFlight, e.Ordering = d.RateLimit, d.MaxInFlight, d.Ordering
	e.Retry, e.Health = webhook.RetryPolicy(d.Retry), webhook.HealthPolicy(d.Health)
	e.Metadata, e.Annotations = d.Metadata, d.Annotations.annotations()
	e.DisabledAt, e.CreatedAt, e.UpdatedAt = Time(disabled), Time(created), Time(updated)
	return e, sealed, nil
}

func (s *endpointSecrets) into(e *webhook.Endpoint) {
	if s.URL != "" {
		e.URL = s.URL
	}
	e.Config = s.Config.message()
	for _, h := range s.Headers {
		e.Headers = append(e.Headers, webhook.Header{Name: h[0], Value: h[1]})
	}
	for _, k := range s.Keys {
		e.Keys = append(e.Keys, webhook.SigningKey{
			Key: webhook.Secret(k.Key), CreatedAt: Time(k.CreatedAt), ExpiresAt: Time(k.ExpiresAt),
		})
	}
	if t := s.TLS; t != nil {
		e.TLS = &webhook.TLS{
			CertificatePEM: t.CertificatePEM, KeyPEM: webhook.Secret(t.KeyPEM), CAPEM: t.CAPEM,
			ServerName: t.ServerName, Insecure: t.Insecure,
		}
	}
}

// endpointValues splits an endpoint into what anyone may read and what is sealed.
func (c *Core) endpointValues(e *webhook.Endpoint) (doc string, sealed []byte) {
	d := endpointDoc{
		e.Description, e.Service, e.URL, e.Timeout, e.RateLimit, e.MaxInFlight, e.Ordering,
		retryDoc(e.Retry), healthPolicyDoc(e.Health), e.Metadata, rawMapOf(e.Annotations),
	}
	s := endpointSecrets{Config: raw(e.Config)}
	if bare := withoutUser(e.URL); bare != e.URL {
		d.URL, s.URL = bare, e.URL
	}
	for _, h := range e.Headers {
		s.Headers = append(s.Headers, [2]string{h.Name, h.Value})
	}
	for _, k := range e.Keys {
		s.Keys = append(s.Keys, keyDoc{k.Key.Reveal(), Micros(k.CreatedAt), Micros(k.ExpiresAt)})
	}
	if t := e.TLS; t != nil {
		s.TLS = &tlsDoc{t.CertificatePEM, t.KeyPEM.Reveal(), t.CAPEM, t.ServerName, t.Insecure}
	}
	return writeDoc(d), c.Box.Seal([]byte(writeDoc(s)), e.ID[:])
}

// withoutUser takes user and password out of a URL. One that does not parse is
// no URL that anything could be sent to, and is hidden as a whole.
func withoutUser(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	if u.User == nil {
		return text
	}
	u.User = nil
	return u.String()
}

// CreateEndpoint stores an endpoint and its first subscriptions.
func (c *Core) CreateEndpoint(ctx context.Context, e *webhook.Endpoint, subs []webhook.Subscription, once *store.Once) error {
	return c.edit(ctx, func(tx Tx) error {
		if over, err := settle(ctx, tx, once); over || err != nil {
			return err
		}
		if err := endpointUIDFree(ctx, tx, e); err != nil {
			return err
		}
		if err := c.insertEndpoint(ctx, tx, e, &webhook.Health{}); err != nil {
			return err
		}
		for i := range subs {
			if err := insertSubscription(ctx, tx, &subs[i]); err != nil {
				return err
			}
		}
		if err := remember(ctx, tx, once, e.ID); err != nil {
			return err
		}
		return Announce(ctx, tx, store.EndpointChanged, e.ID, e.CreatedAt)
	})
}

func (c *Core) insertEndpoint(ctx context.Context, tx Tx, e *webhook.Endpoint, h *webhook.Health) error {
	doc, sealed := c.endpointValues(e)
	_, err := tx.Exec(ctx, `INSERT INTO endpoints (`+endpointColumns+`, ordered, annotated)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		e.ID[:], e.AccountID[:], e.UID, doc, sealed, e.Enabled, e.DisabledReason, Micros(e.DisabledAt),
		e.Version, Micros(e.CreatedAt), Micros(e.UpdatedAt), e.Ordering == webhook.OrderingFIFO, annotated(e.Annotations))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO endpoint_health (endpoint_id, failures_in_row, failing_since,
		last_success_at, last_failure_at, closed, generation) VALUES ($1, $2, $3, $4, $5, $6, 0)`,
		e.ID[:], int64(h.FailuresInRow), Micros(h.FailingSince), Micros(h.LastSuccessAt), Micros(h.LastFailureAt), h.Closed)
	return err
}

func endpointUIDFree(ctx context.Context, tx Tx, e *webhook.Endpoint) error {
	if e.UID == "" {
		return nil
	}
	taken, err := exists(ctx, tx, `SELECT 1 FROM endpoints
		WHERE account_id = $1 AND uid = $2 AND uid <> '' AND deleted_at = 0 AND id <> $3`, e.AccountID[:], e.UID, e.ID[:])
	if err != nil || !taken {
		return err
	}
	return webhook.Errorf(webhook.CodeConflict, "uid", "another endpoint has this uid")
}

// Endpoint returns an endpoint and its health.
func (c *Core) Endpoint(ctx context.Context, endpoint id.ID) (webhook.Endpoint, webhook.Health, error) {
	e, err := c.endpointByID(ctx, c.Reads, endpoint)
	if err != nil {
		return e, webhook.Health{}, err
	}
	h, err := healthOf(ctx, c.Reads, endpoint)
	return e, h, err
}

func (c *Core) endpointByID(ctx context.Context, tx Tx, endpoint id.ID) (webhook.Endpoint, error) {
	return one(ctx, tx, "endpoint", c.scanEndpoint,
		`SELECT `+endpointColumns+` FROM endpoints WHERE id = $1 AND deleted_at = 0`, endpoint[:])
}

// EndpointByUID returns the endpoint of an account that has the uid, and its health.
func (c *Core) EndpointByUID(ctx context.Context, account id.ID, uid string) (webhook.Endpoint, webhook.Health, error) {
	e, err := one(ctx, c.Reads, "endpoint", c.scanEndpoint, `SELECT `+endpointColumns+` FROM endpoints
		WHERE account_id = $1 AND uid = $2 AND uid <> '' AND deleted_at = 0`, account[:], uid)
	if err != nil {
		return e, webhook.Health{}, err
	}
	h, err := healthOf(ctx, c.Reads, e.ID)
	return e, h, err
}

// Endpoints lists those of an account.
func (c *Core) Endpoints(ctx context.Context, account id.ID, p webhook.Page) (webhook.Slice[webhook.Endpoint], error) {
	r := pager[webhook.Endpoint]{
		base: func() *query {
			return newQuery(`SELECT `+endpointColumns+` FROM endpoints WHERE account_id = ? AND deleted_at = 0`, account[:])
		},
		column: "id", scan: c.scanEndpoint, id: func(e *webhook.Endpoint) id.ID { return e.ID },
	}
	return r.read(ctx, c.Reads, p)
}

// EndpointsOf lists endpoints that a dialect has annotated.
func (c *Core) EndpointsOf(ctx context.Context, account id.ID, dialect string, p webhook.Page) (webhook.Slice[webhook.Endpoint], error) {
	r := pager[webhook.Endpoint]{
		base: func() *query {
			q := newQuery(`SELECT `+endpointColumns+` FROM endpoints WHERE annotated <> '' AND deleted_at = 0
				AND `+c.Dialect.Contains+`(annotated, ?) > 0`, " "+dialect+" ")
			if !account.IsZero() {
				q.add(` AND account_id = ?`, account[:])
			}
			return q
		},
		column: "id", scan: c.scanEndpoint, id: func(e *webhook.Endpoint) id.ID { return e.ID },
	}
	return r.read(ctx, c.Reads, p)
}

// annotated spells the names of the annotations so that one can be looked for.
func annotated(a webhook.Annotations) string {
	if len(a) == 0 {
		return ""
	}
	return " " + strings.Join(slices.Sorted(maps.Keys(a)), " ") + " "
}

// EndpointsEver returns endpoints by id, deleted ones too, without secrets.
func (c *Core) EndpointsEver(ctx context.Context, endpoints []id.ID) (map[id.ID]webhook.Endpoint, error) {
	found := make(map[id.ID]webhook.Endpoint, len(endpoints))
	for len(endpoints) > 0 {
		n := min(len(endpoints), chunk)
		q := newQuery(`SELECT `+endpointColumns+` FROM endpoints WHERE `).in("id", idArgs(endpoints[:n]))
		list, err := all(ctx, c.Reads, func(rows Rows) (webhook.Endpoint, error) {
			e, _, err := scanSealed(rows)
			return e, err
		}, q.String(), q.args...)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			found[e.ID] = e
		}
		endpoints = endpoints[n:]
	}
	return found, nil
}

// UpdateEndpoint lets change edit an endpoint and its subscriptions.
func (c *Core) UpdateEndpoint(ctx context.Context, endpoint id.ID, change func(*store.EndpointEdit) error) (webhook.Endpoint, error) {
	var e webhook.Endpoint
	var left []doomed
	err := c.edit(ctx, func(tx Tx) (err error) {
		if e, err = c.endpointByID(ctx, tx, endpoint); err != nil {
			return err
		}
		had, err := subscriptionsOf(ctx, tx, endpoint)
		if err != nil {
			return err
		}
		was := e
		edit := store.EndpointEdit{Endpoint: &e, Subscriptions: append([]webhook.Subscription(nil), had...)}
		if err := change(&edit); err != nil {
			return err
		}
		e.ID, e.AccountID, e.CreatedAt, e.Version = was.ID, was.AccountID, was.CreatedAt, was.Version+1
		if err := c.insertTold(ctx, tx, edit.Tell); err != nil {
			return err
		}
		if edit.Delete {
			if left, err = deleteEndpoint(ctx, tx, endpoint, e.UpdatedAt, `endpoint_id = $1`); err != nil {
				return err
			}
			return Announce(ctx, tx, store.EndpointChanged, endpoint, e.UpdatedAt)
		}
		if err := c.updateEndpoint(ctx, tx, &e); err != nil {
			return err
		}
		if edit.ResetHealth {
			if err := resetHealth(ctx, tx, endpoint); err != nil {
				return err
			}
		}
		if left, err = replaceSubscriptions(ctx, tx, endpoint, had, edit.Subscriptions); err != nil {
			return err
		}
		return Announce(ctx, tx, store.EndpointChanged, endpoint, e.UpdatedAt)
	})
	if err != nil {
		return webhook.Endpoint{}, err
	}
	return e, c.cancelRest(ctx, left)
}

func (c *Core) updateEndpoint(ctx context.Context, tx Tx, e *webhook.Endpoint) error {
	if err := endpointUIDFree(ctx, tx, e); err != nil {
		return err
	}
	doc, sealed := c.endpointValues(e)
	_, err := tx.Exec(ctx, `UPDATE endpoints SET uid = $1, doc = $2, sealed = $3, ordered = $4, enabled = $5,
		disabled_reason = $6, disabled_at = $7, version = $8, updated_at = $9, annotated = $10 WHERE id = $11`,
		e.UID, doc, sealed, e.Ordering == webhook.OrderingFIFO, e.Enabled,
		e.DisabledReason, Micros(e.DisabledAt), e.Version, Micros(e.UpdatedAt), annotated(e.Annotations), e.ID[:])
	return err
}

// DeleteEndpoint marks an endpoint as deleted. Up to a bound what is pending
// for it is cancelled in the same transaction, the rest in the ones that
// follow; what a node holds in memory is cancelled when the node learns of it.
func (c *Core) DeleteEndpoint(ctx context.Context, endpoint id.ID, now time.Time) error {
	var left []doomed
	err := c.edit(ctx, func(tx Tx) error {
		ok, err := exists(ctx, tx, `SELECT 1 FROM endpoints WHERE id = $1 AND deleted_at = 0`, endpoint[:])
		if err != nil {
			return err
		}
		if !ok {
			return notFound("endpoint")
		}
		if left, err = deleteEndpoint(ctx, tx, endpoint, now, `endpoint_id = $1`); err != nil {
			return err
		}
		return Announce(ctx, tx, store.EndpointChanged, endpoint, now)
	})
	if err != nil {
		return err
	}
	return c.cancelRest(ctx, left)
}

// deleteEndpoint deletes an endpoint, those of its subscriptions that the condition
// on $1 names, and returns what is left to be cancelled.
func deleteEndpoint(ctx context.Context, tx Tx, endpoint id.ID, now time.Time, subs string) ([]doomed, error) {
	_, err := tx.Exec(ctx, `UPDATE endpoints SET deleted_at = $1, sealed = NULL WHERE id = $2`, Micros(now), endpoint[:])
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM endpoint_health WHERE endpoint_id = $1`, endpoint[:]); err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM subscriptions WHERE `+subs, endpoint[:]); err != nil {
		return nil, err
	}
	return doomed{endpoint: endpoint}.cancel(ctx, tx)
}
