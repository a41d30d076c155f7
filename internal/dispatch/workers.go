package dispatch

import "sync"

// maxIdleWorkers is how many workers stay when nothing is to do.
const maxIdleWorkers = 256

// workers run attempts on goroutines that stay: a new goroutine for each would
// spend a twentieth of the time growing its stack. The most recently used one goes first.
type workers struct {
	mu   sync.Mutex
	idle []chan run
	busy sync.WaitGroup
}

type run struct {
	lane *lane
	item item
}

// do runs one attempt, and whatever its lane has next, on some goroutine.
func (w *workers) do(r run) {
	w.mu.Lock()
	w.busy.Add(1)
	if n := len(w.idle); n > 0 {
		c := w.idle[n-1]
		w.idle = w.idle[:n-1]
		w.mu.Unlock()
		c <- r
		return
	}
	w.mu.Unlock()
	go w.work(r)
}

func (w *workers) work(r run) {
	c := make(chan run, 1)
	for {
		for more := true; more; {
			r.item, more = r.lane.turn(r.item)
		}
		w.mu.Lock()
		w.busy.Done()
		if len(w.idle) >= maxIdleWorkers {
			w.mu.Unlock()
			return
		}
		w.idle = append(w.idle, c)
		w.mu.Unlock()
		var ok bool
		if r, ok = <-c; !ok {
			return
		}
	}
}

// end lets the idle workers go.
func (w *workers) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.idle {
		close(c)
	}
	w.idle = nil
}
