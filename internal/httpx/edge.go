package httpx

import (
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"
)

// EdgeOptions configure an Edge.
type EdgeOptions struct {
	Logger *slog.Logger // nil logs nothing
	// Broken answers a request whose handler panicked before it answered; nil
	// answers 500 with the body {}.
	Broken func(w http.ResponseWriter)
}

// requestIDKey is the canonical spelling of the header.
const requestIDKey = "X-Request-Id"

// Edge is the outermost wrapper of an API: it gives each request an id (the
// caller's, when that is a plain word), sets headers that keep browsers from
// guessing, catches panics, and logs one line a request: at debug level, or as a
// warning when the answer is a server error. The line has the path, never the query
// string nor a header of the request.
func Edge(o EdgeOptions, next http.Handler) http.Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Broken == nil {
		o.Broken = func(w http.ResponseWriter) { WriteJSON(w, http.StatusInternalServerError, []byte("{}")) }
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h[requestIDKey] = []string{requestID(r)}
		h["X-Content-Type-Options"] = noSniff
		h["Cache-Control"] = noStore
		watched := &watcher{ResponseWriter: w}
		start := time.Now()
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				o.Logger.Error("request handler panicked", "request_id", h[requestIDKey][0],
					"panic", p, "stack", string(debug.Stack()))
				if watched.status == 0 {
					o.Broken(watched)
				}
			}
			logAccess(o.Logger, r, watched, start)
		}()
		next.ServeHTTP(watched, r)
	})
}

// Shared by all answers and never written to.
var (
	noSniff = []string{"nosniff"}
	noStore = []string{"no-store"}
)

// RequestID returns the id that Edge gave to the request that w answers.
func RequestID(w http.ResponseWriter) string {
	if v := w.Header()[requestIDKey]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func requestID(r *http.Request) string {
	if v := r.Header[requestIDKey]; len(v) == 1 && isWord(v[0]) {
		return v[0]
	}
	var buf [16]byte
	return string(strconv.AppendUint(buf[:0], rand.Uint64(), 36))
}

func isWord(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func logAccess(logger *slog.Logger, r *http.Request, w *watcher, start time.Time) {
	level := slog.LevelDebug
	if w.status >= 500 {
		level = slog.LevelWarn
	}
	if !logger.Enabled(r.Context(), level) {
		return
	}
	logger.LogAttrs(r.Context(), level, "request",
		slog.String("method", r.Method),
		slog.String("path", r.URL.Path),
		slog.Int("status", w.status),
		slog.Int64("bytes", w.bytes),
		slog.Duration("took", time.Since(start)),
		slog.String("remote", r.RemoteAddr),
		slog.String("request_id", RequestID(w)),
	)
}

// watcher sees what is answered.
type watcher struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader notes the status.
func (w *watcher) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (w *watcher) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap gives http.ResponseController the writer below.
func (w *watcher) Unwrap() http.ResponseWriter { return w.ResponseWriter }
