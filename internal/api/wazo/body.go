package wazo

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	dialect "github.com/switchhook/switchhook/internal/wazo"
)

// Bounds on the members of a subscription, in characters.
const (
	maxText    = 128
	maxKey     = 128
	maxValue   = 2048
	maxURL     = 8192
	maxContent = 16384
	maxType    = 256
	maxVerify  = 1024
)

// serviceHTTP is Wazo's name for the service that makes HTTP requests.
const serviceHTTP = "http"

// readSubscription reads the body of POST and PUT. free says whether a service has a
// rule of its own for configurations.
func readSubscription(v any, mine bool, free func(service string) bool) (*dialect.Document, error) {
	f, err := newForm(v)
	if err != nil {
		return nil, err
	}
	d := &dialect.Document{
		Name: f.text("name", maxText), Service: f.text("service", maxText), Events: f.texts("events", maxText),
		Metadata: f.metadata("metadata"),
	}
	if !mine {
		d.EventsUserUUID, d.EventsWazoUUID = f.uuid("events_user_uuid"), f.uuid("events_wazo_uuid")
		d.OwnerUserUUID = f.uuid("owner_user_uuid")
	}
	config := f.config(free)
	if err := f.err(); err != nil {
		return nil, err
	}
	if d.Config, err = encode(config); err != nil {
		return nil, err
	}
	return d, nil
}

// config reads the configuration by the rule of the service.
func (f *form) config(free func(service string) bool) map[string]any {
	service := f.in["service"]
	switch service.(type) {
	case map[string]any, []any:
		if _, there := f.in["config"]; there {
			f.one("config", "Invalid service type.", "destination-type", map[string]any{"type": "string"})
			return nil
		}
	}
	v, ok := f.present("config")
	if !ok {
		return nil
	}
	in, ok := v.(map[string]any)
	if !ok {
		f.wrongType("config", "dict", "mapping type")
		return nil
	}
	name, _ := service.(string)
	switch {
	case name == serviceHTTP:
		return f.httpConfig(in)
	case free(name):
		if hasNUL(in) {
			f.list("config", "Must not have a NUL character.", "characters", "no NUL")
		}
		return in
	}
	return f.textConfig(in)
}

// httpConfig reads the configuration of http, without what is null.
func (f *form) httpConfig(in map[string]any) map[string]any {
	c, done := f.within("config", in)
	defer done()
	for name := range in {
		switch name {
		case "url", "method", "body", "content_type", "verify_certificate":
		default:
			c.details[name] = []string{"Unknown field."}
		}
	}
	out := map[string]any{"url": c.text("url", maxURL), "method": c.method()}
	for _, field := range []struct {
		name    string
		longest int
	}{{"body", maxContent}, {"content_type", maxType}} {
		if s, ok := c.optional(field.name, field.longest); ok {
			out[field.name] = s
		}
	}
	if s, ok := c.optional("verify_certificate", maxVerify); ok {
		if _, bad := c.details["verify_certificate"]; !bad && s != "true" && s != "false" && !strings.HasPrefix(s, "/") {
			c.one("verify_certificate", "Must be true, false or a path.", "verify-certificate-invalid", []string{"true", "false", "/*"})
		}
		out["verify_certificate"] = s
	}
	return out
}

// method returns the method in lower case.
func (f *form) method() string {
	v, ok := f.present("method")
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		f.wrongType("method", "string", "string")
		return ""
	}
	s = strings.ToLower(s)
	methods := []string{"head", "get", "post", "put", "delete"}
	if !slices.Contains(methods, s) {
		f.one("method", "Must be one of: "+strings.Join(methods, ", ")+".", "enum", map[string]any{"choices": methods})
	}
	return s
}

// textConfig reads the configuration of any other service: texts under short names.
func (f *form) textConfig(in map[string]any) map[string]any {
	for _, name := range slices.Sorted(maps.Keys(in)) {
		s, ok := in[name].(string)
		switch {
		case !ok:
			f.list("config", "Keys and values must be strings.", "key-value-type", "string")
		case utf8.RuneCountInString(name) > maxKey || utf8.RuneCountInString(s) > maxValue:
			f.list("config", "A key or a value is too long.", "key-value-length", map[string]any{"key-max": maxKey, "value-max": maxValue})
		case strings.ContainsRune(name, 0) || strings.ContainsRune(s, 0):
			f.list("config", "Must not have a NUL character.", "characters", "no NUL")
		}
	}
	return in
}

// hasNUL says whether a JSON value has a NUL character somewhere.
func hasNUL(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.ContainsRune(v, 0)
	case []any:
		return slices.ContainsFunc(v, hasNUL)
	case map[string]any:
		for name, value := range v {
			if hasNUL(name) || hasNUL(value) {
				return true
			}
		}
	}
	return false
}
