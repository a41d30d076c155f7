package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// ordersInbox receives the deliveries of the proof of several nodes and keeps when
// each event came, and in which order.
type ordersInbox struct {
	listener net.Listener
	server   *http.Server

	mu     sync.Mutex
	moods  *rand.Rand
	gentle bool
	got    [nodesEndpoints]map[post][]time.Time // answered with 200
	order  [nodesEndpoints][]post
}

// badOrders is how many of a hundred requests are answered 500.
const badOrders = 3

func openOrdersInbox(seed uint64) (*ordersInbox, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &ordersInbox{listener: l, moods: rand.New(rand.NewPCG(seed, 0))}
	mux := http.NewServeMux()
	for i := range b.got {
		b.got[i] = map[post][]time.Time{}
		mux.HandleFunc(fmt.Sprintf("POST /%d", i), func(w http.ResponseWriter, r *http.Request) { b.receive(w, r, i) })
	}
	b.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = b.server.Serve(l) }() // until it is closed
	return b, nil
}

func (b *ordersInbox) close() { _ = b.server.Close() }

func (b *ordersInbox) url(endpoint int) string {
	return fmt.Sprintf("http://%s/%d", b.listener.Addr(), endpoint)
}

func (b *ordersInbox) receive(w http.ResponseWriter, r *http.Request, endpoint int) {
	var p post
	if json.NewDecoder(r.Body).Decode(&p) != nil {
		return // the server was killed in the middle
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.gentle && b.moods.IntN(100) < badOrders {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	b.got[endpoint][p] = append(b.got[endpoint][p], time.Now())
	b.order[endpoint] = append(b.order[endpoint], p)
}

func (b *ordersInbox) calm() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gentle = true
}

// delivered counts the deliveries of what was accepted that have come.
func (b *ordersInbox) delivered(accepted map[post]time.Time) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for p := range accepted {
		for i := range b.got {
			if len(b.got[i][p]) > 0 {
				n++
			}
		}
	}
	return n
}

// count counts repeats, and how order was kept. An event that was answered before the next
// of its caller was posted comes before that one. What got no answer may have been accepted
// at any time, and is left out.
func (b *ordersInbox) count(p *nodesProof, accepted map[post]time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.got {
		for event, times := range b.got[i] {
			p.Repeated += len(times) - 1
			if at, ok := accepted[event]; ok {
				p.Longest = max(p.Longest, times[0].Sub(at).Seconds())
			}
		}
		if !isOrdered(i) {
			continue
		}
		last := map[int]int{} // of each caller
		seen := map[post]bool{}
		for _, event := range b.order[i] {
			if _, ok := accepted[event]; !ok {
				continue
			}
			was, any := last[event.Caller]
			switch {
			case any && event.N < was && seen[event]:
				p.Late++
			case any && event.N < was:
				p.Disorder++
			}
			seen[event] = true
			last[event.Caller] = max(was, event.N)
		}
	}
}
