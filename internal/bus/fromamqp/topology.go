package fromamqp

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/rabbit"
)

// rejectedSuffix is what the queue of messages that were set aside has behind the
// queue's own name.
const rejectedSuffix = ".rejected"

const maxQueueName = 255 - len(rejectedSuffix)

// rejectedBytes bounds the bodies of messages that were set aside, in bytes.
const rejectedBytes = 256 << 20

// declareQueues makes the two queues where they are not there. One that is there stays as
// it is, whatever its arguments: an operator may have chosen others.
func (s *Source) declareQueues(conn *rabbit.Conn) error {
	args, err := rabbit.Table(s.o.Queue.Arguments)
	if err != nil {
		return err
	}
	if err := ensureQueue(conn, s.o.Queue.Name, args); err != nil {
		return err
	}
	return s.declareRejected(conn)
}

func (s *Source) declareRejected(conn *rabbit.Conn) error {
	return ensureQueue(conn, s.o.Queue.Name+rejectedSuffix, amqp091.Table{
		"x-max-length": int64(s.o.Rejected), "x-max-length-bytes": int64(rejectedBytes),
	})
}

func ensureQueue(conn *rabbit.Conn, name string, args amqp091.Table) error {
	err := ensure(conn, func(ch *amqp091.Channel) error {
		_, err := ch.QueueDeclarePassive(name, true, false, false, false, nil)
		return err
	}, func(ch *amqp091.Channel) error {
		_, err := ch.QueueDeclare(name, true, false, false, false, args)
		return err
	})
	if err != nil {
		return fmt.Errorf("declare queue %s: %w", name, err)
	}
	return nil
}

func declareExchanges(conn *rabbit.Conn, exchanges []Exchange) error {
	for _, e := range exchanges {
		args, err := rabbit.Table(e.Arguments)
		if err != nil {
			return err
		}
		err = ensure(conn, func(ch *amqp091.Channel) error {
			return ch.ExchangeDeclarePassive(e.Name, e.Kind, e.Durable, e.AutoDelete, false, false, args)
		}, func(ch *amqp091.Channel) error {
			return ch.ExchangeDeclare(e.Name, e.Kind, e.Durable, e.AutoDelete, false, false, args)
		})
		if err != nil {
			return fmt.Errorf("declare exchange %s: %w", e.Name, err)
		}
	}
	return nil
}

// ensure declares what a look at it does not find.
func ensure(conn *rabbit.Conn, look, declare func(*amqp091.Channel) error) error {
	err := onChannel(conn, look)
	if rabbit.Closed(err, amqp091.NotFound) {
		err = onChannel(conn, declare)
	}
	return err
}

// onChannel runs one operation on a channel of its own, which a failure would close.
func onChannel(conn *rabbit.Conn, do func(*amqp091.Channel) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open channel: %w", err)
	}
	if err := do(ch); err != nil {
		return err
	}
	return ch.Close()
}

// reconcile makes the broker's bindings what is wanted: all of them again, with their
// exchanges, or only those that differ from what this process has bound. One that cannot
// be made keeps no other from being made.
func (s *Source) reconcile(conn *rabbit.Conn, all bool) error {
	s.reconciling.Lock()
	defer s.reconciling.Unlock()
	s.mu.Lock()
	wanted, exchanges := s.wanted, s.exchanges
	s.mu.Unlock()
	if all {
		if err := declareExchanges(conn, exchanges); err != nil {
			return err
		}
	}
	keep := make(map[string]bool, len(wanted))
	var more, less []Binding
	for _, b := range wanted {
		k := b.key()
		if _, ok := s.bound[k]; !keep[k] && (all || !ok) {
			more = append(more, b)
		}
		keep[k] = true
	}
	for k, b := range s.bound {
		if !keep[k] {
			less = append(less, b)
		}
	}
	return errors.Join(
		atOnce(more, func(b Binding) error { return s.bind(conn, b) }, func(b Binding) { s.bound[b.key()] = b }),
		atOnce(less, func(b Binding) error { return s.unbind(conn, b) }, func(b Binding) { delete(s.bound, b.key()) }),
	)
}

// binders is how many bindings are made at the same time: the broker writes each to its disk.
const binders = 8

// atOnce calls do for several bindings at the same time, and then done for those with which
// it succeeded.
func atOnce(all []Binding, do func(Binding) error, done func(Binding)) error {
	errs := make([]error, len(all))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(binders, len(all)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(all); i = int(next.Add(1)) - 1 {
				errs[i] = do(all[i])
			}
		})
	}
	workers.Wait()
	for i, err := range errs {
		if err == nil {
			done(all[i])
		}
	}
	return errors.Join(errs...)
}

// key tells bindings apart as the broker does.
func (b Binding) key() string {
	k, _ := json.Marshal([]any{b.Exchange, b.RoutingKey, b.Arguments}) // maps are written in the order of their keys
	return string(k)
}

func (s *Source) bind(conn *rabbit.Conn, b Binding) error {
	args, err := rabbit.Table(b.Arguments)
	if err == nil {
		err = onChannel(conn, func(ch *amqp091.Channel) error {
			return ch.QueueBind(s.o.Queue.Name, b.RoutingKey, b.Exchange, false, args)
		})
	}
	if err != nil {
		return fmt.Errorf("bind to %s: %w", b.Exchange, err)
	}
	return nil
}

func (s *Source) unbind(conn *rabbit.Conn, b Binding) error {
	args, err := rabbit.Table(b.Arguments)
	if err == nil {
		err = onChannel(conn, func(ch *amqp091.Channel) error {
			return ch.QueueUnbind(s.o.Queue.Name, b.RoutingKey, b.Exchange, args)
		})
	}
	if err != nil && !rabbit.Closed(err, amqp091.NotFound) {
		return fmt.Errorf("unbind from %s: %w", b.Exchange, err)
	}
	return nil
}
