package directory_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/match"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// model is what the world should look like.
type model struct {
	w         *world
	accounts  []webhook.Account
	endpoints []modelEndpoint
}

type modelEndpoint struct {
	id      id.ID
	account webhook.Account
	filter  webhook.Filter
	enabled bool
}

func drawFilter(t *rapid.T) webhook.Filter {
	f := webhook.Filter{Types: rapid.SliceOfN(rapid.SampledFrom([]string{"a", "a.b", "a.*", "b", "*"}), 0, 2).Draw(t, "types")}
	if rapid.Bool().Draw(t, "descendants") {
		f.Scope = webhook.ScopeDescendants
	}
	return f
}

func (m *model) step(t *rapid.T) {
	w := m.w
	a := rapid.SampledFrom(m.accounts).Draw(t, "account")
	do := rapid.IntRange(0, 6).Draw(t, "do")
	if len(m.endpoints) == 0 || do <= 1 {
		f := drawFilter(t)
		m.endpoints = append(m.endpoints, modelEndpoint{w.endpoint(a.ID, f), a, f, true})
		return
	}
	i := rapid.IntRange(0, len(m.endpoints)-1).Draw(t, "endpoint")
	e := &m.endpoints[i]
	switch do {
	case 2:
		m.accounts = append(m.accounts, w.account(a, ""))
	case 3:
		if a.ID == m.accounts[0].ID {
			return
		}
		w.must(w.s.DeleteAccount(w.Context(), a.ID, now()))
		m.accounts = slices.DeleteFunc(m.accounts, func(b webhook.Account) bool { return b.Within(a.ID) })
		m.endpoints = slices.DeleteFunc(m.endpoints, func(e modelEndpoint) bool { return e.account.Within(a.ID) })
	case 4:
		w.must(w.s.DeleteEndpoint(w.Context(), e.id, now()))
		m.endpoints = slices.Delete(m.endpoints, i, i+1)
	default:
		e.enabled, e.filter = rapid.Bool().Draw(t, "enabled"), drawFilter(t)
		_, err := w.s.UpdateEndpoint(w.Context(), e.id, func(edit *store.EndpointEdit) error {
			edit.Endpoint.Enabled, edit.Subscriptions[0].Filter = e.enabled, e.filter
			return nil
		})
		w.must(err)
	}
}

// wanted says who wants an event by looking at everyone.
func (m *model) wanted(a webhook.Account, e *webhook.Event) []id.ID {
	found := []id.ID{}
	for _, ep := range m.endpoints {
		reach := ep.account.ID == a.ID || ep.filter.Scope == webhook.ScopeDescendants && a.Within(ep.account.ID)
		if ep.enabled && reach && match.Wants(ep.filter, e) {
			found = append(found, ep.id)
		}
	}
	slices.SortFunc(found, id.ID.Compare)
	return found
}

// TestThePictureIsWhatTheDatabaseSays makes random changes, follows the feed now and
// then, and wants the same answers as from looking at everything.
func TestThePictureIsWhatTheDatabaseSays(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{w: w, accounts: []webhook.Account{w.account(w.root, "")}}
		for range rapid.IntRange(1, 4).Draw(rt, "rounds") {
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				m.step(rt)
			}
			w.refresh()
			for _, a := range m.accounts {
				name := rapid.SampledFrom([]string{"a", "a.b", "a.c", "b", "c"}).Draw(rt, "type")
				e := &webhook.Event{AccountID: a.ID, Type: name, Payload: []byte("{}")}
				if got, want := w.matched(a, name), m.wanted(a, e); !slices.Equal(got, want) {
					rt.Fatalf("matched %v, want %v", got, want)
				}
			}
		}
	})
}

// TestWhoWroteReadsIt changes accounts from several sides while others read them, and
// wants each writer to read what it wrote.
func TestWhoWroteReadsIt(t *testing.T) {
	w := newWorld(t)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	var accounts []webhook.Account
	for range 4 {
		accounts = append(accounts, w.account(w.root, ""))
	}
	w.refresh()
	var writers, readers sync.WaitGroup
	for _, a := range accounts {
		readers.Go(func() {
			for ctx.Err() == nil {
				if _, err := w.d.Account(ctx, a.ID); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
		writers.Go(func() {
			for i := range 50 {
				name := fmt.Sprint(i)
				_, err := w.s.UpdateAccount(ctx, a.ID, func(a *webhook.Account) error {
					a.Name = name
					return nil
				})
				if err == nil {
					err = w.d.Refresh(ctx)
				}
				got, lookErr := w.d.Account(ctx, a.ID)
				if err != nil || lookErr != nil || got.Name != name {
					t.Errorf("wrote %q, read %+v (%v, %v)", name, got, err, lookErr)
					return
				}
			}
		})
	}
	writers.Wait()
	stop()
	readers.Wait()
}

// many is a store with so many endpoints, each with an account of its own.
type many struct {
	directory.Store
	n int
}

func (m many) Version(context.Context) (int64, error) { return 1, nil }

func (m many) Configured(_ context.Context, visit func(store.Configured) error, _ ...id.ID) error {
	for range m.n {
		account, endpoint := id.New(), id.New()
		err := visit(store.Configured{
			EndpointID: endpoint, AccountID: account, Enabled: true,
			Subscriptions: []webhook.Subscription{{
				ID: id.New(), AccountID: account, EndpointID: endpoint, Enabled: true,
				Name: "what the index has no use for", Annotations: webhook.Annotations{"x": make([]byte, 1000)},
				Filter: webhook.Filter{Types: []string{"order.paid", "order.sent"}},
			}},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkLoad shows how long a start takes and what an endpoint costs in memory.
func BenchmarkLoad(b *testing.B) {
	const n = 200_000
	for b.Loop() {
		d, err := directory.New(directory.Options{Store: many{n: n}})
		if err != nil {
			b.Fatal(err)
		}
		before := heap()
		if err := d.Load(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(heap()-before)/n, "B/endpoint")
		runtime.KeepAlive(d)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkMatch shows what an event costs that ten endpoints of its account want.
func BenchmarkMatch(b *testing.B) {
	account := id.New()
	d, err := directory.New(directory.Options{Store: tenOf{account: account}})
	if err != nil {
		b.Fatal(err)
	}
	if err := d.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	e := &webhook.Event{AccountID: account, Type: "order.paid", Payload: []byte("{}")}
	var dst []directory.Target
	b.ReportAllocs()
	for b.Loop() {
		dst = d.Match(e, nil, dst[:0])
	}
	if len(dst) != 10 {
		b.Fatalf("%d targets", len(dst))
	}
}

// tenOf is a store with ten endpoints of one account, one of them ordered.
type tenOf struct {
	many
	account id.ID
}

func (s tenOf) Configured(_ context.Context, visit func(store.Configured) error, _ ...id.ID) error {
	for i := range 10 {
		e := id.New()
		err := visit(store.Configured{
			EndpointID: e, AccountID: s.account, Enabled: true, Ordered: i == 0,
			Subscriptions: []webhook.Subscription{{ID: id.New(), AccountID: s.account, EndpointID: e, Enabled: true}},
		})
		if err != nil {
			return err
		}
	}
	return nil
}
