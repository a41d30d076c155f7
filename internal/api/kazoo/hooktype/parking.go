package hooktype

import "github.com/switchhook/switchhook/internal/render/py"

func parking() Type {
	t := Type{
		ID: "parking", Name: "Call Parking",
		Description: "A call was parked, picked up again, or abandoned by its caller.",
		Build:       buildParking,
	}
	for _, event := range []string{"PARK_PARKED", "PARK_RETRIEVED", "PARK_ABANDONED"} {
		t.Bindings = append(t.Bindings, Binding{"callevt", "call." + event + ".*", "call_event", event})
	}
	t.Samples = []*py.Dict{sampleOf(t, "PARK_PARKED", `{
		"App-Name": "callflow", "Event-Category": "call_event",
		"Call-ID": "8f3c1d52@198.51.100.7", "Callee-ID-Name": "Front Desk", "Callee-ID-Number": "1001",
		"Caller-ID-Name": "Ada Byron", "Caller-ID-Number": "+15555550123", "Parking-Slot": "101",
		"Custom-Channel-Vars": {"Account-ID": "a1b2c3d4e5f60718293a4b5c6d7e8f90", "Realm": "sip.example.com"}
	}`)}
	return t
}

// buildParking passes a call event on as it is, but for what is the platform's own.
func buildParking(m Message, _ Env) ([]Firing, error) {
	if err := m.lacks("Call-ID"); err != nil {
		return nil, err
	}
	account := accountIn(m.object("Custom-Channel-Vars").text("Account-ID"))
	if account == "" {
		return nil, nil
	}
	p := m.normalised()
	for _, name := range []string{"node", "msg_id", "app_version", "app_name", "event_category", "custom_channel_vars"} {
		p.Delete(name)
	}
	p.Set("account_id", py.Str(account))
	return []Firing{{Account: account, Payload: p}}, nil
}
