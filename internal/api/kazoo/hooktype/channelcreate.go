package hooktype

func channelCreate() Type {
	return channelType(Type{
		ID: "channel_create", Name: "Channel Create",
		Description: "A call leg came into being.",
	}, nil, "CHANNEL_CREATE")
}
