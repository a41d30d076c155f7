package wazo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds on a notification, in characters.
const (
	maxNotificationType = 100
	maxTitle            = 128
	maxMessage          = 250
)

// notificationType is what a type may look like.
const notificationType = `^[A-Za-z0-9_]+$`

// sendNotification takes a push notification to a user on.
func (a *API) sendNotification(c *call) error {
	v, err := a.body(c)
	if err != nil {
		return err
	}
	n, err := readNotification(v)
	if err != nil {
		return err
	}
	if n.TenantUUID, err = a.about(c); err != nil {
		return err
	}
	ok, err := a.Auth.HasUser(c.ctx(), n.TenantUUID, n.UserUUID)
	if err != nil {
		return a.refused(c, err)
	}
	if !ok {
		return &refusal{status: http.StatusBadRequest, id: "invalid-user-uuid", message: "User UUID is invalid or unauthorized"}
	}
	if a.Notifier == nil {
		return plain(http.StatusServiceUnavailable, "Nothing is here that sends notifications.")
	}
	if err := a.Notifier.Notify(c.ctx(), *n); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func readNotification(v any) (*Notification, error) {
	f, err := newForm(v)
	if err != nil {
		return nil, err
	}
	n := &Notification{
		Type: f.words("notification_type", 1, maxNotificationType), UserUUID: f.words("user_uuid", uuidLength, uuidLength),
		Title: f.words("title", 0, maxTitle), Body: f.words("body", 0, maxMessage), Extra: f.extra("extra"),
	}
	if _, bad := f.details["notification_type"]; !bad {
		own := []string{"messageReceived", "voicemailReceived", "incomingCall", "cancelIncomingCall", "missedCall"}
		switch {
		case !regexp.MustCompile(notificationType).MatchString(n.Type):
			f.say("notification_type", "String does not match expected pattern.")
		case slices.Contains(own, n.Type):
			f.say("notification_type", "Invalid input.")
		}
	}
	for name := range f.in {
		switch name {
		case "notification_type", "user_uuid", "title", "body", "extra":
		default:
			f.say(name, "Unknown field.")
		}
	}
	return n, f.err()
}

// words reads a text, with problems in words alone.
func (f *form) words(field string, shortest, longest int) string {
	v, ok := f.told(field)
	if !ok {
		return ""
	}
	s, ok := v.(string)
	n := utf8.RuneCountInString(s)
	switch {
	case !ok:
		f.say(field, "Not a valid string.")
	case shortest == longest && n != longest:
		f.say(field, fmt.Sprintf("Length must be %d.", longest))
	case n < shortest || n > longest:
		f.say(field, fmt.Sprintf("Length must be between %d and %d.", shortest, longest))
	case strings.ContainsRune(s, 0):
		f.say(field, "Must not have a NUL character.")
	}
	return s
}

// extra reads an object that may be left out.
func (f *form) extra(field string) []byte {
	v, ok := f.in[field]
	if !ok {
		return []byte("{}")
	}
	if v == nil {
		f.say(field, "Field may not be null.")
		return nil
	}
	in, ok := v.(map[string]any)
	if !ok {
		f.say(field, "Not a valid mapping type.")
		return nil
	}
	text, err := json.Marshal(in)
	if err != nil {
		f.say(field, "Not a valid mapping type.")
	}
	return text
}
