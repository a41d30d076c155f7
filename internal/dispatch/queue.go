package dispatch

// queue is a ring of items.
type queue struct {
	ring []item
	head int
	n    int
}

func (q *queue) len() int { return q.n }

func (q *queue) first() *item { return &q.ring[q.head] }

func (q *queue) push(it item) {
	q.grow()
	q.ring[(q.head+q.n)%len(q.ring)] = it
	q.n++
}

// unshift puts an item in front of all others.
func (q *queue) unshift(it item) {
	q.grow()
	q.head = (q.head + len(q.ring) - 1) % len(q.ring)
	q.ring[q.head] = it
	q.n++
}

func (q *queue) pop() item {
	it := q.ring[q.head]
	q.ring[q.head] = item{}
	q.head = (q.head + 1) % len(q.ring)
	q.n--
	if q.n == 0 {
		q.head = 0
		if len(q.ring) > 32 {
			q.ring = nil // many lanes are idle at any time
		}
	}
	return it
}

func (q *queue) grow() {
	if q.n < len(q.ring) {
		return
	}
	bigger := make([]item, max(4, 2*len(q.ring)))
	for i := range q.n {
		bigger[i] = q.ring[(q.head+i)%len(q.ring)]
	}
	q.ring, q.head = bigger, 0
}
