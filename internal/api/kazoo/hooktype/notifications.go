package hooktype

import (
	"fmt"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/render/py"
)

// notification is one event that the platform tells its users of.
type notification struct {
	id, name, description string
	key                   string // in the exchange, behind "notifications."
	required              string // members that its messages must have
	shown                 string // further ones that the sample has
}

// The events that only operators are shown, and the one that goes to nobody who
// subscribed.
const (
	systemAlert     = "system_alert"
	WebhookDisabled = "webhook_disabled"
	callflowHook    = "webhook"
)

func notificationEvents() []notification {
	return []notification{
		{"account_zone_change", "Account Zone Change", "Somebody asked to move the account to another home zone.", "account.zone_change", "Account-ID Zones", ""},
		{"bill_reminder", "Bill Reminder", "The monthly charges that are to be expected, some time before they are due.", "account.reminder", "Account-ID Due-Date Items Timestamp", ""},
		{"cf_notification", "Customer defined notification", "A notification that the customer made up, sent by a callflow for example.", "account.cf_notification", "Account-ID Template-ID", "Caller-ID-Name Caller-ID-Number Call-ID"},
		{"cnam_request", "CNAM Update", "Somebody asked for a new caller name of a number.", "number.cnam_request", "Account-ID Number Cnam", "Number-State"},
		{"customer_update", "Customer Update", "A message to customers that was sent through the customer update API.", "user.customer_update", "Account-ID", "User-Type Template-ID"},
		{"denied_emergency_bridge", "Emergency Call Failed", "An emergency call did not get through.", "registration.denied_emergency_bridge", "Account-ID Call-ID", "Outbound-Caller-ID-Name Outbound-Caller-ID-Number"},
		{"deregister", "De-Registration", "A registration ran out and was not renewed.", "sip.deregister", "Account-ID Realm Username", "Contact Expires From-User From-Host Network-IP Network-Port User-Agent"},
		{"emergency_bridge", "Emergency Call Placed", "An emergency call was made.", "registration.emergency_bridge", "Account-ID Call-ID", "Account-Name Device-Name Outbound-Caller-ID-Number"},
		{"first_occurrence", "Account First Occurrence", "The account has its first registration, or its first call.", "sip.first_occurrence", "Account-ID Occurrence", ""},
		{"inbound_fax", "Successful Fax Reception", "A fax was received.", "fax.inbound", "Account-ID Fax-ID From-Realm From-User To-Realm To-User", "Caller-ID-Number Callee-ID-Number Fax-Timestamp"},
		{"inbound_fax_error", "Fax Reception Error", "A fax could not be received.", "fax.inbound_error", "Account-ID From-Realm From-User To-Realm To-User", "Caller-ID-Number Callee-ID-Number Fax-Error"},
		{"low_balance", "Account Low Balance", "The balance of the account is below its alert threshold.", "account.low_balance", "Account-ID Current-Balance", ""},
		{"missed_call", "Missed Call", "Nobody took a call, and its callflow says so.", "sip.missed_call", "Account-ID Call-Bridged Call-ID Message-Left", "Caller-ID-Name Caller-ID-Number From-Realm From-User To-Realm To-User Timestamp"},
		{"new_account", "New Account", "An account was created.", "account.new", "Account-ID", "Account-Name Account-Realm"},
		{"new_user", "New User", "A user was created.", "user.new", "Account-ID User-ID", ""},
		{"number_feature_manual_action", "Number Feature Manual Action Required", "A changed feature of a number needs somebody to act.", "account.number_feature_manual_action", "Account-ID Number Feature", ""},
		{"outbound_fax", "Successful Fax Transmission", "A fax was sent.", "fax.outbound", "Account-ID Callee-ID-Number Caller-ID-Number Fax-ID Fax-JobId", "FaxBox-ID"},
		{"outbound_fax_error", "Fax Transmission Error", "A fax could not be sent.", "fax.outbound_error", "Fax-ID Fax-JobId", "Account-ID Callee-ID-Number Fax-Error"},
		{"outbound_smtp_fax_error", "Invalid Email-to-Fax Email", "An e-mail that was to become a fax is not a valid one.", "fax.outbound_smtp_error", "Account-ID Fax-From-Email Errors Timestamp", "Fax-To-Email FaxBox-Name"},
		{"password_recovery", "Password Recovery", "A user asked for a link to set a new password.", "user.password_recovery", "Account-ID Email Password-Reset-Link", "First-Name Last-Name User-ID"},
		{"port_cancel", "Port Cancel", "A port request was cancelled.", "number.port_cancel", "Account-ID Port-Request-ID", "Number Authorized-By"},
		{"port_comment", "Port Comment", "Somebody commented on a port request.", "number.port_comment", "Account-ID Comment Port-Request-ID", "Number Authorized-By"},
		{"port_pending", "Port Pending", "A port request was accepted and given to the carrier.", "number.port_pending", "Account-ID Port-Request-ID", "Number Authorized-By"},
		{"port_rejected", "Port Rejected", "A port request was rejected.", "number.port_rejected", "Account-ID Port-Request-ID", "Number Authorized-By Reason"},
		{"port_request", "Port Request", "A port request was submitted.", "number.port_request", "Account-ID Port-Request-ID", "Number Authorized-By"},
		{"port_scheduled", "Port Scheduled", "The carrier named the day of a port.", "number.port_scheduled", "Account-ID Port-Request-ID", "Number Authorized-By"},
		{"port_unconfirmed", "Port Unconfirmed", "A port request was drafted and waits to be submitted.", "number.port_unconfirmed", "Account-ID Port-Request-ID", "Number Authorized-By"},
		{"ported", "Ported", "A port is done.", "number.ported", "Account-ID Port-Request-ID", "Number Authorized-By"},
		{"register", "Registration", "A device registered that had no registration.", "sip.register", "Account-ID Realm Username", "Contact Expires Network-IP Network-Port User-Agent"},
		{"service_added", "Service Added", "The quantities that the account is billed for changed.", "account.service_added", "Account-ID Audit-Log Items Timestamp", ""},
		{"system_alert", "System Alert", "Something that the operators of the platform should look at.", "system.alert", "Message Subject", "Section Module Line"},
		{"topup", "Automatic Account Top-up", "The balance was to be topped up automatically.", "account.topup", "Account-ID Amount Response Success Timestamp", "ID Currency-Code"},
		{"transaction", "Transaction Completed", "A payment was tried, with or without success.", "account.transaction", "Account-ID Amount Response Success Timestamp", "ID Currency-Code Card-Last-Four"},
		{"voicemail_full", "Voicemail Box Full", "A voicemail message was turned away because its box is full.", "voicemail.full", "Account-ID Max-Message-Count Message-Count Voicemail-Box", ""},
		{"voicemail_new", "New Voicemail Message", "Somebody left a voicemail message.", "voicemail.new", "Account-ID From-Realm From-User To-Realm To-User Voicemail-Box Voicemail-ID Voicemail-Timestamp", "Caller-ID-Name Caller-ID-Number Voicemail-Length Voicemail-Transcription"},
		{"voicemail_saved", "Voicemail Message Saved", "A voicemail message was put among the new ones again.", "voicemail.saved", "Account-ID From-Realm From-User To-Realm To-User Voicemail-Box Voicemail-ID Voicemail-Timestamp", "Caller-ID-Name Caller-ID-Number Voicemail-Length"},
		{"webhook", "Callflow Webhook Triggered", "A callflow asked for a request of its own.", "webhook.callflow", "Data Hook", ""},
		{"webhook_disabled", "Webhook Disabled", "A hook failed too often and was switched off.", "webhook.disabled", "Account-ID Hook-ID", ""},
	}
}

