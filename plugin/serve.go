package plugin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// Main serves on standard input and output until the input ends, and ends the
// process. What Deliver writes to standard error is logged by the server; standard output
// belongs to the protocol.
func Main(s Service) {
	if err := Serve(context.Background(), s, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Serve says hello on out and answers every delivery that comes on in. When in
// ends it finishes what is in hand and returns nil. An error means that the input was no
// protocol or that the output is gone. Calls of Deliver end with ctx.
func Serve(ctx context.Context, s Service, in io.Reader, out io.Writer) error {
	if s.Name == "" || s.Deliver == nil {
		return errors.New("plugin: a service needs a name and a function")
	}
	if s.Concurrency <= 0 {
		s.Concurrency = 1
	}
	w := &writer{out: out}
	if err := w.line(Hello{
		Type: TypeHello, Protocol: Protocol, Name: s.Name, Version: s.Version,
		Concurrency: s.Concurrency, ConfigSchema: s.ConfigSchema,
	}); err != nil {
		return fmt.Errorf("plugin: say hello: %w", err)
	}
	return s.read(ctx, bufio.NewReaderSize(in, 64<<10), w)
}

// read hands deliveries to as many workers as the service takes at a time.
func (s *Service) read(ctx context.Context, in *bufio.Reader, w *writer) error {
	work := make(chan *Delivery)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer close(work)
	started := 0
	for {
		line, err := in.ReadBytes('\n')
		switch {
		case errors.Is(err, io.EOF):
			return nil // a line that is cut off was never sent
		case err != nil:
			return fmt.Errorf("plugin: read: %w", err)
		}
		d := new(Delivery)
		if err := json.Unmarshal(line, d); err != nil {
			return fmt.Errorf("plugin: a line is not JSON: %w", err)
		}
		if d.Type != TypeDelivery {
			continue // of a later version
		}
		select {
		case work <- d:
			continue
		default:
		}
		if started < s.Concurrency {
			started++
			workers.Go(func() {
				for d := range work {
					s.answer(ctx, d, w)
				}
			})
		}
		work <- d
	}
}

// answer makes one attempt and says what came of it. Where nobody listens any more, in
// ends, too.
func (s *Service) answer(ctx context.Context, d *Delivery, w *writer) {
	_ = w.line(s.attempt(ctx, d))
}

func (s *Service) attempt(ctx context.Context, d *Delivery) (a *Answer) {
	a = &Answer{Type: TypeAnswer, ID: d.ID, Result: Delivered}
	ctx, cancel := context.WithDeadline(ctx, d.Deadline)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			a.Result, a.Error = Retry, fmt.Sprintf("panic: %v", p)
		}
	}()
	detail, err := s.Deliver(ctx, d)
	if err != nil {
		a.Result, a.Error = Retry, err.Error()
		if f, ok := errors.AsType[*Failure](err); ok {
			a.Result, a.RetryAfter = f.Result, f.After.Seconds()
		}
	}
	if detail == nil {
		return a
	}
	text, err := json.Marshal(detail)
	if err != nil {
		text, _ = json.Marshal(map[string]string{"error": "the detail cannot be told: " + err.Error()})
	}
	a.Detail = text
	return a
}

// writer writes lines whole, whoever writes.
type writer struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *writer) line(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err = w.out.Write(append(text, '\n'))
	return err
}
