package server

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// health answers whether the process lives and whether it can take work.
type health struct {
	ping     func(context.Context) error
	log      *slog.Logger
	draining atomic.Bool

	mu   sync.Mutex
	at   time.Time // of the last look at the database
	last error
}

// How often the database is looked at, and how long it may take to answer.
const (
	pingEvery = time.Second
	pingLimit = 2 * time.Second
)

// live answers 200 as long as the process can answer.
func (h *health) live(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") }

// ready answers 200 when events are accepted, else 503 with the reason.
func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	switch {
	case h.draining.Load():
		answer(w, http.StatusServiceUnavailable, "shutting down")
	case h.database(r.Context()) != nil:
		answer(w, http.StatusServiceUnavailable, "the database does not answer")
	default:
		answer(w, http.StatusOK, "ok")
	}
}

// database says whether the database answers, and looks no more often than
// pingEvery, whoever asks.
func (h *health) database(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.at) < pingEvery {
		return h.last
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingLimit)
	defer cancel()
	err := h.ping(ctx)
	if err != nil && h.last == nil {
		h.log.Error("database does not answer", "error", err)
	}
	h.at, h.last = time.Now(), err
	return err
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
