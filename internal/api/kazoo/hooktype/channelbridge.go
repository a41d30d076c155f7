package hooktype

import "github.com/switchhook/switchhook/internal/render/py"

func channelBridge() Type {
	return channelType(Type{
		ID: "channel_bridge", Name: "Channel Bridge",
		Description: "Two call legs were connected with each other.",
	}, func(payload *py.Dict, m Message) {
		set(payload, "original_number", m.object("Custom-Channel-Vars").Get("Original-Number"))
		set(payload, "other_leg_destination_number", m.Get("Other-Leg-Destination-Number"))
	}, "CHANNEL_BRIDGE")
}
