package viawazo

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/webhook"
)

// config is what a subscription says about its requests.
type config struct {
	URL         string `json:"url"`    // a template
	Method      string `json:"method"` // in any case
	Body        string `json:"body"`   // a template; empty is the event's data as JSON
	ContentType string `json:"content_type"`
	Verify      string `json:"verify_certificate"` // "", "true", "false", or a path
}

// readConfig reads an endpoint's configuration. The error is a *webhook.Error that
// names the field.
func readConfig(raw json.RawMessage) (*config, error) {
	var c config
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, webhook.Errorf(webhook.CodeInvalid, "config", "must be an object of texts")
	}
	for _, f := range []struct {
		name, value string
		limit       int // in characters
	}{
		{"url", c.URL, 8192},
		{"method", c.Method, 64},
		{"body", c.Body, 16384},
		{"content_type", c.ContentType, 256},
		{"verify_certificate", c.Verify, 1024},
	} {
		if utf8.RuneCountInString(f.value) > f.limit {
			return nil, webhook.Errorf(webhook.CodeInvalid, "config."+f.name, "must have at most %d characters", f.limit)
		}
	}
	c.Method = strings.ToUpper(c.Method)
	switch c.Method {
	case "HEAD", "GET", "POST", "PUT", "DELETE":
	default:
		return nil, webhook.Errorf(webhook.CodeInvalid, "config.method", "must be one of head, get, post, put and delete")
	}
	if c.Verify != "" && c.Verify != "true" && c.Verify != "false" && !strings.HasPrefix(c.Verify, "/") {
		return nil, webhook.Errorf(webhook.CodeInvalid, "config.verify_certificate", "must be true, false or a path that begins with /")
	}
	return &c, nil
}
