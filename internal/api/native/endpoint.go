package native

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

func endpointRoutes() []Route {
	const one = "/app/{app_id}/endpoint/{endpoint_id}"
	return []Route{
		{Method: "POST", Path: "/app/{app_id}/endpoint", needs: manager, handle: (*API).createEndpoint},
		{Method: "GET", Path: "/app/{app_id}/endpoint", needs: viewer, handle: (*API).listEndpoints},
		{Method: "GET", Path: one, needs: viewer, handle: (*API).getEndpoint},
		{Method: "PUT", Path: one, needs: manager, handle: (*API).putEndpoint},
		{Method: "PATCH", Path: one, needs: manager, handle: (*API).patchEndpoint},
		{Method: "DELETE", Path: one, needs: manager, handle: (*API).deleteEndpoint},
		{Method: "GET", Path: one + "/secret", needs: secretViewer, handle: (*API).getSecret},
		{Method: "POST", Path: one + "/secret/rotate", needs: secretManager, handle: (*API).rotateSecret},
		{Method: "GET", Path: one + "/headers", needs: viewer, handle: (*API).getHeaders},
		{Method: "PUT", Path: one + "/headers", needs: manager, handle: (*API).putHeaders},
		{Method: "PATCH", Path: one + "/headers", needs: manager, handle: (*API).patchHeaders},
		{Method: "GET", Path: one + "/stats", needs: viewer, handle: (*API).endpointStats},
		{Method: "POST", Path: one + "/recover", needs: retrier, handle: (*API).recoverEndpoint},
		{Method: "POST", Path: one + "/send-example", needs: owner, handle: (*API).sendExample},
	}
}

// endpointOut is an endpoint on the wire; endpointCommon is what a message's
// destination shows of it, too.
type endpointOut struct {
	endpointCommon
	Metadata map[string]string `json:"metadata"`

	// What follows is ours.
	Service        string          `json:"service"`
	Config         json.RawMessage `json:"config"`
	Filter         *filterOut      `json:"filter"`
	RetrySchedule  []string        `json:"retrySchedule"`
	Ordering       string          `json:"ordering"`
	TimeoutSeconds *int            `json:"timeoutSeconds"`
	MaxInFlight    *int            `json:"maxInFlight"`
	SvixHeaders    bool            `json:"svixHeaders"`
	TLS            *tlsOut         `json:"tls"`
	Health         healthState     `json:"health"`
}

type endpointCommon struct {
	ID           string    `json:"id"`
	URL          string    `json:"url"`
	UID          *string   `json:"uid"`
	Description  string    `json:"description"`
	Disabled     bool      `json:"disabled"`
	EventTypes   []string  `json:"eventTypes"`
	FilterTypes  []string  `json:"filterTypes"` // the older name of EventTypes
	Channels     []string  `json:"channels"`
	ThrottleRate *int      `json:"throttleRate"`
	RateLimit    *int      `json:"rateLimit"` // the older name of ThrottleRate
	Version      int       `json:"version"`
	CreatedAt    time.Time `json:"createdAt"`
	UpdatedAt    time.Time `json:"updatedAt"`
}

type tlsOut struct {
	Certificate string `json:"certificate"`
	CA          string `json:"ca"`
	ServerName  string `json:"serverName"`
	Insecure    bool   `json:"insecure"`
}

// healthState is how an endpoint has been doing.
type healthState struct {
	State          string     `json:"state"` // of the breaker: closed, open, half-open
	FailingSince   *time.Time `json:"failingSince"`
	LastSuccess    *time.Time `json:"lastSuccess"`
	DisabledReason *string    `json:"disabledReason"`
	DisabledAt     *time.Time `json:"disabledAt"`
	InFlight       int        `json:"inFlight"`
}

// endpointNote is what only this API keeps with an endpoint. SvixHeaders is read
// where requests are made, too.
type endpointNote struct {
	SvixHeaders bool `json:"svixHeaders,omitempty"`
	Version     int  `json:"version,omitempty"`
}

