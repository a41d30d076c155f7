package pywebhooks

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

// The verifiers of an account's API key. The key has 160 random bits, so a fast hash
// verifies it. The slow one, in the form of Werkzeug, is what the API shows in the place of
// the key; it verifies a key that came from a PyWebhooks until it is used for the first
// time.
const (
	fastVerifier  = "sha256"
	shownVerifier = "werkzeug"
)

// newKey makes an API key, a secret key or an echo value: 40 hexadecimal digits.
func newKey() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never returns an error
	return hex.EncodeToString(b[:])
}

// verifiers returns those of a fresh API key.
func verifiers(key string) (map[string]string, error) {
	salt := newKey()[:8]
	sum, err := pbkdf2.Key(sha256.New, key, []byte(salt), shownRounds, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("hash an API key: %w", err)
	}
	return map[string]string{
		fastVerifier:  fastHash(key),
		shownVerifier: fmt.Sprintf("pbkdf2:sha256:%d$%s$%x", shownRounds, salt, sum),
	}, nil
}

// shownRounds are those of hashes made here. The key cannot be guessed, whatever their
// number.
const shownRounds = 1000

func fastHash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// isKey says whether a key is the one that the fast verifier was made of. It takes the
// same time when there is none.
func isKey(verifier, key string) bool {
	return subtle.ConstantTimeCompare([]byte(verifier), []byte(fastHash(key))) == 1
}

// werkzeugHash is a password hash of Werkzeug, such as
// "pbkdf2:sha1:1000$vTuQRKeb$eec0…".
type werkzeugHash struct {
	make   func() hash.Hash
	rounds int
	salt   string
	sum    []byte
}

// maxRounds bounds the work that a hash from elsewhere asks for.
const maxRounds = 10_000_000

var errNoHash = errors.New("is not a pbkdf2 hash of Werkzeug, with sha1 or sha256")

// parseWerkzeug reads a password hash.
func parseWerkzeug(text string) (werkzeugHash, error) {
	var h werkzeugHash
	method, rest, _ := strings.Cut(text, "$")
	salt, sum, ok := strings.Cut(rest, "$")
	parts := strings.Split(method, ":")
	if !ok || len(parts) != 3 || parts[0] != "pbkdf2" {
		return h, errNoHash
	}
	switch parts[1] {
	case "sha1":
		h.make = sha1.New
	case "sha256":
		h.make = sha256.New
	default:
		return h, errNoHash
	}
	var err error
	if h.rounds, err = strconv.Atoi(parts[2]); err != nil || h.rounds < 1 || h.rounds > maxRounds {
		return h, errNoHash
	}
	if h.sum, err = hex.DecodeString(sum); err != nil || len(h.sum) != h.make().Size() {
		return h, errNoHash
	}
	h.salt = salt
	return h, nil
}

// is says whether the hash is that of a key.
func (h werkzeugHash) is(key string) bool {
	sum, err := pbkdf2.Key(h.make, key, []byte(h.salt), h.rounds, len(h.sum))
	return err == nil && subtle.ConstantTimeCompare(sum, h.sum) == 1
}
