package hooktype_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
)

const destroyed = `{
	"Node":"ecallmgr@host","Call-ID":"abc@1.2.3.4","Call-Direction":"inbound",
	"Caller-ID-Name":"Jo","Caller-ID-Number":"+15550001","Callee-ID-Name":"Al","Callee-ID-Number":"1001",
	"From":"+15550001@realm","To":"1001@realm","Request":"1001@realm","Timestamp":63724403408,
	"Channel-Name":"sofia/sipinterface_1/1001@realm","Channel-Is-Loopback":false,"Other-Leg-Call-ID":"def",
	"Other-Leg-Destination-Number":"1001","Hangup-Cause":"NORMAL_CLEARING","Hangup-Code":"sip:200",
	"Duration-Seconds":"10","Ringing-Seconds":3,"Billing-Seconds":7,"Inception":"+15550001@realm",
	"Custom-Channel-Vars":{"Account-ID":"` + account + `","Authorizing-ID":"au","Authorizing-Type":"device","Owner-ID":"ow",
		"Original-Number":"+15559","Resource-ID":"res","Global-Resource":"false","Emergency-Resource":"true","Call-Forward":"true"},
	"Custom-Application-Vars":{"crm_id":"7"}}`

func TestChannelPayloads(t *testing.T) {
	c := builtin(t, hooktype.Env{Reseller: func(string) string { return "reseller" }})
	common := func(hook string) string {
		return hook + " " + account + ` {"hook_event":"` + hook + `","account_id":"` + account + `","authorizing_id":"au","authorizing_type":"device",` +
			`"call_direction":"inbound","call_forwarded":true,"call_id":"abc@1.2.3.4","callee_id_name":"Al","callee_id_number":"1001",` +
			`"caller_id_name":"Jo","caller_id_number":"+15550001",` +
			`"custom_channel_vars":{"Original-Number":"+15559","Resource-ID":"res","Global-Resource":"false","Emergency-Resource":"true"},` +
			`"custom_application_vars":{"crm_id":"7"},"emergency_resource_used":true,"from":"+15550001@realm","inception":"+15550001@realm",` +
			`"is_internal_leg":false,"local_resource_id":"res","local_resource_used":true,"other_leg_call_id":"def","owner_id":"ow",` +
			`"request":"1001@realm","reseller_id":"reseller","timestamp":63724403408,"to":"1001@realm"`
	}
	for event, want := range map[string]string{
		"CHANNEL_CREATE":       common("channel_create") + `}`,
		"CHANNEL_ANSWER":       common("channel_answer") + `}`,
		"CHANNEL_BRIDGE":       common("channel_bridge") + `,"original_number":"+15559","other_leg_destination_number":"1001"}`,
		"CHANNEL_DESTROY":      common("channel_destroy") + `,"hangup_cause":"NORMAL_CLEARING","hangup_code":"sip:200","duration_seconds":10,"ringing_seconds":3,"billing_seconds":7}`,
		"CHANNEL_DISCONNECTED": common("channel_destroy") + `,"hangup_cause":"NORMAL_CLEARING","hangup_code":"sip:200","duration_seconds":10,"ringing_seconds":3,"billing_seconds":7}`,
	} {
		got := payloads(t, c, message(t, "call_event", event, destroyed))
		if diff := cmp.Diff([]string{want}, got); diff != "" {
			t.Errorf("%s: %s", event, diff)
		}
	}
}

func TestWhatAChannelEventLacksIsLeftOut(t *testing.T) {
	got := payloads(t, builtin(t, hooktype.Env{}), message(t, "call_event", "CHANNEL_CREATE",
		`{"Call-ID":"c","Request":"","Custom-Channel-Vars":{"Account-ID":"`+account+`","Global-Resource":"true","Resource-ID":"r","Realm":"x"}}`))
	want := `channel_create ` + account + ` {"hook_event":"channel_create","account_id":"` + account + `","call_id":"c",` +
		`"custom_channel_vars":{"Global-Resource":"true","Resource-ID":"r"},"emergency_resource_used":false,"is_internal_leg":false,"local_resource_used":false}`
	if diff := cmp.Diff([]string{want}, got); diff != "" {
		t.Error(diff)
	}
}

