package native

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/webhook"
)

// endpointFields are what can be said about an endpoint.
type endpointFields struct {
	url         httpx.Opt[string]
	description httpx.Opt[string]
	disabled    httpx.Opt[bool]
	uid         httpx.Opt[string]
	rateLimit   httpx.Opt[int]
	version     httpx.Opt[int]
	secret      httpx.Opt[string]
	metadata    httpx.Opt[map[string]string]
	headers     httpx.Opt[[]webhook.Header]
	eventTypes  httpx.Opt[[]string]
	channels    httpx.Opt[[]string]

	// What follows is ours.
	service     httpx.Opt[string]
	config      httpx.Opt[json.RawMessage]
	filter      httpx.Opt[filterIn]
	schedule    httpx.Opt[[]time.Duration]
	ordering    httpx.Opt[webhook.Ordering]
	timeout     httpx.Opt[int]
	maxInFlight httpx.Opt[int]
	svixHeaders httpx.Opt[bool]
	tls         httpx.Opt[webhook.TLS]
}

// readEndpoint reads an endpoint; whole wants all that it needs to have.
func readEndpoint(body []byte, whole bool) (*endpointFields, error) {
	f := &endpointFields{}
	o := httpx.ReadObject(body)
	for name, v := range o.Members {
		if !f.readKnown(string(name), v) && !f.readOurs(string(name), v) {
			v.Unknown()
		}
	}
	if whole && !f.url.Given() && f.service.Or(webhook.ServiceHTTP) == webhook.ServiceHTTP {
		o.Fail("url", "must be there")
	}
	if f.eventTypes.Given() && f.filter.V.types != nil && !slices.Equal(f.eventTypes.V, f.filter.V.types) {
		o.Fail("filter.types", "says something else than eventTypes")
	}
	if f.channels.Given() && f.filter.V.channels != nil && !slices.Equal(f.channels.V, f.filter.V.channels) {
		o.Fail("filter.channels", "says something else than channels")
	}
	return f, o.Err()
}

func (f *endpointFields) readKnown(name string, v httpx.Value) bool {
	switch name {
	case "url":
		f.url = httpx.Opt[string]{Set: true, V: v.Line()}
	case "description":
		f.description = httpx.Optional(v, httpx.Value.Text)
	case "disabled":
		f.disabled = httpx.Optional(v, httpx.Value.Bool)
	case "uid":
		f.uid = httpx.Optional(v, readUID(endpointPrefix))
	case "throttleRate":
		f.rateLimit = httpx.Optional(v, readRate)
	case "rateLimit":
		readOlder(v, &f.rateLimit, readRate)
	case "version":
		f.version = httpx.Optional(v, func(v httpx.Value) int { return v.Int(1, 65535) })
	case "secret":
		f.secret = httpx.Optional(v, httpx.Value.Line)
	case "metadata":
		f.metadata = httpx.Optional(v, readMetadata)
	case "headers":
		f.headers = httpx.Optional(v, readHeaders)
	case "eventTypes":
		f.eventTypes = httpx.Optional(v, readTypes)
	case "filterTypes":
		readOlder(v, &f.eventTypes, readTypes)
	case "channels":
		f.channels = httpx.Optional(v, readChannels)
	default:
		return false
	}
	return true
}

func (f *endpointFields) readOurs(name string, v httpx.Value) bool {
	switch name {
	case "service":
		f.service = httpx.Optional(v, httpx.Value.Line)
	case "config":
		f.config = httpx.Optional(v, func(v httpx.Value) json.RawMessage {
			if v.Raw[0] != '{' {
				v.Fail("must be an object")
			}
			return slices.Clone(json.RawMessage(v.Raw))
		})
	case "filter":
		f.filter = httpx.Optional(v, readFilter)
	case "retrySchedule":
		f.schedule = httpx.Optional(v, readSchedule)
	case "ordering":
		f.ordering = httpx.Optional(v, readOrdering)
	case "timeoutSeconds":
		f.timeout = httpx.Optional(v, func(v httpx.Value) int { return v.Int(1, 300) })
	case "maxInFlight":
		f.maxInFlight = httpx.Optional(v, func(v httpx.Value) int { return v.Int(0, maxRate) })
	case "svixHeaders":
		f.svixHeaders = httpx.Optional(v, httpx.Value.Bool)
	case "tls":
		f.tls = httpx.Optional(v, readTLS)
	case "health": // read only: what was read may be sent back
	default:
		return false
	}
	return true
}

// Limits of lists on an endpoint.
const (
	maxTypes     = 500
	maxChannels  = 10
	maxHeaders   = 100
	maxSchedule  = 100
	orderingNone = "none"
)

// readTypes reads names of event types, and prefixes that end in "*". None at all
// is no list: null wants everything.
func readTypes(v httpx.Value) []string {
	return nonEmpty(v, v.Lines(maxTypes, func(s string) string {
		if prefix, ok := strings.CutSuffix(s, "*"); ok {
			if prefix == "" {
				return ""
			}
			s = prefix
		}
		return wrongName(s)
	}))
}

func readChannels(v httpx.Value) []string { return nonEmpty(v, v.Lines(maxChannels, wrongName)) }

