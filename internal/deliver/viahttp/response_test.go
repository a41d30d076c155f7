package viahttp_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/testkit"
)

func TestResponsesAreRead(t *testing.T) {
	long := strings.Repeat("v", 20<<10)
	for name, c := range map[string]struct {
		raw    string
		status int
		header string
		body   string
		reused bool
	}{
		"length":            {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "Content-Length: 2\n", "hi", true},
		"no reason":         {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "Content-Length: 0\n", "", true},
		"odd status":        {"HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n", 799, "Content-Length: 0\n", "", true},
		"spelling kept":     {"HTTP/1.1 201 C\r\nx-LOW:  a b \r\nX-low:c\r\ncontent-length: 0\r\n\r\n", 201, "x-LOW: a b\nX-low: c\ncontent-length: 0\n", "", true},
		"bare line feeds":   {"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", 200, "Content-Length: 1\n", "x", true},
		"folded header":     {"HTTP/1.1 200 OK\r\nA: b\r\n \t c\r\nContent-Length: 0\r\n\r\n", 200, "A: b c\nContent-Length: 0\n", "", true},
		"empty value":       {"HTTP/1.1 200 OK\r\nA:\r\nContent-Length: 0\r\n\r\n", 200, "A: \nContent-Length: 0\n", "", true},
		"long header":       {"HTTP/1.1 200 OK\r\nA: " + long + "\r\nContent-Length: 0\r\n\r\n", 200, "A: " + long + "\nContent-Length: 0\n", "", true},
		"until close":       {"HTTP/1.1 200 OK\r\n\r\nhello", 200, "", "hello", false},
		"empty until close": {"HTTP/1.1 200 OK\r\n\r\n", 200, "", "", false},
		"HTTP/1.0":          {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "Content-Length: 2\n", "hi", false},
		"connection close":  {"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nhi", 200, "Connection: x, Close\nContent-Length: 2\n", "hi", false},
		"no content":        {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", "", true},
		"204 with a length": {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, "Content-Length: 5\n", "", true},
		"not modified":      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, "Content-Length: 5\n", "", true},
		"same length twice": {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 200, "Content-Length: 2\nContent-Length: 2\n", "hi", true},
		"chunks":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3 ; x=y\r\n yo\r\n0\r\nTrailer: t\r\n\r\n", 200, "Transfer-Encoding: chunked\n", "hi yo", true},
		"no chunk":          {"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n0\r\n\r\n", 200, "transfer-encoding: Chunked\n", "", true},
		"chunks and length": {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200, "Content-Length: 9\nTransfer-Encoding: chunked\n", "hi", false},
		"interim":           {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "Content-Length: 2\n", "hi", true},
		"more than a reply": {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 500 Evil\r\n\r\n", 200, "Content-Length: 2\n", "hi", false},
		"any bytes":         {"HTTP/1.1 200 OK\r\nA: \xff\xfe\r\nContent-Length: 3\r\n\r\n\x00\xff\n", 200, "A: \xff\xfe\nContent-Length: 3\n", "\x00\xff\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := testkit.NewReceiver(t), newSender(t)
			r.Script("", testkit.Raw(c.raw, c.reused || strings.Contains(c.raw, "Evil")), testkit.Status(200))
			resp := mustSend(t, s, deliver.Request{URL: r.URL()}, c.status)
			if string(resp.Header) != c.header || string(resp.Body) != c.body || resp.Truncated {
				t.Errorf("got %q, %q, truncated %v", resp.Header, resp.Body, resp.Truncated)
			}
			mustSend(t, s, deliver.Request{URL: r.URL()}, 200)
			if got := r.Connections(); (got == 1) != c.reused {
				t.Errorf("%d connections for 2 requests", got)
			}
		})
	}
}

func TestWhatIsNoResponseIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		raw, reason string
		status      int // of the response that broke off
	}{
		"garbage":            {"220 mail.test ESMTP\r\n", "the response is not HTTP", 0},
		"HTTP/2":             {"HTTP/2 200\r\n\r\n", "the response is not HTTP", 0},
		"bytes":              {strings.Repeat("\x00\xff", 512) + "\n", "the response is not HTTP", 0},
		"short status":       {"HTTP/1.1 20\r\n\r\n", "the response is not HTTP", 0},
		"long status":        {"HTTP/1.1 2000 OK\r\n\r\n", "the response is not HTTP", 0},
		"signed status":      {"HTTP/1.1 +20 OK\r\n\r\n", "the response is not HTTP", 0},
		"status below 100":   {"HTTP/1.1 099 No\r\n\r\n", "the response is not HTTP", 0},
		"nothing":            {"", "connection closed before the response was complete", 0},
		"half a status":      {"HTTP/1.1 2", "connection closed before the response was complete", 0},
		"half the headers":   {"HTTP/1.1 200 OK\r\nA: b\r\nCont", "connection closed before the response was complete", 0},
		"half the body":      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "connection closed before the response was complete", 200},
		"half a chunk":       {"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhalf", "connection closed before the response was complete", 500},
		"no last chunk":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "connection closed before the response was complete", 200},
		"chunk size":         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-4\r\n", "the response has a malformed chunk", 200},
		"huge chunk size":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "the response has a malformed chunk", 200},
		"chunk end":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalfx\r\n0\r\n\r\n", "the response has a malformed chunk", 200},
		"other encoding":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "the response has a Transfer-Encoding other than chunked", 0},
		"chunked twice":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "the response has a Transfer-Encoding other than chunked", 0},
		"two lengths":        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi", "the response has a malformed Content-Length", 0},
		"negative length":    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "the response has a malformed Content-Length", 0},
		"length of words":    {"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n", "the response has a malformed Content-Length", 0},
		"huge length":        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "the response has a malformed Content-Length", 0},
		"no colon":           {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "the response has a malformed header", 0},
		"blank before colon": {"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", "the response has a malformed header", 0},
		"empty name":         {"HTTP/1.1 200 OK\r\n: x\r\n\r\n", "the response has a malformed header", 0},
		"NUL":                {"HTTP/1.1 200 OK\r\nA: b\x00c\r\n\r\n", "the response has a malformed header", 0},
		"carriage return":    {"HTTP/1.1 200 OK\r\nA: b\rX: y\r\n\r\n", "the response has a malformed header", 0},
		"fold at the start":  {"HTTP/1.1 200 OK\r\n A: b\r\n\r\n", "the response has a malformed header", 0},
		"upgrade":            {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "the response switches protocols", 0},
		"interim only":       {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 9), "the response never gets beyond interim ones", 0},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := testkit.NewReceiver(t), newSender(t)
			r.Script("", testkit.Raw(c.raw, false))
			resp, err := send(t, s, deliver.Request{URL: r.URL()})
			if e := sendError(t, err); !e.Sent || e.Timeout || e.Invalid || e.Reason != c.reason {
				t.Errorf("got %+v", e)
			}
			if resp == nil && c.status != 0 || resp != nil && resp.Status != c.status {
				t.Errorf("got response %+v", resp)
			}
			if r.Count() != 1 {
				t.Errorf("%d requests came", r.Count())
			}
		})
	}
}

// hostile answers never end by themselves.
func hostile() map[string]testkit.Answer {
	const ok = "HTTP/1.1 200 OK\r\n"
	return map[string]testkit.Answer{
		"hang":                 testkit.Hang(),
		"hang in the status":   testkit.HangAfter("HTTP/1.1 2"),
		"hang in a header":     testkit.HangAfter(ok + "A: b\r\nCon"),
		"hang in the body":     testkit.HangAfter(ok + "Content-Length: 100\r\n\r\nhalf"),
		"hang in a chunk":      testkit.HangAfter(ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nha"),
		"hang without an end":  testkit.HangAfter(ok + "\r\nhalf"),
		"drip the headers":     testkit.Drip(20*time.Millisecond, ok+strings.Repeat("A: b\r\n", 1000)),
		"drip the body":        testkit.Drip(2*time.Millisecond, ok+"Content-Length: 100000\r\n\r\n"+strings.Repeat("x", 100000)),
		"endless status":       testkit.Flood("HTTP/1.1 200 ", "O"),
		"endless header":       testkit.Flood(ok+"A: ", "b"),
		"endless headers":      testkit.Flood(ok, "A: b\r\n"),
		"endless folds":        testkit.Flood(ok+"A: b\r\n", " c\r\n"),
		"endless interim":      testkit.Flood("", "HTTP/1.1 102 Processing\r\n\r\n"),
		"endless chunk lines":  testkit.Flood(ok+"Transfer-Encoding: chunked\r\n\r\n1;", "x"),
		"endless extensions":   testkit.Flood(ok+"Transfer-Encoding: chunked\r\n\r\n", "1;"+strings.Repeat("x", 999)+"\r\ny\r\n"),
		"endless trailers":     testkit.Flood(ok+"Transfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n"),
		"endless zero padding": testkit.Flood(ok+"Transfer-Encoding: chunked\r\n\r\n", "0"),
		"endless noise":        testkit.Flood("", "\x00\x01\x02"),
	}
}

func TestHostileReceiversCostBoundedTimeAndMemory(t *testing.T) {
	const timeout = 150 * time.Millisecond
	s := newSender(t)
	for name, answer := range hostile() {
		r := testkit.NewReceiver(t)
		r.Script("", answer)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, err := send(t, s, deliver.Request{URL: r.URL(), Timeout: timeout})
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if e := sendError(t, err); !e.Sent || e.Invalid {
			t.Errorf("%s: got %+v", name, e)
		}
		if took > timeout+2*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
		// The receiver runs in this process; what it allocates counts too.
		if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
			t.Errorf("%s: allocated %d bytes", name, got)
		}
		r.Release()
	}
}

