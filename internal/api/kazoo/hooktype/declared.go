package hooktype

import (
	"errors"
	"fmt"

	"gopkg.in/yaml.v3"

	"github.com/switchhook/switchhook/internal/render"
	"github.com/switchhook/switchhook/internal/render/py"
)

// declared is a type that needs no code: which messages it is for, where in them the
// account is, and what of them goes into the payload.
type declared struct {
	id, name, description string

	category, exchange, account string
	events, routingKeys         []string
	fields                      []field
	modifiers                   []Modifier

	more string // the first key that says more than id, name and description
}

// field is one member of a payload and where in a message it comes from.
type field struct{ name, path string }

// set takes one key of the file.
func (d *declared) set(key string, v *yaml.Node) (err error) {
	switch key {
	case "id":
		return text(v, &d.id)
	case "name":
		return text(v, &d.name)
	case "description":
		return text(v, &d.description)
	}
	if d.more == "" {
		d.more = key
	}
	switch key {
	case "category":
		return text(v, &d.category)
	case "event_name":
		d.events, err = texts(v)
	case "exchange":
		return text(v, &d.exchange)
	case "routing_key":
		d.routingKeys, err = texts(v)
	case "account_path":
		return text(v, &d.account)
	case "fields":
		return each(v, func(name string, v *yaml.Node) error {
			f := field{name: name}
			err := text(v, &f.path)
			d.fields = append(d.fields, f)
			return err
		})
	case "modifiers":
		return each(v, d.setModifier)
	default:
		return errors.New("is not known here")
	}
	return err
}

// setModifier takes one modifier: its items are a list of values, or a mapping from
// values to their friendly_name and description.
func (d *declared) setModifier(key string, v *yaml.Node) error {
	m := Modifier{Key: key, Member: key}
	err := each(v, func(name string, v *yaml.Node) error {
		switch name {
		case "description":
			return text(v, &m.Description)
		case "field":
			return text(v, &m.Member)
		case "items":
			if v.Kind == yaml.MappingNode {
				m.Named = true
				m.Choices = append(m.Choices, Choice{Value: All, Name: "All", Description: "Every one of these."})
				return each(v, m.addChoice)
			}
			values, err := texts(v)
			m.Choices = append(listed([]string{All}), listed(values)...)
			return err
		}
		return errors.New("is not known here")
	})
	if err == nil && len(m.Choices) < 2 {
		err = errors.New("items: is missing")
	}
	d.modifiers = append(d.modifiers, m)
	return err
}

func (m *Modifier) addChoice(value string, v *yaml.Node) error {
	c := Choice{Value: value}
	err := each(v, func(name string, v *yaml.Node) error {
		switch name {
		case "friendly_name":
			return text(v, &c.Name)
		case "description":
			return text(v, &c.Description)
		}
		return errors.New("is not known here")
	})
	m.Choices = append(m.Choices, c)
	return err
}

// build makes the type.
func (d *declared) build() (Type, error) {
	t := Type{ID: d.id, Name: d.name, Description: d.description, Modifiers: d.modifiers, Build: d.payload}
	for _, must := range []struct {
		key  string
		have bool
	}{
		{"name", d.name != ""}, {"category", d.category != ""}, {"event_name", len(d.events) > 0}, {"account_path", d.account != ""},
	} {
		if !must.have {
			return t, fmt.Errorf("%s: is missing", must.key)
		}
	}
	if !usableID(d.id) {
		return t, fmt.Errorf("id: %q cannot be one: small letters, digits and underscores are allowed", d.id)
	}
	for _, event := range d.events {
		known := placeOf(d.category, event)
		exchange, keys := d.exchange, d.routingKeys
		if exchange == "" {
			exchange = known.Exchange
		}
		if len(keys) == 0 && exchange == known.Exchange {
			keys = []string{known.RoutingKey}
		}
		if exchange == "" || len(keys) == 0 {
			return t, fmt.Errorf("exchange: where messages of category %q are is not known here: exchange and routing_key must say it", d.category)
		}
		for _, key := range keys {
			t.Bindings = append(t.Bindings, Binding{exchange, key, d.category, event})
		}
	}
	return t, nil
}

// placeOf says where the platform publishes the messages of its own categories.
func placeOf(category, event string) Binding {
	switch category {
	case "call_event":
		return Binding{Exchange: "callevt", RoutingKey: "call." + event + ".*"}
	case "configuration":
		return Binding{Exchange: "configuration", RoutingKey: "#"}
	case "notification":
		return Binding{Exchange: "notifications", RoutingKey: "notifications.*.*"}
	case "sms", "mms":
		return Binding{Exchange: "im", RoutingKey: category + ".*.*.*"}
	}
	return Binding{}
}

// payload builds the payload of a message: the fields, or where none are declared all
// of it.
func (d *declared) payload(m Message, _ Env) ([]Firing, error) {
	account := accountOfDatabase(textOf(m.at(d.account)))
	if account == "" {
		return nil, nil
	}
	if len(d.fields) == 0 {
		return []Firing{{Account: account, Payload: m.normalised()}}, nil
	}
	p := py.NewDict()
	for _, f := range d.fields {
		if v := m.at(f.path); !absent(v) {
			p.Set(f.name, render.NormalizeKeys(v))
		}
	}
	return []Firing{{Account: account, Payload: p}}, nil
}
