package hooktype

import "github.com/switchhook/switchhook/internal/render/py"

// defaultObjectTypes are the document types that Kazoo offers.
func defaultObjectTypes() []string {
	return []string{
		"account", "callflow", "device", "faxbox", "media", "user", "vmbox", "fax", "mailbox_message", "call_recording",
	}
}

// The actions of documents, which are the names of their events.
const (
	DocCreated = "doc_created"
	DocEdited  = "doc_edited"
	DocDeleted = "doc_deleted"
)

func object(env Env) Type {
	types := env.ObjectTypes
	if len(types) == 0 {
		types = defaultObjectTypes()
	}
	actions := []string{DocCreated, DocEdited, DocDeleted}
	t := Type{
		ID: "object", Name: "Object",
		Description: "A document of the account (a user, a device, a callflow and so on) was created, changed or deleted.",
		Modifiers: []Modifier{
			{Key: "type", Member: "type", Description: "Kind of document, or all", Choices: listed(append([]string{All}, types...))},
			{Key: "action", Member: "action", Description: "What happened to it, or all", Choices: listed(append([]string{All}, actions...))},
		},
		Build: buildObject,
	}
	for _, event := range append(actions, "db_created", "db_edited", "db_deleted") {
		t.Bindings = append(t.Bindings, Binding{"configuration", "#", "configuration", event})
	}
	for _, action := range actions {
		t.Samples = append(t.Samples, sampleOf(t, action, `{
			"App-Name": "crossbar", "Event-Category": "configuration",
			"ID": "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf", "Type": "user", "Database": "a1b2c3d4e5f60718293a4b5c6d7e8f90"
		}`))
	}
	return t
}

// ObjectMessage makes the message that tells of a document of an account.
func ObjectMessage(action, kind, document, account string) Message {
	m := Compose("crossbar", "configuration", action)
	m.Set("ID", py.Str(document))
	m.Set("Type", py.Str(kind))
	m.Set("Database", py.Str(account))
	m.Set("Account-ID", py.Str(account))
	return m
}

// buildObject finds the account in the name of the database that the document is in.
// Account documents are also in a database of all accounts, where they are named by it.
func buildObject(m Message, _ Env) ([]Firing, error) {
	if err := m.lacks("ID", "Database"); err != nil {
		return nil, err
	}
	account := accountOfDatabase(m.text("Database"))
	if m.text("Database") == "accounts" {
		account = accountIn(m.text("ID"))
	}
	if account == "" {
		return nil, nil
	}
	p := py.NewDict()
	set(p, "id", m.Get("ID"))
	set(p, "account_id", py.Str(account))
	set(p, "action", m.Get("Event-Name"))
	set(p, "type", m.Get("Type"))
	return []Firing{{Account: account, Payload: p}}, nil
}
