package native

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/webhook"
)

func messageRoutes() []Route {
	return []Route{
		{Method: "POST", Path: "/app/{app_id}/msg", needs: sender, handle: (*API).createMessage},
		{Method: "POST", Path: "/app/{app_id}/msg/batch", needs: owner, handle: (*API).createMessages},
		{Method: "GET", Path: "/app/{app_id}/msg", needs: viewer, handle: (*API).listMessages},
		{Method: "GET", Path: "/app/{app_id}/msg/{msg_id}", needs: viewer, handle: (*API).getMessage},
		{Method: "DELETE", Path: "/app/{app_id}/msg/{msg_id}/content", needs: owner, handle: (*API).deletePayload},
	}
}

// messageIn is a message as it was sent.
type messageIn struct {
	event       webhook.Event
	raw         bool // the payload is not the member "payload" and may be no JSON
	key         string
	application *applicationFields
}

// Limits of a message, and bounds of how long its payload is kept.
const (
	maxMarks          = 10 // channels, tags
	maxRetentionDays  = 90
	maxRetentionHours = maxRetentionDays * 24
)

// readMessage reads the members of a message. inBatch is for one of several.
func readMessage(o *httpx.Object, now time.Time, inBatch bool) (in messageIn) {
	e := &in.event
	var payload []byte
	for name, v := range o.Members {
		switch string(name) {
		case "eventType":
			e.Type = readName(v)
		case "payload":
			if payload = v.Raw; payload[0] != '{' {
				v.Fail("must be an object")
			}
		default:
			in.readRare(string(name), v, now, inBatch)
		}
	}
	switch {
	case e.Type == "":
		o.Fail("eventType", "must be there")
	case payload == nil:
		o.Fail("payload", "must be there")
	}
	if !in.raw {
		e.Payload = payload
	}
	return in
}

// readRare reads the members that few messages have.
func (in *messageIn) readRare(name string, v httpx.Value, now time.Time, inBatch bool) {
	e := &in.event
	if v.IsNull() {
		return
	}
	switch name {
	case "eventId":
		e.UID = readUID(messagePrefix)(v)
	case "channels":
		e.Channels = nonEmpty(v, v.Lines(maxMarks, wrongName))
	case "tags":
		e.Tags = nonEmpty(v, v.Lines(maxMarks, wrongName))
	case "deliverAt":
		e.DeliverAt = v.Time()
	case "payloadRetentionPeriod":
		in.expire(v, now, v.Int(1, maxRetentionDays)*24)
	case "payloadRetentionHours":
		in.expire(v, now, v.Int(1, maxRetentionHours))
	case "transformationsParams":
		in.readParams(v)
	case "application":
		if inBatch {
			v.Fail("is not supported in a batch")
		}
		in.application = readApplicationFields(v.Object(), true)
	case "idempotencyKey":
		if inBatch {
			v.Fail("is not supported in a batch: the header idempotency-key stands for all of it")
		}
		if in.key = v.Line(); in.key == "" || len(in.key) > maxKey {
			v.Fail("must have 1 to %d bytes", maxKey)
		}
	default:
		v.Unknown()
	}
}

func (in *messageIn) expire(v httpx.Value, now time.Time, hours int) {
	if !in.event.PayloadExpires.IsZero() {
		v.Fail("payloadRetentionPeriod and payloadRetentionHours exclude each other")
	}
	in.event.PayloadExpires = now.Add(time.Duration(hours) * time.Hour)
}

// readParams reads the one parameter of transformations that is not for one: the
// payload as it shall go out, byte for byte, in the place of the member "payload".
func (in *messageIn) readParams(v httpx.Value) {
	for name, v := range v.Object().Members {
		switch {
		case v.IsNull():
		case string(name) == "rawPayload":
			in.event.Payload, in.raw = v.Bytes(), true
		case string(name) == "headers":
			for name, v := range v.Object().Members {
				if !bytes.EqualFold(name, []byte("content-type")) || v.Line() != jsonType {
					v.Fail("is not supported")
				}
			}
		default:
			v.Fail("is not supported")
		}
	}
}

const jsonType = "application/json"

