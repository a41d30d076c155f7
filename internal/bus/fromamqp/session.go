package fromamqp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/rabbit"
)

// session is one connection from beginning to end. It calls up when messages
// can come, and says whether it did. The error says why the connection ended.
func (s *Source) session(ctx context.Context, up func()) (wasUp bool, err error) {
	conn, err := rabbit.Connect(ctx, s.url, rabbit.Options{
		Dial: s.o.Dial, TLS: s.o.TLS, Name: "switchhook " + s.o.Name, Heartbeat: s.o.Heartbeat,
	})
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var aside sync.WaitGroup
	defer func() {
		s.up.Store(false)
		cancel()
		conn.Close()
		aside.Wait() // what waits for the broker ends with the connection
		s.setConn(nil)
	}()
	c, err := s.begin(ctx, conn)
	if err != nil {
		return false, err
	}
	aside.Go(c.watch)
	aside.Go(func() { s.keepTopology(ctx, conn) })
	s.up.Store(true)
	up()
	return true, c.run(ctx)
}

// begin declares everything and subscribes to the queue.
func (s *Source) begin(ctx context.Context, conn *rabbit.Conn) (*consumer, error) {
	// A broker that falls silent in the middle of this is given up by the heartbeat; a
	// request to stop does not wait for that.
	stop := context.AfterFunc(ctx, conn.Close)
	defer stop()
	if err := s.declareQueues(conn); err != nil {
		return nil, err
	}
	s.setConn(conn) // from here on SetBindings reconciles by itself
	if err := s.reconcile(conn, true); err != nil {
		return nil, err
	}
	return s.consume(conn)
}

func (s *Source) setConn(conn *rabbit.Conn) {
	s.mu.Lock()
	s.conn = conn
	s.mu.Unlock()
	s.publishing.Lock()
	s.publisher = nil
	s.publishing.Unlock()
}

// keepTopology declares exchanges and bindings again from time to time.
func (s *Source) keepTopology(ctx context.Context, conn *rabbit.Conn) {
	t := time.NewTicker(s.o.Check)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if err := s.reconcile(conn, true); err != nil && ctx.Err() == nil {
				s.o.Logger.Warn("bindings cannot be made", "bus", s.o.Name, "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// consumer is the channel that messages come by.
type consumer struct {
	*Source
	conn       *rabbit.Conn
	ch         *amqp091.Channel
	deliveries <-chan amqp091.Delivery
	closed     chan *amqp091.Error
	ended      chan struct{} // closed with the channel
	why        error         // … which ended it; read after ended is closed
	wait       backoff       // of a handler that says "not now"
	holding    bool          // the handler said so last
}

func (s *Source) consume(conn *rabbit.Conn) (*consumer, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open channel: %w", err)
	}
	c := &consumer{
		Source: s, conn: conn, ch: ch,
		closed: ch.NotifyClose(make(chan *amqp091.Error, 1)), ended: make(chan struct{}),
		wait: backoff{first: s.o.Backoff, longest: s.o.MaxBackoff},
	}
	if err := ch.Qos(s.o.Prefetch, 0, false); err != nil {
		return nil, fmt.Errorf("bound messages in flight: %w", err)
	}
	deliveries, err := ch.Consume(s.o.Queue.Name, "", false, false, false, false, nil)
	if err != nil {
		return nil, fmt.Errorf("consume queue %s: %w", s.o.Queue.Name, err)
	}
	c.deliveries = gathered(deliveries, s.o.Prefetch)
	return c, nil
}

// gathered makes what comes one by one ready to be taken together. No more than limit can
// be on the way unacknowledged, so nothing ever waits to be put in.
func gathered(in <-chan amqp091.Delivery, limit int) <-chan amqp091.Delivery {
	out := make(chan amqp091.Delivery, limit)
	go func() {
		defer close(out)
		for d := range in { // until the channel ends
			out <- d
		}
	}()
	return out
}

// run hands batches over until ctx is done or the channel ends.
func (c *consumer) run(ctx context.Context) error {
	for {
		batch, err := c.gather(ctx)
		if err != nil {
			return err
		}
		c.o.Metrics.Received(len(batch))
		if err := c.handle(ctx, batch); err != nil {
			return err
		}
	}
}

// gather waits for a message and takes what else is there already.
func (c *consumer) gather(ctx context.Context) ([]amqp091.Delivery, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var batch []amqp091.Delivery
	select {
	case d, ok := <-c.deliveries:
		if !ok {
			return nil, c.reason()
		}
		batch = append(batch, d)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for len(batch) < c.o.Batch {
		select {
		case d, ok := <-c.deliveries:
			if !ok {
				return nil, c.reason()
			}
			batch = append(batch, d)
		default:
			return batch, nil
		}
	}
	return batch, nil
}

// watch waits for the end of the channel, which comes with that of the connection at the
// latest.
func (c *consumer) watch() {
	c.why = amqp091.ErrClosed
	if e, ok := <-c.closed; ok {
		c.why = e
	}
	close(c.ended)
}

// reason says why no more messages come.
func (c *consumer) reason() error {
	if !c.ch.IsClosed() {
		return errors.New("the broker ended the subscription, as it does when the queue is deleted")
	}
	<-c.ended
	return c.why
}

// refused says that the broker is there and does not want us, which is worth
// telling people although the bus was away before.
func refused(err error) bool {
	e, ok := errors.AsType[*amqp091.Error](err)
	return ok && e.Server
}
