package httpx_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestLargeBodiesShareABoundAndSmallOnesDoNot(t *testing.T) {
	const large, small = 1 << 20, 64 << 10
	read, end := make(chan int, 1), make(chan struct{})
	var waits atomic.Bool // a request that is read waits for end
	waits.Store(true)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := httpx.ReadBody(r, large)
		switch {
		case webhook.CodeOf(err) == webhook.CodeBusy:
			w.WriteHeader(http.StatusTooManyRequests)
		case err != nil:
			w.WriteHeader(http.StatusBadRequest)
		case len(body) == large && waits.Load():
			read <- len(body)
			<-end
		}
	}))
	bodies := httpx.NewBodies(large, 20*time.Millisecond)
	s.Config.BaseContext = func(net.Listener) context.Context { return bodies.Within(t.Context()) }
	s.Start()
	defer s.Close()
	post := func(n int, announced bool) int {
		var body io.Reader = bytes.NewReader(make([]byte, n))
		if !announced {
			body = io.MultiReader(body)
		}
		resp, err := http.Post(s.URL, "text/plain", body)
		if err != nil {
			t.Error(err)
			return 0
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	first := make(chan int, 1)
	go func() { first <- post(large, true) }()
	<-read
	for _, announced := range []bool{true, false} {
		if got := post(large, announced); got != http.StatusTooManyRequests {
			t.Errorf("a second large body (announced: %v): %d", announced, got)
		}
		if got := post(small-1, announced); got != http.StatusOK {
			t.Errorf("a small one beside it (announced: %v): %d", announced, got)
		}
	}
	waits.Store(false)
	close(end)
	if got := <-first; got != http.StatusOK {
		t.Errorf("the first: %d", got)
	}
	for _, announced := range []bool{true, false, true} {
		for deadline := time.Now().Add(10 * time.Second); post(large, announced) != http.StatusOK; {
			if time.Now().After(deadline) {
				t.Fatalf("no room (announced: %v) though nothing is read", announced)
			}
		}
	}
}
