package egress

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// headStart is how long an address is given before the next one is tried beside
// it (RFC 8305, section 5).
const headStart = 250 * time.Millisecond

// race connects to the addresses, each with a head start over the next, and
// returns the first connection. The error is that of the first address to fail.
func race(ctx context.Context, addrs []netip.Addr, dial func(context.Context, netip.Addr) (net.Conn, error)) (net.Conn, error) {
	if len(addrs) == 1 {
		return dial(ctx, addrs[0])
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		conn net.Conn
		err  error
	}
	results := make(chan result) // unbuffered: a connection that nobody takes is closed
	start := func(a netip.Addr) {
		c, err := dial(ctx, a)
		select {
		case results <- result{c, err}:
		case <-ctx.Done():
			if c != nil {
				c.Close()
			}
		}
	}
	next := time.NewTimer(0)
	defer next.Stop()
	var first error
	running, waiting := 0, addrs
	for running > 0 || len(waiting) > 0 {
		select {
		case <-next.C:
			if len(waiting) > 0 {
				go start(waiting[0])
				running++
				waiting = waiting[1:]
				next.Reset(headStart)
			}
		case r := <-results:
			running--
			if r.err == nil {
				return r.conn, nil
			}
			if first == nil {
				first = r.err
			}
			next.Reset(0)
		case <-ctx.Done():
			if first == nil {
				first = ctx.Err()
			}
			return nil, first
		}
	}
	return nil, first
}

// alternate orders addresses so that the two families take turns, the first
// one's family first (RFC 8305, section 4), and keeps at most limit.
func alternate(addrs []netip.Addr, limit int) []netip.Addr {
	var same, other []netip.Addr
	for _, a := range addrs {
		if a.Is4() == addrs[0].Is4() {
			same = append(same, a)
		} else {
			other = append(other, a)
		}
	}
	out := make([]netip.Addr, 0, limit)
	for i := 0; len(out) < limit && (i < len(same) || i < len(other)); i++ {
		if i < len(same) {
			out = append(out, same[i])
		}
		if i < len(other) && len(out) < limit {
			out = append(out, other[i])
		}
	}
	return out
}
