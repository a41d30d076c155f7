package viaamqp_test

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// impostor is a server that speaks just enough AMQP to be published to, and then
// says what the test wants.
type impostor struct {
	conn net.Conn
	says func(frames io.Writer) // after a message came, on its channel 1
}

// method makes the frame of a method (AMQP 0-9-1, section 2.3.5.1).
func method(channel, class, name uint16, arguments string) []byte {
	p := binary.BigEndian.AppendUint16(nil, class)
	p = append(binary.BigEndian.AppendUint16(p, name), arguments...)
	return frameOf(1, channel, p)
}

func frameOf(kind byte, channel uint16, payload []byte) []byte {
	f := binary.BigEndian.AppendUint16([]byte{kind}, channel)
	f = binary.BigEndian.AppendUint32(f, uint32(len(payload)))
	return append(append(f, payload...), 0xCE)
}

func (i *impostor) serve() {
	defer func() { _ = i.conn.Close() }()
	hello := make([]byte, 8)
	if _, err := io.ReadFull(i.conn, hello); err != nil {
		return
	}
	_, _ = i.conn.Write(method(0, 10, 10, "\x00\x09\x00\x00\x00\x00\x00\x00\x00\x05PLAIN\x00\x00\x00\x05en_US"))
	for {
		head := make([]byte, 7)
		if _, err := io.ReadFull(i.conn, head); err != nil {
			return
		}
		rest := make([]byte, binary.BigEndian.Uint32(head[3:])+1)
		if _, err := io.ReadFull(i.conn, rest); err != nil {
			return
		}
		if head[0] != 1 {
			continue
		}
		i.answer(binary.BigEndian.Uint16(head[1:]), binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:]))
	}
}

func (i *impostor) answer(channel, class, name uint16) {
	switch [2]uint16{class, name} {
	case [2]uint16{10, 11}: // start-ok: tune
		_, _ = i.conn.Write(method(0, 10, 30, "\x00\x40\x00\x02\x00\x00\x00\x00"))
	case [2]uint16{10, 40}: // open
		_, _ = i.conn.Write(method(0, 10, 41, "\x00"))
	case [2]uint16{10, 50}: // close
		_, _ = i.conn.Write(method(0, 10, 51, ""))
	case [2]uint16{20, 10}: // channel open
		_, _ = i.conn.Write(method(channel, 20, 11, "\x00\x00\x00\x00"))
	case [2]uint16{20, 40}: // channel close
		_, _ = i.conn.Write(method(channel, 20, 41, ""))
	case [2]uint16{85, 10}: // confirm select
		_, _ = i.conn.Write(method(channel, 85, 11, ""))
	case [2]uint16{60, 40}: // publish
		i.says(i.conn)
	}
}

func TestHostileBrokersAreSurvived(t *testing.T) {
	const returned = "\x01\x38\x08NO_ROUTE\x00\x00" // 312, without exchange and key
	header := func(size uint64) []byte {
		p := []byte{0, 60, 0, 0}
		return frameOf(2, 1, append(binary.BigEndian.AppendUint64(p, size), 0, 0))
	}
	flood := func(w io.Writer, b []byte) {
		for {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	}
	for name, says := range map[string]func(w io.Writer){
		"it confirms everything": func(w io.Writer) { _, _ = w.Write(method(1, 60, 80, "\xff\xff\xff\xff\xff\xff\xff\xff\x01")) },
		"it refuses everything":  func(w io.Writer) { _, _ = w.Write(method(1, 60, 120, "\x7f\xff\xff\xff\xff\xff\xff\xff\x01")) },
		"it returns without end": func(w io.Writer) { flood(w, append(method(1, 60, 50, returned), header(0)...)) },
		"it sends an endless message": func(w io.Writer) {
			_, _ = w.Write(append(method(1, 60, 50, returned), header(1<<60)...))
			flood(w, frameOf(3, 1, make([]byte, 100_000)))
		},
		"it talks out of turn": func(w io.Writer) { flood(w, method(1, 50, 11, "\x00\x00\x00\x00\x00\x00\x00\x00\x00")) },
		"it delivers": func(w io.Writer) {
			flood(w, append(method(1, 60, 60, "\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00"), header(0)...))
		},
		"it is silent": func(io.Writer) {},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go (&impostor{c, says}).serve()
				}
			}()
			s := newService(t, nil)
			e := endpoint("amqp://"+l.Addr().String()+"/", `{"exchange": "x"}`)
			for range 2 {
				j := job(&e, `{}`)
				j.Timeout = 300 * time.Millisecond
				out := s.Deliver(t.Context(), j)
				if out.Result != webhook.ResultRetry || out.Detail == "" || strings.ContainsAny(out.Detail, "\r\n") {
					t.Errorf("got %v: %q", out.Result, out.Detail)
				}
			}
			s.Close() // which does not hang
		})
	}
}
