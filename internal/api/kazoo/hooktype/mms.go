package hooktype

func mms() Type {
	return textType(Type{
		ID: "mms", Name: "MMS",
		Description: "A multimedia message came in from outside the platform.",
	})
}
