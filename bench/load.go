package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// load is a group of callers that post events.
type load struct {
	url, key, path string
	callers        int
	message        func(caller int) *message // each caller has its own
}

// tally is what became of a load.
type tally struct {
	events  int64 // accepted
	posts   int64 // accepted
	refused int64 // posts that were answered with 429, and made again later
}

func (t *tally) add(other tally) {
	t.events += other.events
	t.posts += other.posts
	t.refused += other.refused
}

// shortPause is how long a caller waits after a 429 that does not say.
const shortPause = 20 * time.Millisecond

// saturate lets every caller post one message after the other until the time is
// over or, where events is not 0, that many are accepted. Anything but 202 and 429
// is an error.
func (l *load) saturate(ctx context.Context, d time.Duration, events int64) (tally, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var mu sync.Mutex
	var sum tally
	var failed error
	var wg sync.WaitGroup
	for i := range l.callers {
		wg.Go(func() {
			c := newConn(l.url, l.key, l.path)
			defer c.close()
			m := l.message(i)
			for ctx.Err() == nil {
				t, err := send(ctx, c, m, time.Now())
				mu.Lock()
				sum.events, sum.posts, sum.refused = sum.events+t.events, sum.posts+t.posts, sum.refused+t.refused
				if err != nil {
					failed = err
				}
				if err != nil || events > 0 && sum.events >= events {
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return sum, failed
}

// send posts a message, again after a 429. When ctx is done before it was accepted
// it was not.
func send(ctx context.Context, c *conn, m *message, at time.Time) (t tally, err error) {
	m.stamp(at)
	for {
		a, err := c.post(m.body, "")
		switch {
		case err != nil:
			return t, fmt.Errorf("post: %w", err)
		case a.status == http.StatusAccepted:
			t.posts++
			t.events += int64(len(m.stamps))
			return t, nil
		case !a.refused():
			return t, fmt.Errorf("post: the server answered %d: %s", a.status, a.body)
		}
		t.refused++
		if !pause(ctx, max(a.retryAfter, shortPause)) {
			return t, nil
		}
	}
}

// pause waits and says whether to go on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// paced posts rate messages a second, each when its time has come, whatever became of
// those before. The time in a payload is the one at which its caller was free to
// send it.
func (l *load) paced(ctx context.Context, d time.Duration, rate int) (tally, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var sum tally
	var failed error
	var wg sync.WaitGroup
	due := make(chan time.Time, 2*rate) // beyond two seconds behind there is no point in going on
	for i := range l.callers {
		wg.Go(func() {
			c := newConn(l.url, l.key, l.path)
			defer c.close()
			m := l.message(i)
			for at := range due {
				t, err := send(ctx, c, m, at)
				mu.Lock()
				sum.events, sum.posts, sum.refused = sum.events+t.events, sum.posts+t.posts, sum.refused+t.refused
				if err != nil {
					failed = err
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	begin := time.Now()
	for i := 0; ctx.Err() == nil && time.Since(begin) < d; i++ {
		if wait := time.Until(begin.Add(time.Duration(i) * time.Second / time.Duration(rate))); wait > 0 {
			pause(ctx, wait)
		}
		select {
		case due <- time.Now():
		default:
			failed = fmt.Errorf("the callers cannot keep up with %d posts a second", rate)
			cancel()
		}
	}
	close(due)
	wg.Wait()
	return sum, failed
}
