package match

import (
	"maps"
	"slices"
	"sync"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// stripe is the part of the index that holds some of the accounts.
type stripe struct {
	mu       sync.RWMutex
	lists    map[listKey]*list
	prefixes map[reachKey][]prefixLength
}

// reachKey names the subscriptions of an account: all of them, for its own events,
// or those that reach down, for events of accounts below it.
type reachKey struct {
	account id.ID
	down    bool
}

// listKey names the list of those of them that have one type pattern.
type listKey struct {
	reachKey
	pattern
}

// prefixLength counts how many lists stand under prefixes of one length.
type prefixLength struct{ length, lists int }

// list holds the subscriptions with one type pattern, in parts by what else an
// event must have; each part is in the order of ids.
type list struct {
	plain       []*Sub // nothing else
	byAttribute map[attribute][]*Sub
	byChannel   map[string][]*Sub
}

type attribute struct{ name, value string }

// add lists the subscription wherever an event may look for it.
func (st *stripe) add(s *Sub) { st.each(s, st.addTo) }

// remove undoes add.
func (st *stripe) remove(s *Sub) { st.each(s, st.removeFrom) }

func (st *stripe) each(s *Sub, do func(listKey, *Sub)) {
	for _, p := range patterns(s.Filter.Types) {
		do(listKey{reachKey{s.AccountID, false}, p}, s)
		if s.Filter.Scope == webhook.ScopeDescendants {
			do(listKey{reachKey{s.AccountID, true}, p}, s)
		}
	}
}

func (st *stripe) addTo(key listKey, s *Sub) {
	l := st.lists[key]
	if l == nil {
		l = &list{}
		st.lists[key] = l
		if key.prefix {
			st.countPrefix(key.reachKey, len(key.text), 1)
		}
	}
	l.add(s)
}

func (st *stripe) removeFrom(key listKey, s *Sub) {
	l := st.lists[key]
	l.remove(s)
	if l.empty() {
		delete(st.lists, key)
		if key.prefix {
			st.countPrefix(key.reachKey, len(key.text), -1)
		}
	}
}

// countPrefix keeps count of the prefixes in use, the shortest first.
func (st *stripe) countPrefix(key reachKey, length, change int) {
	counts := st.prefixes[key]
	i, found := slices.BinarySearchFunc(counts, length, func(p prefixLength, length int) int { return p.length - length })
	if !found {
		counts = slices.Insert(counts, i, prefixLength{length: length})
	}
	if counts[i].lists += change; counts[i].lists == 0 {
		counts = slices.Delete(counts, i, i+1)
	}
	if len(counts) == 0 {
		delete(st.prefixes, key)
		return
	}
	st.prefixes[key] = counts
}

// candidates appends those whose filter lets e through, not counting conditions on
// the payload. They come in any order, one under several channels more than once.
func (st *stripe) candidates(dst []*Sub, e *webhook.Event, key reachKey) []*Sub {
	dst = st.lists[listKey{key, pattern{text: e.Type}}].candidates(dst, e)
	for _, p := range st.prefixes[key] {
		if p.length > len(e.Type) {
			break
		}
		dst = st.lists[listKey{key, pattern{e.Type[:p.length], true}}].candidates(dst, e)
	}
	return dst
}

func (l *list) candidates(dst []*Sub, e *webhook.Event) []*Sub {
	if l == nil {
		return dst
	}
	dst = append(dst, l.plain...) // nothing but the payload is left to be tested
	if len(l.byAttribute) > 0 {
		for name, value := range e.Attributes {
			dst = appendWanting(dst, l.byAttribute[attribute{name, value}], e)
		}
	}
	if len(l.byChannel) > 0 {
		for _, channel := range e.Channels {
			dst = append(dst, l.byChannel[channel]...)
		}
	}
	return dst
}

// appendWanting appends those that let the event's attributes and channels through.
func appendWanting(dst, subs []*Sub, e *webhook.Event) []*Sub {
	for _, s := range subs {
		if wantsAttributes(&s.Filter, e) && wantsChannels(&s.Filter, e) {
			dst = append(dst, s)
		}
	}
	return dst
}

// add puts s under the attribute that fewest others are under, so that an event
// meets few whose other attributes differ.
func (l *list) add(s *Sub) {
	switch f := &s.Filter; {
	case len(f.Attributes) > 0:
		if l.byAttribute == nil {
			l.byAttribute = map[attribute][]*Sub{}
		}
		best := l.rarest(f.Attributes)
		l.byAttribute[best] = insert(l.byAttribute[best], s)
	case len(f.Channels) > 0:
		if l.byChannel == nil {
			l.byChannel = map[string][]*Sub{}
		}
		for _, channel := range f.Channels {
			l.byChannel[channel] = insert(l.byChannel[channel], s)
		}
	default:
		l.plain = insert(l.plain, s)
	}
}

func (l *list) rarest(attributes map[string]string) attribute {
	var best attribute
	first := true
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attribute{name, attributes[name]}
		if first || len(l.byAttribute[a]) < len(l.byAttribute[best]) {
			best, first = a, false
		}
	}
	return best
}

// remove takes s from wherever add may have put it.
func (l *list) remove(s *Sub) {
	switch f := &s.Filter; {
	case len(f.Attributes) > 0:
		for name, value := range f.Attributes {
			removeUnder(l.byAttribute, attribute{name, value}, s)
		}
	case len(f.Channels) > 0:
		for _, channel := range f.Channels {
			removeUnder(l.byChannel, channel, s)
		}
	default:
		l.plain = without(l.plain, s)
	}
}

func (l *list) empty() bool {
	return len(l.plain) == 0 && len(l.byAttribute) == 0 && len(l.byChannel) == 0
}

func removeUnder[K comparable](m map[K][]*Sub, key K, s *Sub) {
	if rest := without(m[key], s); len(rest) > 0 {
		m[key] = rest
	} else {
		delete(m, key)
	}
}

// insert puts s in its place, once.
func insert(subs []*Sub, s *Sub) []*Sub {
	i, found := slices.BinarySearchFunc(subs, s, byID)
	if found {
		return subs
	}
	return slices.Insert(subs, i, s)
}

func without(subs []*Sub, s *Sub) []*Sub {
	i, found := slices.BinarySearchFunc(subs, s, byID)
	if !found {
		return subs
	}
	return slices.Delete(subs, i, i+1)
}
