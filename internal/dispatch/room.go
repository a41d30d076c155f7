package dispatch

import (
	"time"

	"github.com/switchhook/switchhook/internal/breaker"
)

// refill asks for a claim when the backlog has something due and there is room for
// it. The lock is held.
func (l *lane) refill(now time.Time) {
	switch {
	case l.stopped, l.claiming, l.nextDue.IsZero():
	case now.Before(l.notUntil):
		l.d.clock.wakeAt(l, l.notUntil)
	case l.nextDue.After(now):
		l.d.clock.wakeAt(l, l.nextDue)
	case l.roomy() && l.load():
		l.claiming = true
		l.d.claims.ask(l)
	}
}

// roomy says whether a claim is worth it: half of the window is empty and an eighth of the
// memory is free; but one delivery is always had. What is attempted makes room, and
// asks again. The lock is held.
func (l *lane) roomy() bool {
	if l.queue.len()+l.reserved == 0 {
		return true
	}
	return l.room() >= (l.window()+1)/2 && l.freeMemory() >= l.d.o.Memory/8
}

// room is how many deliveries more fit into the window. The lock is held.
func (l *lane) room() int { return l.window() - l.queue.len() - l.reserved }

// freeMemory is how many bytes the lane may hold more. Half of the memory is for lanes that
// move: what they hold is gone soon. The lock is held.
func (l *lane) freeMemory() int {
	most := l.d.o.Memory
	if !l.moving {
		most /= 2
	}
	return max(most-int(l.d.memory.Load()), 0)
}

// freshRoom says whether one more delivery may be held that was just accepted. A lane that
// moves may hold everything up to where intake is slowed and as much again, for callers
// overshoot; going through the backlog costs more than the delivery itself, and once
// something is there all that follows has to go there. But beyond its window the lane leaves
// half of the memory to others. The lock is held.
func (l *lane) freshRoom(bytes int) bool {
	switch {
	case l.room() > 0:
		return bytes <= l.freeMemory()
	case !l.moving, l.queue.len()+l.reserved >= 2*l.d.o.Pending:
		return false
	}
	return int(l.d.memory.Load())+bytes <= l.d.o.Memory/2
}

// window is how many deliveries the lane claims to hold. One that moves claims many
// more: what it holds is gone soon.
func (l *lane) window() int {
	if l.moving {
		return movingWindow * l.d.o.Window
	}
	return l.d.o.Window
}

// count keeps Dispatcher.behind: a lane that moves counts with what it has
// waiting, any other with nothing. The lock is held.
func (l *lane) count(now time.Time) {
	counts := 0
	l.moving = !l.stopped && l.breaker.State() == breaker.StateClosed && now.Sub(l.lastPrompt) < movingFor
	if l.moving {
		counts = l.queue.len() + l.overflow
	}
	if counts != l.counted {
		l.d.behind.Add(int64(counts - l.counted))
		l.counted = counts
	}
}
