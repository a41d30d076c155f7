package native

import (
	"strings"

	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/id"
)

// What ids begin with on the wire.
const (
	appPrefix       = "app_"
	endpointPrefix  = "ep_"
	messagePrefix   = "msg_"
	attemptPrefix   = "atmpt_"
	eventTypePrefix = "evtype_"
	keyPrefix       = "key_"
	taskPrefix      = "qtask_"
)

// maxNameLen is how long uids and names of event types, channels and tags may be.
const maxNameLen = 256

// wrongName says what is wrong with a uid or the name of an event type or channel;
// "" is nothing.
func wrongName(s string) string {
	switch {
	case s == "":
		return "must not be empty"
	case len(s) > maxNameLen:
		return "must have at most 256 characters"
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return "may have letters, digits and - _ . only"
		}
	}
	return ""
}

// readName reads a name of wrongName's kind.
func readName(v httpx.Value) string {
	s := v.Line()
	if wrong := wrongName(s); wrong != "" {
		v.Fail("%s", wrong)
	}
	return s
}

// readUID returns a method that reads the caller's own name of something. It must not
// look like an id.
func readUID(prefix string) func(httpx.Value) string {
	return func(v httpx.Value) string {
		s := readName(v)
		if strings.HasPrefix(s, prefix) {
			v.Fail("must not begin with %s, as ids do", prefix)
		}
		return s
	}
}

// idOrUID tells an id from the caller's own name. A text that begins like an id
// and is none names nothing: both are zero then.
func idOrUID(s, prefix string) (v id.ID, uid string) {
	if !strings.HasPrefix(s, prefix) {
		return id.ID{}, s
	}
	v, err := id.ParsePrefixed(s, prefix)
	if err != nil {
		return id.ID{}, ""
	}
	return v, ""
}
