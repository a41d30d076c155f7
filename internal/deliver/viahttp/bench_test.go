//go:build unix

package viahttp_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viahttp"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/sign"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/webhook"
	"github.com/valyala/fasthttp"
)

// The benchmarks send 1 KiB over 64 kept connections on loopback to a receiver
// that does next to nothing, in this process. cpu-us/op is the processor time of
// both sides; BenchmarkBound is what remains when the client does nothing either.

var benchHeaders = []webhook.Header{
	{Name: "Content-Type", Value: "application/json"},
	{Name: "User-Agent", Value: "Switchhook/bench"},
	{Name: "webhook-id", Value: "msg_02FZrTpLwHvZrTpLwHvZrT"},
	{Name: "webhook-timestamp", Value: "1700000000"},
	{Name: "webhook-signature", Value: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
}

func benchBody() []byte { return bytes.Repeat([]byte("x"), 1024) }

// measure runs do on 64 goroutines and reports the processor time it took.
func measure(b *testing.B, do func() error) {
	b.Helper()
	b.SetParallelism(32) // times GOMAXPROCS
	b.ReportAllocs()
	before := cpuTime(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := do(); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/1e3/float64(b.N), "cpu-us/op")
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// overBoth runs a benchmark over plain HTTP and over TLS.
func overBoth(b *testing.B, run func(b *testing.B, url string, config *tls.Config)) {
	for _, secure := range []bool{false, true} {
		b.Run(map[bool]string{false: "plain", true: "tls"}[secure], func(b *testing.B) {
			r := testkit.NewReceiverWith(b, testkit.Options{Fast: true, TLS: secure})
			config := &tls.Config{}
			if secure {
				config.RootCAs = x509.NewCertPool()
				config.RootCAs.AppendCertsFromPEM([]byte(r.Authority().CAPEM))
			}
			run(b, r.URL(), config)
		})
	}
}

func benchSender(b *testing.B, config *tls.Config) *viahttp.Sender {
	d, err := egress.New(egress.Options{Allow: []string{"loopback"}})
	if err != nil {
		b.Fatal(err)
	}
	s, err := viahttp.NewSender(viahttp.SenderOptions{Dialer: d, RootCAs: config.RootCAs})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	return s
}

func BenchmarkBound(b *testing.B) {
	r := testkit.NewReceiverWith(b, testkit.Options{Fast: true})
	var head bytes.Buffer
	req, _ := http.NewRequest("POST", r.URL(), bytes.NewReader(benchBody()))
	for _, h := range benchHeaders {
		req.Header[h.Name] = []string{h.Value}
	}
	_ = req.Write(&head)
	type link struct {
		net.Conn
		br *bufio.Reader
	}
	links := make(chan link, 256)
	measure(b, func() error {
		var l link
		select {
		case l = <-links:
		default:
			c, err := net.Dial("tcp", r.Addr())
			if err != nil {
				return err
			}
			b.Cleanup(func() { c.Close() })
			l = link{c, bufio.NewReader(c)}
		}
		if _, err := l.Write(head.Bytes()); err != nil {
			return err
		}
		for {
			line, err := l.br.ReadSlice('\n')
			if err != nil {
				return err
			}
			if len(line) == 2 {
				links <- l
				return nil
			}
		}
	})
}

func BenchmarkSender(b *testing.B) {
	overBoth(b, func(b *testing.B, url string, config *tls.Config) {
		s, body := benchSender(b, config), benchBody()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		measure(b, func() error {
			_, err := s.Send(ctx, &deliver.Request{URL: url, Headers: benchHeaders, Body: body, Timeout: 15 * time.Second})
			return err
		})
	})
}

// BenchmarkService is the sender with everything around it: the signature and
// the record.
func BenchmarkService(b *testing.B) {
	overBoth(b, func(b *testing.B, to string, config *tls.Config) {
		service, err := viahttp.NewService(viahttp.ServiceOptions{
			Sender: benchSender(b, config), CheckURL: func(raw string) (*url.URL, error) { return url.Parse(raw) },
		})
		if err != nil {
			b.Fatal(err)
		}
		job := &deliver.Job{
			Event:     &webhook.Event{ID: id.New(), Payload: benchBody()},
			Endpoint:  &webhook.Endpoint{ID: id.New(), URL: to, Keys: []webhook.SigningKey{{Key: sign.NewSymmetric()}}},
			StartedAt: time.Now(),
			Timeout:   15 * time.Second,
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		measure(b, func() error {
			if out := service.Deliver(ctx, job); out.Result != webhook.ResultDelivered {
				return errors.New(out.Detail)
			}
			return nil
		})
	})
}

func BenchmarkNetHTTP(b *testing.B) {
	overBoth(b, func(b *testing.B, url string, config *tls.Config) {
		body := benchBody()
		client := &http.Client{
			Timeout:   15 * time.Second,
			Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true, TLSClientConfig: config},
		}
		b.Cleanup(client.CloseIdleConnections)
		measure(b, func() error {
			req, err := http.NewRequest("POST", url, bytes.NewReader(body))
			if err != nil {
				return err
			}
			for _, h := range benchHeaders {
				req.Header[h.Name] = []string{h.Value}
			}
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			return resp.Body.Close()
		})
	})
}

func BenchmarkFastHTTP(b *testing.B) {
	overBoth(b, func(b *testing.B, url string, config *tls.Config) {
		body := benchBody()
		client := &fasthttp.Client{
			MaxConnsPerHost: 256, DisableHeaderNamesNormalizing: true, NoDefaultUserAgentHeader: true, TLSConfig: config,
		}
		b.Cleanup(client.CloseIdleConnections)
		measure(b, func() error {
			req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
			defer fasthttp.ReleaseRequest(req)
			defer fasthttp.ReleaseResponse(resp)
			req.SetRequestURI(url)
			req.Header.SetMethod("POST")
			for _, h := range benchHeaders {
				req.Header.Set(h.Name, h.Value)
			}
			req.SetBodyRaw(body)
			return client.DoTimeout(req, resp, 15*time.Second)
		})
	})
}
