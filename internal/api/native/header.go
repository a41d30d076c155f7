package native

import (
	"net/http"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/webhook"
)

// isSensitive says whether a header's value is never shown.
func isSensitive(name string) bool {
	switch strings.ToLower(name) {
	case "x-auth-token", "x-api-key", "www-authenticate", "authorization", "proxy-authenticate", "proxy-authorization":
		return true
	}
	return false
}

// readHeaders reads an object of names and values, in its order.
func readHeaders(v httpx.Value) []webhook.Header {
	headers := []webhook.Header{}
	for name, v := range v.Object().Members {
		checkHeader(string(name), v, len(headers))
		headers = append(headers, webhook.Header{Name: string(name), Value: v.Line()})
	}
	return headers
}

// checkHeader refuses names that the published API keeps for its own
// infrastructure; what else cannot be sent is the service's to say.
func checkHeader(name string, v httpx.Value, n int) {
	switch {
	case n >= maxHeaders:
		v.Fail("is one too many: at most %d are allowed", maxHeaders)
	case isReserved(strings.ToLower(name)):
		v.Fail("this header cannot be set")
	}
}

// isReserved says whether the published API keeps a header for itself, or for what
// is between it and receivers. One name of its list is not here: Content-Type.
func isReserved(lower string) bool {
	switch lower {
	case "user-agent", "keep-alive", "te", "trailers", "upgrade", "age", "cache-control", "clear-site-data", "expires",
		"pragma", "warning", "content-encoding", "content-language", "content-location":
		return true
	}
	return slices.ContainsFunc([]string{
		"x-svix-", "x-amz-", "x-amzn-", "x-google", "x-goog-", "x-gfe", "x-azure-", "x-fd-",
	}, func(prefix string) bool { return strings.HasPrefix(lower, prefix) })
}

type headersOut struct {
	Headers   map[string]string `json:"headers"`
	Sensitive []string          `json:"sensitive"`
}

func (a *API) getHeaders(c *call) error {
	e, err := a.endpoint(c)
	if err != nil {
		return err
	}
	out := headersOut{Headers: map[string]string{}, Sensitive: []string{}}
	for _, h := range e.Headers {
		if isSensitive(h.Name) {
			out.Sensitive = append(out.Sensitive, h.Name)
			continue
		}
		out.Headers[h.Name] = h.Value
	}
	slices.Sort(out.Sensitive)
	return c.json(http.StatusOK, out)
}

func readHeadersIn(body []byte) ([]webhook.Header, error) {
	var headers []webhook.Header
	o := httpx.ReadObject(body)
	for name, v := range o.Members {
		switch string(name) {
		case "headers":
			headers = readHeaders(v)
		default:
			v.Unknown()
		}
	}
	if headers == nil {
		o.Fail("headers", "must be there")
	}
	return headers, o.Err()
}

func (a *API) putHeaders(c *call) error {
	body, err := a.body(c)
	if err != nil {
		return err
	}
	headers, err := readHeadersIn(body)
	if err != nil {
		return err
	}
	e, err := a.endpoint(c)
	if err != nil {
		return err
	}
	if _, err := a.Control.SetHeaders(c.ctx(), e.ID, headers); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

func readHeadersPatch(body []byte) ([]control.HeaderChange, error) {
	var changes []control.HeaderChange
	o := httpx.ReadObject(body)
	for name, v := range o.Members {
		switch string(name) {
		case "headers":
			for name, v := range v.Object().Members {
				checkHeader(string(name), v, len(changes))
				change := control.HeaderChange{Header: webhook.Header{Name: string(name)}, Remove: v.IsNull()}
				if !change.Remove {
					change.Value = v.Line()
				}
				changes = append(changes, change)
			}
		case "deleteHeaders":
			if v.IsNull() {
				continue
			}
			for _, name := range v.Lines(maxHeaders, nil) {
				changes = append(changes, control.HeaderChange{Header: webhook.Header{Name: name}, Remove: true})
			}
		default:
			v.Unknown()
		}
	}
	return changes, o.Err()
}

func (a *API) patchHeaders(c *call) error {
	body, err := a.body(c)
	if err != nil {
		return err
	}
	changes, err := readHeadersPatch(body)
	if err != nil {
		return err
	}
	e, err := a.endpoint(c)
	if err != nil {
		return err
	}
	if _, err := a.Control.PatchHeaders(c.ctx(), e.ID, changes); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
