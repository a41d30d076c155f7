// Package wazo holds the words that the parts of the Wazo dialect share: the
// document of a subscription, how an event of Wazo's bus is named and marked in
// Switchhook, and which filters a subscription comes to. Its API, its services and
// what listens to its bus agree here. It opens nothing and knows no HTTP.
package wazo

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/match"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Annotation is the name under which endpoints carry their document.
const Annotation = "wazo"

// How Switchhook calls the services that Wazo calls http and mobile. Those of
// plug-ins have the same name in both.
const (
	ServiceHTTP   = "wazo"
	ServiceMobile = "wazo-mobile"
)

// Names of attributes of events that come from Wazo's bus. That of a user has the
// user's UUID, or "*", behind it, and the value True.
const (
	AttributeTenant = "tenant_uuid"
	AttributeOrigin = "origin_uuid"
	AttributeUser   = "user_uuid:"
)

// True is the value of the attribute of a user whom the event is for.
const True = "true"

const allUsers = "*"

// EventType returns the type that an event with this name has here. It is the name
// itself, but that characters with a meaning of their own in filters ("*"), control
// characters and "%" are written as % and two hex digits, so that different names
// are different types and no name is a pattern.
func EventType(name string) string { return plain(name) }

// plain writes text so that it can stand in a filter and means nothing but itself.
func plain(text string) string {
	if strings.IndexFunc(text, special) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if special(r) {
			fmt.Fprintf(&b, "%%%02X", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func special(r rune) bool { return r == '*' || r == '%' || r < ' ' || r >= 0x7f && r < 0xa0 }

// Attributes returns what the headers of a message say to filters. A user's header
// counts when it is true or the number 1.
func Attributes(headers map[string]any) map[string]string {
	marks := map[string]string{}
	for name, value := range headers {
		switch {
		case name == AttributeTenant || name == AttributeOrigin:
			if text, ok := value.(string); ok && len(text) <= match.MaxText {
				marks[name] = plain(text)
			}
		case strings.HasPrefix(name, AttributeUser) && isTrue(value) && len(name) <= match.MaxName:
			marks[AttributeUser+userMark(strings.TrimPrefix(name, AttributeUser))] = True
		}
	}
	return marks
}

// userMark leaves the star that means all users as it is.
func userMark(user string) string {
	if user == allUsers {
		return user
	}
	return plain(user)
}

// isTrue says whether a header's value equals true, as RabbitMQ compares with
// Python's True in Wazo: true itself and the number 1.
func isTrue(value any) bool {
	switch v := value.(type) {
	case bool:
		return v
	case int, int8, int16, int32, int64, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v) == "1"
	case float32:
		return v == 1
	case float64:
		return v == 1
	}
	return false
}

// Retry is the policy of endpoints of this dialect: attempts in all, the first
// included, with factor^(k-1) whole seconds after attempt k.
func Retry(attempts int, factor float64) webhook.RetryPolicy {
	p := webhook.RetryPolicy{MaxAttempts: attempts}
	const longest = float64(30 * 24 * time.Hour / time.Second)
	for k := range attempts - 1 {
		p.Schedule = append(p.Schedule, time.Duration(min(math.Trunc(math.Pow(factor, float64(k))), longest))*time.Second)
	}
	return p
}

// Attempts is how many attempts a policy allows in all.
func Attempts(p webhook.RetryPolicy) int {
	if len(p.Schedule) > 0 {
		return len(p.Schedule) + 1
	}
	return max(p.MaxAttempts, 1)
}
