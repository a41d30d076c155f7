package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// payloadSize is the size of every payload, in bytes.
const payloadSize = 1024

// payloadHead begins every payload; after it comes the time as stampDigits digits.
const (
	payloadHead = `{"at":"`
	stampDigits = 19 // of Unix time in nanoseconds
)

// newPayload returns a payload with room for a time. number tells it from others.
func newPayload(number int64) []byte {
	text := payloadHead + strings.Repeat("0", stampDigits) + `","number":` + strconv.FormatInt(number, 10) + `,"order":"`
	return []byte(text + strings.Repeat("x", payloadSize-len(text)-2) + `"}`)
}

// stampOf reads the time in a payload.
func stampOf(payload []byte) (time.Time, bool) {
	if len(payload) < len(payloadHead)+stampDigits || string(payload[:len(payloadHead)]) != payloadHead {
		return time.Time{}, false
	}
	ns := int64(0)
	for _, c := range payload[len(payloadHead):][:stampDigits] {
		if c < '0' || c > '9' {
			return time.Time{}, false
		}
		ns = ns*10 + int64(c-'0')
	}
	return time.Unix(0, ns), true
}

// message is a request body with one event, or a batch of them, that can be sent
// again and again with other times in it.
type message struct {
	body   []byte
	stamps []int // where times are
}

// newMessage returns a message of n events; a batch, if n is not 1.
func newMessage(eventType string, n int) *message {
	return newBatch(n, func(int) string { return eventType })
}

func newBatch(n int, eventType func(i int) string) *message {
	m := &message{}
	if n != 1 {
		m.body = append(m.body, '[')
	}
	for i := range n {
		if i > 0 {
			m.body = append(m.body, ',')
		}
		m.body = fmt.Appendf(m.body, `{"eventType":%q,"payload":`, eventType(i))
		m.stamps = append(m.stamps, len(m.body)+len(payloadHead))
		m.body = append(append(m.body, newPayload(int64(i))...), '}')
	}
	if n != 1 {
		m.body = append(m.body, ']')
	}
	return m
}

// stamp writes a time into all payloads.
func (m *message) stamp(now time.Time) {
	var digits [stampDigits]byte
	strconv.AppendInt(digits[:0], now.UnixNano(), 10)
	for _, at := range m.stamps {
		copy(m.body[at:], digits[:])
	}
}
