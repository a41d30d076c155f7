package directory

import (
	"sync"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/match"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Target is a subscription that wants an event.
type Target struct {
	SubscriptionID id.ID
	EndpointID     id.ID
	AccountID      id.ID // of the endpoint
	Ordered        bool  // the endpoint's deliveries must not overtake one another
}

// Match appends the subscriptions that want e to dst. path holds the ancestors of
// e's account, root first. Only enabled subscriptions of endpoints that are enabled
// and not closed are found. The order is the same for the same picture.
func (d *Directory) Match(e *webhook.Event, path []id.ID, dst []Target) []Target {
	p := d.picture.Load()
	buffer := d.buffers.Get().(*[]*match.Sub)
	found := p.index.Append((*buffer)[:0], e, path)
	dst = p.targets(dst, found)
	clear(found) // the pool must not keep what was removed
	*buffer = found
	d.buffers.Put(buffer)
	return dst
}

// EndpointCount returns how many endpoints the account has.
func (d *Directory) EndpointCount(account id.ID) int {
	p := d.picture.Load()
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.perAccount[account]
}

// picture is the index with what is needed to keep it true. It holds no endpoint,
// only ids and filters. One goroutine at a time changes it.
type picture struct {
	index *match.Index

	mu         sync.RWMutex
	endpoints  map[id.ID]known
	perAccount map[id.ID]int    // how many endpoints
	special    map[id.ID]Target // by subscription, where the index alone does not say it all
}

// known is what the picture has of an endpoint.
type known struct {
	account id.ID
	indexed []id.ID // its subscriptions in the index
}

func newPicture() *picture {
	return &picture{
		index: match.NewIndex(), endpoints: map[id.ID]known{},
		perAccount: map[id.ID]int{}, special: map[id.ID]Target{},
	}
}

func (p *picture) targets(dst []Target, found []*match.Sub) []Target {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, s := range found {
		t := Target{SubscriptionID: s.ID, EndpointID: s.EndpointID, AccountID: s.AccountID}
		if len(p.special) > 0 {
			if one, ok := p.special[s.ID]; ok {
				t = one
			}
		}
		dst = append(dst, t)
	}
	return dst
}

// put makes the picture show the endpoint as it is.
func (p *picture) put(c store.Configured) {
	var subs []webhook.Subscription
	if c.Enabled && !c.Closed {
		subs = c.Subscriptions
	}
	indexed := make([]id.ID, len(subs))
	p.note(c, subs, indexed)
	for i := range subs {
		s := &subs[i]
		p.index.Put(match.Sub{ID: s.ID, AccountID: s.AccountID, EndpointID: c.EndpointID, Filter: s.Filter})
	}
}

// note keeps the books of put: it fills indexed, and takes out of the index what is
// not in it any more.
func (p *picture) note(c store.Configured, subs []webhook.Subscription, indexed []id.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.forget(c.EndpointID)
	stays := make(map[id.ID]bool, len(subs))
	for i := range subs {
		indexed[i] = subs[i].ID
		stays[subs[i].ID] = true
		if c.Ordered || subs[i].AccountID != c.AccountID {
			p.special[subs[i].ID] = Target{subs[i].ID, c.EndpointID, c.AccountID, c.Ordered}
		}
	}
	for _, s := range was.indexed {
		if !stays[s] {
			p.index.Remove(s)
		}
	}
	p.endpoints[c.EndpointID] = known{c.AccountID, indexed}
	p.perAccount[c.AccountID]++
}

// remove takes the endpoint out.
func (p *picture) remove(endpoint id.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.forget(endpoint).indexed {
		p.index.Remove(s)
	}
}

// forget takes the endpoint out of the books, not out of the index. The lock is held.
func (p *picture) forget(endpoint id.ID) known {
	was, ok := p.endpoints[endpoint]
	if !ok {
		return was
	}
	delete(p.endpoints, endpoint)
	if p.perAccount[was.account]--; p.perAccount[was.account] == 0 {
		delete(p.perAccount, was.account)
	}
	for _, s := range was.indexed {
		delete(p.special, s)
	}
	return was
}

// of returns the endpoints of the accounts.
func (p *picture) of(accounts map[id.ID]bool) []id.ID {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var found []id.ID
	for endpoint, k := range p.endpoints {
		if accounts[k.account] {
			found = append(found, endpoint)
		}
	}
	return found
}

// all returns all endpoints.
func (p *picture) all() []id.ID {
	p.mu.RLock()
	defer p.mu.RUnlock()
	found := make([]id.ID, 0, len(p.endpoints))
	for endpoint := range p.endpoints {
		found = append(found, endpoint)
	}
	return found
}
