package viaamqp

import (
	"context"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/rabbit"
)

// link leads to one broker. Its connection is made when it is needed, made again when it
// was lost, and shared by all who publish there. Each message has a channel to itself while
// it is in flight, so that an error, which closes its channel, is no other message's.
type link struct {
	target
	of    *links
	slots chan struct{} // one for each channel

	users int       // guarded by links.mu
	used  time.Time // guarded by links.mu
	timer *time.Timer

	mu      sync.Mutex
	now     *session
	dialing *dialing
	closed  bool
}

// session is a connection of a link, from when it is made to when it is lost.
type session struct {
	*rabbit.Conn
	spare []*rabbit.Publisher // guarded by link.mu
}

// dialing is a session that is being made, for everybody who waits for it. The result is
// read after done is closed.
type dialing struct {
	done    chan struct{}
	session *session
	err     error
}

func newLink(of *links, t target) *link {
	k := &link{target: t, of: of, slots: make(chan struct{}, of.channels), used: time.Now()}
	k.timer = time.AfterFunc(of.idle, func() { of.expire(k) })
	return k
}

// publish publishes a message on a channel of its own.
func (k *link) publish(ctx context.Context, p rabbit.Publication) error {
	select {
	case k.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-k.slots }()
	s, err := k.connect(ctx)
	if err != nil {
		return err
	}
	ch, err := k.channel(s)
	if err != nil {
		return err
	}
	err = ch.Publish(ctx, p)
	if !k.keep(s, ch) {
		ch.Close()
	}
	return err
}

// connect returns the present session, or makes one, once for all who ask meanwhile.
func (k *link) connect(ctx context.Context) (*session, error) {
	k.mu.Lock()
	if k.now != nil && !k.now.IsClosed() {
		defer k.mu.Unlock()
		return k.now, nil
	}
	if k.dialing == nil {
		k.dialing = &dialing{done: make(chan struct{})}
		k.of.work.Go(k.makeSession)
	}
	d := k.dialing
	k.mu.Unlock()
	select {
	case <-d.done:
		return d.session, d.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (k *link) makeSession() {
	conn, err := rabbit.Connect(k.of.ctx, k.url, rabbit.Options{
		Dial: k.dial, TLS: k.tls, Name: "switchhook", Channels: uint16(k.of.channels), Guarded: true,
	})
	k.mu.Lock()
	d := k.dialing
	k.dialing = nil
	switch {
	case err != nil:
		d.err = err
	case k.closed:
		defer conn.Close()
		d.err = errClosed
	default:
		k.now = &session{Conn: conn}
		d.session = k.now
	}
	k.mu.Unlock()
	close(d.done)
}

// channel returns a channel that nobody uses.
func (k *link) channel(s *session) (*rabbit.Publisher, error) {
	k.mu.Lock()
	for len(s.spare) > 0 {
		last := len(s.spare) - 1
		ch := s.spare[last]
		s.spare = s.spare[:last]
		if ch.Usable() {
			k.mu.Unlock()
			return ch, nil
		}
	}
	k.mu.Unlock()
	return s.Publisher()
}

// keep puts a channel back if it can be used again.
func (k *link) keep(s *session, ch *rabbit.Publisher) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !ch.Usable() {
		return false
	}
	s.spare = append(s.spare, ch)
	return true
}

func (k *link) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	if k.now == nil {
		return
	}
	for _, ch := range k.now.spare {
		k.of.work.Go(ch.Close) // a broker that talks out of turn is stuck until its channel is closed
	}
	k.now.spare = nil
	k.now.Close()
}
