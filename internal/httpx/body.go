package httpx

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/switchhook/switchhook/internal/webhook"
)

// maxDrain bounds how much of a body that is not taken is read and thrown away.
// Clients that are still sending would not see the answer otherwise.
const maxDrain = 32 << 20

// freeBody is how much of a body is read without asking.
const freeBody = 64 << 10

// Bodies bounds what request bodies take of the memory together, but for the first
// 64 KiB of each.
type Bodies struct {
	total    int64
	patience time.Duration
	room     *semaphore.Weighted
}

// NewBodies returns a bound in bytes, and how long a request waits for others to end
// before it is refused.
func NewBodies(total int64, patience time.Duration) *Bodies {
	return &Bodies{total: total, patience: patience, room: semaphore.NewWeighted(total)}
}

type bodiesKey struct{}

// Within returns a context for a server, whose requests are bounded by b.
func (b *Bodies) Within(ctx context.Context) context.Context {
	return context.WithValue(ctx, bodiesKey{}, b)
}

// hold takes room for a body until the request, whose context it is, is answered.
func hold(ctx context.Context, n int64) error {
	b, ok := ctx.Value(bodiesKey{}).(*Bodies)
	if !ok || n <= 0 {
		return nil
	}
	n = min(n, b.total)
	waiting, cancel := context.WithTimeout(ctx, b.patience)
	defer cancel()
	if err := b.room.Acquire(waiting, n); err != nil {
		return &webhook.Error{Code: webhook.CodeBusy, Message: "too many large requests are being read", RetryAfter: time.Second}
	}
	context.AfterFunc(ctx, func() { b.room.Release(n) })
	return nil
}

// ReadBody reads the whole request body, limit bytes at most. The error is a
// *webhook.Error: CodeTooLarge, CodeInvalid when the body broke off, or CodeBusy when
// there is no room for it within Bodies.
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	n := r.ContentLength
	switch {
	case n == 0:
		return nil, nil
	case n > limit:
		if r.Header.Get("Expect") == "" { // who expects 100 Continue has sent nothing so far
			drain(r.Body, n)
		}
		return nil, errTooLarge(limit)
	case n < 0:
		return readUnannounced(r, limit)
	}
	body, err := readMore(r, nil, min(n, freeBody))
	if err != nil || n <= freeBody {
		return body, err
	}
	// Room is taken when so much has come, so that whoever only announces takes none.
	if err := hold(r.Context(), n-freeBody); err != nil {
		drain(r.Body, n)
		return nil, err
	}
	return readMore(r, body, n)
}

// readMore reads until the body has n bytes, of which some are there.
func readMore(r *http.Request, some []byte, n int64) ([]byte, error) {
	body := make([]byte, n)
	if _, err := io.ReadFull(r.Body, body[copy(body, some):]); err != nil {
		return nil, brokenOff(err)
	}
	return body, nil
}

// readUnannounced reads a body whose size nobody has said.
func readUnannounced(r *http.Request, limit int64) ([]byte, error) {
	var buf bytes.Buffer
	readTo := func(n int64) error {
		_, err := buf.ReadFrom(io.LimitReader(r.Body, n-int64(buf.Len())))
		return err
	}
	err := readTo(min(limit+1, freeBody))
	if err == nil && buf.Len() == freeBody { // there may be more
		if err := hold(r.Context(), limit-freeBody); err != nil {
			drain(r.Body, maxDrain)
			return nil, err
		}
		err = readTo(limit + 1)
	}
	if err != nil {
		return nil, brokenOff(err)
	}
	if int64(buf.Len()) > limit {
		drain(r.Body, maxDrain)
		return nil, errTooLarge(limit)
	}
	return buf.Bytes(), nil
}

func drain(body io.Reader, n int64) {
	if n <= maxDrain {
		_, _ = io.CopyN(io.Discard, body, n) // only the answer matters
	}
}

func brokenOff(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge(tooLarge.Limit)
	}
	return webhook.Errorf(webhook.CodeInvalid, "", "the request body broke off: %s", strings.TrimPrefix(err.Error(), "http: "))
}
