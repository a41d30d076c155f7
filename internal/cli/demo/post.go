package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/sign"
)

// The event types of the demo.
const (
	typeCreated = "order.created"
	typePaid    = "order.paid"
	typeShipped = "order.shipped"
)

// box is one receiver.
type box struct {
	name  string
	about string
	types []string // empty is all
	flaky bool     // fails the first two attempts at each event of the first chapters
	dead  bool     // never answers

	secret string
	tries  map[int]int       // attempts seen, by event
	got    map[int]time.Time // deliveries received, by event
	took   []time.Duration   // from sending to receiving
}

func (b *box) wants(eventType string) bool {
	return len(b.types) == 0 || slices.Contains(b.types, eventType)
}

func healthy(b *box) bool        { return !b.dead && !b.flaky }
func everybodyAlive(b *box) bool { return !b.dead }

// post is all receivers behind one address, and what they know of what is due to
// them.
type post struct {
	show     *screen
	listener net.Listener
	server   *http.Server
	boxes    []*box

	mu        sync.Mutex
	sent      map[int]sentEvent // by number
	counted   counts
	silent    bool
	delay     time.Duration
	knocked   int
	progress  chan struct{} // closed and replaced whenever something arrives
	releasing chan struct{} // closed at the end: those that hang stop hanging
}

// sentEvent is an event that was accepted, or may have been.
type sentEvent struct {
	eventType string
	at        time.Time
	accepted  bool
}

// event is the payload of the demo.
type event struct {
	Number int    `json:"number"`
	Type   string `json:"type"`
	Order  string `json:"order"`
}

// counts are the numbers of the last chapter.
type counts struct{ expected, made, repeated, verified, forged, retried int }

func openPost(show *screen) (*post, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &post{
		show: show, listener: l, sent: map[int]sentEvent{}, progress: make(chan struct{}), releasing: make(chan struct{}),
		boxes: []*box{
			{name: "billing", about: "wants order.created and order.paid", types: []string{typeCreated, typePaid}},
			{name: "warehouse", about: "wants order.paid", types: []string{typePaid}},
			{name: "analytics", about: "wants everything"},
			{name: "flaky", about: "wants order.shipped; fails twice before it takes anything", types: []string{typeShipped}, flaky: true},
			{name: "dead", about: "wants everything; never answers", dead: true},
		},
	}
	for _, b := range p.boxes {
		b.tries, b.got = map[int]int{}, map[int]time.Time{}
	}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = p.server.Serve(l) }()
	return p, nil
}

func (p *post) close() {
	close(p.releasing)
	_ = p.server.Close()
}

func (p *post) url(b *box) string { return "http://" + p.listener.Addr().String() + "/" + b.name }

// ServeHTTP receives a delivery.
func (p *post) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	i := slices.IndexFunc(p.boxes, func(b *box) bool { return b.name == name })
	if i < 0 {
		http.NotFound(w, r)
		return
	}
	b := p.boxes[i]
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return
	}
	if b.dead {
		p.hang(r)
		return
	}
	p.mu.Lock()
	delay := p.delay
	p.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-p.releasing:
		}
	}
	w.WriteHeader(p.receive(b, r.Header, body))
}

func (p *post) hang(r *http.Request) {
	p.mu.Lock()
	p.knocked++
	p.mu.Unlock()
	select {
	case <-r.Context().Done():
	case <-p.releasing:
	}
}

// receive verifies, counts and shows a delivery, and returns the status to answer.
func (p *post) receive(b *box, h http.Header, body []byte) int {
	id := h.Get("webhook-id")
	verdict := "signature verified"
	err := sign.Verify([]string{b.secret}, sign.Headers{
		ID: id, Timestamp: h.Get("webhook-timestamp"), Signature: h.Get("webhook-signature"),
	}, body, time.Now(), 5*time.Minute)
	var e event
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.counted.forged++
		p.show.delivery(false, "%-10s %s: %v", b.name, id, err)
		return http.StatusUnauthorized
	}
	p.counted.verified++
	b.tries[e.Number]++
	try := b.tries[e.Number]
	if try > 1 && b.flaky && !p.silent {
		p.counted.retried++
		verdict += fmt.Sprintf(", attempt %d", try)
	}
	if b.flaky && try <= 2 && !p.silent {
		p.show.delivery(false, "%-10s %-14s %s  answered 500, attempt %d", b.name, e.Type, id, try)
		return http.StatusInternalServerError
	}
	p.take(b, e, id, verdict)
	return http.StatusNoContent
}

// take books a delivery. The lock is held.
func (p *post) take(b *box, e event, id, verdict string) {
	took := time.Since(p.sent[e.Number].at)
	if _, again := b.got[e.Number]; again {
		p.counted.repeated++
	} else {
		b.got[e.Number] = time.Now()
		b.took = append(b.took, took)
	}
	if !p.silent {
		p.show.delivery(true, "%-10s %-14s %s  %7s  %s", b.name, e.Type, id, round(took), verdict)
	}
	close(p.progress)
	p.progress = make(chan struct{})
}

// sending notes an event before it is sent.
func (p *post) sending(number int, eventType string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent[number] = sentEvent{eventType: eventType, at: time.Now()}
}

// acceptedEvent notes that the server took an event: from now on it is owed.
func (p *post) acceptedEvent(number int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.sent[number]
	e.accepted = true
	p.sent[number] = e
}

// missing counts the deliveries that are owed to some boxes and did not arrive.
func (p *post) missing(some func(*box) bool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	p.each(some, func(b *box, number int) {
		if _, ok := b.got[number]; !ok {
			n++
		}
	})
	return n
}

// each visits what is owed. The lock is held.
func (p *post) each(some func(*box) bool, visit func(b *box, number int)) {
	for _, b := range p.boxes {
		if !some(b) {
			continue
		}
		for number, e := range p.sent {
			if e.accepted && b.wants(e.eventType) {
				visit(b, number)
			}
		}
	}
}

// settled waits until everything that is owed to some boxes has arrived.
func (p *post) settled(ctx context.Context, some func(*box) bool) error {
	for {
		p.mu.Lock()
		progress := p.progress
		p.mu.Unlock()
		n := p.missing(some)
		if n == 0 {
			return nil
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return fmt.Errorf("%d deliveries did not arrive", n)
		}
	}
}

// latency returns the median and the 99th percentile of some boxes' deliveries.
func (p *post) latency(some func(*box) bool) (p50, p99 time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []time.Duration
	for _, b := range p.boxes {
		if some(b) {
			all = append(all, b.took...)
		}
	}
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100]
}

func (p *post) arrived(some func(*box) bool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, b := range p.boxes {
		if some(b) {
			n += len(b.got)
		}
	}
	return n
}

func (p *post) knocks() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.knocked
}

// quiet stops or starts showing each delivery. While it is quiet nobody is flaky.
func (p *post) quiet(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = on
}

// slow lets every answer take a while.
func (p *post) slow(delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = delay
}

func (p *post) counts(some func(*box) bool) counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.counted
	p.each(some, func(b *box, number int) {
		c.expected++
		if _, ok := b.got[number]; ok {
			c.made++
		}
	})
	return c
}