func notifications() Type {
	values := sampleValues()
	t := Type{
		ID: "notifications", Name: "Notifications Webhook",
		Description: "One of the events happened that the platform also notifies people of by e-mail.",
	}
	required := map[string][]string{} // members that the messages of each event must have
	choices := []Choice{{Value: All, Name: "All", Description: "Every one of these events."}}
	for _, e := range notificationEvents() {
		operators := e.id == systemAlert || e.id == WebhookDisabled
		required[e.id] = strings.Fields(e.required)
		choices = append(choices, Choice{e.id, e.name, e.description, operators})
		t.Bindings = append(t.Bindings, Binding{"notifications", "notifications." + e.key, "notification", e.id})
		if !operators { // samples are for everybody
			t.Samples = append(t.Samples, notificationSample(e, values))
		}
	}
	slices.SortFunc(choices, func(a, b Choice) int { return strings.Compare(a.Value, b.Value) })
	t.Modifiers = []Modifier{{Key: "type", Member: "event_name", Named: true, Choices: choices}}
	t.Build = func(m Message, _ Env) ([]Firing, error) {
		event := m.text("Event-Name")
		if err := m.lacks(required[event]...); err != nil {
			return nil, fmt.Errorf("%s: %w", event, err)
		}
		if event == callflowHook {
			return buildCallflow(m), nil
		}
		account := accountOfNotification(m)
		if account == "" {
			return nil, nil
		}
		return []Firing{{Account: account, Payload: m.normalised()}}, nil // the message as it is
	}
	return t
}

// buildCallflow reads a request that a callflow asks for: the message has the hook, and
// what to tell it.
func buildCallflow(m Message) []Firing {
	hook, data := m.object("Hook"), m.object("Data")
	account := accountIn(hook.text("pvt_account_id"))
	if account == "" {
		return nil
	}
	return []Firing{{Account: account, Payload: data.Dict, Hook: hook.Dict}}
}

// accountOfNotification looks for the account in all the places where messages have it;
// the first one counts.
func accountOfNotification(m Message) string {
	for _, path := range [...]string{
		"account_id", "account._id", "pvt_account_id", "_id", "id", "Account-ID", "details.account_id", "Details.Account-ID",
		"details.custom_channel_vars.account_id", "Details.Custom-Channel-Vars.Account-ID",
	} {
		if v := m.at(path); !absent(v) {
			return accountIn(textOf(v))
		}
	}
	return ""
}

// DisabledMessage makes the message that tells of a hook that was switched off.
func DisabledMessage(account, hook string) Message {
	m := Compose("webhooks", "notification", WebhookDisabled)
	m.Set("Account-ID", py.Str(account))
	m.Set("Hook-ID", py.Str(hook))
	return m
}
