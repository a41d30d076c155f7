package directory_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store/sqlite"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/webhook"
)

// world is a database with a directory over it.
type world struct {
	*testing.T
	s    *sqlite.Store
	d    *directory.Directory
	root webhook.Account

	mu   sync.Mutex
	told []id.ID // by OnEndpointChange
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, s: rig.OpenStore(t)}
	w.root = w.account(webhook.Account{}, "")
	w.d = w.directory(directory.Options{Store: w.s})
	return w
}

// directory returns a loaded one that tells the world of endpoints.
func (w *world) directory(o directory.Options) *directory.Directory {
	w.Helper()
	d, err := directory.New(o)
	w.must(err)
	d.OnEndpointChange(func(endpoint id.ID) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told = append(w.told, endpoint)
	})
	w.must(d.Load(w.Context()))
	w.toldNow()
	return d
}

func (w *world) toldNow() []id.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	told := w.told
	w.told = nil
	return told
}

func (w *world) must(err error) { w.Helper(); rig.Must(w, err) }

func (w *world) refresh() {
	w.Helper()
	w.must(w.d.Refresh(w.Context()))
}

// now is what the store keeps of the time.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func (w *world) account(parent webhook.Account, uid string) webhook.Account {
	w.Helper()
	a := webhook.Account{ID: id.New(), UID: uid, Name: "an account", CreatedAt: now(), UpdatedAt: now()}
	if !parent.ID.IsZero() {
		a.ParentID, a.Path = parent.ID, append(slices.Clone(parent.Path), parent.ID)
	}
	w.must(w.s.CreateAccount(w.Context(), &a, nil))
	return a
}

// endpoint creates an endpoint with a subscription for each filter.
func (w *world) endpoint(account id.ID, filters ...webhook.Filter) id.ID {
	w.Helper()
	return w.endpointLike(webhook.Endpoint{AccountID: account}, filters...)
}

func (w *world) endpointLike(e webhook.Endpoint, filters ...webhook.Filter) id.ID {
	w.Helper()
	e.ID, e.Service, e.Enabled, e.CreatedAt, e.UpdatedAt = id.New(), webhook.ServiceHTTP, true, now(), now()
	var subs []webhook.Subscription
	for _, f := range filters {
		subs = append(subs, webhook.Subscription{
			ID: id.New(), AccountID: e.AccountID, EndpointID: e.ID, Filter: f, Enabled: true,
			CreatedAt: now(), UpdatedAt: now(),
		})
	}
	w.must(w.s.CreateEndpoint(w.Context(), &e, subs, nil))
	return e.ID
}

// matched returns the endpoints that an event of the account reaches, sorted.
func (w *world) matched(a webhook.Account, eventType string) []id.ID {
	found := []id.ID{}
	for _, t := range w.d.Match(&webhook.Event{AccountID: a.ID, Type: eventType, Payload: []byte("{}")}, a.Path, nil) {
		found = append(found, t.EndpointID)
	}
	slices.SortFunc(found, id.ID.Compare)
	return found
}

// reaches wants an event of the account to reach exactly these endpoints.
func (w *world) reaches(a webhook.Account, eventType string, endpoints ...id.ID) {
	w.Helper()
	slices.SortFunc(endpoints, id.ID.Compare)
	w.same(w.matched(a, eventType), append([]id.ID{}, endpoints...))
}

func (w *world) same(got, want any) {
	w.Helper()
	if d := cmp.Diff(want, got); d != "" {
		w.Fatalf("got (+) is not what was wanted (-):\n%s", d)
	}
}

// missing wants CodeNotFound.
func (w *world) missing(err error) {
	w.Helper()
	if webhook.CodeOf(err) != webhook.CodeNotFound {
		w.Fatalf("error is %v, want not_found", err)
	}
}
