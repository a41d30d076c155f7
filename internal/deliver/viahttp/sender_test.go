package viahttp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/viahttp"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestRequestGoesOutAsGiven(t *testing.T) {
	r := testkit.NewReceiver(t)
	body := "{\"a\" :\t1}\x00\xff"
	mustSend(t, newSender(t), deliver.Request{
		URL:     r.URLFor("/hook?b=2&a=1"),
		Headers: []webhook.Header{{Name: "x-MiXed-case", Value: "kept"}, {Name: "webhook-id", Value: "msg_1"}},
		Body:    []byte(body),
	}, 200)
	got := r.Requests()[0]
	want := "POST /hook?b=2&a=1 HTTP/1.1\r\nx-MiXed-case: kept\r\nwebhook-id: msg_1\r\nHost: " + r.Addr() + "\r\nContent-Length: 11\r\n\r\n"
	if diff := cmp.Diff(want, got.Head); diff != "" {
		t.Error(diff)
	}
	if string(got.Body) != body {
		t.Errorf("body is %q", got.Body)
	}
}

func TestURLBecomesTargetHostAndAuthorization(t *testing.T) {
	r := testkit.NewReceiver(t)
	_, port, _ := net.SplitHostPort(r.Addr())
	s := newSenderWith(t, egress.Options{
		Allow:    []string{"loopback"},
		Resolver: hosts{"xn--bcher-kva.test": "127.0.0.1", "receiver.test": "127.0.0.1"},
	}, viahttp.SenderOptions{})
	for _, c := range []struct{ url, target, host, auth string }{
		{"http://receiver.test:PORT", "/", "receiver.test:PORT", ""},
		{"HTTP://Receiver.Test.:PORT/A/b/", "/A/b/", "receiver.test:PORT", ""},
		{"http://receiver.test:PORT?q", "/?q", "receiver.test:PORT", ""},
		{"http://receiver.test:PORT/#frag?no", "/", "receiver.test:PORT", ""},
		{"http://receiver.test:PORT/a?q=1 2&r=ü#frag", "/a?q=1%202&r=%C3%BC", "receiver.test:PORT", ""},
		{"http://receiver.test:PORT/ü/a%2Fb/%C3%A4 \"<>", "/%C3%BC/a%2Fb/%C3%A4%20%22%3C%3E", "receiver.test:PORT", ""},
		{"http://receiver.test:PORT/a?b=%zz&c=+;/?", "/a?b=%zz&c=+;/?", "receiver.test:PORT", ""},
		{"http://bücher.test:PORT/", "/", "xn--bcher-kva.test:PORT", ""},
		{"http://user:pass@127.0.0.1:PORT/", "/", "127.0.0.1:PORT", "Basic dXNlcjpwYXNz"},
		{"http://us%40er:p%3Aw@127.0.0.1:PORT/", "/", "127.0.0.1:PORT", "Basic dXNAZXI6cDp3"},
		{"http://user@127.0.0.1:PORT/", "/", "127.0.0.1:PORT", "Basic dXNlcjo="},
	} {
		r.Reset()
		mustSend(t, s, deliver.Request{URL: strings.ReplaceAll(c.url, "PORT", port)}, 200)
		got := r.Requests()[0]
		if want := strings.ReplaceAll(c.host, "PORT", port); got.Target != c.target || got.Host != want || got.Header.Get("Authorization") != c.auth {
			t.Errorf("%s: got %s, host %s, authorization %q", c.url, got.Target, got.Host, got.Header.Get("Authorization"))
		}
	}
}

func TestIPv6LiteralIsReached(t *testing.T) {
	r, err := testkit.StartReceiver(testkit.Options{Addr: "[::1]:0"})
	if err != nil {
		t.Logf("no IPv6 loopback here: %v", err)
		return
	}
	defer r.Close()
	mustSend(t, newSender(t), deliver.Request{URL: r.URL()}, 200)
	if got := r.Requests()[0].Host; got != r.Addr() {
		t.Errorf("host is %s, want %s", got, r.Addr())
	}
}

func TestGivenHostAndAuthorizationWin(t *testing.T) {
	r := testkit.NewReceiver(t)
	mustSend(t, newSender(t), deliver.Request{
		URL:     "http://u:p@" + r.Addr() + "/",
		Headers: []webhook.Header{{Name: "host", Value: "virtual.test"}, {Name: "authorization", Value: "Bearer t"}},
	}, 200)
	got := r.Requests()[0]
	if got.Host != "virtual.test" || got.Header.Get("Authorization") != "Bearer t" || strings.Count(got.Head, "\r\n") != 5 {
		t.Errorf("got %q", got.Head)
	}
}

