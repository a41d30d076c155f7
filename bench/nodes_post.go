package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// post is one event: who sent it, and the how-manieth of that caller it is.
type post struct {
	Caller int `json:"caller"`
	N      int `json:"n"`
}

// orderBook has every event that was answered 202, with the time of the answer.
type orderBook struct {
	begun time.Time

	mu       sync.Mutex
	accepted map[post]time.Time
	open     int // posts without an answer
}

func newOrderBook() *orderBook { return &orderBook{begun: time.Now(), accepted: map[post]time.Time{}} }

func (b *orderBook) enter(p post) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accepted[p] = time.Now()
}

func (b *orderBook) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.accepted)
}

func (b *orderBook) noAnswer() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open++
}

func (b *orderBook) unanswered() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}

// all returns what was accepted. Nothing is entered any more.
func (b *orderBook) all() map[post]time.Time { return b.accepted }

// answerLimit is how long a caller waits for an answer.
const answerLimit = 3 * time.Second

// call posts one event after the other, each to some node, and each only when the one
// before was answered or given up. What is answered 202 goes into the book.
func (r *nodesRun) call(ctx context.Context, number int) {
	moods := rand.New(rand.NewPCG(r.o.seed, uint64(number)+2))
	line := &http.Client{Timeout: answerLimit}
	defer line.CloseIdleConnections()
	for n := 0; ctx.Err() == nil; n++ {
		p := post{Caller: number, N: n}
		switch status, err := r.post(line, r.nodes[moods.IntN(len(r.nodes))], p); {
		case err != nil:
			r.posts.noAnswer()
		case status == http.StatusAccepted:
			r.posts.enter(p)
		default:
			r.refused.Add(1)
		}
		pause(ctx, time.Duration(moods.Int64N(int64(nodesThink))))
	}
}

func (r *nodesRun) post(line *http.Client, to *nodeUnder, p post) (status int, err error) {
	body := fmt.Appendf(nil, `{"eventType":"a.b","payload":{"caller":%d,"n":%d}}`, p.Caller, p.N)
	req, err := http.NewRequest("POST", to.server.Load().ready.URL+r.path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := line.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}
