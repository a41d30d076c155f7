package native_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/api/native"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/ingest"
)

// taking is an intake that does nothing but give ids.
type taking struct{ ids id.Source }

func (k *taking) Accept(_ context.Context, s ingest.Submission) (ingest.Receipt, error) {
	for i := range s.Events {
		s.Events[i].ID, s.Events[i].CreatedAt = k.ids.New(), time.Now()
	}
	return ingest.Receipt{Events: s.Events}, nil
}

// discard is a response writer that is used again and again.
type discard struct {
	h      http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// BenchmarkMessagePost measures what the handler costs of a message of 1 KiB, from
// the parsed request to the answer, without intake, store and sockets.
func BenchmarkMessagePost(b *testing.B) {
	w := newWorld(b, func(o *native.Options) { o.Intake = &taking{} })
	app := w.app()
	payload := `{"id":"ord_1","text":"` + strings.Repeat("0123456789abcde ", 62) + `"}`
	for name, c := range map[string]struct{ path, key string }{
		"plain":          {app, ""},
		"idempotent":     {app, "auto_5f0b3a52-4f5c-4d8b-9f0e-7f5a3b1c2d3e"},
		"without answer": {app + "/msg?with_content=false", ""},
	} {
		b.Run(name, func(b *testing.B) {
			body := []byte(`{"eventType":"order.created","payload":` + payload + `}`)
			path := c.path
			if !strings.Contains(path, "/msg") {
				path += "/msg"
			}
			r, err := http.NewRequest("POST", "http://hooks.example"+native.Prefix+path, nil)
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+w.root)
			r.Header.Set("Content-Type", "application/json")
			if c.key != "" {
				r.Header.Set("Idempotency-Key", c.key)
			}
			r.ContentLength = int64(len(body))
			reader := bytes.NewReader(body)
			r.Body = io.NopCloser(reader)
			out := &discard{h: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				reader.Reset(body)
				clear(out.h)
				w.h.ServeHTTP(out, r)
			}
			if out.status != 202 {
				b.Fatal(out.status)
			}
		})
	}
}

// BenchmarkMessageBatch measures a batch of 100 messages of 1 KiB.
func BenchmarkMessageBatch(b *testing.B) {
	w := newWorld(b, func(o *native.Options) { o.Intake = &taking{} })
	app := w.app()
	one := `{"eventType":"order.created","payload":{"id":"ord_1","text":"` + strings.Repeat("0123456789abcde ", 62) + `"}}`
	body := []byte("[" + strings.Repeat(one+",", 99) + one + "]")
	r, err := http.NewRequest("POST", "http://hooks.example"+native.Prefix+app+"/msg/batch", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.root)
	r.ContentLength = int64(len(body))
	reader := bytes.NewReader(body)
	r.Body = io.NopCloser(reader)
	out := &discard{h: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		clear(out.h)
		w.h.ServeHTTP(out, r)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/message")
	if out.status != 202 {
		b.Fatal(out.status)
	}
}
