package viawazo

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/render"
	"github.com/switchhook/switchhook/internal/render/py"
	"github.com/switchhook/switchhook/internal/webhook"
)

// maxURL bounds what a template may make of a URL, in bytes.
const maxURL = 32 << 10

// said is an error in the words that Python's libraries have for it.
type said string

func (s said) Error() string { return string(s) }

// compose makes the request of an attempt. The error is what Wazo's log is to say: the
// event is not one of Wazo's, or the configuration does not fit it.
func (s *Service) compose(c *config, job *deliver.Job) (*deliver.Request, error) {
	vars, err := variables(job.Event.Payload)
	if err != nil {
		return nil, err
	}
	to, err := fill(c.URL, vars, render.Limits{Output: maxURL})
	if err != nil {
		return nil, err
	}
	var body string
	if c.Body != "" {
		body, err = fill(c.Body, vars, render.Limits{})
	} else {
		var text []byte
		text, err = render.AppendPythonJSON(nil, vars["event"], render.JSONStyle{})
		body = string(text)
	}
	if err != nil {
		return nil, err
	}
	kind := contentType{media: "application/json", params: []param{{"charset", "utf-8"}}}
	if c.Body != "" {
		if kind, err = parseContentType(c.ContentType); err != nil {
			return nil, err
		}
	}
	encoded, err := encode(body, kind.charset())
	if err != nil {
		return nil, err
	}
	if to = deliver.EscapeURL(to); !sendable(to) {
		return nil, said(fault(to))
	}
	req := &deliver.Request{
		Method: c.Method, URL: to, Body: encoded,
		Headers: []webhook.Header{
			{Name: "User-Agent", Value: s.o.UserAgent},
			{Name: "Accept", Value: "*/*"},
			{Name: "Content-Type", Value: kind.String()},
			{Name: "webhook-id", Value: job.Event.ID.Prefixed("msg_")},
		},
		Timeout: job.Timeout, Connect: connect, Silence: silence,
	}
	req.TLS, req.TLSKey, err = trust(c.Verify)
	if err != nil && len(to) > 5 && strings.EqualFold(to[:5], "https") {
		return nil, err
	}
	return req, nil
}

// variables are what templates see of an event.
func variables(payload []byte) (map[string]py.Value, error) {
	v, err := render.Decode(payload)
	if err != nil {
		return nil, err
	}
	event, ok := v.(*py.Dict)
	if !ok {
		return nil, fmt.Errorf("'%s' object is not an event", v.TypeName())
	}
	vars := map[string]py.Value{}
	for name, member := range event.All() {
		text, _ := py.Text(name)
		vars[text] = member
	}
	named := map[string]py.Value{}
	for _, m := range []struct{ member, variable string }{{"name", "event_name"}, {"data", "event"}, {"origin_uuid", "wazo_uuid"}} {
		if vars[m.member] == nil {
			return nil, fmt.Errorf("'%s'", m.member) // as Python's KeyError
		}
		named[m.variable] = vars[m.member]
	}
	return named, nil
}

func fill(template string, vars map[string]py.Value, limits render.Limits) (string, error) {
	t, err := render.Compile(template, limits)
	if err != nil {
		return "", err
	}
	return t.Render(vars)
}

// sendable says whether a request can be sent to a URL, wherever it leads.
func sendable(to string) bool {
	_, err := egress.ParseURL(to)
	return err == nil
}

// fault says why a URL cannot be requested, in the words of python-requests.
func fault(raw string) string {
	shown := "'" + withoutPassword(raw) + "'"
	scheme, _, ok := strings.Cut(raw, ":")
	u, err := url.Parse(raw)
	switch {
	case !ok || strings.ContainsAny(scheme, "/?.@"):
		return "Invalid URL " + shown + ": No scheme supplied. Perhaps you meant http://" + withoutPassword(raw) + "?"
	case !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https"):
		return "No connection adapters were found for " + shown
	case err == nil && u.Hostname() == "":
		return "Invalid URL " + shown + ": No host supplied"
	}
	return "Failed to parse: " + withoutPassword(raw)
}

// withoutPassword is a URL as it may be shown: user and password are left out.
func withoutPassword(raw string) string {
	start := strings.Index(raw, "//")
	if start < 0 {
		return raw
	}
	start += len("//")
	end := len(raw)
	if i := strings.IndexAny(raw[start:], "/?#"); i >= 0 {
		end = start + i
	}
	if at := strings.LastIndexByte(raw[start:end], '@'); at >= 0 {
		return raw[:start] + "***" + raw[start+at:]
	}
	return raw
}