// createMessage is the hot path: the body is read once, and the payload is the part
// of it that it was.
func (a *API) createMessage(c *call) error {
	content := true
	if c.r.URL.RawQuery != "" {
		q := c.query()
		if content = q.flag("with_content", true); q.err != nil {
			return q.err
		}
	}
	body, err := a.body(c)
	if err != nil {
		return err
	}
	o := httpx.ReadObject(body)
	in := readMessage(o, a.Now(), false)
	if err := o.Err(); err != nil {
		return err
	}
	if c.app, err = a.findOrMakeApplication(c, in.application); err != nil {
		return err
	}
	sub := ingest.Submission{
		Account: c.app, Events: []webhook.Event{in.event}, Catalogue: typesFor(c.app), Checked: true,
	}
	if len(body) > 2*len(in.event.Payload)+512 { // what is kept must not keep much else
		sub.Events[0].Payload = bytes.Clone(in.event.Payload)
	}
	if in.key != "" {
		sub.Once = a.onceFor(c, "msg", in.key, body)
	} else if sub.Once, err = a.once(c, "msg", body); err != nil {
		return err
	}
	r, err := a.Intake.Accept(c.ctx(), sub)
	if err != nil {
		return messageError(err)
	}
	e := &r.Events[0]
	shown := e.Payload
	if !content || in.raw || r.Replayed {
		shown = shownPayload(e, content)
	}
	answer := appendMessage(make([]byte, 0, len(shown)+256), e, shown)
	httpx.WriteJSON(c.w, http.StatusAccepted, append(answer, '}'))
	return nil
}

// createMessages takes a batch in, in one commit, or none of it.
func (a *API) createMessages(c *call) error {
	q := c.query()
	content := q.flag("with_content", false)
	if q.err != nil {
		return q.err
	}
	body, err := httpx.ReadBody(c.r, a.BatchBodyLimit)
	if err != nil {
		return err
	}
	events, err := readBatch(body, a.Now(), a.BatchMessages)
	if err != nil {
		return err
	}
	once, err := a.once(c, "batch", body)
	if err != nil {
		return err
	}
	r, err := a.Intake.Accept(c.ctx(), ingest.Submission{
		Account: c.app, Events: events, Once: once, Catalogue: typesFor(c.app), Checked: true,
	})
	if err != nil {
		if len(events) == 1 {
			err = within("0", err)
		}
		if httpx.IsObject(body) {
			err = within("messages", err)
		}
		return messageError(err)
	}
	answer := append(make([]byte, 0, 256*len(r.Events)), `{"data":[`...)
	for i := range r.Events {
		if i > 0 {
			answer = append(answer, ',')
		}
		answer = append(appendMessage(answer, &r.Events[i], shownPayload(&r.Events[i], content)), '}')
	}
	httpx.WriteJSON(c.w, http.StatusAccepted, append(answer, "]}"...))
	return nil
}

// messageError names the message whose eventId is taken.
func messageError(err error) error {
	if webhook.CodeOf(err) != webhook.CodeConflict {
		return err
	}
	switch place, name, _ := strings.Cut(fieldOf(err), "."); {
	case place == "uid":
		return &refusal{status: http.StatusConflict, code: "conflict", detail: "This eventId is taken."}
	case name == "uid":
		return &refusal{status: http.StatusConflict, code: "conflict", detail: "The eventId of message " + place + " is taken."}
	}
	return err
}

// readBatch reads an array of messages, or an object with the array as its member
// messages. Payloads are copied, so that none keeps the whole batch in memory.
func readBatch(body []byte, now time.Time, most int) ([]webhook.Event, error) {
	var events []webhook.Event
	visit := func(v httpx.Value) {
		if len(events) >= most {
			v.Fail("is one too many: at most %d messages are taken at once", most)
			return
		}
		in := readMessage(v.Object(), now, true)
		if !in.raw {
			in.event.Payload = bytes.Clone(in.event.Payload)
		}
		events = append(events, in.event)
	}
	var err error
	if httpx.IsObject(body) {
		o := httpx.ReadObject(body)
		for name, v := range o.Members {
			if string(name) != "messages" {
				v.Unknown()
				continue
			}
			v.Elements(visit)
		}
		err = o.Err()
	} else {
		err = httpx.ReadArray(body, visit)
	}
	if err == nil && len(events) == 0 {
		err = invalidBody("", "must have at least one message")
	}
	return events, err
}

// appendMessage appends a message on the wire with the payload that is shown,
// without the closing brace. It is written by hand because it is on the hot path.
func appendMessage(b []byte, e *webhook.Event, payload []byte) []byte {
	b = append(b, `{"channels":`...)
	b = appendNames(b, e.Channels)
	if !e.DeliverAt.IsZero() {
		b = appendTime(append(b, `,"deliverAt":`...), e.DeliverAt)
	}
	b = append(b, `,"eventId":`...)
	if e.UID == "" {
		b = append(b, "null"...)
	} else {
		b = appendText(b, e.UID)
	}
	b = appendText(append(b, `,"eventType":`...), e.Type)
	b = e.ID.AppendPrefixed(append(b, `,"id":"`...), messagePrefix)
	b = append(append(b, `","payload":`...), payload...)
	b = appendNames(append(b, `,"tags":`...), e.Tags)
	return appendTime(append(b, `,"timestamp":`...), e.CreatedAt)
}

