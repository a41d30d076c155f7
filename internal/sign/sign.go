// Package sign makes and checks signatures: Standard Webhooks v1 (HMAC-SHA256)
// and v1a (ed25519), with as many keys at once as a rotation needs, and the
// HMAC-SHA1 of PyWebhooks. It knows no endpoint and sends nothing. Keys of any
// other spelling belong to a dialect and are left alone here.
package sign

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// Header returns the value of the webhook-signature header: one signature for
// each key that is live at the moment now, in the order of keys, with blanks
// between them. It is empty when no key is of a Standard Webhooks kind. Who signs
// often with the same keys uses a Signer.
func Header(keys []webhook.SigningKey, now time.Time, msgID string, ts int64, body []byte) (string, error) {
	s, err := NewSigner(keys)
	if err != nil {
		return "", err
	}
	return string(s.AppendHeader(nil, now, msgID, ts, body)), nil
}

// SHA1Hex returns HMAC-SHA1 of body in lower-case hex digits, with the text of key
// as it is for the key. It is the pywebhooks-signature header.
func SHA1Hex(key string, body []byte) string {
	mac := hmac.New(sha1.New, []byte(key))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// appendPrefix appends the part of the signed content that comes before the body.
func appendPrefix(dst []byte, msgID string, ts int64) []byte {
	dst = append(dst, msgID...)
	dst = append(dst, '.')
	dst = strconv.AppendInt(dst, ts, 10)
	return append(dst, '.')
}
