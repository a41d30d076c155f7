package sign

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Headers are the values of the three headers that a receiver verifies.
type Headers struct {
	ID        string // webhook-id
	Timestamp string // webhook-timestamp, Unix seconds
	Signature string // webhook-signature
}

// Why Verify refuses a request.
var (
	ErrHeaders     = errors.New("a webhook header is missing or cannot be read")
	ErrTooOld      = errors.New("the webhook's timestamp is too old")
	ErrTooNew      = errors.New("the webhook's timestamp is in the future")
	ErrNoSignature = errors.New("no signature of the webhook matches")
)

// maxSignatures bounds the work that one foreign header can cause. A rotation
// needs a dozen at most.
const maxSignatures = 64

// Verify checks a request as a receiver does: the timestamp may be off by up to
// tolerance either way, and one signature must match one of the keys, which are
// "whsec_…" or "whpk_…". It returns nil or one of the errors above; any other
// error means that a key cannot be used.
func Verify(keys []string, h Headers, body []byte, now time.Time, tolerance time.Duration) error {
	ts, err := strconv.ParseInt(h.Timestamp, 10, 64)
	if err != nil || strconv.FormatInt(ts, 10) != h.Timestamp || h.ID == "" || h.Signature == "" {
		return ErrHeaders
	}
	if strings.Count(h.Signature, " ") >= maxSignatures {
		return ErrHeaders
	}
	if age := now.Sub(time.Unix(ts, 0)); age > tolerance {
		return ErrTooOld
	} else if age < -tolerance {
		return ErrTooNew
	}
	content := append(appendPrefix(nil, h.ID, ts), body...)
	matched := false
	for i, key := range keys {
		ok, err := verifyOne(key, h.Signature, content)
		if err != nil {
			return fmt.Errorf("key %d: %w", i, err)
		}
		matched = matched || ok
	}
	if !matched {
		return ErrNoSignature
	}
	return nil
}

// verifyOne says whether one of the signatures is the key's.
func verifyOne(key, signatures string, content []byte) (bool, error) {
	version, check, err := checker(key, content)
	if err != nil {
		return false, err
	}
	for one := range strings.SplitSeq(signatures, " ") {
		text, ok := strings.CutPrefix(one, version)
		if !ok {
			continue
		}
		if sig, err := decode(text); err == nil && check(sig) {
			return true, nil
		}
	}
	return false, nil
}

// checker returns what a signature of the key begins with, and the test for the
// bytes behind it.
func checker(key string, content []byte) (version string, check func(sig []byte) bool, err error) {
	if text, ok := strings.CutPrefix(key, symmetricPrefix); ok {
		secret, err := decode(text)
		if err != nil {
			return "", nil, err
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write(content)
		want := mac.Sum(nil)
		return "v1,", func(sig []byte) bool { return hmac.Equal(sig, want) }, nil
	}
	if text, ok := strings.CutPrefix(key, publicPrefix); ok {
		public, err := decode(text)
		if err != nil {
			return "", nil, err
		}
		if len(public) != ed25519.PublicKeySize {
			return "", nil, fmt.Errorf("a %s key has %d bytes, not %d", publicPrefix, ed25519.PublicKeySize, len(public))
		}
		return "v1a,", func(sig []byte) bool { return ed25519.Verify(public, content, sig) }, nil
	}
	return "", nil, fmt.Errorf("a key to verify with begins with %s or %s", symmetricPrefix, publicPrefix)
}
