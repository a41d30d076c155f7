package viaamqp

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/rabbit"
)

// links holds the connections to brokers, one for each.
type links struct {
	limit    int
	channels int
	idle     time.Duration
	ctx      context.Context // of connections that are being made
	end      context.CancelFunc
	work     sync.WaitGroup

	mu     sync.Mutex
	open   map[string]*link
	closed bool
}

func newLinks(limit, channels int, idle time.Duration) *links {
	l := &links{limit: limit, channels: channels, idle: idle, open: map[string]*link{}}
	l.ctx, l.end = context.WithCancel(context.Background())
	return l
}

var (
	errFull   = errors.New("too many connections to brokers are in use")
	errClosed = errors.New("the server is shutting down")
)

// publish publishes a message and returns when the broker has it, or soon after ctx is done. What was
// begun then goes on until the broker answers or the connection ends.
func (l *links) publish(ctx context.Context, t target, p rabbit.Publication) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	k, err := l.take(t)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		defer l.work.Done()
		defer l.release(k)
		done <- k.publish(ctx, p)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	default:
		return ctx.Err()
	}
}

// take finds or makes the link to a broker, and keeps it open until it is released.
func (l *links) take(t target) (*link, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errClosed
	}
	k := l.open[t.key]
	if k == nil {
		if len(l.open) >= l.limit && !l.evict() {
			return nil, errFull
		}
		k = newLink(l, t)
		l.open[t.key] = k
	}
	k.users++
	l.work.Add(1)
	return k, nil
}

func (l *links) release(k *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k.users--
	k.used = time.Now()
	if k.users == 0 && !l.closed {
		k.timer.Reset(l.idle)
	}
}

// evict makes room by closing the link that has been unused for the longest. The lock is held.
func (l *links) evict() bool {
	var oldest *link
	for _, k := range l.open {
		if k.users == 0 && (oldest == nil || k.used.Before(oldest.used)) {
			oldest = k
		}
	}
	if oldest == nil {
		return false
	}
	l.drop(oldest)
	return true
}

// drop closes a link that nobody uses. The lock is held.
func (l *links) drop(k *link) {
	k.timer.Stop()
	delete(l.open, k.key)
	l.work.Go(k.close)
}

// expire drops a link that was not used for a while.
func (l *links) expire(k *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed && l.open[k.key] == k && k.users == 0 && time.Since(k.used) >= l.idle {
		l.drop(k)
	}
}

// close closes every connection and waits for what was going on.
func (l *links) close() {
	l.end()
	l.mu.Lock()
	l.closed = true
	for _, k := range l.open {
		l.drop(k)
	}
	l.mu.Unlock()
	l.work.Wait()
}