func endpointNoteOf(e *webhook.Endpoint) (n endpointNote, err error) {
	if raw := e.Annotations[dialect]; raw != nil {
		if err := json.Unmarshal(raw, &n); err != nil {
			return n, fmt.Errorf("annotation of endpoint %s: %w", e.ID, err)
		}
	}
	return n, nil
}

func endpointID(e *control.Endpoint) string { return e.ID.Prefixed(endpointPrefix) }

func showCommon(e *webhook.Endpoint, subs []webhook.Subscription) endpointCommon {
	n, _ := endpointNoteOf(e)
	f := filterOf(subs)
	return endpointCommon{
		ID: e.ID.Prefixed(endpointPrefix), URL: e.URL, UID: orNull(e.UID), Description: e.Description,
		Disabled: !e.Enabled, EventTypes: f.Types, FilterTypes: f.Types, Channels: f.Channels,
		ThrottleRate: orNull(e.RateLimit), RateLimit: orNull(e.RateLimit), Version: max(n.Version, 1),
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
	}
}

func (a *API) showEndpoint(e *control.Endpoint) endpointOut {
	n, _ := endpointNoteOf(&e.Endpoint)
	out := endpointOut{
		endpointCommon: showCommon(&e.Endpoint, e.Subscriptions), Metadata: orEmpty(e.Metadata),
		Service: e.Service, Config: e.Config, Filter: showFilter(filterOf(e.Subscriptions)),
		RetrySchedule: showSchedule(e.Retry), Ordering: orderingNone,
		TimeoutSeconds: orNull(int(e.Timeout / time.Second)), MaxInFlight: orNull(e.MaxInFlight),
		SvixHeaders: n.SvixHeaders, Health: a.healthOf(e),
	}
	if e.Ordering != webhook.OrderingNone {
		out.Ordering = string(e.Ordering)
	}
	if t := e.TLS; t != nil {
		out.TLS = &tlsOut{t.CertificatePEM, t.CAPEM, t.ServerName, t.Insecure}
	}
	return out
}

// healthOf tells what the store has and, where the endpoint's lane is awake, what
// that knows better.
func (a *API) healthOf(e *control.Endpoint) healthState {
	out := healthState{
		State: "closed", FailingSince: timeOrNull(e.State.FailingSince), LastSuccess: timeOrNull(e.State.LastSuccessAt),
		DisabledReason: orNull(e.DisabledReason), DisabledAt: timeOrNull(e.DisabledAt),
	}
	if l, ok := a.Lane(e.ID); ok {
		out.State, out.InFlight = l.Breaker.String(), l.InFlight
		out.FailingSince, out.LastSuccess = timeOrNull(l.Health.FailingSince), timeOrNull(l.Health.LastSuccessAt)
	}
	return out
}

// showSchedule spells the waits of a schedule; null is a policy of another form.
func showSchedule(p webhook.RetryPolicy) []string {
	if len(p.Schedule) == 0 && p.MaxAttempts > 1 {
		return nil
	}
	waits := make([]string, len(p.Schedule))
	for i, wait := range p.Schedule {
		s := wait.String()
		if strings.HasSuffix(s, "m0s") {
			s = strings.TrimSuffix(s, "0s")
		}
		if strings.HasSuffix(s, "h0m") {
			s = strings.TrimSuffix(s, "0m")
		}
		waits[i] = s
	}
	return waits
}

// endpoint returns the endpoint of the path.
func (a *API) endpoint(c *call) (*control.Endpoint, error) {
	return a.endpointNamed(c, c.r.PathValue("endpoint_id"))
}

func (a *API) endpointNamed(c *call, name string) (*control.Endpoint, error) {
	endpoint, uid := idOrUID(name, endpointPrefix)
	return a.Control.FindEndpoint(c.ctx(), c.app.ID, endpoint, uid)
}

// typesFor is the account whose catalogue must have the event types that the
// application's endpoints name.
func typesFor(app *webhook.Account) id.ID {
	if app.IsRoot() {
		return app.ID
	}
	return app.ParentID
}

func (a *API) createEndpoint(c *call) error {
	body, err := a.body(c)
	if err != nil {
		return err
	}
	in, err := readEndpoint(body, true)
	if err != nil {
		return err
	}
	once, err := a.once(c, "endpoint", body)
	if err != nil {
		return err
	}
	return a.makeEndpoint(c, in, once)
}

