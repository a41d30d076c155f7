package viahttp

import (
	"bufio"
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/webhook"
)

func FuzzResponse(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 No\nA: b\n c\n\nbody",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nhi\r\n0\r\nT: x\r\n\r\n",
		"HTTP/1.1 204 No Content\r\nConnection: close\r\nContent-Length: 9\r\n\r\n",
		"220 smtp",
	} {
		f.Add([]byte(s), 4)
	}
	f.Fuzz(func(t *testing.T, raw []byte, limit int) {
		limit = max(limit, 0) % (1 << 16)
		e := &exchange{br: bufio.NewReader(bytes.NewReader(raw))}
		h, err := e.readHead(false)
		if err != nil {
			return
		}
		if h.status < 200 || h.status > 999 {
			t.Fatalf("status %d", h.status)
		}
		if len(h.header) > len(raw) {
			t.Fatalf("%d bytes of headers came of %d", len(h.header), len(raw))
		}
		for line := range bytes.Lines(h.header) {
			name, _, ok := bytes.Cut(line, []byte(": "))
			if !ok || !isToken(name) || line[len(line)-1] != '\n' {
				t.Fatalf("header line %q", line)
			}
		}
		body, _, _ := readBody(e.br, h.framing, limit)
		if len(body) > limit || len(body) > len(raw) || cap(body) > 2*limit+8<<10 {
			t.Fatalf("kept %d (%d) bytes of %d, limit %d", len(body), cap(body), len(raw), limit)
		}
	})
}

// What net/http reads as a response is read the same way here.
func FuzzResponseLikeNetHTTP(f *testing.F) {
	f.Add("text", "X-A", "v", uint16(200), false)
	f.Add("", "X-B", " v\t", uint16(500), true)
	f.Fuzz(func(t *testing.T, body, name, value string, status uint16, chunked bool) {
		if status < 200 || status > 999 || status == 204 || status == 304 || !isToken(name) || !isFieldValue(value) {
			return
		}
		switch strings.ToLower(name) {
		case "content-length", "transfer-encoding", "connection", "trailer":
			return
		}
		resp := &http.Response{
			StatusCode: int(status), ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{name: {value}},
			Body: http.NoBody, ContentLength: int64(len(body)),
		}
		resp.Body = readCloser{strings.NewReader(body)}
		if chunked {
			resp.ContentLength, resp.TransferEncoding = -1, []string{"chunked"}
		}
		var wire bytes.Buffer
		if err := resp.Write(&wire); err != nil {
			return
		}
		e := &exchange{br: bufio.NewReader(&wire)}
		h, err := e.readHead(false)
		if err != nil {
			t.Fatalf("%v", err)
		}
		got, truncated, err := readBody(e.br, h.framing, 1<<20)
		if err != nil || truncated || string(got) != body || h.status != int(status) {
			t.Fatalf("got %d %q, truncated %v, %v", h.status, got, truncated, err)
		}
		if got := deliver.Header(h.header).Get(name); got != strings.Trim(value, " \t") {
			t.Fatalf("header %s is %q, want %q", name, got, value)
		}
	})
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// Whatever goes into a request, what comes out is one request with that in it.
func FuzzRequestHead(f *testing.F) {
	f.Add("POST", "http://a.test/b?c", "X-A", "b")
	f.Add("GET", "https://u:p@a.test:81/ü \"<>?ä#x", "X\r\n", "b\r\nEvil: 1")
	d, err := egress.New(egress.Options{Allow: []string{"*"}})
	if err != nil {
		f.Fatal(err)
	}
	s, err := NewSender(SenderOptions{Dialer: d})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, raw, name, value string) {
		req := &deliver.Request{Method: method, URL: raw, Headers: []webhook.Header{{Name: name, Value: value}}}
		target, err := s.newTarget(req)
		if err != nil {
			return
		}
		head, err := appendHead(nil, target, req)
		if err != nil {
			return
		}
		for line := range bytes.Lines(head) {
			if !bytes.HasSuffix(line, []byte("\r\n")) || bytes.IndexByte(line[:len(line)-2], '\r') >= 0 || bytes.IndexByte(line, 0) >= 0 {
				t.Fatalf("%q holds a broken line", head)
			}
		}
		if strings.EqualFold(name, "Host") || method == "CONNECT" || method == "PRI" {
			return // net/http has its own opinion there
		}
		got, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
		if err != nil {
			if _, bad := url.ParseRequestURI(target.line); bad != nil {
				return // a target that net/http does not take apart: "//"
			}
			t.Fatalf("%q: %v", head, err)
		}
		if got.Host != target.host || got.RequestURI != target.line || len(got.Header) > 4 {
			t.Fatalf("%q reads as %+v", head, got)
		}
	})
}
