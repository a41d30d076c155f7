package pywebhooks

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/switchhook/switchhook/internal/id"
)

// limit lets each name do something so many times a minute. 0 times is any number.
type limit struct {
	perMinute int

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// maxBuckets bounds the memory of a limit. A fresh bucket is a full one.
const maxBuckets = 10_000

func newLimit(perMinute int) *limit {
	return &limit{perMinute: perMinute, buckets: map[string]*rate.Limiter{}}
}

// take counts one for each of the names and returns how long they have to wait, which
// is zero while there is room.
func (l *limit) take(names ...string) (wait time.Duration) {
	if l.perMinute <= 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range names {
		b := l.buckets[name]
		if b == nil {
			if len(l.buckets) >= maxBuckets {
				clear(l.buckets)
			}
			b = rate.NewLimiter(rate.Every(time.Minute/time.Duration(l.perMinute)), l.perMinute)
			l.buckets[name] = b
		}
		if r := b.Reserve(); r.Delay() > 0 {
			wait = max(wait, r.Delay())
			r.Cancel()
		}
	}
	return wait
}

// used says whether a name has no room left, without counting.
func (l *limit) used(name string) bool {
	if l.perMinute <= 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[name]
	return b != nil && b.Tokens() < 1
}

// address is where a request comes from.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// turns let one at a time do something with an account. The zero value is ready.
type turns struct {
	mu    sync.Mutex
	taken map[id.ID]chan struct{} // closed when the turn is over
}

// take waits for the account's turn. The turn lasts until over is called.
func (t *turns) take(ctx context.Context, account id.ID) (over func(), err error) {
	mine := make(chan struct{})
	for {
		t.mu.Lock()
		other, busy := t.taken[account]
		if !busy {
			if t.taken == nil {
				t.taken = map[id.ID]chan struct{}{}
			}
			t.taken[account] = mine
		}
		t.mu.Unlock()
		if !busy {
			return func() {
				t.mu.Lock()
				delete(t.taken, account)
				t.mu.Unlock()
				close(mine)
			}, nil
		}
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