func (a *API) makeEndpoint(c *call, in *endpointFields, once *control.Once) error {
	e := a.Control.DraftEndpoint(c.app.ID)
	edit := control.EndpointEdit{Endpoint: &e, Subscriptions: []webhook.Subscription{{Enabled: true}}}
	if err := in.apply(&edit, true, a.Control); err != nil {
		return err
	}
	made, _, err := a.Control.CreateEndpoint(c.ctx(), control.NewEndpoint{
		Endpoint: e, Subscriptions: edit.Subscriptions, Catalogue: typesFor(c.app), Once: once,
	})
	if err != nil {
		return endpointError(err)
	}
	return c.json(http.StatusCreated, a.showEndpoint(made))
}

func (a *API) listEndpoints(c *call) error {
	q := c.query()
	p := q.page(endpointPrefix, false)
	if q.err != nil {
		return q.err
	}
	s, err := a.Control.Endpoints(c.ctx(), c.app.ID, p)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, listOf(s, endpointID, a.showEndpoint))
}

func (a *API) getEndpoint(c *call) error {
	e, err := a.endpoint(c)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, a.showEndpoint(e))
}

// putEndpoint changes an endpoint, or makes it. What only we know and the body does
// not name stays, so that a client that does not know it does no harm.
func (a *API) putEndpoint(c *call) error {
	body, err := a.body(c)
	if err != nil {
		return err
	}
	in, err := readEndpoint(body, true)
	if err != nil {
		return err
	}
	e, err := a.endpoint(c)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return a.makeEndpoint(c, in, nil)
	}
	if err != nil {
		return err
	}
	return a.changeEndpoint(c, e.ID, in, true)
}

func (a *API) patchEndpoint(c *call) error {
	body, err := a.body(c)
	if err != nil {
		return err
	}
	in, err := readEndpoint(body, false)
	if err != nil {
		return err
	}
	e, err := a.endpoint(c)
	if err != nil {
		return err
	}
	return a.changeEndpoint(c, e.ID, in, false)
}

func (a *API) changeEndpoint(c *call, endpoint id.ID, in *endpointFields, whole bool) error {
	changed, err := a.Control.UpdateEndpoint(c.ctx(), endpoint, typesFor(c.app), func(edit *control.EndpointEdit) error {
		return in.apply(edit, whole, a.Control)
	})
	if err != nil {
		return endpointError(err)
	}
	if e, err := a.Control.FindEndpoint(c.ctx(), c.app.ID, endpoint, ""); err == nil {
		changed.State = e.State
	}
	return c.json(http.StatusOK, a.showEndpoint(changed))
}

func (a *API) deleteEndpoint(c *call) error {
	e, err := a.endpoint(c)
	if err != nil {
		return err
	}
	if err := a.Control.DeleteEndpoint(c.ctx(), e.ID); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

// endpointError spells the fields of the domain's endpoint as the wire does.
func endpointError(err error) error {
	e, ok := errors.AsType[*webhook.Error](err)
	if !ok || e.Field == "" {
		return err
	}
	spelled := *e
	switch field := e.Field; {
	case strings.HasPrefix(field, "subscriptions."):
		_, field, _ = strings.Cut(strings.TrimPrefix(field, "subscriptions."), ".")
		field = strings.TrimPrefix(field, "filter.")
		switch list, _, _ := strings.Cut(field, "."); list {
		case "types":
			spelled.Field = "eventTypes"
		case "channels":
			spelled.Field = field
		default:
			spelled.Field = "filter." + field
		}
	case strings.HasPrefix(field, "keys"):
		spelled.Field = "secret"
	case strings.HasPrefix(field, "retry.schedule"):
		spelled.Field = "retrySchedule" + strings.TrimPrefix(field, "retry.schedule")
	case field == "rateLimit":
		spelled.Field = "throttleRate"
	case field == "timeout":
		spelled.Field = "timeoutSeconds"
	case field == "gracePeriod":
		spelled.Field = "gracePeriodSeconds"
	}
	return &spelled
}
