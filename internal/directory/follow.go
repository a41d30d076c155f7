package directory

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// feedStep is how many changes are read at a time.
const feedStep = 500

// load reads everything anew. Who calls it has the turn.
func (d *Directory) load(ctx context.Context) error {
	version, err := d.store.Version(ctx)
	if err != nil {
		return fmt.Errorf("read version: %w", err)
	}
	p := newPicture()
	err = d.store.Configured(ctx, func(c store.Configured) error {
		p.put(c)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read subscriptions: %w", err)
	}
	was := d.picture.Swap(p)
	d.reached(version)
	d.dropAll()
	gone := was.all()
	d.tell(slices.Concat(gone, p.all()))
	d.log.Debug("loaded subscriptions", "endpoints", len(p.endpoints), "subscriptions", p.index.Len())
	return nil
}

// follow brings the picture up to the end of the feed. Who calls it has the turn.
func (d *Directory) follow(ctx context.Context) error {
	for {
		changes, err := d.store.Changes(ctx, d.version, feedStep)
		if webhook.CodeOf(err) == webhook.CodeNotFound {
			d.log.Info("the change feed does not reach back far enough, loading anew", "version", d.version)
			return d.load(ctx)
		}
		if err != nil {
			return fmt.Errorf("read feed: %w", err)
		}
		if len(changes) == 0 {
			return nil
		}
		if err := d.apply(ctx, changes); err != nil {
			return err
		}
		d.reached(changes[len(changes)-1].Version)
		if len(changes) < feedStep {
			return nil
		}
	}
}

func (d *Directory) reached(version int64) {
	d.version = version
	d.seen.Store(version)
}

// changed is what a part of the feed is about.
type changed struct {
	accounts, endpoints, catalogues, credentials map[id.ID]bool
}

func sorted(changes []store.Change) changed {
	c := changed{map[id.ID]bool{}, map[id.ID]bool{}, map[id.ID]bool{}, map[id.ID]bool{}}
	for _, one := range changes {
		switch one.Kind {
		case store.AccountChanged:
			c.accounts[one.ID] = true
		case store.EndpointChanged:
			c.endpoints[one.ID] = true
		case store.EventTypeChanged:
			c.catalogues[one.ID] = true
		case store.CredentialChanged:
			c.credentials[one.ID] = true
		}
	}
	return c
}

// apply makes the picture show what changed. Caches are dropped before the index
// is read again, so that whoever hears of a change sees it everywhere.
func (d *Directory) apply(ctx context.Context, changes []store.Change) error {
	c := sorted(changes)
	p := d.picture.Load()
	if len(c.accounts) > 0 {
		gone, err := d.deleted(ctx, c.accounts)
		if err != nil {
			return err
		}
		for _, endpoint := range p.of(gone) {
			c.endpoints[endpoint] = true
		}
		maps.Copy(c.catalogues, gone)
		d.accounts.drop(keys(c.accounts)...)
		d.uids.drop(keys(c.accounts)...)
	}
	if len(c.catalogues) > 0 {
		d.eventTypes.drop(keys(c.catalogues)...)
	}
	if len(c.credentials) > 0 {
		d.credentials.drop(keys(c.credentials)...)
		d.strangers.dropAll()
	}
	if len(c.endpoints) == 0 {
		return nil
	}
	endpoints := keys(c.endpoints)
	d.subscriptions.drop(endpoints...)
	if err := d.redraw(ctx, p, c.endpoints); err != nil {
		return err
	}
	d.tell(endpoints)
	return nil
}

// redraw reads endpoints anew for the index.
func (d *Directory) redraw(ctx context.Context, p *picture, endpoints map[id.ID]bool) error {
	gone := maps.Clone(endpoints)
	err := d.store.Configured(ctx, func(c store.Configured) error {
		delete(gone, c.EndpointID)
		p.put(c)
		return nil
	}, keys(endpoints)...)
	if err != nil {
		return fmt.Errorf("read changed subscriptions: %w", err)
	}
	for endpoint := range gone {
		p.remove(endpoint)
	}
	return nil
}

// deleted returns those of the accounts that are not there any more.
func (d *Directory) deleted(ctx context.Context, accounts map[id.ID]bool) (map[id.ID]bool, error) {
	gone := map[id.ID]bool{}
	for account := range accounts {
		_, err := d.store.Account(ctx, account)
		if webhook.CodeOf(err) == webhook.CodeNotFound {
			gone[account] = true
		} else if err != nil {
			return nil, fmt.Errorf("read changed account: %w", err)
		}
	}
	return gone, nil
}

func (d *Directory) dropAll() {
	d.accounts.dropAll()
	d.uids.dropAll()
	d.credentials.dropAll()
	d.strangers.dropAll()
	d.eventTypes.dropAll()
	d.subscriptions.dropAll()
}

// tell calls who wants to know of endpoints.
func (d *Directory) tell(endpoints []id.ID) {
	slices.SortFunc(endpoints, id.ID.Compare)
	for _, endpoint := range slices.Compact(endpoints) {
		for _, f := range d.changed {
			f(endpoint)
		}
	}
}

func keys(set map[id.ID]bool) []id.ID { return slices.Collect(maps.Keys(set)) }
