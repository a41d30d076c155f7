package directory

import (
	"context"
	"sync"
	"time"
)

// rounds lets calls that come while a round runs share the next one: a round that
// has begun may have missed what they want to see.
type rounds struct {
	turn chan struct{} // holds a token while a round runs

	mu   sync.Mutex
	next *round // has not begun; nil: nobody waits
}

type round struct {
	done chan struct{}
	err  error
}

// roundTime bounds a round, whoever waits for it.
const roundTime = time.Minute

// do returns when a round has run that began after the call. The round does not
// end with the context of whoever happens to run it.
func (r *rounds) do(ctx context.Context, run func(context.Context) error) error {
	mine := r.join()
	select {
	case <-mine.done:
		return mine.err
	case <-ctx.Done():
		return ctx.Err()
	case r.turn <- struct{}{}:
	}
	defer func() { <-r.turn }()
	if !r.begin(mine) {
		return mine.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), roundTime)
	defer cancel()
	mine.err = run(ctx)
	close(mine.done)
	return mine.err
}

func (r *rounds) join() *round {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = &round{done: make(chan struct{})}
	}
	return r.next
}

// begin closes the round to newcomers. It returns false when another caller has
// run it.
func (r *rounds) begin(mine *round) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next != mine {
		return false
	}
	r.next = nil
	return true
}
