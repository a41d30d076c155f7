package directory

import (
	"container/list"
	"context"
	"slices"
	"sync"
)

// cache keeps the entries that were used last. Each entry belongs to a group, which
// is what can be dropped. A load that began before a drop is never kept, so
// that what is dropped never comes back. Loads of one key at the same time are one.
type cache[K, G comparable, V any] struct {
	mu      sync.Mutex
	size    int
	entries map[K]*list.Element
	recent  *list.List // of *entry[K, G, V], the last used first
	groups  map[G][]K
	loading map[K]*loading[V]
}

type entry[K, G comparable, V any] struct {
	key   K
	group G
	value V
	err   error // why there is no value: an answer too
}

type loading[V any] struct {
	done  chan struct{}
	value V
	err   error
}

func newCache[K, G comparable, V any](size int) *cache[K, G, V] {
	return &cache[K, G, V]{
		size: size, entries: map[K]*list.Element{}, recent: list.New(),
		groups: map[G][]K{}, loading: map[K]*loading[V]{},
	}
}

// answer is what a load found.
type answer[G comparable, V any] struct {
	value V
	err   error
	group G
	keep  bool // whether it may be answered from the cache
}

// get returns what is kept under the key, or loads it. load runs to its end even
// when the caller gives up.
func (c *cache[K, G, V]) get(ctx context.Context, key K, load func(context.Context) answer[G, V]) (V, error) {
	c.mu.Lock()
	if at, ok := c.entries[key]; ok {
		c.recent.MoveToFront(at)
		e := at.Value.(*entry[K, G, V])
		c.mu.Unlock()
		return e.value, e.err
	}
	l, joined := c.loading[key]
	if !joined {
		l = &loading[V]{done: make(chan struct{})}
		c.loading[key] = l
	}
	c.mu.Unlock()
	if joined {
		select {
		case <-l.done:
			return l.value, l.err
		case <-ctx.Done():
			var none V
			return none, ctx.Err()
		}
	}
	a := load(context.WithoutCancel(ctx)) // others wait for it
	l.value, l.err = a.value, a.err
	c.settle(key, l, a)
	return a.value, a.err
}

// settle keeps what was loaded unless something was dropped meanwhile.
func (c *cache[K, G, V]) settle(key K, l *loading[V], a answer[G, V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(l.done)
	if c.loading[key] != l {
		return
	}
	delete(c.loading, key)
	if !a.keep {
		return
	}
	if c.recent.Len() >= c.size {
		c.remove(c.recent.Back())
	}
	c.entries[key] = c.recent.PushFront(&entry[K, G, V]{key: key, group: a.group, value: a.value, err: a.err})
	c.groups[a.group] = append(c.groups[a.group], key)
}

// drop forgets a group. What is being loaded is not kept: its group is not known yet.
func (c *cache[K, G, V]) drop(groups ...G) {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.loading)
	for _, g := range groups {
		for _, key := range slices.Clone(c.groups[g]) {
			c.remove(c.entries[key])
		}
	}
}

// dropAll forgets everything.
func (c *cache[K, G, V]) dropAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.loading)
	clear(c.entries)
	clear(c.groups)
	c.recent.Init()
}

// remove takes an entry out. The lock is held.
func (c *cache[K, G, V]) remove(at *list.Element) {
	e := c.recent.Remove(at).(*entry[K, G, V])
	delete(c.entries, e.key)
	keys := c.groups[e.group]
	i := slices.Index(keys, e.key)
	if keys = slices.Delete(keys, i, i+1); len(keys) == 0 {
		delete(c.groups, e.group)
		return
	}
	c.groups[e.group] = keys
}