func TestOtherPayloads(t *testing.T) {
	c := builtin(t, hooktype.Env{})
	for _, tc := range []struct {
		category, event, message string
		want                     string // "" is nothing
	}{
		{
			"call_event", "PARK_PARKED",
			`{"Node":"n","Call-ID":"c","Parking-Slot":"101","Caller-ID-Name":"Jo","Custom-Channel-Vars":{"Account-ID":"` + account + `","Realm":"r"},"X-Null":null}`,
			`parking ` + account + ` {"call_id":"c","parking_slot":"101","caller_id_name":"Jo","event_name":"PARK_PARKED","account_id":"` + account + `"}`,
		},
		{"call_event", "PARK_PARKED", `{"Call-ID":"c","Account-ID":"` + account + `"}`, ""},
		{"call_event", "CHANNEL_CREATE", `{"Call-ID":"c","To":"+1555@x"}`, ""},
		{"call_event", "CHANNEL_HOLD", `{"Call-ID":"c"}`, ""},
		{
			"configuration", "doc_edited", `{"ID":"u","Type":"user","Database":"account%2Fa1%2Fb2%2Fc3d4e5f60718293a4b5c6d7e8f90","Account-ID":"other"}`,
			`object ` + account + ` {"id":"u","account_id":"` + account + `","action":"doc_edited","type":"user"}`,
		},
		{
			"configuration", "doc_deleted", `{"ID":"` + account + `","Type":"account","Database":"accounts"}`,
			`object ` + account + ` {"id":"` + account + `","account_id":"` + account + `","action":"doc_deleted","type":"account"}`,
		},
		{
			"configuration", "db_created", `{"ID":"account/a1/b2/c3d4e5f60718293a4b5c6d7e8f90","Type":"database","Database":"account/a1/b2/c3d4e5f60718293a4b5c6d7e8f90"}`,
			`object ` + account + ` {"id":"account/a1/b2/c3d4e5f60718293a4b5c6d7e8f90","account_id":"` + account + `","action":"db_created","type":"database"}`,
		},
		{"configuration", "doc_edited", `{"ID":"h","Type":"webhook","Database":"webhooks"}`, ""},
		{"configuration", "doc_type_update", `{"Type":"webhook"}`, ""},
		{
			"sms", "inbound", `{"Message-ID":"m","Body":"hi","From":"+1","To":"+2","Route-Type":"offnet","Account-ID":"` + account + `","Charges":1.5,"Custom-Vars":{"a":1}}`,
			`sms ` + account + ` {"id":"m","account_id":"` + account + `","type":"sms","from":"+1","to":"+2","body":"hi","origin":"offnet","charges":1.5}`,
		},
		{
			"mms", "inbound", `{"Message-ID":"m","Body":"hi","From":"+1","To":"+2","Account-ID":"` + account + `"}`,
			`mms ` + account + ` {"id":"m","account_id":"` + account + `","type":"mms","from":"+1","to":"+2","body":"hi"}`,
		},
		{
			"notification", "new_account", `{"Account-ID":"` + account + `","RPid":"r","Fax-JobId":"j","List":[{"A-B":null,"C-D":1}],"Server-ID":"s"}`,
			`notifications ` + account + ` {"account_id":"` + account + `","rpid":"r","fax_jobid":"j","list":[{"c_d":1}],"server_id":"s",` +
				`"app_name":"test","app_version":"4.0.0","event_category":"notification","event_name":"new_account","msg_id":"1"}`,
		},
		{"notification", "system_alert", `{"Message":"m","Subject":"s"}`, ""},
		{"notification", "webhook", `{"Hook":{"uri":"http://x"},"Data":{},"Account-ID":"` + account + `"}`, ""},
		{"notification", "skel", `{"Account-ID":"` + account + `"}`, ""},
	} {
		m := message(t, tc.category, tc.event, tc.message)
		got := strings.Join(payloads(t, c, m), "\n")
		want := tc.want
		if i := strings.Index(want, "{"); i >= 0 { // messages are completed in no order
			if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
				t.Errorf("%s: %s", tc.event, diff)
			}
			continue
		}
		if got != want {
			t.Errorf("%s %s: got %s", tc.category, tc.event, got)
		}
	}
}

// sorted is a payload's text cut at its commas.
func sorted(text string) map[string]int {
	parts := map[string]int{}
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("{}, ", r) }) {
		parts[part]++
	}
	return parts
}

func TestTheAccountOfANotification(t *testing.T) {
	c := builtin(t, hooktype.Env{})
	for _, place := range []string{
		`"account_id":"A"`, `"account":{"_id":"A"}`, `"pvt_account_id":"A"`, `"_id":"A"`, `"id":"A"`, `"Account-ID":"A"`,
		`"details":{"account_id":"A"}`, `"Details":{"Account-ID":"A"}`, `"details":{"custom_channel_vars":{"account_id":"A"}}`,
		`"Details":{"Custom-Channel-Vars":{"Account-ID":"A"}}`, `"Account-ID":"","account_id":"A"`,
	} {
		m := message(t, "notification", "system_alert", `{"Message":"m","Subject":"s",`+strings.ReplaceAll(place, "A\"", account+`"`)+`}`)
		if events, err := c.Events(m); err != nil || len(events) != 1 || events[0].Account != account {
			t.Errorf("%s: %v, %v", place, events, err)
		}
	}
}

