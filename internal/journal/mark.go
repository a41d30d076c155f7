package journal

import (
	"iter"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
)

// marks counts, per second of their events' ids, the deliveries that exist
// nowhere but in the events' rows and in memory: held fresh, not in the backlog.
type marks map[int64]int

func (m marks) add(event id.ID, n int) {
	sec := event.Time().Unix()
	if m[sec] += n; m[sec] <= 0 {
		delete(m, sec)
	}
}

// held counts the event's deliveries that the accepting node holds fresh.
func held(a *store.Accepted) int {
	n := 0
	for range a.Fresh() {
		n++
	}
	return n
}

// Hold counts a delivery that is held fresh from now on, though it was accepted elsewhere.
func (j *Journal) Hold(event id.ID) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fresh.add(event, 1)
}

// Mark returns a lower bound of the ids of all events of which a delivery is
// held fresh by this process, now or at any later time. After a crash everything
// fresh is found by reading from the last mark that was stored.
func (j *Journal) Mark() id.ID {
	j.mu.Lock()
	defer j.mu.Unlock()
	oldest := j.ids.New() // every id that is given later is above it
	for sec := range j.all() {
		if m := id.From(time.Unix(sec, 0)); m.Compare(oldest) < 0 {
			oldest = m
		}
	}
	return oldest
}

// all goes through what is fresh, and what may be. The lock is held.
func (j *Journal) all() iter.Seq2[int64, int] {
	return func(yield func(int64, int) bool) {
		for _, m := range []marks{j.fresh, j.doubtful} {
			for sec, n := range m {
				if !yield(sec, n) {
					return
				}
			}
		}
	}
}

// Held counts the deliveries that are held fresh, or may be.
func (j *Journal) Held() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, c := range j.all() {
		n += c
	}
	return n
}

// Doubtful says whether there are deliveries, refused to whoever sent them, that may have
// been written all the same: the answer of the database was lost. They are held
// fresh, in the store, by the node that wrote them.
func (j *Journal) Doubtful() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.doubtful) > 0
}

// ForgetDoubtful says that what was doubtful so far is in the backlog by now.
func (j *Journal) ForgetDoubtful() {
	j.mu.Lock()
	defer j.mu.Unlock()
	clear(j.doubtful)
}

// Quiet says that nothing is held fresh and that nothing was accepted since the
// last call: then a mark stored earlier is as good as a new one.
func (j *Journal) Quiet() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	quiet := len(j.fresh) == 0 && len(j.doubtful) == 0 && !j.accepted
	j.accepted = false
	return quiet
}

// unmark forgets the deliveries that the entry took out of memory, or that its
// failure or conflict never let in. The lock is held.
func (j *Journal) unmark(e *Entry, err error) {
	for _, in := range e.Intake {
		if err == nil && in.Err == nil && (in.Once == nil || !in.Once.Replayed) {
			continue
		}
		for i := range in.Accepted {
			n := held(&in.Accepted[i])
			j.fresh.add(in.Accepted[i].Event.ID, -n)
			if store.IsUnsure(err) {
				j.doubtful.add(in.Accepted[i].Event.ID, n)
			}
		}
	}
	if err != nil {
		return
	}
	for _, event := range e.Left {
		j.fresh.add(event, -1)
	}
}
