package fromwazo_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/bus/fromwazo"
)

var obeyed = []string{
	"auth_tenant_deleted", "auth_user_external_auth_added", "auth_user_external_auth_deleted", "auth_user_external_auth_updated", "user_deleted",
}

// binding plays subscriptions and the bus.
type binding struct {
	mu    sync.Mutex
	names []string
	bound []string
	away  bool
	slow  bool // the bus does not answer
}

func (b *binding) read(context.Context) ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.names, nil
}

func (b *binding) bind(ctx context.Context, names []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.slow {
		b.mu.Unlock()
		<-ctx.Done()
		b.mu.Lock()
		return ctx.Err()
	}
	if b.away {
		return errors.New("away")
	}
	b.bound = names
	return nil
}

func (b *binding) want(names ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.names = names
}

func (b *binding) is(t *testing.T, names ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	want := slices.Sorted(slices.Values(append(slices.Clone(obeyed), names...)))
	if diff := cmp.Diff(want, b.bound); diff != "" {
		t.Error(diff)
	}
}

func newBinder(t *testing.T, b *binding) *fromwazo.Binder {
	t.Helper()
	binder, err := fromwazo.NewBinder(fromwazo.BinderOptions{Names: b.read, Bind: b.bind})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() { _ = binder.Run(ctx) }()
	return binder
}

func TestTheQueueIsBoundToWhatIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &binding{names: []string{"a", "", "a"}}
		binder := newBinder(t, b)
		synctest.Wait()
		b.is(t, "a")

		b.want("a", "b")
		binder.Follow(t.Context(), []string{"b", ""})
		b.is(t, "a", "b")
		b.want("b")
		binder.Follow(t.Context(), nil) // what had the other one was deleted
		synctest.Wait()
		b.is(t, "b")

		b.want("c") // on another node
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		b.is(t, "c")
	})
}

func TestNobodyWaitsLongForABusThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &binding{away: true}
		binder := newBinder(t, b)
		b.want("a")
		binder.Follow(t.Context(), []string{"a"})
		synctest.Wait()
		if !slices.Contains(binder.Wanted(), "a") {
			t.Error("what was wanted while the bus was away is forgotten")
		}
		b.mu.Lock()
		b.slow = true
		b.mu.Unlock()
		start := time.Now()
		binder.Follow(t.Context(), []string{"b"})
		if took := time.Since(start); took > 5*time.Second { // of the bubble's clock
			t.Errorf("waited %v", took)
		}
	})
}

func TestWhatIsBoundForOneIsWaitedForByOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, finish := make(chan struct{}, 10), make(chan struct{})
		b := &binding{names: []string{"a"}}
		binder, err := fromwazo.NewBinder(fromwazo.BinderOptions{Names: b.read, Wait: time.Hour, Bind: func(ctx context.Context, names []string) error {
			begun <- struct{}{}
			<-finish
			return b.bind(ctx, names)
		}})
		if err != nil {
			t.Fatal(err)
		}
		var done sync.WaitGroup
		for range 2 {
			done.Go(func() {
				binder.Follow(t.Context(), []string{"a"})
				b.is(t, "a")
			})
		}
		<-begun
		synctest.Wait()
		close(finish)
		done.Wait()
	})
}
