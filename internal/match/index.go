// Package match says which subscriptions want an event: the rules of a filter, and
// an index in memory that finds the candidates without looking at the rest. It
// does not know where subscriptions are kept, nor whether their endpoints are
// enabled: who fills the index leaves out what must not match.
package match

import (
	"encoding/binary"
	"slices"
	"sync"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Sub is a subscription as the index holds it. What is in the index is never
// changed; the Filter belongs to the index once it was Put.
type Sub struct {
	ID         id.ID
	AccountID  id.ID
	EndpointID id.ID
	Filter     webhook.Filter

	conditions []condition // Filter.Payload, ready to be tested
}

// stripes is how many parts the accounts are spread over, each with its lock.
const stripes = 64

// Index finds the subscriptions that want an event. It is safe for concurrent use:
// a change holds up, for microseconds, only those who look at the accounts of the
// same stripe. Changes wait for one another.
//
// A subscription is listed under each of its type patterns, and there under one
// of its attributes, or else under its channels. An event then looks up its type,
// the prefixes of it that are in use, its attributes and its channels.
type Index struct {
	stripes [stripes]stripe

	writing sync.Mutex
	byID    map[id.ID]*Sub // guarded by writing
}

// NewIndex returns an empty index.
func NewIndex() *Index {
	x := &Index{byID: map[id.ID]*Sub{}}
	for i := range x.stripes {
		x.stripes[i].lists = map[listKey]*list{}
		x.stripes[i].prefixes = map[reachKey][]prefixLength{}
	}
	return x
}

// Put adds the subscription, or replaces the one with its id: an event sees
// either the old one or the new one, as long as its account stays the same.
func (x *Index) Put(s Sub) {
	s.conditions = compile(s.Filter.Payload)
	x.writing.Lock()
	defer x.writing.Unlock()
	old := x.byID[s.ID]
	if old != nil && old.AccountID != s.AccountID {
		x.take(old)
		old = nil
	}
	x.byID[s.ID] = &s
	st := x.stripe(s.AccountID)
	st.mu.Lock()
	defer st.mu.Unlock()
	if old != nil {
		st.remove(old)
	}
	st.add(&s)
}

// Remove takes the subscription out. It does nothing when there is none.
func (x *Index) Remove(subID id.ID) {
	x.writing.Lock()
	defer x.writing.Unlock()
	if s := x.byID[subID]; s != nil {
		delete(x.byID, subID)
		x.take(s)
	}
}

// Len returns how many subscriptions are in the index.
func (x *Index) Len() int {
	x.writing.Lock()
	defer x.writing.Unlock()
	return len(x.byID)
}

// Append appends the subscriptions that want e to dst: those of e's account in the
// order of their ids, then, for each ancestor in path, root first, its own that
// reach down. The payload is parsed only if one of them has conditions on it, and
// once. What is appended is read-only.
func (x *Index) Append(dst []*Sub, e *webhook.Event, path []id.ID) []*Sub {
	doc := document{raw: e.Payload}
	dst = x.appendAccount(dst, e, e.AccountID, false, &doc)
	for _, ancestor := range path {
		if ancestor != e.AccountID {
			dst = x.appendAccount(dst, e, ancestor, true, &doc)
		}
	}
	return dst
}

// appendAccount appends what one account has for e. Payloads are parsed and
// tested after the lock is given back.
func (x *Index) appendAccount(dst []*Sub, e *webhook.Event, account id.ID, down bool, doc *document) []*Sub {
	start := len(dst)
	st := x.stripe(account)
	st.mu.RLock()
	dst = st.candidates(dst, e, reachKey{account, down})
	st.mu.RUnlock()

	found := dst[start:]
	if !slices.IsSortedFunc(found, byID) {
		slices.SortFunc(found, byID)
	}
	found = slices.Compact(found) // one may have come under two channels
	found = slices.DeleteFunc(found, func(s *Sub) bool { return !doc.satisfies(s.conditions) })
	return dst[:start+len(found)]
}

func (x *Index) take(s *Sub) {
	st := x.stripe(s.AccountID)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.remove(s)
}

func (x *Index) stripe(account id.ID) *stripe {
	half := binary.BigEndian.Uint64(account[:8]) ^ binary.BigEndian.Uint64(account[8:])
	return &x.stripes[half*0x9e3779b97f4a7c15>>32%stripes] // the golden ratio spreads them
}

func byID(a, b *Sub) int { return a.ID.Compare(b.ID) }
