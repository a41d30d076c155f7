package testkit_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/testkit"
)

// client has no connections left over when the test ends.
func client(t *testing.T, config *tls.Config) *http.Client {
	t.Helper()
	c := &http.Client{
		Timeout:       5 * time.Second,
		Transport:     &http.Transport{TLSClientConfig: config},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func post(t *testing.T, c *http.Client, url, body string) (int, string, error) {
	t.Helper()
	resp, err := c.Post(url, "text/plain", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func TestReceiverAnswersByScript(t *testing.T) {
	r, c := testkit.NewReceiver(t), client(t, nil)
	r.Script("/a", testkit.Status(500), testkit.Respond(201, "made", "X-A: b"))
	r.Script("", testkit.Redirect(307, "http://elsewhere.test/"))
	for _, want := range []struct {
		path, body string
		status     int
	}{{"/a?q", "", 500}, {"/a", "made", 201}, {"/a", "made", 201}, {"/b", "", 307}} {
		if status, body, err := post(t, c, r.URLFor(want.path), "x"); status != want.status || body != want.body || err != nil {
			t.Errorf("%s: got %d %q %v", want.path, status, body, err)
		}
	}
	got, err := r.Wait(4, time.Second)
	if err != nil || len(got) != 4 || got[0].Target != "/a?q" || string(got[3].Body) != "x" || got[3].Method != "POST" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := r.Wait(5, 10*time.Millisecond); err == nil {
		t.Error("a request that never came was waited for in vain, without an error")
	}
	r.Reset()
	if status, _, _ := post(t, c, r.URLFor("/a"), ""); status != 200 || r.Count() != 1 {
		t.Errorf("after a reset: status %d, %d requests", status, r.Count())
	}
}

func TestReceiverRemembersABoundedNumber(t *testing.T) {
	r, c := testkit.NewReceiverWith(t, testkit.Options{Keep: 2}), client(t, nil)
	for range 5 {
		_, _, _ = post(t, c, r.URL(), "x")
	}
	if r.Count() != 5 || len(r.Requests()) != 2 || r.Connections() != 1 {
		t.Errorf("%d requests, %d remembered, %d connections", r.Count(), len(r.Requests()), r.Connections())
	}
}

func TestReleaseEndsWhatHangs(t *testing.T) {
	r, c := testkit.NewReceiver(t), client(t, nil)
	r.Script("", testkit.HangUntilReleased(testkit.Status(202)))
	const callers = 3
	statuses := make(chan int, callers)
	for range callers {
		go func() {
			status, _, _ := post(t, c, r.URL(), "x")
			statuses <- status
		}()
	}
	if _, err := r.Wait(callers, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	r.Release()
	for range callers {
		if got := <-statuses; got != 202 {
			t.Errorf("status %d", got)
		}
	}
	if r.Peak() != callers {
		t.Errorf("%d at once, want %d", r.Peak(), callers)
	}
}

func TestFastReceiverOnlyCounts(t *testing.T) {
	var seen atomic.Int64
	r := testkit.NewReceiverWith(t, testkit.Options{Fast: true, OnBody: func(b []byte) { seen.Add(int64(len(b))) }})
	c := client(t, nil)
	body := strings.Repeat("x", 100_000)
	for range 3 {
		if status, _, err := post(t, c, r.URL(), body); status != 200 || err != nil {
			t.Fatalf("got %d, %v", status, err)
		}
	}
	if r.Count() != 3 || seen.Load() != 300_000 || len(r.Requests()) != 0 || r.Connections() != 1 {
		t.Errorf("%d requests, %d bytes", r.Count(), seen.Load())
	}
}

func TestReceiverDemandsAClientCertificate(t *testing.T) {
	r := testkit.NewReceiverWith(t, testkit.Options{TLS: true, RequireClient: true})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(r.Authority().CAPEM))
	if _, _, err := post(t, client(t, &tls.Config{RootCAs: roots}), r.URL(), "x"); err == nil {
		t.Error("none was demanded")
	}
	certPEM, keyPEM, err := r.Authority().ClientPEM("caller")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair([]byte(certPEM), []byte(keyPEM))
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}})
	if status, _, err := post(t, c, r.URL(), "x"); status != 200 || err != nil || !r.Requests()[0].Client {
		t.Errorf("got %d, %v", status, err)
	}
}

// echo returns the address of a server that sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

func TestProxyBreaksConnectionsOnCommand(t *testing.T) {
	p, err := testkit.NewProxy(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	// said says what comes back of a word.
	said := func(c net.Conn, word string, within time.Duration) error {
		_ = c.SetDeadline(time.Now().Add(within))
		if _, err := io.WriteString(c, word); err != nil {
			return err
		}
		got := make([]byte, len(word))
		_, err := io.ReadFull(c, got)
		if err == nil && !bytes.Equal(got, []byte(word)) {
			t.Errorf("got %q, want %q", got, word)
		}
		return err
	}
	c := dial()
	if err := said(c, "hello", 5*time.Second); err != nil {
		t.Fatal(err)
	}
	const late = 100 * time.Millisecond
	p.Delay(late)
	begin := time.Now()
	if err := said(c, "late", 5*time.Second); err != nil || time.Since(begin) < late {
		t.Errorf("answered after %v, not %v later: %v", time.Since(begin), late, err)
	}
	p.Delay(0)
	p.Freeze()
	if err := said(c, "frozen", 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("while frozen: %v", err)
	}
	p.Restore()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	got := make([]byte, len("frozen"))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "frozen" {
		t.Errorf("after thawing: %q, %v", got, err)
	}
	p.Cut()
	if err := said(c, "x", 5*time.Second); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("while cut: %v", err)
	}
	if err := said(dial(), "x", 5*time.Second); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a new connection while cut: %v", err)
	}
	p.Restore()
	if err := said(dial(), "again", 5*time.Second); err != nil {
		t.Error(err)
	}
}

func TestForwardProxyWorksWithOtherClients(t *testing.T) {
	r := testkit.NewReceiver(t)
	for _, o := range []testkit.ForwardOptions{{}, {User: "u", Password: "p"}, {SOCKS5: true}, {SOCKS5: true, User: "u", Password: "p"}} {
		o.Hosts = map[string]string{"receiver.test:80": r.Addr()}
		p, err := testkit.StartForwardProxy(o)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		c := client(t, nil)
		req, _ := http.NewRequest("GET", p.URL(), nil)
		c.Transport.(*http.Transport).Proxy = http.ProxyURL(req.URL)
		if status, _, err := post(t, c, "http://receiver.test/", "x"); status != 200 || err != nil || len(p.Asked()) != 1 {
			t.Errorf("%+v: got %d, %v; asked for %q", o, status, err, p.Asked())
		}
	}
}
