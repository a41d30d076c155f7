package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// inbox receives the deliveries of the crash proof, for several endpoints, and
// keeps what it got. Until it is calmed it is in a bad mood now and then.
type inbox struct {
	listener net.Listener
	server   *http.Server

	mu       sync.Mutex
	moods    *rand.Rand
	gentle   bool
	got      [crashEndpoints]map[string]int // answered with 200, by event
	refused  int
	repeated int
}

// Of a hundred requests, how many are answered badly; the others are taken.
const (
	moodError = 6 // answered 500
	moodClose = 3 // the connection is closed before an answer
	moodHang  = 1 // answered late
)

// hangAtMost is the longest time of an answer that is late.
const hangAtMost = 400 * time.Millisecond

func openInbox(seed uint64) (*inbox, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &inbox{listener: l, moods: rand.New(rand.NewPCG(seed, 0))}
	for i := range b.got {
		b.got[i] = map[string]int{}
	}
	mux := http.NewServeMux()
	for i := range b.got {
		mux.HandleFunc(fmt.Sprintf("POST /%d", i), func(w http.ResponseWriter, r *http.Request) { b.receive(w, r, i) })
	}
	b.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = b.server.Serve(l) }() // until it is closed
	return b, nil
}

func (b *inbox) close() { _ = b.server.Close() }

// url is where an endpoint's deliveries go.
func (b *inbox) url(endpoint int) string {
	return fmt.Sprintf("http://%s/%d", b.listener.Addr(), endpoint)
}

func (b *inbox) receive(w http.ResponseWriter, r *http.Request, endpoint int) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return // the server was killed in the middle
	}
	status, wait := b.mood()
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
		}
	}
	if status == 0 {
		panic(http.ErrAbortHandler) // closes the connection
	}
	if status == http.StatusOK {
		b.take(endpoint, r.Header.Get("Webhook-Id"))
	}
	w.WriteHeader(status)
}

// mood says how a request is answered, 0 being not at all, and how late.
func (b *inbox) mood() (status int, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	roll := b.moods.IntN(100)
	switch {
	case b.gentle:
	case roll < moodError:
		b.refused++
		return http.StatusInternalServerError, 0
	case roll < moodError+moodClose:
		b.refused++
		return 0, 0
	case roll < moodError+moodClose+moodHang:
		return http.StatusOK, time.Duration(b.moods.Int64N(int64(hangAtMost)))
	}
	return http.StatusOK, 0
}

func (b *inbox) take(endpoint int, event string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.got[endpoint][event]++; b.got[endpoint][event] > 1 {
		b.repeated++
	}
}

// calm ends all bad moods.
func (b *inbox) calm() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gentle = true
}

// delivered counts the deliveries of some events that have arrived.
func (b *inbox) delivered(events []string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, e := range events {
		for i := range b.got {
			if b.got[i][e] > 0 {
				n++
			}
		}
	}
	return n
}

func (b *inbox) counts() (repeated, refused int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.repeated, b.refused
}
