package hooktype

import "github.com/switchhook/switchhook/internal/render/py"

func channelDestroy() Type {
	return channelType(Type{
		ID: "channel_destroy", Name: "Channel Destroy",
		Description: "A call leg ended.",
	}, func(payload *py.Dict, m Message) {
		set(payload, "hangup_cause", m.Get("Hangup-Cause"))
		set(payload, "hangup_code", m.Get("Hangup-Code"))
		setWhole(payload, "duration_seconds", m.Get("Duration-Seconds"))
		setWhole(payload, "ringing_seconds", m.Get("Ringing-Seconds"))
		setWhole(payload, "billing_seconds", m.Get("Billing-Seconds"))
	}, "CHANNEL_DESTROY", "CHANNEL_DISCONNECTED")
}