func TestBodilessMethodsAnnounceNoBody(t *testing.T) {
	r := testkit.NewReceiver(t)
	s := newSender(t)
	for method, want := range map[string]bool{"GET": false, "HEAD": false, "POST": true, "PUT": true, "DELETE": true} {
		r.Reset()
		mustSend(t, s, deliver.Request{Method: method, URL: r.URL()}, 200)
		got := r.Requests()[0]
		if got.Method != method || strings.Contains(got.Head, "Content-Length: 0") != want {
			t.Errorf("%s: %q", method, got.Head)
		}
	}
}

func TestWhatCannotBeSentIsInvalidAndNotSent(t *testing.T) {
	r := testkit.NewReceiver(t)
	s := newSender(t)
	header := func(name, value string) deliver.Request {
		return deliver.Request{URL: r.URL(), Headers: []webhook.Header{{Name: name, Value: value}}}
	}
	for name, req := range map[string]deliver.Request{
		"line feed in a value":   header("X", "a\nEvil: 1"),
		"CRLF in a value":        header("X", "a\r\n\r\nGET / HTTP/1.1"),
		"carriage return":        header("X", "a\rb"),
		"NUL in a value":         header("X", "a\x00b"),
		"CRLF in a name":         header("X: 1\r\nEvil", "1"),
		"colon in a name":        header("X:", "1"),
		"blank in a name":        header("X ", "1"),
		"empty name":             header("", "1"),
		"non-ASCII name":         header("Ü", "1"),
		"length":                 header("content-length", "5"),
		"encoding":               header("Transfer-Encoding", "chunked"),
		"connection":             header("CONNECTION", "close"),
		"host with a line feed":  header("Host", "a\nb"),
		"method":                 {URL: r.URL(), Method: "GET / HTTP/1.1\r\nX"},
		"empty URL":              {},
		"URL with a line feed":   {URL: r.URL() + "a\nb"},
		"URL of another scheme":  {URL: "ftp" + strings.TrimPrefix(r.URL(), "http")},
		"URL with a number host": {URL: "http://2130706433/"},
		"CA":                     {URL: "https://" + r.Addr() + "/", TLS: &webhook.TLS{CAPEM: "nonsense"}},
		"client certificate":     {URL: "https://" + r.Addr() + "/", TLS: &webhook.TLS{CertificatePEM: "a", KeyPEM: "b"}},
	} {
		_, err := send(t, s, req)
		if e := sendError(t, err); !e.Invalid || e.Sent || e.Refused || e.Timeout || strings.ContainsAny(e.Reason, "\r\n") {
			t.Errorf("%s: got %+v", name, e)
		}
	}
	if r.Connections() != 0 {
		t.Errorf("%d connections were made", r.Connections())
	}
}

func TestRefusedAddressesAreNamed(t *testing.T) {
	r := testkit.NewReceiver(t)
	_, port, _ := net.SplitHostPort(r.Addr())
	s := newSenderWith(t, egress.Options{Resolver: hosts{"inside.test": "127.0.0.1"}}, viahttp.SenderOptions{})
	for url, reason := range map[string]string{
		r.URL():                          "address 127.0.0.1 is not allowed",
		"http://inside.test:" + port:     "address 127.0.0.1 is not allowed",
		"http://u:pw@10.0.0.1/":          "address 10.0.0.1 is not allowed",
		"http://localhost:" + port:       "host localhost is not allowed",
		"http://[::ffff:127.0.0.1]:8080": "address ::ffff:127.0.0.1 is not allowed",
	} {
		_, err := send(t, s, deliver.Request{URL: url})
		if e := sendError(t, err); !e.Refused || e.Sent || e.Invalid || e.Reason != reason {
			t.Errorf("%s: got %+v", url, e)
		}
	}
	if r.Connections() != 0 {
		t.Errorf("%d connections were made", r.Connections())
	}
}

