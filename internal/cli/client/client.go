// Package client speaks to a running server through its native API, for the verbs
// of the command line. It knows paths, shapes and errors of the wire and nothing of
// how they are shown.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 20

// Client calls one server with one API key. It is safe for concurrent use.
type Client struct {
	base string
	key  string
	http *http.Client
}

// New returns a client for the server at base, for example "http://127.0.0.1:8080".
func New(base, key string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("%q is not an http or https URL", base)
	}
	return &Client{
		base: strings.TrimRight(base, "/") + "/api/v1",
		key:  key,
		http: &http.Client{Timeout: 60 * time.Second},
	}, nil
}

// Within returns a client for a server that has no address: it asks h, in this process.
func Within(h http.Handler) *Client {
	return &Client{base: "http://in-process/api/v1", http: &http.Client{Transport: handlerTransport{h}}}
}

// Error is an answer that is not a success.
type Error struct {
	Status int
	Code   string // "not_found", "validation", …
	Detail string // one line for people
}

// Error says what the server says.
func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("the server answered %d %s", e.Status, http.StatusText(e.Status))
	}
	if e.Status == http.StatusUnauthorized {
		return e.Detail + "; give a key with --api-key or SWITCHHOOK_API_KEY"
	}
	return e.Detail
}

// IsNotFound says whether err is an answer that there is no such thing.
func IsNotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusNotFound
}

// Answer is a value with the JSON text that it was read from.
type Answer[T any] struct {
	Value T
	Raw   json.RawMessage
}

// call makes a request with in as its JSON body, when it is not nil, and decodes
// the answer.
func call[T any](ctx context.Context, c *Client, method, path string, query url.Values, in any) (Answer[T], error) {
	var a Answer[T]
	body, err := encode(in)
	if err != nil {
		return a, fmt.Errorf("encode request: %w", err)
	}
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return a, err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return send[T](c, req)
}

// send sends a request that is ready but for who asks, and decodes the answer.
func send[T any](c *Client, req *http.Request) (Answer[T], error) {
	var a Answer[T]
	req.Header.Set("Accept", "application/json")
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return a, fmt.Errorf("read answer: %w", err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return a, readError(resp.StatusCode, text)
	}
	a.Raw = text
	if len(text) > 0 {
		if err := json.Unmarshal(text, &a.Value); err != nil {
			return a, fmt.Errorf("answer of %s %s is not what was expected: %w", req.Method, req.URL.Path, err)
		}
	}
	return a, nil
}

// verbatim is JSON text that is sent as it is.
type verbatim []byte

func encode(in any) (io.Reader, error) {
	switch in := in.(type) {
	case nil:
		return nil, nil
	case verbatim:
		return bytes.NewReader(in), nil
	}
	text, err := json.Marshal(in)
	return bytes.NewReader(text), err
}

// readError reads {"code","detail"}, or a detail that lists fields.
func readError(status int, text []byte) error {
	e := &Error{Status: status}
	var body struct {
		Code   string          `json:"code"`
		Detail json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(text, &body) != nil {
		return e
	}
	e.Code = body.Code
	var fields []struct {
		Loc []any  `json:"loc"`
		Msg string `json:"msg"`
	}
	switch {
	case json.Unmarshal(body.Detail, &e.Detail) == nil:
	case json.Unmarshal(body.Detail, &fields) == nil:
		var lines []string
		for _, f := range fields {
			var path []string
			for _, step := range f.Loc {
				path = append(path, fmt.Sprint(step))
			}
			if len(path) > 1 && (path[0] == "body" || path[0] == "query" || path[0] == "path") {
				path = path[1:]
			}
			lines = append(lines, strings.TrimPrefix(strings.Join(path, ".")+": "+f.Msg, ": "))
		}
		e.Detail = strings.Join(lines, "; ")
	}
	return e
}

// escape joins path segments that may hold anything.
func escape(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}
