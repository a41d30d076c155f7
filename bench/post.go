package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// conn is a lean HTTP/1.1 client for one kept connection, so that callers take
// little of the processor time that is measured. It understands answers with a
// Content-Length, which are all that the server gives.
type conn struct {
	addr string
	head string // request line and headers, up to the value of Content-Length
	c    net.Conn
	r    *bufio.Reader
	out  []byte
	body []byte
}

// postLimit bounds one exchange.
const postLimit = 30 * time.Second

// newConn returns a client that posts to a path of the server at url.
func newConn(url, key, path string) *conn {
	addr := strings.TrimPrefix(url, "http://")
	return &conn{addr: addr, head: "POST " + path + " HTTP/1.1\r\nHost: " + addr +
		"\r\nAuthorization: Bearer " + key + "\r\nContent-Type: application/json\r\n"}
}

// answer is what the server said. The body is good until the next post.
type answer struct {
	status     int
	retryAfter time.Duration
	body       []byte
}

// post sends a body, with more headers, each ending in CRLF. After an error the
// next post dials anew.
func (c *conn) post(body []byte, headers string) (answer, error) {
	if c.c == nil {
		dialled, err := net.DialTimeout("tcp", c.addr, postLimit)
		if err != nil {
			return answer{}, err
		}
		c.c, c.r = dialled, bufio.NewReaderSize(dialled, 8<<10)
	}
	c.out = append(append(append(c.out[:0], c.head...), headers...), "Content-Length: "...)
	c.out = append(strconv.AppendInt(c.out, int64(len(body)), 10), "\r\n\r\n"...)
	c.out = append(c.out, body...)
	_ = c.c.SetDeadline(time.Now().Add(postLimit)) // fails only when the write fails, too
	if _, err := c.c.Write(c.out); err != nil {
		c.close()
		return answer{}, err
	}
	a, err := c.read()
	if err != nil {
		c.close()
	}
	return a, err
}

func (c *conn) close() {
	if c.c != nil {
		_ = c.c.Close()
		c.c = nil
	}
}

func (c *conn) read() (answer, error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return answer{}, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return answer{}, fmt.Errorf("%q is no status line", line)
	}
	a := answer{}
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, fmt.Errorf("status: %w", err)
	}
	length, last := 0, false
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return a, err
		}
		name, value, ok := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		if !ok {
			break
		}
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return a, err
			}
		case bytes.EqualFold(name, []byte("Retry-After")):
			seconds, _ := strconv.Atoi(string(value)) // none is no wait
			a.retryAfter = time.Duration(seconds) * time.Second
		case bytes.EqualFold(name, []byte("Connection")):
			last = bytes.EqualFold(value, []byte("close"))
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			return a, errors.New("an answer of unknown length")
		}
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	a.body = c.body[:length]
	if _, err := io.ReadFull(c.r, a.body); err != nil {
		return a, err
	}
	if last {
		c.close()
	}
	return a, nil
}

// refused says whether the server has asked to come again later.
func (a answer) refused() bool { return a.status == http.StatusTooManyRequests }
