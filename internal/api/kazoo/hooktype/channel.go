package hooktype

import (
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/render/py"
)

// The four types about call legs share everything but what happened and a few members.

// defaultReservedVars are the channel variables that Kazoo keeps to itself.
func defaultReservedVars() []string {
	return []string{
		"Account-ID", "Account-Name", "Account-Realm", "Authorizing-ID", "Authorizing-Type", "Auto-Answer",
		"Call-Forward", "Call-Interaction-ID", "Ecallmgr-Node", "Call-Waiting-Disabled", "Confirm-Cancel-Timeout",
		"Confirm-File", "Confirm-Key", "Fax-Enabled", "Fetch-ID", "Loopback-Bowout", "Media-Encryption-Enforce-Security",
		"Media-Webrtc", "Owner-ID", "Presence-ID", "RTCP-MUX", "Realm", "Require-Ignore-Early-Media", "Retain-CID",
		"SIP-Invite-Domain", "Simplify-Loopback", "Username",
	}
}

// channelType makes a type of one kind of call event. more adds what only this one has.
func channelType(t Type, more func(payload *py.Dict, m Message), events ...string) Type {
	t.Legs = true
	for _, event := range events {
		t.Bindings = append(t.Bindings, Binding{"callevt", "call." + event + ".*", "call_event", event})
	}
	t.Build = func(m Message, env Env) ([]Firing, error) {
		if err := m.lacks("Call-ID"); err != nil {
			return nil, err
		}
		account := accountIn(m.object("Custom-Channel-Vars").text("Account-ID"))
		if account == "" {
			return nil, nil // a number would say whose call it is, and nobody here knows numbers
		}
		payload := channelPayload(t.ID, account, m, env)
		if more != nil {
			more(payload, m)
		}
		internal := m.isTrue("Channel-Is-Loopback") || strings.HasPrefix(m.text("Channel-Name"), "loopback/")
		return []Firing{{Account: account, Payload: payload, Internal: internal}}, nil
	}
	t.Samples = []*py.Dict{channelSample(t, events[0])}
	return t
}

// channelPayload is what all four have.
func channelPayload(hook, account string, m Message, env Env) *py.Dict {
	vars := m.object("Custom-Channel-Vars")
	p := py.NewDict()
	set(p, "hook_event", py.Str(hook))
	set(p, "account_id", py.Str(account))
	set(p, "authorizing_id", vars.Get("Authorizing-ID"))
	set(p, "authorizing_type", vars.Get("Authorizing-Type"))
	set(p, "call_direction", m.Get("Call-Direction"))
	if !absent(vars.Get("Call-Forward")) {
		set(p, "call_forwarded", py.Bool(vars.isTrue("Call-Forward")))
	}
	set(p, "call_id", m.Get("Call-ID"))
	set(p, "callee_id_name", m.Get("Callee-ID-Name"))
	set(p, "callee_id_number", m.Get("Callee-ID-Number"))
	set(p, "caller_id_name", m.Get("Caller-ID-Name"))
	set(p, "caller_id_number", m.Get("Caller-ID-Number"))
	set(p, "custom_channel_vars", passedOn(vars, env))
	set(p, "custom_application_vars", m.Get("Custom-Application-Vars"))
	set(p, "emergency_resource_used", py.Bool(vars.isTrue("Emergency-Resource")))
	set(p, "from", m.Get("From"))
	set(p, "inception", m.Get("Inception"))
	set(p, "is_internal_leg", py.Bool(m.isTrue("Channel-Is-Loopback")))
	local := !vars.isTrue("Global-Resource")
	if local {
		set(p, "local_resource_id", vars.Get("Resource-ID"))
	}
	set(p, "local_resource_used", py.Bool(local))
	set(p, "other_leg_call_id", m.Get("Other-Leg-Call-ID"))
	set(p, "owner_id", vars.Get("Owner-ID"))
	set(p, "request", m.Get("Request"))
	if env.Reseller != nil {
		set(p, "reseller_id", py.Str(env.Reseller(account)))
	}
	setWhole(p, "timestamp", m.Get("Timestamp"))
	set(p, "to", m.Get("To"))
	return p
}

// passedOn returns the channel variables that receivers see.
func passedOn(vars Message, env Env) *py.Dict {
	reserved := env.ReservedVars
	if len(reserved) == 0 {
		reserved = defaultReservedVars()
	}
	d := py.NewDict()
	for name, v := range vars.All() {
		if n := textOf(name); !slices.Contains(reserved, n) {
			set(d, n, v)
		}
	}
	return d
}

// channelSample is what a message about a plain call becomes.
func channelSample(t Type, event string) *py.Dict {
	return sampleOf(t, event, `{
		"App-Name": "ecallmgr", "Event-Category": "call_event",
		"Call-ID": "8f3c1d52@198.51.100.7", "Call-Direction": "inbound",
		"Caller-ID-Name": "Ada Byron", "Caller-ID-Number": "+15555550123",
		"Callee-ID-Name": "Front Desk", "Callee-ID-Number": "1001",
		"From": "+15555550123@sip.example.com", "To": "1001@sip.example.com", "Request": "1001@sip.example.com",
		"Timestamp": 63940000000, "Channel-Name": "sofia/sipinterface_1/1001@sip.example.com",
		"Other-Leg-Call-ID": "77aa20be@198.51.100.7", "Other-Leg-Destination-Number": "1001",
		"Hangup-Cause": "NORMAL_CLEARING", "Hangup-Code": "sip:200",
		"Duration-Seconds": 42, "Ringing-Seconds": 4, "Billing-Seconds": 38,
		"Custom-Channel-Vars": {
			"Account-ID": "a1b2c3d4e5f60718293a4b5c6d7e8f90", "Authorizing-ID": "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf",
			"Authorizing-Type": "device", "Owner-ID": "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf",
			"Original-Number": "+15555550100", "Bridge-ID": "8f3c1d52@198.51.100.7"
		},
		"Custom-Application-Vars": {"order": "4711"}
	}`)
}
