package viawazomobile

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/render"
	"github.com/switchhook/switchhook/internal/render/py"
)

// Annotation marks an endpoint that carries notifications which were asked for by
// name, and not events of subscriptions.
const Annotation = "wazo-notifications"

// Notification is the payload of an event for such an endpoint.
type Notification struct {
	Type       string          `json:"notification_type"`
	TenantUUID string          `json:"tenant_uuid"`
	UserUUID   string          `json:"user_uuid"`
	Title      string          `json:"title"`
	Body       string          `json:"body"`
	Extra      json.RawMessage `json:"extra"` // an object
}

// The notifications that phones know.
const (
	incomingCall       = "incomingCall"
	cancelIncomingCall = "cancelIncomingCall"
	voicemailReceived  = "voicemailReceived"
	messageReceived    = "messageReceived"
	missedCall         = "missedCall"
)

// message is what a phone is told.
type message struct {
	tenant, user string
	kind         string
	title, body  string
	dataOnly     bool // the app alone decides whether the user is shown something, where it can
	items        *py.Dict
}

// maxText bounds what a phone shows of a chat message, in characters.
const maxText = 100

// readEvent reads what a phone is told of an event; nil is nothing.
func readEvent(payload []byte, tenant, user string, now time.Time) (*message, error) {
	v, err := render.Decode(payload)
	if err != nil {
		return nil, err
	}
	name, _ := py.Text(member(v, "name"))
	data, ok := member(v, "data").(*py.Dict)
	if name == "" || !ok {
		return nil, errors.New("the event has no name or no data")
	}
	m := &message{tenant: tenant, user: user, items: data}
	text := func(path ...string) string {
		var at py.Value = data
		for _, step := range path {
			at = member(at, step)
		}
		return shown(at)
	}
	switch name {
	case "call_push_notification":
		m.kind, m.title, m.body = incomingCall, "Incoming Call", "From: "+text("peer_caller_id_number")
	case "call_cancel_push_notification":
		m.kind, m.dataOnly = cancelIncomingCall, true
	case "user_voicemail_message_created", "global_voicemail_message_created":
		m.kind, m.title, m.dataOnly = voicemailReceived, "New Voicemail", true
		m.body = from(text("message", "caller_id_name"), text("message", "caller_id_num"))
	case "chatd_user_room_message_created":
		if text("user_uuid") == user {
			return nil, nil // it is the user's own
		}
		m.kind, m.title, m.body, m.dataOnly = messageReceived, "New Message from "+text("alias"), shortened(text("content")), true
	case "user_missed_call":
		m.kind, m.title, m.dataOnly = missedCall, "Missed Call", true
		m.body = from(text("caller_id_name"), text("caller_id_number"))
		m.items = py.NewDict()
		for _, name := range []string{"caller_id_name", "caller_id_number"} {
			m.items.Set(name, orNone(member(data, name)))
		}
	default:
		return nil, nil
	}
	m.stamp(now)
	return m, nil
}

// readNotification reads a notification that was asked for by name.
func readNotification(payload []byte, now time.Time) (*message, error) {
	var n Notification
	if err := json.Unmarshal(payload, &n); err != nil {
		return nil, fmt.Errorf("notification: %w", err)
	}
	extra, err := render.Decode(n.Extra)
	items, ok := extra.(*py.Dict)
	if err != nil || !ok || n.Type == "" || n.UserUUID == "" {
		return nil, errors.New("the notification lacks its type, its user or its extra object")
	}
	m := &message{tenant: n.TenantUUID, user: n.UserUUID, kind: n.Type, title: n.Title, body: n.Body, items: items}
	m.stamp(now)
	return m, nil
}

// stamp adds what the app is told beside the event's data.
func (m *message) stamp(now time.Time) {
	m.items.Set("notification_timestamp", py.Str(now.UTC().Format("2006-01-02T15:04:05.000000+00:00")))
	if m.dataOnly {
		m.items.Set("data_only", py.Bool(true))
	}
}

// json is the items as JSON text.
func (m *message) json(style render.JSONStyle) (json.RawMessage, error) {
	return render.AppendPythonJSON(nil, m.items, style)
}

// data is what the app gets, with sorted keys.
func (m *message) data() (map[string]any, error) {
	items, err := m.json(render.JSONStyle{SortKeys: true})
	return map[string]any{"notification_type": m.kind, "items": items}, err
}

func member(v py.Value, name string) py.Value {
	if d, ok := v.(*py.Dict); ok {
		return d.Get(name)
	}
	return nil
}

func orNone(v py.Value) py.Value {
	if v == nil {
		return py.None{}
	}
	return v
}

// shown is a value as people read it: texts and whole numbers.
func shown(v py.Value) string {
	if text, ok := py.Text(v); ok {
		return text
	}
	if n, ok := v.(py.Int); ok {
		return n.Digits()
	}
	return ""
}

func from(name, number string) string { return fmt.Sprintf("From: %s (%s)", name, number) }

func shortened(text string) string {
	if utf8.RuneCountInString(text) <= maxText {
		return text
	}
	return string([]rune(text)[:maxText-3]) + "..."
}
