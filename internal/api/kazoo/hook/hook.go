// Package hook is what the parts of the Kazoo dialect agree on about a webhook once it
// is an endpoint: what its configuration says, how it is tried again and given up, and
// how its attempts are told. The API writes it, the service that delivers reads it.
package hook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Service is the name of the service that delivers as Kazoo does.
const Service = "kazoo"

// The verbs and formats of requests.
const (
	Get  = "get"
	Post = "post"
	Put  = "put"

	FormData = "form-data"
	JSON     = "json"
)

// Config is the configuration of a hook's endpoint.
type Config struct {
	ID         string          `json:"id,omitempty"`          // of the document, where it is not the endpoint's in hex
	Hook       string          `json:"hook,omitempty"`        // id of the hook type, or "all"
	Verb       string          `json:"http_verb,omitempty"`   // Post when empty
	Format     string          `json:"format,omitempty"`      // FormData when empty; of Post and Put
	CustomData json.RawMessage `json:"custom_data,omitempty"` // an object, which joins every payload
}

// Raw is the configuration as an endpoint keeps it.
func (c Config) Raw() (json.RawMessage, error) { return json.Marshal(c) }

// ParseConfig reads an endpoint's configuration and fills in what is not said. The
// error is a *webhook.Error with its field.
func ParseConfig(raw json.RawMessage) (Config, error) {
	var c Config
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &c); err != nil {
			return c, webhook.Errorf(webhook.CodeInvalid, "config", "is not that of a Kazoo webhook")
		}
	}
	if c.Verb == "" {
		c.Verb = Post
	}
	if c.Format == "" {
		c.Format = FormData
	}
	switch {
	case c.Verb != Get && c.Verb != Post && c.Verb != Put:
		return c, webhook.Errorf(webhook.CodeInvalid, "config.http_verb", "must be get, post or put")
	case c.Format != FormData && c.Format != JSON:
		return c, webhook.Errorf(webhook.CodeInvalid, "config.format", "must be form-data or json")
	}
	if c.CustomData = bytes.TrimSpace(c.CustomData); string(c.CustomData) == "null" {
		c.CustomData = nil
	}
	if len(c.CustomData) > 0 && c.CustomData[0] != '{' {
		return c, webhook.Errorf(webhook.CodeInvalid, "config.custom_data", "must be an object")
	}
	return c, nil
}

// AttributeID is the attribute of an event that says which hook it is for: of hooks that
// come with their events, all of which may have one endpoint.
const AttributeID = "hook_id"

// ID is the id of the hook's document that an event is delivered for.
func ID(e *webhook.Endpoint, c Config, event *webhook.Event) string {
	if id := event.Attributes[AttributeID]; id != "" {
		return id
	}
	if c.ID != "" {
		return c.ID
	}
	return e.ID.Hex()
}

// Event is how attempts name what a hook is for: Kazoo has other names for the four
// channel types inside.
func (c Config) Event() string {
	if strings.HasPrefix(c.Hook, "channel_") {
		return strings.ToUpper(c.Hook)
	}
	return c.Hook
}

// ClusterID is the id of an installation, which every payload has. It follows from the
// root account's.
func ClusterID(root id.ID) string {
	sum := sha256.Sum256([]byte("kazoo cluster " + root.Hex()))
	return hex.EncodeToString(sum[:16])
}

// gregorian is what Kazoo's times count from, in seconds before 1970.
const gregorian = 62167219200

// Gregorian spells a time as Kazoo does: in seconds since the year 0.
func Gregorian(t time.Time) int64 { return t.Unix() + gregorian }

// FromGregorian reads what Gregorian spells.
func FromGregorian(seconds int64) time.Time { return time.Unix(seconds-gregorian, 0).UTC() }
