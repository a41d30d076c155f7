package wazo_test

import (
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/api/wazo"
)

func TestNotificationsAreHandedOn(t *testing.T) {
	w := newWorld(t)
	tenant := w.tenant("")
	w.tokenOf(tenant, alice)
	w.want(204, "POST", "/mobile/notifications", object{
		"notification_type": "Other_1", "user_uuid": alice, "title": "", "body": strings.Repeat("ü", 250), "extra": object{"a": 1},
	}, "Wazo-Tenant", tenant)
	w.same(w.told.got, []wazo.Notification{{
		Type: "Other_1", TenantUUID: tenant, UserUUID: alice, Body: strings.Repeat("ü", 250), Extra: []byte(`{"a":1}`),
	}})
	good := object{"notification_type": "a", "user_uuid": alice, "title": "t", "body": "b"}
	w.refused(400, "invalid-user-uuid", "POST", "/mobile/notifications", good) // no user of the master tenant
	w.serve(func(o *wazo.Options) { o.Notifier = nil })
	w.token = w.root
	w.want(503, "POST", "/mobile/notifications", good, "Wazo-Tenant", tenant)
}

func TestEveryFieldOfANotificationIsChecked(t *testing.T) {
	w := newWorld(t)
	required, text := []any{"Missing data for required field."}, []any{"Not a valid string."}
	w.same(w.refused(400, "invalid-data", "POST", "/mobile/notifications", object{}), object{
		"notification_type": required, "user_uuid": required, "title": required, "body": required,
	})
	w.same(w.refused(400, "invalid-data", "POST", "/mobile/notifications", object{
		"notification_type": 1, "user_uuid": 2, "title": 3, "body": nil, "extra": nil, "more": 1,
	}), object{
		"notification_type": text, "user_uuid": text, "title": text, "body": []any{"Field may not be null."},
		"extra": []any{"Field may not be null."}, "more": []any{"Unknown field."},
	})
	between := func(s string) []any { return []any{"Length must be between " + s + "."} }
	w.same(w.refused(400, "invalid-data", "POST", "/mobile/notifications", object{
		"notification_type": "", "user_uuid": "x", "title": strings.Repeat("t", 129), "body": strings.Repeat("b", 251), "extra": []int{},
	}), object{
		"notification_type": between("1 and 100"), "user_uuid": []any{"Length must be 36."}, "title": between("0 and 128"),
		"body": between("0 and 250"), "extra": []any{"Not a valid mapping type."},
	})
	for _, name := range []string{"messageReceived", "voicemailReceived", "incomingCall", "cancelIncomingCall", "missedCall", "a-b", "a b", "ä", "a\n"} {
		details := w.refused(400, "invalid-data", "POST", "/mobile/notifications", object{
			"notification_type": name, "user_uuid": alice, "title": "", "body": "",
		})
		if len(details) != 1 || details["notification_type"] == nil {
			t.Errorf("%q: %v", name, details)
		}
	}
}
