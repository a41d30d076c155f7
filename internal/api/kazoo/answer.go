package kazoo

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/httpx"
)

// answer is what an operation comes to.
type answer struct {
	status   int // 200 when 0
	data     any
	revision string // of one document
	location string // id of the document that was made
	token    string // a new one
	page     *pageOut
}

// pageOut is what the envelope says of a page.
type pageOut struct {
	size      int
	start     string
	next      string
	unbounded bool // everything was asked for
}

// tagOf is a revision for what has none.
func tagOf(data json.RawMessage) string {
	sum := md5.Sum(data)
	return hex.EncodeToString(sum[:])
}

// write answers a request.
func (c *call) write(ans *answer, err error) {
	h := c.w.Header()
	h.Set("X-Request-Id", c.id)
	if err != nil {
		c.refuse(err)
		return
	}
	if c.crossOrigin() {
		c.allowOrigins()
	}
	status := ans.status
	if status == 0 {
		status = http.StatusOK
	}
	var data json.RawMessage
	if ans.data != nil {
		data = encode(ans.data)
	}
	revision := ans.revision
	if revision == "" && c.method == http.MethodGet {
		revision = tagOf(data)
	}
	if c.method == http.MethodGet {
		h.Set("ETag", strconv.Quote(revision))
		if c.r.Header.Get("If-None-Match") == strconv.Quote(revision) {
			c.w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if ans.location != "" {
		h.Set("Location", strings.TrimRight(c.r.URL.EscapedPath(), "/")+"/"+ans.location)
	}
	var out document
	if p := ans.page; p != nil && !p.unbounded {
		out.set("page_size", p.size)
		if p.start != "" {
			out.set("start_key", p.start)
		}
		if p.next != "" {
			out.set("next_start_key", p.next)
		}
	}
	if data != nil {
		out.set("data", data)
	}
	if revision != "" {
		out.set("revision", revision)
	}
	out.set("status", "success")
	c.finish(status, &out, ans.token)
}

// refuse answers with an error. What is not the caller's is logged and not told.
func (c *call) refuse(err error) {
	r := refusalOf(err)
	if r == nil && c.ctx().Err() == nil { // else the caller is gone, and nothing is wrong
		c.api.Logger.Error("request failed", "error", err, "method", c.r.Method, "path", c.r.URL.Path, "request_id", c.id)
	}
	if r == nil {
		r = unspecified()
	}
	c.allowOrigins()
	httpx.SetRetryAfter(c.w, r.retry)
	if r.bare || c.r.Method == http.MethodHead {
		c.w.WriteHeader(r.status)
		return
	}
	out := object("data", r.data, "error", strconv.Itoa(r.status), "message", r.message, "status", "error")
	c.finish(r.status, &out, "")
}

// finish adds what every answer has and sends it.
func (c *call) finish(status int, out *document, token string) {
	if token == "" && c.who != nil {
		token = c.who.token
	}
	if token != "" {
		out.set("auth_token", token)
	}
	out.set("request_id", c.id)
	out.set("timestamp", c.api.Now().UTC().Format(time.RFC3339))
	out.set("node", c.api.Node)
	if c.who != nil || token != "" {
		out.set("version", c.api.Version)
	}
	out.set("tokens", object("consumed", c.consumed, "remaining", c.remaining))
	body := encode(out)
	if c.pretty() {
		var b bytes.Buffer
		if json.Indent(&b, body, "", "  ") == nil {
			body = append(b.Bytes(), '\n')
		}
	}
	httpx.WriteJSON(c.w, status, body)
}

func (c *call) pretty() bool {
	return c.r.Header.Get("X-Pretty-Print") == "true" || c.flag("pretty_print", false)
}

// broken answers a request whose handler panicked.
func (a *API) broken(w http.ResponseWriter) {
	out := object("data", unspecified().data, "error", "500", "message", unspecified().message, "status", "error",
		"request_id", w.Header().Get("X-Request-Id"), "timestamp", a.Now().UTC().Format(time.RFC3339), "node", a.Node)
	httpx.WriteJSON(w, http.StatusInternalServerError, encode(out))
}
