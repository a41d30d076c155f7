package rabbit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rabbitmq/amqp091-go"
)

// Publication is a message and where it goes.
type Publication struct {
	Exchange   string
	RoutingKey string
	// Mandatory asks the broker to give the message back when no queue wants it.
	Mandatory bool
	amqp091.Publishing
}

// ErrNotTaken says that the broker refuses responsibility for a message (a nack).
var ErrNotTaken = errors.New("the broker did not take the message")

// ReturnedError says that a mandatory message reached no queue.
type ReturnedError struct {
	Code int
	Text string
}

// Error returns what the broker says.
func (e *ReturnedError) Error() string {
	return fmt.Sprintf("the message reached no queue: %d %s", e.Code, e.Text)
}

// Publisher is a channel that publishes with confirms. It is not safe for concurrent use.
type Publisher struct {
	conn     *Conn
	ch       *amqp091.Channel
	returned chan *ReturnedError // asks collect for what came back
	closed   chan *amqp091.Error
	spent    bool
}

// Publisher opens a channel for publishing.
func (c *Conn) Publisher() (*Publisher, error) {
	ch, err := c.Channel()
	if err != nil {
		return nil, fmt.Errorf("open channel: %w", err)
	}
	p := &Publisher{conn: c, ch: ch, returned: make(chan *ReturnedError), closed: ch.NotifyClose(make(chan *amqp091.Error, 1))}
	go p.collect(ch.NotifyReturn(make(chan amqp091.Return)))
	if err := ch.Confirm(false); err != nil {
		p.Close()
		return nil, fmt.Errorf("ask for confirms: %w", err)
	}
	return p, nil
}

// collect takes what comes back, at once, since the connection's reader waits for it, and
// tells the last of it to Publish. What comes back comes before its confirm. It ends with
// the channel.
func (p *Publisher) collect(returns <-chan amqp091.Return) {
	defer close(p.returned)
	var last *ReturnedError
	for {
		select {
		case r, ok := <-returns:
			if !ok {
				return
			}
			last = &ReturnedError{Code: int(r.ReplyCode), Text: r.ReplyText}
		case p.returned <- last:
			last = nil
		}
	}
}

// Usable says whether Publish may be called again: not after an error that leaves open
// what the broker did.
func (p *Publisher) Usable() bool { return !p.spent && !p.ch.IsClosed() }

// Close closes the channel. It may wait for the broker as long as the connection lives.
func (p *Publisher) Close() {
	p.spent = true
	_ = p.ch.Close()
}

// Publish sends messages and returns when the broker has taken them all. It may wait
// beyond ctx while the connection accepts no bytes. The error is ErrNotTaken, a
// *ReturnedError, ctx's, or what closed the channel; it holds for one of the messages, and the
// others may have been taken.
func (p *Publisher) Publish(ctx context.Context, all ...Publication) error {
	waits := make([]*amqp091.DeferredConfirmation, len(all))
	for i := range all {
		m := &all[i]
		if p.conn.guard != nil {
			p.conn.guard.allow(len(m.Body))
		}
		var err error
		if waits[i], err = p.ch.PublishWithDeferredConfirm(m.Exchange, m.RoutingKey, m.Mandatory, false, m.Publishing); err != nil {
			p.spent = true
			return p.why(err)
		}
	}
	var failed error
	for _, w := range waits {
		if err := p.wait(ctx, w); errors.Is(err, ErrNotTaken) {
			failed = err
		} else if err != nil {
			p.spent = true
			return err
		}
	}
	if back := <-p.returned; back != nil {
		return back
	}
	return failed
}

// wait waits for one confirm.
func (p *Publisher) wait(ctx context.Context, w *amqp091.DeferredConfirmation) error {
	select {
	case <-w.Done():
	case e, ok := <-p.closed:
		if ok {
			return e
		}
		return amqp091.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	if w.Acked() {
		return nil
	}
	// Confirms also end, without having come, when the channel does.
	if p.ch.IsClosed() {
		return p.why(amqp091.ErrClosed)
	}
	return ErrNotTaken
}

// reasonComes bounds the wait for why a channel has closed, which is told right after it has.
const reasonComes = time.Second

// why prefers what the broker said over the mere fact that the channel is closed.
func (p *Publisher) why(err error) error {
	if !errors.Is(err, amqp091.ErrClosed) {
		return err
	}
	t := time.NewTimer(reasonComes)
	defer t.Stop()
	select {
	case e, ok := <-p.closed:
		if ok {
			return e
		}
	case <-t.C:
	}
	return err
}
