package native

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/webhook"
)

// jwtLeeway is how far the clock of who made a token may be off.
const jwtLeeway = time.Minute

// authenticateJWT takes the HS256 tokens (RFC 7519) that a Svix server gave out to
// its organisation. It had one, so whoever holds such a token holds the root
// account. Its portal tokens name applications by ids that mean nothing here.
func (a *API) authenticateJWT(c *call, token string) (*principal, error) {
	if !jwtHolds(token, a.JWTSecret, a.Now()) {
		return nil, unauthorized(invalidToken)
	}
	root, err := a.Control.Root(c.ctx())
	if err != nil {
		return nil, err
	}
	return &principal{Principal: &control.Principal{
		Credential: &webhook.Credential{AccountID: root.ID, Kind: webhook.KindAPIKey, Scope: webhook.ScopeRoot, Name: "jwt"},
		Account:    root,
	}}, nil
}

// jwtHolds says whether the token is signed with the secret, in force, and an
// organisation's.
func jwtHolds(token string, secret webhook.Secret, now time.Time) bool {
	at := strings.LastIndexByte(token, '.')
	signed, signature := token[:at], token[at+1:]
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte(signed))
	given, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil || !hmac.Equal(given, mac.Sum(nil)) {
		return false
	}
	head, payload, _ := strings.Cut(signed, ".")
	var header struct {
		Alg string `json:"alg"`
	}
	var claims struct {
		Sub string   `json:"sub"`
		Org string   `json:"org"`
		Exp *float64 `json:"exp"`
		Nbf *float64 `json:"nbf"`
	}
	if !decodePart(head, &header) || header.Alg != "HS256" || !decodePart(payload, &claims) {
		return false
	}
	seconds, leeway := float64(now.Unix()), jwtLeeway.Seconds()
	switch {
	case !strings.HasPrefix(claims.Sub, "org_"), claims.Org != "":
		return false
	case claims.Exp != nil && *claims.Exp+leeway < seconds:
		return false
	case claims.Nbf != nil && *claims.Nbf-leeway > seconds:
		return false
	}
	return true
}

func decodePart(part string, into any) bool {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}
