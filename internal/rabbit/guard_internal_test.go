package rabbit

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
)

// scripted is a connection on which some bytes come, in pieces of a size.
type scripted struct {
	net.Conn
	left  []byte
	piece int
}

func (s *scripted) Read(b []byte) (int, error) {
	if len(s.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), s.piece)], s.left)
	s.left = s.left[n:]
	return n, nil
}

// verdict reads everything and returns what the guard says of it, io.EOF when nothing.
func verdict(all []byte, piece, published int) error {
	g := newGuard(&scripted{left: all, piece: piece})
	for range published {
		g.allow(0)
	}
	b := make([]byte, 4096)
	for {
		if _, err := g.Read(b); err != nil {
			return err
		}
	}
}

func frame(kind byte, payload []byte) []byte {
	f := []byte{kind, 0, 1}
	f = binary.BigEndian.AppendUint32(f, uint32(len(payload)))
	return append(append(f, payload...), 0xCE)
}

func confirm(method uint16, tag uint64) []byte {
	p := binary.BigEndian.AppendUint16([]byte{0, 60}, method)
	return frame(1, append(binary.BigEndian.AppendUint64(p, tag), 1))
}

func TestABrokerMaySayWhatItWasAskedFor(t *testing.T) {
	join := func(parts ...[]byte) (all []byte) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	heartbeat, body := frame(8, nil), frame(3, make([]byte, 1000))
	for name, c := range map[string]struct {
		bytes     []byte
		published int
		want      error
	}{
		"heartbeats":                      {join(heartbeat, heartbeat), 0, io.EOF},
		"a confirm":                       {join(heartbeat, confirm(80, 1), body, confirm(120, 2)), 2, io.EOF},
		"a confirm of nothing":            {confirm(80, 1), 0, errTag},
		"a confirm of everything":         {join(heartbeat, body, confirm(80, 1<<63)), 5, errTag},
		"a refusal of everything":         {confirm(120, 1<<63), 5, errTag},
		"a body that looks like one":      {frame(3, confirm(80, 1<<63)[7:]), 0, io.EOF},
		"a frame that is too long":        {append([]byte{3, 0, 1, 0, 2, 0, 1}, make([]byte, 10)...), 0, errFrame},
		"a method that is broken off":     {frame(1, []byte{0, 60, 0}), 0, io.EOF},
		"more than was asked for":         {make([]byte, 2<<20), 0, errTalks},
		"something else":                  {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), 0, errFrame},
		"another version of the protocol": {[]byte("AMQP\x00\x00\x09\x01"), 0, errFrame},
	} {
		for _, piece := range []int{1, 3, 4096} {
			if err := verdict(c.bytes, piece, c.published); err != c.want {
				t.Errorf("%s in pieces of %d: %v, want %v", name, piece, err, c.want)
			}
		}
	}
}

func FuzzGuard(f *testing.F) {
	f.Add(append(frame(8, nil), confirm(80, 1)...), 3)
	f.Add(confirm(120, 1<<63), 1)
	f.Add([]byte("AMQP\x00\x00\x09\x01"), 2)
	f.Fuzz(func(t *testing.T, all []byte, piece int) {
		whole := verdict(all, len(all)+1, 1)
		if pieces := verdict(all, 1+(piece&0xff), 1); pieces != whole {
			t.Errorf("%x: %v in one piece, %v in several", all, whole, pieces)
		}
	})
}
