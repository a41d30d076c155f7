// Package webhook holds the words of the domain: accounts, credentials, event
// types, endpoints, subscriptions, events, deliveries, attempts and outcomes.
// They are plain values, one noun a file. No rule with a choice in it, no I/O and
// no wire format lives here.
package webhook

import "encoding/json"

// Annotations carry what only one dialect knows about an account, endpoint or
// subscription. The key is the dialect's name; the value is that dialect's own
// JSON, which nobody else reads.
type Annotations map[string]json.RawMessage
