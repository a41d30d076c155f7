package sign

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// Signer signs with a fixed list of keys. It decodes them once and keeps hash
// state between calls. It is safe for concurrent use.
type Signer struct {
	keys    []signingKey
	buffers sync.Pool // of *[]byte, for what ed25519 has to see in one piece
}

// signingKey is one key of either kind, ready for use.
type signingKey struct {
	life    webhook.SigningKey // for Live only; holds no key text
	private ed25519.PrivateKey // nil for a symmetric key
	macs    *sync.Pool         // of *mac; nil for an asymmetric key
}

// mac is the state of one HMAC-SHA256 computation. The buffers are in it because
// what is passed to a hash.Hash would otherwise be allocated each time.
type mac struct {
	hash hash.Hash
	buf  []byte
	sum  [sha256.Size]byte
}

// NewSigner decodes the keys. Those that are neither "whsec_" nor "whsk_" are left
// out. The error names the place of a key that cannot be used, not the key.
func NewSigner(keys []webhook.SigningKey) (*Signer, error) {
	s := &Signer{buffers: sync.Pool{New: func() any { return new([]byte) }}}
	for i, k := range keys {
		life := webhook.SigningKey{CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt}
		if text, ok := strings.CutPrefix(k.Key.Reveal(), symmetricPrefix); ok {
			key, err := decode(text)
			if err != nil {
				return nil, fmt.Errorf("signing key %d: %w", i, err)
			}
			s.keys = append(s.keys, signingKey{life: life, macs: macPool(key)})
		} else if text, ok := strings.CutPrefix(k.Key.Reveal(), privatePrefix); ok {
			key, err := decodePrivate(text)
			if err != nil {
				return nil, fmt.Errorf("signing key %d: %w", i, err)
			}
			s.keys = append(s.keys, signingKey{life: life, private: key})
		}
	}
	return s, nil
}

func macPool(key []byte) *sync.Pool {
	return &sync.Pool{New: func() any { return &mac{hash: hmac.New(sha256.New, key)} }}
}

// AppendHeader appends the value of the webhook-signature header to dst: one
// signature for each key that is live at the moment now, in the order of the
// keys, with blanks between them; nothing when there is none. The signed content
// is msgID, ts in Unix seconds and body, with dots between them.
func (s *Signer) AppendHeader(dst []byte, now time.Time, msgID string, ts int64, body []byte) []byte {
	start := len(dst)
	for i := range s.keys {
		k := &s.keys[i]
		if !k.life.Live(now) {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ' ')
		}
		if k.private != nil {
			dst = s.appendAsymmetric(dst, k.private, msgID, ts, body)
		} else {
			dst = appendSymmetric(dst, k.macs, msgID, ts, body)
		}
	}
	return dst
}

func appendSymmetric(dst []byte, macs *sync.Pool, msgID string, ts int64, body []byte) []byte {
	m := macs.Get().(*mac)
	m.hash.Reset()
	m.buf = appendPrefix(m.buf[:0], msgID, ts)
	m.hash.Write(m.buf)
	m.hash.Write(body)
	dst = append(dst, "v1,"...)
	dst = base64.StdEncoding.AppendEncode(dst, m.hash.Sum(m.sum[:0]))
	macs.Put(m)
	return dst
}

func (s *Signer) appendAsymmetric(dst []byte, key ed25519.PrivateKey, msgID string, ts int64, body []byte) []byte {
	buf := s.buffers.Get().(*[]byte)
	*buf = append(appendPrefix((*buf)[:0], msgID, ts), body...)
	dst = append(dst, "v1a,"...)
	dst = base64.StdEncoding.AppendEncode(dst, ed25519.Sign(key, *buf))
	s.buffers.Put(buf)
	return dst
}