func TestRedirectIsAResponseAndNotFollowed(t *testing.T) {
	inside, r := testkit.NewReceiver(t), testkit.NewReceiver(t)
	s := newSender(t)
	for _, code := range []int{301, 302, 303, 307, 308} {
		r.Script("", testkit.Redirect(code, inside.URLFor("/secret")))
		resp := mustSend(t, s, deliver.Request{URL: r.URL()}, code)
		if resp.Header.Get("location") != inside.URLFor("/secret") {
			t.Errorf("headers are %q", resp.Header)
		}
	}
	if inside.Connections() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestConnectionsAreReused(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("", testkit.Respond(200, "body", "X-A: b"))
	s := newSender(t)
	for range 5 {
		mustSend(t, s, deliver.Request{URL: r.URL(), Body: []byte("x")}, 200)
	}
	if got := r.Connections(); got != 1 {
		t.Errorf("%d connections for 5 requests", got)
	}
}

func TestConnectionClosedWhileIdleIsReplacedUnnoticed(t *testing.T) {
	for _, tls := range []bool{false, true} {
		r := testkit.NewReceiverWith(t, testkit.Options{TLS: tls})
		s := newSender(t)
		req := deliver.Request{URL: r.URL(), Body: []byte("x")}
		if tls {
			req.TLS, req.TLSKey = &webhook.TLS{CAPEM: r.Authority().CAPEM}, "e1/1"
		}
		for range 10 {
			mustSend(t, s, req, 200)
			r.CloseConnections()
		}
		if r.Count() != 10 || r.Connections() != 10 {
			t.Errorf("TLS %v: %d requests on %d connections", tls, r.Count(), r.Connections())
		}
	}
}

func TestNothingThatWasSentIsSentAgain(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("", testkit.Status(200), testkit.Close(), testkit.Status(200))
	s := newSender(t)
	mustSend(t, s, deliver.Request{URL: r.URL()}, 200)
	_, err := send(t, s, deliver.Request{URL: r.URL()})
	if e := sendError(t, err); !e.Sent || e.Timeout || e.Reason != "connection closed before the response was complete" {
		t.Errorf("got %+v", e)
	}
	if r.Count() != 2 {
		t.Errorf("%d requests came for 2 that were sent", r.Count())
	}
	mustSend(t, s, deliver.Request{URL: r.URL()}, 200)
}

func TestFailuresToConnectSayWhy(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	s := newSenderWith(t, egress.Options{Allow: []string{"loopback"}, Resolver: hosts{}}, viahttp.SenderOptions{})
	for url, reason := range map[string]string{
		"http://" + l.Addr().String() + "/": "connection refused",
		"http://nowhere.test/?token=secret": "no such host",
	} {
		_, err := send(t, s, deliver.Request{URL: url})
		if e := sendError(t, err); e.Sent || e.Reason != reason || e.Refused || e.Invalid {
			t.Errorf("%s: got %+v", url, e)
		}
	}
}

func TestTimeoutAndContextEndAnExchange(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("", testkit.Hang())
	s := newSender(t)

	_, err := s.Send(t.Context(), &deliver.Request{URL: r.URL(), Timeout: 50 * time.Millisecond})
	if e := sendError(t, err); !e.Timeout || !e.Sent || e.Reason != "timeout after 50ms" {
		t.Errorf("time-out: got %+v", e)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = s.Send(ctx, &deliver.Request{URL: r.URL(), Timeout: time.Minute})
	if e := sendError(t, err); !e.Timeout || !e.Sent || !strings.HasPrefix(e.Reason, "timeout after ") {
		t.Errorf("deadline: got %+v", e)
	}
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		_, _ = r.Wait(3, 5*time.Second)
		cancel()
	}()
	_, err = s.Send(ctx, &deliver.Request{URL: r.URL(), Timeout: time.Minute})
	if e := sendError(t, err); e.Timeout || !e.Sent || e.Reason != "cancelled" {
		t.Errorf("cancellation: got %+v", e)
	}
	_, err = s.Send(ctx, &deliver.Request{URL: r.URL()})
	if e := sendError(t, err); e.Sent || e.Reason != "cancelled" {
		t.Errorf("cancelled before: got %+v", e)
	}
	if r.Count() != 3 {
		t.Errorf("%d requests came", r.Count())
	}
}

func TestTimeoutCoversTheHandshake(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s := newSender(t)
	_, err = s.Send(t.Context(), &deliver.Request{URL: "https://" + silent.Addr().String() + "/", Timeout: 50 * time.Millisecond})
	if e := sendError(t, err); !e.Timeout || e.Sent {
		t.Errorf("got %+v", e)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(30*time.Millisecond, cancel)
	_, err = s.Send(ctx, &deliver.Request{URL: "https://" + silent.Addr().String() + "/", Timeout: 10 * time.Second})
	if e := sendError(t, err); e.Reason != "cancelled" || e.Sent {
		t.Errorf("got %+v", e)
	}
}

func TestConcurrentRequestsGetTheirOwnResponses(t *testing.T) {
	r := testkit.NewReceiver(t)
	echo := func(x *testkit.Exchange) bool {
		return testkit.Respond(200, string(x.Request.Body), "X-Echo: "+string(x.Request.Body))(x)
	}
	r.Script("", echo)
	s := newSender(t)
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			for j := range 20 {
				body := strings.Repeat(fmt.Sprintf("%d/%d ", i, j), 1+j*20)
				resp, err := send(t, s, deliver.Request{URL: r.URL(), Body: []byte(body)})
				if err != nil || string(resp.Body) != body || !strings.HasPrefix(body, resp.Header.Get("X-Echo")) {
					t.Errorf("%q was answered with %v, %v", body, resp, err)
					return
				}
			}
		})
	}
	all.Wait()
	if got := r.Connections(); got > 32 {
		t.Errorf("%d connections for 32 callers", got)
	}
}

