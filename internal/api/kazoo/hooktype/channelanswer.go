package hooktype

func channelAnswer() Type {
	return channelType(Type{
		ID: "channel_answer", Name: "Channel Answer",
		Description: "A call leg has audio both ways: a person or a machine such as voicemail picked up.",
	}, nil, "CHANNEL_ANSWER")
}
