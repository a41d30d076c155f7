package auth

import (
	"context"
	"time"
)

// lifetime is what our own token is asked to live; it is renewed when four fifths
// are over.
const lifetime = 6 * time.Hour

// maxPause is the longest wait before a failed request for a token is repeated.
const maxPause = 32 * time.Second

// Run keeps a token of our own until ctx is done. It returns nil.
func (c *Client) Run(ctx context.Context) error {
	pause := time.Second
	for {
		wait := pause
		t, err := c.NewToken(ctx, "", lifetime)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			c.o.Logger.Warn("no token from wazo-auth yet", "error", err, "again_in", wait)
			pause = min(2*pause, maxPause)
		default:
			c.took(t)
			pause, wait = time.Second, lifetime/5*4
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

func (c *Client) took(t *Token) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.own = t
	if c.master == "" {
		c.master = t.Metadata.TenantUUID
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// Own returns our own token, if there is one.
func (c *Client) Own() (*Token, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.own, c.own != nil
}

// Master returns the UUID of the master tenant, once it is known.
func (c *Client) Master() (tenant string, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.master, c.master != ""
}

// WaitMaster waits until the master tenant is known, or ctx is done.
func (c *Client) WaitMaster(ctx context.Context) (tenant string, err error) {
	for {
		c.mu.Lock()
		master, changed := c.master, c.changed
		c.mu.Unlock()
		if master != "" {
			return master, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}
