// Package id makes and spells identifiers: UUIDv7 values (RFC 9562, section
// 5.7), one value with three spellings. Hyphened is what Wazo and PyWebhooks
// show, 32 hex digits is what Kazoo shows, and a prefix with 22 base62 digits is
// what the native API shows. All three sort like the value itself, which sorts
// by time. The package knows no nouns: a prefix is whatever the caller says.
package id

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"time"
)

// ID is a UUIDv7, or the UUID that something came with or has to look like. The zero
// value means "none".
type ID [16]byte

// ErrInvalid is returned for text that spells no identifier.
var ErrInvalid = errors.New("not a valid identifier")

// New returns a fresh id for the present moment. Ids made within the same
// quarter of a microsecond are not ordered among each other; use a Source where
// order matters.
func New() ID { return stamped(time.Now()) }

// stamped fills in the milliseconds, twelve bits of the sub-millisecond
// fraction (RFC 9562, section 6.2, method 3) and random bits.
func stamped(t time.Time) ID {
	var v ID
	_, _ = rand.Read(v[6:]) // crypto/rand.Read never returns an error
	ms := uint64(t.UnixMilli())
	frac := uint64(t.Nanosecond()%int(time.Millisecond)) << 12 / uint64(time.Millisecond)
	putTime(&v, ms, uint16(frac))
	return v
}

// NewRandom returns a UUIDv4 (RFC 9562, section 5.4): for what is shown by an API
// that promises one. It does not sort by time.
func NewRandom() ID {
	var v ID
	_, _ = rand.Read(v[:]) // crypto/rand.Read never returns an error
	v[6] = v[6]&0x0f | 0x40
	v[8] = v[8]&0x3f | 0x80
	return v
}

func putTime(v *ID, ms uint64, frac uint16) {
	binary.BigEndian.PutUint16(v[0:2], uint16(ms>>32))
	binary.BigEndian.PutUint32(v[2:6], uint32(ms))
	v[6] = 0x70 | byte(frac>>8)
	v[7] = byte(frac)
	v[8] = v[8]&0x3f | 0x80
}

// Source makes ids that strictly increase, whatever the clock does. The zero
// value is ready. It is safe for concurrent use.
type Source struct {
	mu   sync.Mutex
	last uint64 // milliseconds<<12 | fraction of the newest id
}

// New returns an id greater than every id this source gave before.
func (s *Source) New() ID {
	v := stamped(time.Now())
	now := binary.BigEndian.Uint64(v[:8])
	tick := now>>16<<12 | now&0xfff
	s.mu.Lock()
	if tick <= s.last {
		tick = s.last + 1
	}
	s.last = tick
	s.mu.Unlock()
	putTime(&v, tick>>12, uint16(tick&0xfff))
	return v
}

// From returns the lowest id that can be made at or after t. It is a bound for
// ranges and names nothing itself.
func From(t time.Time) ID {
	var v ID
	ms := t.UnixMilli()
	if ms <= 0 {
		return v
	}
	frac := uint64(t.Nanosecond()%int(time.Millisecond)) << 12 / uint64(time.Millisecond)
	putTime(&v, uint64(ms), uint16(frac))
	return v
}

// Since returns the lowest id whose Time is t or later. Ids made at t or in the
// quarter of a microsecond before it may be below: they say an earlier time.
func Since(t time.Time) ID {
	v := From(t)
	if !v.IsZero() && v.Time().Before(t) {
		lo := binary.BigEndian.Uint64(v[:8])
		tick := lo>>16<<12 | lo&0xfff + 1
		putTime(&v, tick>>12, uint16(tick&0xfff))
	}
	return v
}

// Time returns when the id was made, to a quarter of a microsecond.
func (v ID) Time() time.Time {
	hi := binary.BigEndian.Uint64(v[:8])
	frac := int64(hi&0xfff) * int64(time.Millisecond) >> 12
	return time.UnixMilli(int64(hi >> 16)).Add(time.Duration(frac)).UTC()
}

// IsZero says whether v is the zero value.
func (v ID) IsZero() bool { return v == ID{} }

