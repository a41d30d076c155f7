package hooktype

import (
	"fmt"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/render/py"
)

// SamplePrefix is what the name of a samples document has in front of its type's id.
const SamplePrefix = "webhooks_"

// SampleNames lists the samples documents, in order.
func (c *Catalogue) SampleNames() []string {
	var names []string
	for _, t := range c.Types() {
		if len(t.Samples) > 0 {
			names = append(names, SamplePrefix+t.ID)
		}
	}
	slices.Sort(names)
	return names
}

// Samples returns the payloads of a samples document, nil when there is none of this
// name.
func (c *Catalogue) Samples(name string) []*py.Dict {
	id, ok := strings.CutPrefix(name, SamplePrefix)
	if t := c.Find(id); ok && t != nil {
		return t.Samples
	}
	return nil
}

// sampleOf is the payload that a message of one of t's events becomes. The message is
// JSON in this package's source and needs no more of an envelope than its app and
// category; anything wrong with it is found by the first test.
func sampleOf(t Type, event, message string) *py.Dict {
	m, err := ParseMessage([]byte(message))
	if err != nil {
		panic(fmt.Sprintf("sample of %s: %v", event, err))
	}
	for name, text := range map[string]string{"App-Version": "4.0.0", "Event-Name": event, "Msg-ID": "b1946ac92492d234"} {
		m.Set(name, py.Str(text))
	}
	firings, err := t.Build(m, Env{Reseller: func(string) string { return "0f0e0d0c0b0a09080706050403020100" }})
	if err != nil || len(firings) != 1 {
		panic(fmt.Sprintf("sample of %s: %v", event, err))
	}
	sample := firings[0].Payload
	sample.Set("cluster_id", py.Str("5f1c7a90c3d24e0b8d6a2b1f0e9c8d7a"))
	return sample
}

// notificationSample shows an event with the members it must have and some of those it
// may have.
func notificationSample(e notification, values Message) *py.Dict {
	p := py.NewDict()
	for _, name := range slices.Concat(envelope[:2], []string{"Event-Category"}, strings.Fields(e.required+" "+e.shown), []string{"Msg-ID"}) {
		v := values.Get(name)
		if v == nil {
			panic("samples have no value for " + name)
		}
		p.Set(name, v)
		if name == "Event-Category" {
			p.Set("Event-Name", py.Str(e.id))
		}
	}
	return Message{p}.normalised()
}

// sampleValues are what the members of notifications look like.
func sampleValues() Message {
	m, err := ParseMessage([]byte(`{
	"App-Name": "crossbar", "App-Version": "4.0.0", "Event-Category": "notification", "Msg-ID": "b1946ac92492d234",
	"Account-ID": "a1b2c3d4e5f60718293a4b5c6d7e8f90", "Account-Name": "Byron Engines", "Account-Realm": "sip.example.com",
	"Amount": 25.5, "Audit-Log": {"agent": {"type": "user"}}, "Authorized-By": "Ada Byron", "Call-Bridged": false,
	"Call-ID": "8f3c1d52@198.51.100.7", "Callee-ID-Number": "1001", "Caller-ID-Name": "Ada Byron",
	"Caller-ID-Number": "+15555550123", "Card-Last-Four": "4242", "Cnam": {"display_name": "Byron Engines"},
	"Comment": {"content": "Please use the new bill as proof.", "timestamp": 63940000000},
	"Contact": "sip:desk1@192.0.2.20:5060", "Currency-Code": "EUR", "Current-Balance": 3.75,
	"Data": {"call_id": "8f3c1d52@198.51.100.7"}, "Device-Name": "Front Desk Phone", "Due-Date": 63942000000,
	"Email": "ada@example.com", "Errors": ["the attachment is empty"], "Expires": 300, "Fax-Error": "The line broke.",
	"Fax-From-Email": "ada@example.com", "Fax-ID": "202603-9d5ed678fe57bcca610140957afab571", "Fax-JobId": "202603-5703",
	"Fax-Timestamp": 63940000000, "Fax-To-Email": "15555550100@fax.example.com",
	"FaxBox-ID": "e0e1e2e3e4e5e6e7e8e9eaebecedeeef", "FaxBox-Name": "Front Desk Fax", "Feature": {"feature": "e911", "type": "add"},
	"First-Name": "Ada", "From-Host": "sip.example.com", "From-Realm": "sip.example.com", "From-User": "desk1",
	"Hook": {"_id": "63940000000", "uri": "https://receiver.example.com/"}, "Hook-ID": "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	"ID": "txn-1042", "Items": [{"category": "devices", "item": "sip_device", "quantity": 3}], "Last-Name": "Byron",
	"Line": 42, "Max-Message-Count": 100, "Message": "A disk is nearly full.", "Message-Count": 100, "Message-Left": true,
	"Module": "storage", "Network-IP": "192.0.2.20", "Network-Port": 5060, "Number": "+15555550100", "Number-State": "in_service",
	"Occurrence": "registration", "Outbound-Caller-ID-Name": "Byron Engines", "Outbound-Caller-ID-Number": "+15555550100",
	"Password-Reset-Link": "https://portal.example.com/reset", "Port-Request-ID": "9a9b9c9d9e9f90919293949596979899",
	"Realm": "sip.example.com", "Reason": {"content": "The names do not agree."}, "Response": {"is_success": true},
	"Section": "system", "Subject": "Disk space", "Success": true, "Template-ID": "after_hours", "Timestamp": 63940000000,
	"To-Realm": "sip.example.com", "To-User": "1001", "User-Agent": "Example Phone 1.2",
	"User-ID": "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf", "User-Type": "admins", "Username": "desk1",
	"Voicemail-Box": "d4d5d6d7d8d9dadbdcdddedfe0e1e2e3", "Voicemail-ID": "202603-1a2b3c4d5e6f", "Voicemail-Length": 12500,
	"Voicemail-Timestamp": 63940000000, "Voicemail-Transcription": {"text": "Please call me back."},
	"Zones": {"home": "east"}
}`))
	if err != nil {
		panic(fmt.Sprintf("values of samples: %v", err))
	}
	return m
}
