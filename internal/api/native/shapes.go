package native

import (
	"crypto/sha256"
	"errors"
	"io"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/webhook"
)

// What several nouns spell and read alike.

// orNull is null on the wire where v is its type's zero value.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// timeOrNull is null on the wire where no time is set.
func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// maxRate is the greatest rate limit, in events a second.
const maxRate = 65535

// readRate reads a rate limit; 0 is none.
func readRate(v httpx.Value) int { return v.Int(0, maxRate) }

// readOlder reads a member under its older name, which counts where the newer one
// says nothing.
func readOlder[T any](v httpx.Value, into *httpx.Opt[T], read func(httpx.Value) T) {
	if older := httpx.Optional(v, read); !into.Given() {
		*into = older
	}
}

// maxMetadata is how many members metadata may have.
const maxMetadata = 100

func readMetadata(v httpx.Value) map[string]string { return v.Strings(maxMetadata) }

// maxKey is how long an idempotency key may be, in bytes.
const maxKey = 200

// onceKept is how long a repetition is recognised.
const onceKept = 24 * time.Hour

// once returns what the idempotency key of the request asks for; nil is nothing.
func (a *API) once(c *call, kind string, body []byte) (*control.Once, error) {
	key := c.r.Header.Get("Idempotency-Key")
	if key == "" {
		return nil, nil
	}
	if len(key) > maxKey {
		return nil, invalidAt(valueError, "must have at most 200 bytes", "header", "idempotency-key")
	}
	return a.onceFor(c, kind, key, body), nil
}

// onceFor is once for a key that stands elsewhere. Keys of different kinds of
// operations never meet; the key stands for the path and the body.
func (a *API) onceFor(c *call, kind, key string, body []byte) *control.Once {
	h := sha256.New()
	_, _ = io.WriteString(h, c.r.URL.Path+"\n") // a hash takes everything
	h.Write(body)
	once := &control.Once{Key: kind + ":" + key, Expires: a.Now().Add(onceKept)}
	h.Sum(once.Hash[:0])
	if c.app != nil {
		once.AccountID = c.app.ID
	}
	return once
}

// within puts a member in front of the field of an error.
func within(member string, err error) error {
	e, ok := errors.AsType[*webhook.Error](err)
	if !ok || e.Code != webhook.CodeInvalid || e.Field == "" {
		return err
	}
	inner := *e
	inner.Field = member + "." + e.Field
	return &inner
}
