package fromamqp

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff waits longer each time, by up to half more or less than planned, so that
// many who wait for one broker do not come at once.
type backoff struct{ first, longest, last time.Duration }

func (b *backoff) reset() { b.last = 0 }

// pause waits, and says false when ctx or ended was done first.
func (b *backoff) pause(ctx context.Context, ended <-chan struct{}) bool {
	b.last = min(max(2*b.last, b.first), b.longest)
	t := time.NewTimer(b.last/2 + rand.N(b.last))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ended:
	case <-ctx.Done():
	}
	return false
}
