package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/cli/client"
	"github.com/switchhook/switchhook/internal/sign"
)

type listenVerb struct {
	remote
	App       string   `arg:"" help:"Id or uid of the app."`
	ForwardTo string   `help:"Send each verified delivery on to this URL, and its answer back." placeholder:"URL"`
	EventType []string `help:"Event type that is wanted, or a prefix that ends in *; repeatable. Without it: all." placeholder:"TYPE"`
	Channel   []string `help:"Channel of which a message must carry one; repeatable."`
	Address   string   `default:"127.0.0.1:0" help:"Address to listen on."`
	As        string   `help:"URL under which the server reaches this address, when it is on another machine." placeholder:"URL"`
}

// maxDelivery bounds the body of a delivery, in bytes.
const maxDelivery = 64 << 20

// Run receives until Ctrl-C.
func (v *listenVerb) Run(s *session) error {
	if u, err := url.Parse(v.ForwardTo); v.ForwardTo != "" && (err != nil || u.Host == "") {
		return usagef("--forward-to: %q is not a URL", v.ForwardTo)
	}
	c, err := v.connect()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", v.Address)
	if err != nil {
		return usagef("--address: %w", err)
	}
	defer l.Close()
	at := v.As
	if at == "" {
		at = "http://" + l.Addr().String() + "/"
	}
	endpoint, secret, err := v.register(s.ctx, c, at)
	if err != nil {
		return fmt.Errorf("register %s: %w%s", at, err, hint(err.Error()))
	}
	defer v.remove(s, c, endpoint)
	fmt.Fprintf(s.err, "Listening on %s as endpoint %s. Ctrl-C ends it.\n", at, endpoint)
	r := &receiver{s: s, json: v.JSON, secret: secret, forwardTo: v.ForwardTo, http: &http.Client{Timeout: 30 * time.Second}}
	go r.watch(c, v.App, endpoint)
	return r.serve(l)
}

// register makes the endpoint and fetches its secret.
func (v *listenVerb) register(ctx context.Context, c *client.Client, at string) (endpoint, secret string, err error) {
	f := fields{"url": at, "description": "switchhook listen"}
	f.list("eventTypes", v.EventType)
	f.list("channels", v.Channel)
	e, err := c.Endpoints(v.App).Create(ctx, f)
	if err != nil {
		return "", "", err
	}
	k, err := c.Secret(ctx, v.App, e.Value.ID)
	if err != nil {
		return "", "", err
	}
	return e.Value.ID, k.Value.Key, nil
}

// remove takes the endpoint away, whatever ended the verb.
func (v *listenVerb) remove(s *session, c *client.Client, endpoint string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), 5*time.Second)
	defer cancel()
	if err := c.Endpoints(v.App).Delete(ctx, endpoint, nil); err != nil {
		fmt.Fprintf(s.err, "Endpoint %s could not be removed: %v\n", endpoint, err)
		return
	}
	fmt.Fprintln(s.err, "Endpoint removed.")
}

// hint says what helps against a refusal of the server's guard; it is empty for
// other failures.
func hint(failure string) string {
	if !strings.Contains(failure, "not allowed") {
		return ""
	}
	return "; the server delivers to the public internet alone, start it with --set egress.allow=loopback"
}

// receiver answers deliveries.
type receiver struct {
	s         *session
	json      bool
	secret    string
	forwardTo string
	http      *http.Client
	mu        sync.Mutex // one delivery is printed at a time
}

// received is a delivery as --json prints it.
type received struct {
	ID       string          `json:"id"`
	At       time.Time       `json:"at"`
	Verified bool            `json:"verified"`
	Problem  string          `json:"problem,omitempty"`
	Status   int             `json:"status"` // what was answered
	Payload  json.RawMessage `json:"payload,omitempty"`
	Body     string          `json:"body,omitempty"` // when it is no JSON
}

func (r *receiver) serve(l net.Listener) error {
	server := &http.Server{
		Handler: r, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return r.s.ctx },
	}
	stop := context.AfterFunc(r.s.ctx, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
	})
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// ServeHTTP verifies a delivery, forwards it, prints it and answers it.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxDelivery))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	got := received{ID: req.Header.Get("webhook-id"), At: time.Now().UTC(), Status: http.StatusNoContent}
	h := sign.Headers{ID: got.ID, Timestamp: req.Header.Get("webhook-timestamp"), Signature: req.Header.Get("webhook-signature")}
	if err := sign.Verify([]string{r.secret}, h, body, time.Now(), 5*time.Minute); err != nil {
		got.Problem, got.Status = err.Error(), http.StatusUnauthorized
	}
	got.Verified = got.Problem == ""
	var answer []byte
	if got.Verified && r.forwardTo != "" {
		got.Status, answer = r.forward(req, body)
	}
	if got.Payload = body; !json.Valid(body) {
		got.Payload, got.Body = nil, string(body)
	}
	r.print(got)
	w.WriteHeader(got.Status)
	_, _ = w.Write(answer)
}

// forward sends the delivery on and returns the answer to it.
func (r *receiver) forward(req *http.Request, body []byte) (int, []byte) {
	out, err := http.NewRequestWithContext(req.Context(), req.Method, r.forwardTo, bytes.NewReader(body))
	if err == nil {
		for name, values := range req.Header {
			if name != "Connection" && name != "Content-Length" {
				out.Header[name] = values
			}
		}
		var resp *http.Response
		if resp, err = r.http.Do(out); err == nil {
			defer resp.Body.Close()
			answer, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
			return resp.StatusCode, answer
		}
	}
	fmt.Fprintf(r.s.err, "Forwarding failed: %v\n", err)
	return http.StatusBadGateway, nil
}

func (r *receiver) print(got received) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.json {
		_ = printLine(r.s.out, got)
		return
	}
	verdict := "verified"
	if !got.Verified {
		verdict = "NOT VERIFIED: " + got.Problem
	}
	fmt.Fprintf(r.s.out, "%s  %s  %s  answered %d\n", got.At.Local().Format("15:04:05.000"), printable(got.ID), verdict, got.Status)
	if got.Payload == nil || printJSON(r.s.out, got.Payload) != nil {
		fmt.Fprintln(r.s.out, printable(got.Body))
	}
}

// watch says when deliveries do not get here, and why: then nothing else would.
func (r *receiver) watch(c *client.Client, app, endpoint string) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	told := map[string]bool{}
	for {
		select {
		case <-r.s.ctx.Done():
			return
		case <-tick.C:
		}
		a, err := c.EndpointAttempts(app, endpoint).List(r.s.ctx, client.Page{Limit: 10})
		if err != nil {
			continue // the next look may go better
		}
		for _, t := range a.Value.Data {
			if t.ResponseStatusCode != 0 || told[t.Detail] {
				continue
			}
			told[t.Detail] = true
			fmt.Fprintf(r.s.err, "A delivery did not get here: %s%s\n", printable(t.Detail), hint(t.Detail))
		}
	}
}
