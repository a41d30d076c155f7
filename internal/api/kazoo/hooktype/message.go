package hooktype

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/render"
	"github.com/switchhook/switchhook/internal/render/py"
)

// Message is a message of the platform's bus: a flat object whose names have hyphens.
type Message struct{ *py.Dict }

// envelope is what every message has.
var envelope = [...]string{"App-Name", "App-Version", "Event-Category", "Event-Name", "Msg-ID"}

// ParseMessage reads the JSON of a message.
func ParseMessage(raw []byte) (Message, error) {
	v, err := render.Decode(raw)
	if err != nil {
		return Message{}, err
	}
	d, ok := v.(*py.Dict)
	if !ok {
		return Message{}, errors.New("not a message: it is no JSON object")
	}
	return Message{d}, nil
}

// Compose makes a message of our own.
func Compose(app, category, event string) Message {
	m := Message{py.NewDict()}
	for i, text := range [...]string{app, "4.0.0", category, event, id.New().Hex()} {
		m.Set(envelope[i], py.Str(text))
	}
	return m
}

// check wants what every message has.
func (m Message) check() error {
	if m.Dict == nil {
		return errors.New("not a message: there is nothing")
	}
	return m.lacks(envelope[:]...)
}

// lacks returns the error of a message that has not all of these members.
func (m Message) lacks(names ...string) error {
	for _, name := range names {
		if absent(m.Get(name)) {
			return fmt.Errorf("the message lacks %s", name)
		}
	}
	return nil
}

// is says whether a binding is for the message.
func (m Message) is(category, event string) bool {
	return m.text("Event-Category") == category && (event == "*" || m.text("Event-Name") == event)
}

// text returns a member as text; numbers and booleans as they are spelled, "" for what
// is not there.
func (m Message) text(name string) string { return textOf(m.Get(name)) }

// isTrue says whether a member is true, or a text that says so.
func (m Message) isTrue(name string) bool { return m.text(name) == "true" }

// object returns a member that is an object, or an empty one.
func (m Message) object(name string) Message {
	if d, ok := m.Get(name).(*py.Dict); ok {
		return Message{d}
	}
	return Message{py.NewDict()}
}

// at follows a path of names with dots in between, nil where it leads nowhere.
func (m Message) at(path string) py.Value {
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		m = m.object(name)
	}
	return m.Get(names[len(names)-1])
}

// absent says whether a value says nothing.
func absent(v py.Value) bool {
	switch v := v.(type) {
	case nil, py.None:
		return true
	case py.Str:
		return v == ""
	}
	return false
}

func textOf(v py.Value) string {
	switch v := v.(type) {
	case py.Bool:
		return strconv.FormatBool(bool(v))
	case py.Int:
		return v.Digits()
	}
	s, _ := py.Text(v)
	return s
}

// set puts a value into a payload, unless it says nothing.
func set(d *py.Dict, name string, v py.Value) {
	if object, ok := v.(*py.Dict); absent(v) || ok && object.Len() == 0 {
		return
	}
	d.Set(name, v)
}

// setWhole puts a whole number into a payload, also where it comes as text.
func setWhole(d *py.Dict, name string, v py.Value) {
	if n, ok := v.(py.Int); ok {
		d.Set(name, n)
	} else if n, err := strconv.ParseInt(textOf(v), 10, 64); err == nil {
		d.Set(name, py.NewInt(int(n)))
	}
}

// normalised is a message as payloads show it: see render.NormalizeKeys.
func (m Message) normalised() *py.Dict {
	d, _ := render.NormalizeKeys(m.Dict).(*py.Dict)
	return d
}

var accountID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// accountIn returns the id of an account, "" when the text is none.
func accountIn(text string) string {
	if accountID.MatchString(text) {
		return text
	}
	return ""
}

var (
	accountPath  = regexp.MustCompile(`^account/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{28})$`)
	accountMonth = regexp.MustCompile(`-\d{6}$`)
	slashes      = strings.NewReplacer("%2F", "/", "%2f", "/")
)

// accountOfDatabase returns the account whose database this is, "" when it is
// nobody's.
func accountOfDatabase(name string) string {
	name = accountMonth.ReplaceAllString(slashes.Replace(name), "")
	if m := accountPath.FindStringSubmatch(name); m != nil {
		return m[1] + m[2] + m[3]
	}
	return accountIn(name)
}
