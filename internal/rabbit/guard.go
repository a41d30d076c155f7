package rabbit

import (
	"encoding/binary"
	"errors"
	"net"
	"sync/atomic"
)

// How many bytes a guarded broker may send: so many at any time, and the size of each
// message that is published, since it may send it back, but never more than the ceiling.
const (
	allowance = 1 << 20
	ceiling   = 64 << 20
)

// maxFrame is the longest frame that either side may send, in bytes.
const maxFrame = 128 << 10

// guard stands between a broker that nobody vouches for and the client library, which
// believes what a broker says: it would collect a message without end, and count up to any
// number that is acknowledged.
type guard struct {
	net.Conn
	left      atomic.Int64  // bytes that may come
	published atomic.Uint64 // messages on the whole connection

	// The frame that is being read. See AMQP 0-9-1, section 2.3.5.
	head [frameHeader + methodHeader]byte
	have int // of head
	rest int // bytes that follow, the frame's end included
}

const (
	frameHeader  = 7  // type, channel, size
	methodHeader = 12 // class, method, delivery tag
)

var (
	errTalks = errors.New("the broker sends more than it was asked for")
	errFrame = errors.New("the broker does not speak AMQP 0-9-1")
	errTag   = errors.New("the broker confirms what was not published")
)

func newGuard(c net.Conn) *guard {
	g := &guard{Conn: c}
	g.left.Store(allowance)
	return g
}

// allow makes room for the answer to a message.
func (g *guard) allow(body int) {
	g.published.Add(1)
	g.left.Store(min(max(g.left.Load(), allowance)+int64(body), ceiling))
}

// Read reads what is allowed.
func (g *guard) Read(b []byte) (int, error) {
	if g.left.Load() <= 0 {
		return 0, errTalks
	}
	n, err := g.Conn.Read(b)
	g.left.Add(-int64(n))
	if bad := g.look(b[:n]); bad != nil {
		return 0, bad
	}
	return n, err
}

// look goes through what came, of which a frame may be in several pieces.
func (g *guard) look(b []byte) error {
	for len(b) > 0 {
		if g.have < g.want() {
			n := copy(g.head[g.have:g.want()], b)
			g.have, b = g.have+n, b[n:]
			if err := g.check(); err != nil {
				return err
			}
			continue
		}
		n := min(g.rest, len(b))
		g.rest, b = g.rest-n, b[n:]
		if g.rest == 0 {
			g.have = 0
		}
	}
	return nil
}

// want is how much of head this frame has, as far as that is known.
func (g *guard) want() int {
	if g.have < frameHeader {
		return frameHeader
	}
	return frameHeader + min(g.size(), methodHeader)
}

func (g *guard) size() int {
	return int(min(binary.BigEndian.Uint32(g.head[3:]), maxFrame+1))
}

// check looks at what there is of a head.
func (g *guard) check() error {
	if g.have < frameHeader {
		return nil
	}
	if g.size() > maxFrame {
		return errFrame
	}
	g.rest = frameHeader + g.size() + 1 - g.have
	const method, basic, ack, nack = 1, 60, 80, 120
	h := g.head[:g.have]
	if len(h) < frameHeader+methodHeader || h[0] != method || binary.BigEndian.Uint16(h[7:]) != basic {
		return nil
	}
	if m := binary.BigEndian.Uint16(h[9:]); m != ack && m != nack {
		return nil
	}
	if binary.BigEndian.Uint64(h[11:]) > g.published.Load() {
		return errTag
	}
	return nil
}
