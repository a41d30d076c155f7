// Package native speaks the native API below /api/v1. It is wire-compatible with
// the Svix server API, so that its published clients work unchanged, and a
// superset of it. It translates: what may be done and what follows from it is
// decided in packages control and ingest. An application of the wire is an account,
// a message is an event.
package native

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/breaker"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Intake takes messages in. *ingest.Ingest is one.
type Intake interface {
	Accept(ctx context.Context, s ingest.Submission) (ingest.Receipt, error)
}

// Options configure an API. Zero fields take the defaults named.
type Options struct {
	Control   *control.Control     // required
	Directory *directory.Directory // required
	Intake    Intake               // required
	Logger    *slog.Logger

	// PublicURL is how browsers reach the server, without a trailing slash; it
	// begins the links to the console.
	PublicURL string
	// JWTSecret makes the API accept HS256 tokens that a Svix server with
	// this secret gave out to its organisation. Empty accepts none.
	JWTSecret webhook.Secret
	// BodyLimit and BatchBodyLimit bound request bodies in bytes, the latter
	// those of message batches: 2 MiB and 16 MiB.
	BodyLimit, BatchBodyLimit int64
	// BatchMessages bounds a batch: 1,000.
	BatchMessages int
	// Lane tells how the deliveries to an endpoint are going on this node; ok
	// is false when nothing was due lately. nil knows of none.
	Lane func(endpoint id.ID) (l Lane, ok bool)
	// Ping says whether the database works; nil is always.
	Ping func(ctx context.Context) error
	// Now is time.Now.
	Now func() time.Time
}

// Lane is what the API shows of an endpoint's lane.
type Lane struct {
	Breaker  breaker.State
	InFlight int
	Health   webhook.Health
}

// API serves the native API. Make one with New.
type API struct {
	Options
	mux *http.ServeMux
}

// New returns an API.
func New(o Options) (*API, error) {
	if o.Control == nil || o.Directory == nil || o.Intake == nil {
		return nil, errors.New("native: control, directory and intake are required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.BodyLimit <= 0 {
		o.BodyLimit = 2 << 20
	}
	if o.BatchBodyLimit <= 0 {
		o.BatchBodyLimit = 16 << 20
	}
	if o.BatchMessages <= 0 {
		o.BatchMessages = 1000
	}
	if o.Lane == nil {
		o.Lane = func(id.ID) (Lane, bool) { return Lane{}, false }
	}
	if o.Ping == nil {
		o.Ping = func(context.Context) error { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &API{Options: o, mux: http.NewServeMux()}
	for _, rt := range routes() {
		a.mux.Handle(rt.Method+" "+Prefix+rt.Path, a.serve(rt))
	}
	a.mux.HandleFunc("/", a.noRoute)
	return a, nil
}

// Prefix is what all paths of the API begin with.
const Prefix = "/api/v1"

// Handler returns the whole API with its middleware: any path below Prefix, double
// and trailing slashes included.
func (a *API) Handler() http.Handler {
	return httpx.Edge(httpx.EdgeOptions{Logger: a.Logger}, httpx.CleanPath(httpx.CORS(http.HandlerFunc(a.route))))
}

// route keeps the mux from redirecting paths with dot segments.
func (a *API) route(w http.ResponseWriter, r *http.Request) {
	if path.Clean(r.URL.Path) != r.URL.Path {
		a.refuse(w, r, noPath())
		return
	}
	a.mux.ServeHTTP(w, r)
}

// Route is one operation of the API.
type Route struct {
	Method string
	Path   string // below Prefix, with {parameters}

	needs  need
	handle func(a *API, c *call) error
}

// need is what the caller of an operation must be.
type need int8

const (
	public       need = iota // nobody in particular
	anyone                   // the holder of any credential
	organisation             // the holder of an organisation's credential
	sender                   // an owner of the application, which may still have to be made

	// Those below are for operations on the application in the path, which
	// must be the caller's, or below the caller's organisation.

	owner         // the organisation, or the application's own API key
	viewer        // … or who was let into its portal
	manager       // … and may change endpoints
	secretViewer  // … and may see signing secrets
	secretManager // … and may replace them
	retrier       // … and may have messages sent again
)

// Routes returns all operations.
func Routes() []Route { return routes() }

func routes() []Route {
	return slices.Concat(
		healthRoutes(), authRoutes(), applicationRoutes(), endpointRoutes(),
		eventTypeRoutes(), messageRoutes(), attemptRoutes(), keyRoutes(),
	)
}

// call is one request being served.
type call struct {
	w   http.ResponseWriter
	r   *http.Request
	who *principal
	app *webhook.Account // in the path
}

func (c *call) ctx() context.Context { return c.r.Context() }

func (a *API) body(c *call) ([]byte, error) { return httpx.ReadBody(c.r, a.BodyLimit) }

// optionalBody is body for operations that need none: some clients send null then.
func (a *API) optionalBody(c *call) ([]byte, error) {
	body, err := a.body(c)
	if string(bytes.TrimSpace(body)) == "null" {
		return nil, err
	}
	return body, err
}

func (a *API) serve(rt Route) http.Handler {
	ofApplication := strings.Contains(rt.Path, "{app_id}")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r}
		err := a.admit(c, rt.needs, ofApplication)
		if err == nil {
			err = rt.handle(a, c)
		}
		if err != nil {
			a.refuse(c.w, c.r, err)
		}
	})
}

// noRoute answers what no operation is there for.
func (a *API) noRoute(w http.ResponseWriter, r *http.Request) {
	var allowed []string // where the path is there for other methods
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		other := *r
		other.Method = method
		if _, pattern := a.mux.Handler(&other); pattern != "/" && pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		a.refuse(w, r, &refusal{status: http.StatusMethodNotAllowed, code: "method_not_allowed", detail: "This path does not know this method."})
		return
	}
	a.refuse(w, r, noPath())
}

func noPath() error {
	return &refusal{status: http.StatusNotFound, code: "not_found", detail: "There is no such path."}
}

func healthRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/health", needs: public, handle: (*API).health},
		{Method: "GET", Path: "/health/ping", needs: public, handle: func(_ *API, c *call) error { return c.empty(http.StatusNoContent) }},
	}
}

type healthPart struct {
	Status string `json:"status"`
}

type healthOut struct {
	Database healthPart `json:"database"`
	Queue    healthPart `json:"queue"`
	Cache    healthPart `json:"cache"`
}

// health says whether the database works. The queue is in it, and the cache is
// memory.
func (a *API) health(c *call) error {
	out := healthOut{healthPart{"ok"}, healthPart{"ok"}, healthPart{"ok"}}
	status := http.StatusOK
	if err := a.Ping(c.ctx()); err != nil {
		out.Database.Status, out.Queue.Status, status = "error", "error", http.StatusServiceUnavailable
	}
	return c.json(status, out)
}