func nonEmpty(v httpx.Value, list []string) []string {
	if len(list) == 0 {
		v.Fail("must not be empty; leave it out instead")
	}
	return list
}

// readSchedule reads waits: texts with units such as "5m", or seconds.
func readSchedule(v httpx.Value) []time.Duration {
	waits := []time.Duration{}
	v.Elements(func(v httpx.Value) {
		if len(waits) >= maxSchedule {
			v.Fail("is one too many: at most %d are allowed", maxSchedule)
			return
		}
		if v.Raw[0] != '"' {
			waits = append(waits, time.Duration(v.Int(0, 30*24*3600))*time.Second)
			return
		}
		d, err := time.ParseDuration(v.Line())
		if err != nil {
			v.Fail("must be a duration such as 5s, 10m or 24h, or a number of seconds")
		}
		waits = append(waits, d)
	})
	return waits
}

func readOrdering(v httpx.Value) webhook.Ordering {
	switch s := v.Line(); s {
	case orderingNone, "":
		return webhook.OrderingNone
	default:
		if webhook.Ordering(s) != webhook.OrderingFIFO {
			v.Fail("must be %q or %q", orderingNone, webhook.OrderingFIFO)
		}
		return webhook.OrderingFIFO
	}
}

func readTLS(v httpx.Value) webhook.TLS {
	var t webhook.TLS
	for name, v := range v.Object().Members {
		if v.IsNull() {
			continue
		}
		switch string(name) {
		case "certificate":
			t.CertificatePEM = v.Text()
		case "key":
			t.KeyPEM = webhook.Secret(v.Text())
		case "ca":
			t.CAPEM = v.Text()
		case "serverName":
			t.ServerName = v.Line()
		case "insecure":
			t.Insecure = v.Bool()
		default:
			v.Unknown()
		}
	}
	return t
}

// apply changes what is said and, with whole, takes back what is not said and the
// published API knows.
func (f *endpointFields) apply(edit *control.EndpointEdit, whole bool, defaults *control.Control) error {
	e := edit.Endpoint
	if f.url.Set {
		e.URL = f.url.V
	}
	if whole || f.description.Set {
		e.Description = f.description.Or("")
	}
	if whole || f.disabled.Set {
		e.Enabled = !f.disabled.Or(false)
	}
	if whole || f.uid.Set {
		e.UID = f.uid.Or("")
	}
	if whole || f.rateLimit.Set {
		e.RateLimit = f.rateLimit.Or(0)
	}
	if whole || f.metadata.Set {
		e.Metadata = f.metadata.Or(nil)
	}
	if f.headers.Set {
		e.Headers = f.headers.Or(nil)
	}
	if f.secret.Given() {
		setSecret(e, f.secret.V)
	}
	f.applyFilter(edit, whole)
	f.applyOurs(e, defaults)
	return f.annotate(e, whole)
}

// setSecret puts a key in the place of the current one, which signs no longer.
func setSecret(e *webhook.Endpoint, secret string) {
	key := webhook.SigningKey{Key: webhook.Secret(secret)}
	if len(e.Keys) == 0 {
		e.Keys = []webhook.SigningKey{key}
		return
	}
	e.Keys[0] = key
}

func (f *endpointFields) applyOurs(e *webhook.Endpoint, defaults *control.Control) {
	if f.service.Set {
		e.Service = f.service.Or(webhook.ServiceHTTP)
	}
	if f.config.Set {
		e.Config = f.config.Or(nil)
	}
	switch {
	case f.schedule.Given():
		e.Retry.Schedule, e.Retry.MaxAttempts = f.schedule.V, 0
	case f.schedule.Null:
		e.Retry = defaults.DraftEndpoint(e.AccountID).Retry
	}
	if f.ordering.Set {
		e.Ordering = f.ordering.Or(webhook.OrderingNone)
	}
	if f.timeout.Set {
		e.Timeout = time.Duration(f.timeout.Or(0)) * time.Second
	}
	if f.maxInFlight.Set {
		e.MaxInFlight = f.maxInFlight.Or(0)
	}
	switch {
	case f.tls.Given():
		t := f.tls.V
		if t.KeyPEM == "" && e.TLS != nil && t.CertificatePEM == e.TLS.CertificatePEM {
			t.KeyPEM = e.TLS.KeyPEM // it is never shown, so who sends back what was read keeps it
		}
		e.TLS = &t
	case f.tls.Null:
		e.TLS = nil
	}
}

// annotate keeps what the domain has no place for.
func (f *endpointFields) annotate(e *webhook.Endpoint, whole bool) error {
	n, err := endpointNoteOf(e)
	if err != nil {
		return err
	}
	if f.svixHeaders.Set {
		n.SvixHeaders = f.svixHeaders.Or(false)
	}
	if whole || f.version.Set {
		n.Version = f.version.Or(0)
	}
	if n == (endpointNote{}) {
		delete(e.Annotations, dialect)
		return nil
	}
	raw, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if e.Annotations == nil {
		e.Annotations = webhook.Annotations{}
	}
	e.Annotations[dialect] = raw
	return nil
}
