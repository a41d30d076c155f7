package viahttp

import "sync"

// cache keeps at most limit values that can be made again. When it is full, an
// arbitrary one makes room.
type cache[K comparable, V any] struct {
	limit int
	mu    sync.RWMutex
	items map[K]V
}

func newCache[K comparable, V any](limit int) *cache[K, V] {
	return &cache[K, V]{limit: limit, items: make(map[K]V)}
}

func (c *cache[K, V]) get(k K) (V, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, ok := c.items[k]
	return v, ok
}

func (c *cache[K, V]) put(k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.items[k]; !ok && len(c.items) >= c.limit {
		for victim := range c.items {
			delete(c.items, victim)
			break
		}
	}
	c.items[k] = v
}