// shownPayload returns an object in the place of what is hidden, gone or no object,
// as clients want one.
func shownPayload(e *webhook.Event, content bool) []byte {
	switch {
	case !content:
		return []byte("{}")
	case e.PayloadDeleted:
		return []byte(`{"expired":true}`)
	case httpx.CheckJSON(e.Payload) == nil && httpx.IsObject(e.Payload):
		return e.Payload
	}
	return append(appendText([]byte(`{"rawPayload":`), string(e.Payload)), '}')
}

func appendTime(b []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

func appendNames(b []byte, names []string) []byte {
	if len(names) == 0 {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, name)
	}
	return append(b, ']')
}

// appendText appends a JSON text. What is not UTF-8 becomes U+FFFD.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < 0x20:
			b = append(b, `\u00`...)
			b = append(b, "0123456789abcdef"[r>>4], "0123456789abcdef"[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// rawMessage makes a message an item of a list.
func rawMessage(content bool) func(*webhook.Event) rawJSON {
	return func(e *webhook.Event) rawJSON { return append(appendMessage(nil, e, shownPayload(e, content)), '}') }
}

// rawJSON is JSON that is written as it is.
type rawJSON []byte

// MarshalJSON returns the text.
func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }

func messageID(e *webhook.Event) string { return e.ID.Prefixed(messagePrefix) }

func (a *API) listMessages(c *call) error {
	q := c.query()
	p, before, after := q.timePage(messagePrefix)
	content := q.flag("with_content", true)
	eq := control.EventQuery{
		AccountID: c.app.ID, Types: q.eventTypes(), Channel: q.name("channel"), Tag: q.name("tag"),
		Before: before, After: after, Payload: content, Page: p,
	}
	if q.err != nil {
		return q.err
	}
	s, err := a.Control.Events(c.ctx(), eq)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, listOf(s, messageID, rawMessage(content)))
}

// event returns the event of the path, with its payload.
func (a *API) event(c *call) (*webhook.Event, error) {
	event, uid := idOrUID(c.r.PathValue("msg_id"), messagePrefix)
	return a.Control.FindEvent(c.ctx(), c.app.ID, event, uid)
}

func (a *API) getMessage(c *call) error {
	q := c.query()
	content := q.flag("with_content", true)
	if q.err != nil {
		return q.err
	}
	e, err := a.event(c)
	if err != nil {
		return err
	}
	httpx.WriteJSON(c.w, http.StatusOK, rawMessage(content)(e))
	return nil
}

func (a *API) deletePayload(c *call) error {
	e, err := a.event(c)
	if err != nil {
		return err
	}
	if err := a.Control.DeletePayload(c.ctx(), c.app.ID, e.ID); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

// Statuses on the wire.
const (
	statusSuccess  = 0
	statusPending  = 1
	statusFail     = 2
	statusSending  = 3
	statusCanceled = 4
)

func statusText(status int) string {
	return [...]string{"success", "pending", "fail", "sending", "canceled"}[status]
}

// progress is how far a delivery has come, on the wire.
type progress struct {
	Status      int        `json:"status"`
	StatusText  string     `json:"statusText"`
	NextAttempt *time.Time `json:"nextAttempt"`
}

// progressOf spells a delivery. Without expanded, a client may not know canceled.
func progressOf(d *webhook.Delivery, expanded bool) progress {
	p := progress{Status: statusFail}
	switch d.Status {
	case webhook.Delivered:
		p.Status = statusSuccess
	case webhook.Cancelled:
		if expanded {
			p.Status = statusCanceled
		}
	case webhook.Pending:
		p.Status = statusPending
		if d.Attempts > 0 {
			p.Status = statusSending
		}
		next := d.DueAt
		if d.NotBefore.After(next) {
			next = d.NotBefore
		}
		p.NextAttempt = timeOrNull(next)
	}
	p.StatusText = statusText(p.Status)
	return p
}

func (p *progress) append(b []byte) []byte {
	b = strconv.AppendInt(append(b, `,"status":`...), int64(p.Status), 10)
	b = appendText(append(b, `,"statusText":`...), p.StatusText)
	if p.NextAttempt != nil {
		b = appendTime(append(b, `,"nextAttempt":`...), *p.NextAttempt)
	}
	return append(b, '}')
}
