package viawazomobile

import (
	"encoding/json"
	"testing"
	"time"
)

func FuzzEvent(f *testing.F) {
	for _, payload := range []string{
		`{"name":"user_missed_call","data":{"caller_id_name":"a","caller_id_number":1}}`, `{"name":"call_push_notification","data":{}}`,
		`{"name":"chatd_user_room_message_created","data":{"alias":[],"content":{"a":1},"user_uuid":"u"}}`,
		`{"name":"global_voicemail_message_created","data":{"message":5}}`, `{"notification_type":"x","user_uuid":"u","extra":{}}`, `[]`,
	} {
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, read := range []func() (*message, error){
			func() (*message, error) { return readEvent(payload, "t", "u", time.Unix(0, 0)) },
			func() (*message, error) { return readNotification(payload, time.Unix(0, 0)) },
		} {
			m, err := read()
			if err != nil || m == nil {
				continue
			}
			if text, err := m.forApple(); err == nil && !json.Valid(text) {
				t.Errorf("%s becomes %s", payload, text)
			}
		}
	})
}