// Compare orders ids by value, which is by time.
func (v ID) Compare(w ID) int { return bytes.Compare(v[:], w[:]) }

// Hex spells the id as 32 lower-case hex digits.
func (v ID) Hex() string { return hex.EncodeToString(v[:]) }

// String spells the id hyphened: 8-4-4-4-12 lower-case hex digits.
func (v ID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], v[0:4])
	hex.Encode(b[9:13], v[4:6])
	hex.Encode(b[14:18], v[6:8])
	hex.Encode(b[19:23], v[8:10])
	hex.Encode(b[24:36], v[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

const (
	digits   = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	b62Width = 22 // 62^22 > 2^128
)

// Prefixed spells the id as prefix and 22 base62 digits, for example
// "msg_" + "02FZr…". The digits are in ASCII order, so the text sorts by time.
func (v ID) Prefixed(prefix string) string {
	b := make([]byte, 0, len(prefix)+b62Width)
	return string(v.AppendPrefixed(b, prefix))
}

// AppendPrefixed appends the spelling of Prefixed to b.
func (v ID) AppendPrefixed(b []byte, prefix string) []byte {
	b = append(b, prefix...)
	n := len(b)
	b = append(b, "0000000000000000000000"...)
	hi, lo := binary.BigEndian.Uint64(v[:8]), binary.BigEndian.Uint64(v[8:])
	for i := n + b62Width - 1; hi|lo != 0; i-- {
		// Divide the 128-bit value by 62, 32 bits at a time.
		var rem uint64
		p := [4]uint64{hi >> 32, hi & 0xffffffff, lo >> 32, lo & 0xffffffff}
		for j := range p {
			cur := rem<<32 | p[j]
			p[j], rem = cur/62, cur%62
		}
		hi, lo = p[0]<<32|p[1], p[2]<<32|p[3]
		b[i] = digits[rem]
	}
	return b
}

// ParsePrefixed reads the spelling of Prefixed. The prefix must match.
func ParsePrefixed(s, prefix string) (ID, error) {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok || len(rest) != b62Width {
		return ID{}, ErrInvalid
	}
	var hi, lo uint64
	for i := 0; i < len(rest); i++ {
		d := strings.IndexByte(digits, rest[i])
		if d < 0 {
			return ID{}, ErrInvalid
		}
		// (hi,lo) = (hi,lo)*62 + d, 32 bits at a time.
		carry := uint64(d)
		p := [4]uint64{lo & 0xffffffff, lo >> 32, hi & 0xffffffff, hi >> 32}
		for j := range p {
			cur := p[j]*62 + carry
			p[j], carry = cur&0xffffffff, cur>>32
		}
		if carry != 0 {
			return ID{}, ErrInvalid
		}
		lo, hi = p[1]<<32|p[0], p[3]<<32|p[2]
	}
	var v ID
	binary.BigEndian.PutUint64(v[:8], hi)
	binary.BigEndian.PutUint64(v[8:], lo)
	return v, nil
}

// Parse reads the hyphened spelling or 32 hex digits, in either case of letters.
// Any UUID is taken, whatever its version: an imported record keeps the id it had.
func Parse(s string) (ID, error) {
	switch len(s) {
	case 36:
		if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
			return ID{}, ErrInvalid
		}
		s = s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	case 32:
	default:
		return ID{}, ErrInvalid
	}
	var v ID
	if _, err := hex.Decode(v[:], []byte(s)); err != nil {
		return ID{}, ErrInvalid
	}
	return v, nil
}

// FromBytes reads the 16 bytes of an id.
func FromBytes(b []byte) (ID, error) {
	if len(b) != 16 {
		return ID{}, ErrInvalid
	}
	return ID(b), nil
}

// MarshalText spells the id hyphened; the zero value is the empty text.
func (v ID) MarshalText() ([]byte, error) {
	if v.IsZero() {
		return []byte{}, nil
	}
	return []byte(v.String()), nil
}

// UnmarshalText reads what Parse reads; the empty text is the zero value.
func (v *ID) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*v = ID{}
		return nil
	}
	w, err := Parse(string(b))
	if err != nil {
		return err
	}
	*v = w
	return nil
}