func TestDatabasesOfAccounts(t *testing.T) {
	c := builtin(t, hooktype.Env{})
	const path = "account/a1/b2/c3d4e5f60718293a4b5c6d7e8f90"
	for database, want := range map[string]bool{
		account: true, path: true, strings.ReplaceAll(path, "/", "%2F"): true, strings.ReplaceAll(path, "/", "%2f"): true,
		account + "-202603": true, path + "-202603": true, strings.ReplaceAll(path, "/", "%2F") + "-202603": true,
		"system_config": false, "accounts": false, "": false, account[1:]: false, path + "-2026": false, "numbers/+1555": false,
	} {
		m := message(t, "configuration", "doc_created", `{"ID":"x","Type":"user","Database":"`+database+`"}`)
		events, err := c.Events(m)
		if got := len(events) == 1 && events[0].Account == account; got != want || err != nil != (database == "") {
			t.Errorf("%s: %v, %v", database, events, err)
		}
	}
}

func TestMessagesThatLackWhatTheyMustHave(t *testing.T) {
	c := builtin(t, hooktype.Env{})
	whole := `{"App-Name":"a","App-Version":"1","Event-Category":"sms","Event-Name":"inbound","Msg-ID":"1","Message-ID":"m","Body":"b","From":"f","To":"t"}`
	for _, name := range []string{"App-Name", "App-Version", "Event-Category", "Event-Name", "Msg-ID", "Message-ID", "Body", "From", "To"} {
		for _, value := range []string{`""`, `null`} {
			m, err := hooktype.ParseMessage([]byte(whole))
			if err != nil {
				t.Fatal(err)
			}
			cut, err := hooktype.ParseMessage([]byte(`{"v":` + value + `}`))
			if err != nil {
				t.Fatal(err)
			}
			m.Set(name, cut.Get("v"))
			if _, err := c.Events(m); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("without %s: %v", name, err)
			}
		}
	}
	for _, raw := range []string{``, `{`, `[]`, `"text"`, `null`, `{} {}`} {
		if _, err := hooktype.ParseMessage([]byte(raw)); err == nil {
			t.Errorf("%q is a message", raw)
		}
	}
	if _, err := c.Events(hooktype.Message{}); err == nil {
		t.Error("nothing is a message")
	}
	if _, err := c.Events(message(t, "notification", "missed_call", `{"Account-ID":"`+account+`","Call-ID":"c","Message-Left":false}`)); err == nil || !strings.Contains(err.Error(), "Call-Bridged") {
		t.Errorf("a notification without what it must have: %v", err)
	}
}

func TestMessagesOfOurOwn(t *testing.T) {
	c := builtin(t, hooktype.Env{})
	got := payloads(t, c, hooktype.ObjectMessage(hooktype.DocCreated, "user", "u1", account))
	if want := `object ` + account + ` {"id":"u1","account_id":"` + account + `","action":"doc_created","type":"user"}`; len(got) != 1 || got[0] != want {
		t.Errorf("got %v", got)
	}
	got = payloads(t, c, hooktype.DisabledMessage(account, "h1"))
	if len(got) != 1 || !strings.Contains(got[0], `"event_name":"webhook_disabled"`) || !strings.Contains(got[0], `"account_id":"`+account+`","hook_id":"h1"`) ||
		!strings.Contains(got[0], `"app_name":"webhooks"`) {
		t.Errorf("got %v", got)
	}
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte(destroyed))
	f.Add([]byte(`{"App-Name":"a","App-Version":"1","Event-Category":"notification","Event-Name":"system_alert","Msg-ID":"1","Message":"m","Subject":"s","account":[1]}`))
	f.Add([]byte(`{"App-Name":"a","App-Version":"1","Event-Category":"configuration","Event-Name":"doc_created","Msg-ID":1,"ID":{},"Database":[]}`))
	f.Add([]byte(`{"App-Name":true,"App-Version":1e9,"Event-Category":"call_event","Event-Name":"PARK_PARKED","Msg-ID":[],"Custom-Channel-Vars":"x","Call-ID":1}`))
	c := builtin(f, hooktype.Env{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := hooktype.ParseMessage(raw)
		if err != nil {
			return
		}
		events, err := c.Events(m)
		if err != nil {
			return
		}
		for _, e := range events {
			made, err := e.Webhook()
			if err != nil {
				t.Fatalf("what was JSON cannot be told as JSON: %v", err)
			}
			if len(e.Account) != 32 || !strings.HasPrefix(made.Type, hooktype.EventPrefix) {
				t.Fatalf("event %+v", made)
			}
		}
	})
}
