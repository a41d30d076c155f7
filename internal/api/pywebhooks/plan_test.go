package pywebhooks_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api/pywebhooks"
	"github.com/switchhook/switchhook/internal/deliver"
)

// played is a deliver.Sender inside a bubble: it gives echoes, and answers deliveries
// as the test says.
type played struct {
	start time.Time

	mu     sync.Mutex
	status int
	at     []time.Duration // of deliveries, since start
	to     []string
}

func (p *played) Send(_ context.Context, req *deliver.Request) (*deliver.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if req.Method == "GET" {
		value := req.URL[strings.LastIndexByte(req.URL, '=')+1:]
		return &deliver.Response{Status: 200, Body: []byte(`{"echo": "` + value + `"}`)}, nil
	}
	p.at = append(p.at, time.Since(p.start).Round(100*time.Millisecond))
	p.to = append(p.to, req.URL)
	return &deliver.Response{Status: p.status, Body: []byte("{}")}, nil
}

func (p *played) answer(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = status
}

// since returns when deliveries came since the last call, and where they went.
func (p *played) since() (at []time.Duration, to []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, to = p.at, p.to
	p.at, p.to = nil, nil
	return at, to
}

// bubble runs a test where time is the test's.
func bubble(t *testing.T, test func(w *world, p *played), edit ...func(*pywebhooks.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &played{start: time.Now(), status: 500}
		test(newWorldWith(t, p, edit...), p)
	})
}

// rest lets time pass until an hour and a half later nothing moves.
func rest() {
	time.Sleep(90 * time.Minute)
	synctest.Wait()
}

func TestRetriesAreMadeAfterTwoMinutesTwoMinutesAndAnHour(t *testing.T) {
	bubble(t, func(w *world, p *played) {
		user := w.joinAt("user", "http://127.0.0.1/e")
		registration := w.register(user, "e")
		w.subscribe(user, registration)
		p.start = time.Now()
		w.trigger(user, registration)
		rest()
		at, _ := p.since()
		want := []time.Duration{0, 2 * time.Minute, 4 * time.Minute, 64 * time.Minute}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Error(diff)
		}
		w.failedCount(user, 4)

		// A success ends the series, and the count.
		p.start = time.Now()
		w.trigger(user, registration)
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		w.failedCount(user, 6)
		p.answer(200)
		rest()
		at, _ = p.since()
		if diff := cmp.Diff(want[:3], at); diff != "" {
			t.Error(diff)
		}
		w.failedCount(user, 0)
	})
}

func TestThePlanIsConfigurable(t *testing.T) {
	bubble(t, func(w *world, p *played) {
		user := w.joinAt("user", "http://127.0.0.1/e")
		registration := w.register(user, "e")
		w.subscribe(user, registration)
		p.start = time.Now()
		w.trigger(user, registration)
		rest()
		at, _ := p.since()
		if diff := cmp.Diff([]time.Duration{0, time.Second, 2 * time.Second, 5 * time.Second}, at); diff != "" {
			t.Error(diff)
		}
	}, func(o *pywebhooks.Options) { o.Policy.Retry, o.Policy.FinalRetry = time.Second, 3*time.Second })
}

func TestTooManyFailuresCloseAnEndpointUntilItIsUpdated(t *testing.T) {
	bubble(t, func(w *world, p *played) {
		user := w.joinAt("user", "http://127.0.0.1/e")
		registration := w.register(user, "e")
		w.subscribe(user, registration)
		for n := 1; n <= 2; n++ { // eight failures, which is not more than eight
			w.trigger(user, registration)
			rest()
			w.failedCount(user, 4*n)
		}
		w.trigger(user, registration)
		time.Sleep(time.Minute)
		synctest.Wait()
		w.failedCount(user, 9)
		p.since()

		// It is closed: a trigger is taken and reaches nobody. What was queued goes on,
		// and a success does not open it.
		w.trigger(user, registration)
		p.answer(200)
		rest()
		if at, _ := p.since(); len(at) != 1 {
			t.Errorf("deliveries at %v, want the retry alone", at)
		}
		w.failedCount(user, 9)
		if all := w.records(user, "/webhook/triggered", "triggered_webhooks"); len(all) != 4 {
			t.Errorf("%d records of triggers", len(all))
		}
		w.trigger(user, registration)
		rest()
		if at, _ := p.since(); len(at) != 0 {
			t.Errorf("deliveries at %v", at)
		}

		// An update opens it, also with the same endpoint.
		w.sums("replaced", 1, user, "PATCH", "/account", `{"endpoint": "http://127.0.0.1/e"}`)
		w.failedCount(user, 0)
		w.trigger(user, registration)
		rest()
		if at, _ := p.since(); len(at) != 1 {
			t.Errorf("deliveries at %v", at)
		}
	}, func(o *pywebhooks.Options) { o.Policy.MaxFailedCount = 8 })
}

func TestRetriesGoWhereTheEndpointLedWhenItWasTriggered(t *testing.T) {
	bubble(t, func(w *world, p *played) {
		user := w.joinAt("user", "http://127.0.0.1/old")
		registration := w.register(user, "e")
		w.subscribe(user, registration)
		w.trigger(user, registration)
		time.Sleep(time.Second)
		w.sums("replaced", 1, user, "PATCH", "/account", `{"endpoint": "http://127.0.0.1/new"}`)
		w.trigger(user, registration)
		rest()
		_, to := p.since()
		count := map[string]int{}
		for _, u := range to {
			count[u]++
		}
		if diff := cmp.Diff(map[string]int{"http://127.0.0.1/old": 4, "http://127.0.0.1/new": 4}, count); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhatIsDeletedGetsNothingMore(t *testing.T) {
	for what, gone := range map[string]func(w *world, owner, other account, registration, subscription string){
		"the subscription": func(w *world, _, other account, _, subscription string) {
			w.sums("deleted", 1, other, "DELETE", "/webhook/subscription/"+subscription, "")
		},
		"the registration": func(w *world, owner, _ account, registration, _ string) {
			w.sums("deleted", 1, owner, "DELETE", "/webhook/registration/"+registration, "")
		},
		"the subscriber": func(w *world, _, other account, _, _ string) {
			w.sums("deleted", 1, other, "DELETE", "/account/"+other.id, "")
		},
		"the owner": func(w *world, owner, _ account, _, _ string) {
			w.sums("deleted", 1, w.admin, "DELETE", "/account/"+owner.id, "")
		},
		"all accounts": func(w *world, _, _ account, _, _ string) {
			w.sums("deleted", 2, w.admin, "DELETE", "/accounts", "")
		},
		"all registrations": func(w *world, _, _ account, _, _ string) {
			w.sums("deleted", 1, w.admin, "DELETE", "/webhook/registrations", "")
		},
		"all subscriptions": func(w *world, _, _ account, _, _ string) {
			w.sums("deleted", 1, w.admin, "DELETE", "/webhook/subscriptions", "")
		},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(w *world, p *played) {
				owner, other := w.joinAt("owner", "http://127.0.0.1/a"), w.joinAt("other", "http://127.0.0.1/b")
				registration := w.register(owner, "e")
				subscription := w.subscribe(other, registration)
				w.trigger(owner, registration)
				time.Sleep(time.Minute)
				synctest.Wait()
				if at, _ := p.since(); len(at) != 1 {
					t.Fatalf("deliveries at %v", at)
				}
				gone(w, owner, other, registration, subscription)
				rest()
				if at, to := p.since(); len(at) != 0 {
					t.Errorf("deliveries after the deletion: %v to %v", at, to)
				}
			})
		})
	}
}