func TestLargeBodiesOfEverySizeArrive(t *testing.T) {
	r := testkit.NewReceiver(t)
	s := newSender(t)
	for _, size := range []int{0, 1, 16 << 10, 16<<10 + 1, 64 << 10, 64<<10 + 1, 3 << 20} {
		r.Reset()
		body := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		mustSend(t, s, deliver.Request{URL: r.URL(), Body: []byte(body)}, 200)
		if got := r.Requests()[0].Body; string(got) != body {
			t.Errorf("%d bytes came of %d", len(got), size)
		}
	}
	if got := r.Connections(); got != 1 {
		t.Errorf("%d connections", got)
	}
}

func TestNewSenderChecksItsOptions(t *testing.T) {
	d, err := egress.New(egress.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []viahttp.SenderOptions{
		{}, {Dialer: d, MaxIdle: -1}, {Dialer: d, MaxIdlePerHost: -1}, {Dialer: d, IdleTimeout: -1},
	} {
		if _, err := viahttp.NewSender(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

func TestASilentReceiverIsGivenUpBeforeTheTimeIsOver(t *testing.T) {
	r := testkit.NewReceiver(t)
	for name, answer := range map[string]testkit.Answer{
		"no answer":   testkit.Hang(),
		"half a head": testkit.HangAfter("HTTP/1.1 200 OK\r\nA: b"),
		"half a body": testkit.HangAfter("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
	} {
		r.Script("", answer)
		_, err := newSender(t).Send(t.Context(), &deliver.Request{URL: r.URL(), Timeout: time.Hour, Silence: 50 * time.Millisecond})
		if e, ok := errors.AsType[*deliver.SendError](err); !ok || !e.Timeout || !e.Sent {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.Script("", testkit.Status(200))
	s := newSender(t)
	for range 3 { // the limit of one request is not that of the next
		if _, err := s.Send(t.Context(), &deliver.Request{URL: r.URL(), Silence: time.Hour}); err != nil {
			t.Error(err)
		}
	}
	if r.Connections() != 4 {
		t.Errorf("%d connections, want 3 and then 1", r.Connections())
	}
}

func TestAnExchangeWithALimitOnSilenceEndsWhenItIsCancelled(t *testing.T) {
	r := testkit.NewReceiver(t)
	r.Script("", testkit.Hang())
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = r.Wait(1, time.Minute)
		cancel()
	}()
	_, err := newSender(t).Send(ctx, &deliver.Request{URL: r.URL(), Timeout: time.Hour, Silence: time.Hour})
	if e, ok := errors.AsType[*deliver.SendError](err); !ok || e.Reason != "cancelled" {
		t.Errorf("got %v", err)
	}
}

func TestConnectingHasALimitOfItsOwn(t *testing.T) {
	r := testkit.NewReceiver(t) // speaks no TLS, and waits for a request
	_, err := newSender(t).Send(t.Context(), &deliver.Request{
		URL: "https://" + r.Addr(), Timeout: time.Hour, Connect: 50 * time.Millisecond,
	})
	if e, ok := errors.AsType[*deliver.SendError](err); !ok || !e.Timeout || e.Sent {
		t.Errorf("got %v", err)
	}
}
