package kazoo

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// claims are what an auth token says (RFC 7519). To callers it is a word without a
// meaning.
type claims struct {
	Issuer    string `json:"iss"`
	AccountID id.ID  `json:"account_id"`
	OwnerID   *id.ID `json:"owner_id,omitempty"` // the user
	KeyID     *id.ID `json:"key_id,omitempty"`   // the API key, for tokens without a user
	Method    string `json:"method"`
	Identity  string `json:"identity_sig"` // of what was proven, so that a new password ends the token
	IssuedAt  int64  `json:"iat"`
	Expires   int64  `json:"exp"`
	ID        id.ID  `json:"jti"`
}

const issuer = "kazoo"

// The methods of tokens.
const (
	byUser = "cb_user_auth"
	byKey  = "cb_api_auth"
)

// tokenHeader is the first part of every token: {"alg":"HS256","typ":"JWT"}.
const tokenHeader = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"

// newToken makes a token for the holder of a credential.
func (a *API) newToken(cr *webhook.Credential, method string) (string, claims) {
	now := a.Now()
	t := claims{
		Issuer: issuer, AccountID: cr.AccountID, Method: method, Identity: a.identity(cr),
		IssuedAt: now.Unix(), Expires: now.Add(a.TokenLifetime).Unix(), ID: id.New(),
	}
	if method == byUser {
		t.OwnerID = &cr.ID
	} else {
		t.KeyID = &cr.ID
	}
	signed := tokenHeader + "." + base64.RawURLEncoding.EncodeToString(encode(t))
	return signed + "." + base64.RawURLEncoding.EncodeToString(a.sign(signed)), t
}

func (a *API) sign(text string) []byte {
	mac := hmac.New(sha256.New, a.TokenKey)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// identity signs what a credential is proven with.
func (a *API) identity(cr *webhook.Credential) string {
	text := "identity " + cr.ID.Hex() + string(cr.KeyHash[:])
	for _, scheme := range slices.Sorted(maps.Keys(cr.Verifiers)) {
		text += " " + cr.Verifiers[scheme]
	}
	return base64.RawURLEncoding.EncodeToString(a.sign(text)[:12])
}

// readToken reads a token that this installation signed. Whether it is still good is
// not looked at.
func (a *API) readToken(text string) (t claims, ok bool) {
	at := strings.LastIndexByte(text, '.')
	if at < 0 || !strings.HasPrefix(text, tokenHeader+".") {
		return t, false
	}
	given, err := base64.RawURLEncoding.Strict().DecodeString(text[at+1:])
	if err != nil || !hmac.Equal(given, a.sign(text[:at])) {
		return t, false
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(text[len(tokenHeader)+1 : at])
	if err != nil || json.Unmarshal(payload, &t) != nil || t.Issuer != issuer {
		return t, false
	}
	return t, true
}

func (t *claims) expired(now time.Time) bool { return now.Unix() >= t.Expires }

// credential is the one that the token was given out for.
func (t *claims) credential() id.ID {
	switch {
	case t.OwnerID != nil:
		return *t.OwnerID
	case t.KeyID != nil:
		return *t.KeyID
	}
	return id.ID{}
}

// maxDropped bounds how many dropped tokens a credential remembers. Beyond it all
// tokens that it has given out so far end.
const maxDropped = 200

// drop remembers that a token is not to be taken any more, and forgets those that have
// expired.
func (n *credentialNote) drop(t claims, now time.Time) {
	maps.DeleteFunc(n.Dropped, func(_ string, expires int64) bool { return expires <= now.Unix() })
	if len(n.Dropped) >= maxDropped {
		n.Dropped, n.DroppedBefore = nil, now.Unix()+1
		return
	}
	if n.Dropped == nil {
		n.Dropped = map[string]int64{}
	}
	n.Dropped[t.ID.Hex()] = t.Expires
}

// dropped says whether a token was dropped.
func (n *credentialNote) dropped(t *claims) bool {
	_, one := n.Dropped[t.ID.Hex()]
	return one || t.IssuedAt < n.DroppedBefore
}
