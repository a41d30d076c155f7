package kazoo

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// call is one request being served.
type call struct {
	api *API
	w   http.ResponseWriter
	r   *http.Request

	id      string // of the request
	method  string // as tunnelled
	path    []string
	allowed []string // methods of the path
	query   url.Values
	in      envelope

	who     *principal // nil is nobody in particular
	params  map[string]string
	account *webhook.Account // in the path

	consumed, remaining int // of the caller's bucket
}

func (c *call) ctx() context.Context { return c.r.Context() }

// serve answers one request.
func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	c := &call{api: a, w: w, r: r, id: requestID(r), method: r.Method, query: r.URL.Query(), params: map[string]string{}}
	var err error
	if c.path, err = tokens(r.URL.EscapedPath()); err != nil || len(c.path) == 0 || !isVersion(c.path[0]) {
		greet(w)
		return
	}
	if len(c.path) == 3 && c.path[1] == "user_auth" {
		u := *r.URL
		u.Path, u.RawPath = Prefix+"/user_auth/-", "" // what stands there is a token, which no log may show
		r.URL = &u
	}
	if r.Method == http.MethodOptions {
		c.preflight()
		return
	}
	ans, err := c.handle()
	c.write(ans, err)
}

// handle judges the request step by step: the order decides which error wins.
func (c *call) handle() (*answer, error) {
	c.remaining, _ = c.api.bucket.take(c.caller(), 0, c.api.Now())
	if err := c.readRequest(); err != nil {
		return nil, err
	}
	if c.path[0] == "v1" {
		return nil, &refusal{status: http.StatusGone, message: "gone", data: "version 1 of this API is gone; use /v2"}
	}
	if err := c.recognise(); err != nil {
		return nil, err
	}
	rest := c.path[1:]
	if len(rest) > 0 && rest[0] == "account" {
		if c.who == nil {
			return nil, invalidCredentials()
		}
		rest = slices.Concat([]string{"accounts", c.who.account.ID.Hex()}, rest[1:])
	}
	op, err := c.find(rest)
	if err != nil {
		return nil, err
	}
	if err := c.findAccount(); err != nil {
		return nil, err
	}
	if err := c.admit(op); err != nil {
		return nil, err
	}
	if err := c.acceptable(op); err != nil {
		return nil, err
	}
	return op.run(c)
}

// recognise finds out who calls. A token that was good once and has expired is refused;
// one that proves nothing is none.
func (c *call) recognise() (err error) {
	c.who, err = c.authenticate()
	if err != nil {
		return err
	}
	c.remaining, _ = c.api.bucket.take(c.caller(), 0, c.api.Now())
	return nil
}

// admit says whether the caller may do this.
func (c *call) admit(op *operation) error {
	if c.who == nil || op.login {
		if err := c.charge(); err != nil {
			return err
		}
	}
	switch {
	case op.open:
		return nil
	case c.who == nil:
		return invalidCredentials()
	case op.nobody, c.account != nil && !c.who.reaches(c.account):
		return forbidden()
	}
	return nil
}

// caller is whose bucket pays.
func (c *call) caller() string {
	host, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		host = c.r.RemoteAddr
	}
	if c.who != nil {
		return host + " " + c.who.account.ID.Hex()
	}
	return host
}

// charge takes one token of the caller's bucket.
func (c *call) charge() error {
	if c.consumed > 0 {
		return nil
	}
	left, ok := c.api.bucket.take(c.caller(), 1, c.api.Now())
	c.remaining = left
	if !ok {
		return tooMany(c.api.bucket.refill())
	}
	c.consumed = 1
	return nil
}

// findAccount reads the account of the path.
func (c *call) findAccount() error {
	text, ok := c.params["account"]
	if !ok {
		return nil
	}
	if len(text) != 32 {
		return badAccount(text)
	}
	account, err := id.Parse(text)
	if err != nil || text != account.Hex() {
		return badIdentifier(text)
	}
	c.account, err = c.api.Control.Account(c.ctx(), account)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return badIdentifier(text)
	}
	return err
}

// acceptable says whether the caller takes JSON, and has sent something that can be read.
func (c *call) acceptable(op *operation) error {
	if !takesJSON(c.r.Header.Values("Accept")) {
		return bare(http.StatusNotAcceptable)
	}
	if !op.reads {
		return nil
	}
	if c.in.foreign {
		return bare(http.StatusUnsupportedMediaType)
	}
	if c.in.list {
		return fault("data", "type", "Value did not match type(s): object", "target", "object", "value", []any{})
	}
	return nil
}

func takesJSON(accept []string) bool {
	list := strings.Join(accept, ",")
	if strings.TrimSpace(list) == "" {
		return true
	}
	for one := range strings.SplitSeq(list, ",") {
		kind, parameters, _ := strings.Cut(one, ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "*/*", "application/*", "application/json", "application/x-json":
			q := strings.ReplaceAll(strings.ToLower(parameters), " ", "")
			return q != "q=0" && q != "q=0.0"
		}
	}
	return false
}

// preflight answers OPTIONS: a browser's question what it may send, or nothing that is
// served.
func (c *call) preflight() {
	rest := c.path[1:]
	if len(rest) > 0 && rest[0] == "account" {
		rest = slices.Concat([]string{"accounts", "-"}, rest[1:]) // whose it is does not matter here
	}
	_, _ = c.find(rest) // for the methods of the path, if there is one
	if !c.crossOrigin() {
		c.refuse(invalidMethod())
		return
	}
	c.allowOrigins()
	c.w.Header().Set("X-Request-Id", c.id)
	c.w.WriteHeader(http.StatusOK)
}

// greet answers what is not the API.
func greet(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = fmt.Fprintln(w, "Switchhook, webhooks as Kazoo has them.\n\nThe API is below "+Prefix+"/.")
}

// tokens splits a path at its slashes.
func tokens(path string) ([]string, error) {
	var all []string
	for part := range strings.SplitSeq(path, "/") {
		if part == "" {
			continue
		}
		text, err := url.PathUnescape(part)
		if err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, nil
}

// isVersion says whether a path's first part is "v" and digits.
func isVersion(text string) bool {
	digits, ok := strings.CutPrefix(text, "v")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// maxRequestID bounds the ids that callers give their requests.
const maxRequestID = 128

func requestID(r *http.Request) string {
	text := r.Header.Get("X-Request-Id")
	printable := strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	if text != "" && len(text) <= maxRequestID && printable {
		return text
	}
	return id.New().Hex()
}