func TestBodiesAreKeptToTheLimit(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	s := newSender(t)
	for name, c := range map[string]struct {
		answer    testkit.Answer
		limit     int
		kept      int
		truncated bool
	}{
		"endless until close":  {testkit.Flood(ok+"\r\n", "x"), 0, 64 << 10, true},
		"endless chunks":       {testkit.Flood(ok+"Transfer-Encoding: chunked\r\n\r\n", "3\r\nxxx\r\n"), 0, 64 << 10, true},
		"endless chunk":        {testkit.Flood(ok+"Transfer-Encoding: chunked\r\n\r\nfffffffffff\r\n", "x"), 0, 64 << 10, true},
		"endless length":       {testkit.Flood(ok+"Content-Length: 999999999999\r\n\r\n", "x"), 0, 64 << 10, true},
		"one more than limit":  {testkit.Respond(200, "12345"), 4, 4, true},
		"just the limit":       {testkit.Respond(200, "1234"), 4, 4, false},
		"chunks to the limit":  {testkit.Raw(ok+"Transfer-Encoding: chunked\r\n\r\n4\r\nxxxx\r\n0\r\n\r\n", true), 4, 4, false},
		"chunks beyond it":     {testkit.Raw(ok+"Transfer-Encoding: chunked\r\n\r\n4\r\nxxxx\r\n4\r\nxxxx\r\n", true), 4, 4, true},
		"a larger limit":       {testkit.Respond(200, strings.Repeat("x", 200<<10)), 1 << 20, 200 << 10, false},
		"announced, not there": {testkit.Respond(204, ""), 4, 0, false},
	} {
		r := testkit.NewReceiver(t)
		r.Script("", c.answer)
		resp, err := send(t, s, deliver.Request{URL: r.URL(), BodyLimit: c.limit})
		if err != nil || len(resp.Body) != c.kept || resp.Truncated != c.truncated {
			t.Errorf("%s: got %d bytes, truncated %v, %v", name, len(resp.Body), resp.Truncated, err)
		}
	}
}

func TestCompressedBodiesAreNotUnpacked(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, _ = w.Write(make([]byte, 32<<20))
	w.Close()
	r, s := testkit.NewReceiver(t), newSender(t)
	r.Script("", testkit.Respond(200, bomb.String(), "Content-Encoding: gzip"))
	resp := mustSend(t, s, deliver.Request{URL: r.URL(), BodyLimit: 1 << 20}, 200)
	if !bytes.Equal(resp.Body, bomb.Bytes()) {
		t.Errorf("%d bytes came of %d", len(resp.Body), bomb.Len())
	}
	if strings.Contains(strings.ToLower(r.Requests()[0].Head), "accept-encoding") {
		t.Error("compression was asked for")
	}
}

func TestAnswerBeforeTheBodyIsReadIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	released := make(chan struct{})
	go func() {
		for i := 0; ; i++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
			if i == 0 { // leave it open, read nothing
				go func() { <-released; c.Close() }()
			} else { // say that no more will come, and throw away the rest
				go func() {
					_ = c.(*net.TCPConn).CloseWrite()
					buf := make([]byte, 1<<20)
					for {
						if _, err := c.Read(buf); err != nil {
							c.Close()
							return
						}
					}
				}()
			}
		}
	}()
	defer close(released)
	s := newSender(t)
	for range 2 {
		resp := mustSend(t, s, deliver.Request{URL: "http://" + l.Addr().String(), Body: make([]byte, 64<<20)}, 413)
		if string(resp.Body) != "big" {
			t.Errorf("body is %q", resp.Body)
		}
	}
}
