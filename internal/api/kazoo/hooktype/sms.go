package hooktype

import "github.com/switchhook/switchhook/internal/render/py"

func sms() Type {
	return textType(Type{
		ID: "sms", Name: "SMS",
		Description: "A text message came in from outside the platform.",
	})
}

// textType makes a type of messages between people.
func textType(t Type) Type {
	t.Bindings = []Binding{{"im", t.ID + ".inbound.offnet.*", t.ID, "inbound"}}
	t.Build = func(m Message, _ Env) ([]Firing, error) {
		if err := m.lacks("Message-ID", "Body", "From", "To"); err != nil {
			return nil, err
		}
		account := accountIn(m.text("Account-ID"))
		if account == "" {
			return nil, nil
		}
		p := py.NewDict()
		set(p, "id", m.Get("Message-ID"))
		set(p, "account_id", py.Str(account))
		set(p, "type", py.Str(t.ID))
		set(p, "from", m.Get("From"))
		set(p, "to", m.Get("To"))
		set(p, "body", m.Get("Body"))
		set(p, "origin", m.Get("Route-Type"))
		set(p, "charges", m.Get("Charges"))
		return []Firing{{Account: account, Payload: p}}, nil
	}
	return t
}
