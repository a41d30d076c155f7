package sign

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/switchhook/switchhook/internal/webhook"
)

// How the Standard Webhooks specification spells keys: one of these, then base64.
const (
	symmetricPrefix = "whsec_" // the bytes of an HMAC-SHA256 key
	privatePrefix   = "whsk_"  // an ed25519 seed and its public key, 64 bytes
	publicPrefix    = "whpk_"  // an ed25519 public key, 32 bytes
)

// How many bytes a symmetric key has (Standard Webhooks, "Signature scheme").
const (
	symmetricMin = 24
	symmetricMax = 64
	symmetricNew = 32
)

// encoding accepts one spelling only, but for the line breaks that decode looks for.
var encoding = base64.StdEncoding.Strict()

// NewSymmetric returns a fresh HMAC-SHA256 key of 32 random bytes: "whsec_…".
func NewSymmetric() webhook.Secret {
	key := make([]byte, symmetricNew)
	_, _ = rand.Read(key) // crypto/rand.Read never returns an error
	return webhook.Secret(symmetricPrefix + encoding.EncodeToString(key))
}

// NewAsymmetric returns a fresh ed25519 private key: "whsk_…".
func NewAsymmetric() webhook.Secret {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed)
	return webhook.Secret(privatePrefix + encoding.EncodeToString(ed25519.NewKeyFromSeed(seed)))
}

// Public returns the public key, "whpk_…", of the private key s, "whsk_…".
func Public(s webhook.Secret) (string, error) {
	text, ok := strings.CutPrefix(s.Reveal(), privatePrefix)
	if !ok {
		return "", fmt.Errorf("only a key that begins with %s has a public key", privatePrefix)
	}
	key, err := decodePrivate(text)
	if err != nil {
		return "", err
	}
	return publicPrefix + encoding.EncodeToString(key[ed25519.SeedSize:]), nil
}

// CheckKey says whether text may be set as a signing key: "whsec_" and the base64
// of 24 to 64 bytes, or "whsk_" and the base64 of an ed25519 seed with its public
// key. The error is a plain sentence for people and does not repeat the key.
func CheckKey(text string) error {
	if rest, ok := strings.CutPrefix(text, symmetricPrefix); ok {
		key, err := decode(rest)
		if err != nil {
			return err
		}
		if len(key) < symmetricMin || len(key) > symmetricMax {
			return fmt.Errorf("a %s key has %d to %d bytes, not %d", symmetricPrefix, symmetricMin, symmetricMax, len(key))
		}
		return nil
	}
	if rest, ok := strings.CutPrefix(text, privatePrefix); ok {
		_, err := decodePrivate(rest)
		return err
	}
	return fmt.Errorf("a key begins with %s or %s", symmetricPrefix, privatePrefix)
}

// decodePrivate reads a private key behind its prefix. A public half that does not
// belong to the seed is refused: signing with it would give the seed away.
func decodePrivate(text string) (ed25519.PrivateKey, error) {
	key, err := decode(text)
	if err != nil {
		return nil, err
	}
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("a %s key has %d bytes, not %d", privatePrefix, ed25519.PrivateKeySize, len(key))
	}
	if !bytes.Equal(ed25519.NewKeyFromSeed(key[:ed25519.SeedSize]), key) {
		return nil, fmt.Errorf("the two halves of the %s key do not belong together", privatePrefix)
	}
	return ed25519.PrivateKey(key), nil
}

// decode reads base64 in its one canonical spelling. Nothing at all is no key:
// anyone could sign with it.
func decode(text string) ([]byte, error) {
	if text == "" || strings.ContainsAny(text, "\r\n") { // line breaks the decoder would skip
		return nil, errNotBase64
	}
	b, err := encoding.DecodeString(text)
	if err != nil {
		return nil, errNotBase64
	}
	return b, nil
}

var errNotBase64 = errors.New("the key is not base64 behind its prefix")
