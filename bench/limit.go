package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// limit is what the simplest delivery costs on this machine at this moment.
type limit struct {
	Micros float64 // processor time of sender and receiver for one delivery
	Rate   float64 // deliveries a second
}

// limitConns is how many connections the limit is measured with.
const limitConns = 64

// limitGroup is the receiver's group for the limit.
const limitGroup = "limit"

// measureLimit posts signed payloads from net/http to the receiver for a while.
func measureLimit(ctx context.Context, r *child, d time.Duration) (limit, error) {
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: limitConns, DisableCompression: true, IdleConnTimeout: 90 * time.Second,
	}}
	defer client.CloseIdleConnections()
	var count, measured atomic.Int64
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, limitConns)
	var wg sync.WaitGroup
	for range limitConns {
		wg.Go(func() {
			s := &bareSender{client: client, url: r.ready.URL + "/" + limitGroup, payload: newPayload(0)}
			for ctx.Err() == nil {
				if err := s.send(ctx); err != nil && ctx.Err() == nil {
					failed <- err
					return
				}
				count.Add(1)
			}
		})
	}
	m := meter{parts: []part{callers(), {"receiver", cpuOf(r)}}}
	pause(ctx, d/4) // until the connections are there
	err := m.begin()
	begin, before := time.Now(), count.Load()
	if err == nil {
		pause(ctx, d)
		measured.Store(count.Load() - before)
	}
	took := time.Since(begin)
	var cpu time.Duration
	if err == nil {
		_, cpu, err = m.end()
	}
	cancel()
	wg.Wait()
	select {
	case err = <-failed:
	default:
	}
	n := float64(measured.Load())
	if err == nil && n == 0 {
		err = fmt.Errorf("nothing arrived within %s", d)
	}
	if err != nil {
		return limit{}, fmt.Errorf("measure the limit: %w", err)
	}
	return limit{Micros: float64(cpu.Microseconds()) / n, Rate: n / took.Seconds()}, nil
}

// bareSender sends signed payloads the plain way.
type bareSender struct {
	client  *http.Client
	url     string
	payload []byte
	n       int
}

func (s *bareSender) send(ctx context.Context) error {
	m := message{body: s.payload, stamps: []int{len(payloadHead)}}
	now := time.Now()
	m.stamp(now)
	s.n++
	id, at := "msg_"+strconv.Itoa(s.n), strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte("a secret that everybody can know"))
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(s.payload)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(s.payload))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", at)
	req.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return err
}
