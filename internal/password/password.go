// Package password hashes what people choose themselves, slowly, so that a copy of the
// database does not give it away: argon2id (RFC 9106) with its parameters and its salt
// in the text of each hash. What is random and long needs none of this.
package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/switchhook/switchhook/internal/webhook"
)

// Cost is what one hash takes.
type Cost struct {
	MemoryKiB uint32
	Passes    uint32
}

// DefaultCost is about as long as people should have to wait for a login: 19 MiB and
// two passes, the least that OWASP asks for.
func DefaultCost() Cost { return Cost{MemoryKiB: 19 << 10, Passes: 2} }

// Limits of what is computed for a hash that was stored.
const (
	maxMemoryKiB = 1 << 20
	maxPasses    = 16
	saltSize     = 16
	sumSize      = 32
)

// NewSalt returns a random salt.
func NewSalt() []byte {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // crypto/rand.Read never returns an error
	return salt
}

// Hash returns the hash of a text in PHC spelling: $argon2id$v=19$m=…,t=…,p=1$salt$sum.
func Hash(text webhook.Secret, salt []byte, cost Cost) string {
	p := parsed{cost: cost, salt: salt}
	p.sum = p.of(text)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, cost.MemoryKiB, cost.Passes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(p.sum))
}

// parsed is a hash taken apart.
type parsed struct {
	cost      Cost
	salt, sum []byte
}

var errSpelling = errors.New("this is no argon2id hash")

func parse(hash string) (p parsed, err error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, errSpelling
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=1", &p.cost.MemoryKiB, &p.cost.Passes); err != nil {
		return p, errSpelling
	}
	if p.cost.MemoryKiB > maxMemoryKiB || p.cost.Passes > maxPasses || p.cost.Passes == 0 {
		return p, errors.New("this hash costs too much")
	}
	if p.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return p, errSpelling
	}
	if p.sum, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(p.sum) != sumSize {
		return p, errSpelling
	}
	return p, nil
}

func (p *parsed) of(text webhook.Secret) []byte {
	return argon2.IDKey([]byte(text.Reveal()), p.salt, p.cost.Passes, p.cost.MemoryKiB, 1, sumSize)
}

// Matcher holds one text against many hashes, and computes once for all that have
// the same salt and cost. It is not safe for concurrent use.
type Matcher struct {
	text webhook.Secret
	sums map[string][]byte // by salt and cost
}

// NewMatcher returns a Matcher for a text.
func NewMatcher(text webhook.Secret) *Matcher { return &Matcher{text: text, sums: map[string][]byte{}} }

// Matches says whether the hash is of the text. What is no hash matches nothing.
func (m *Matcher) Matches(hash string) bool {
	p, err := parse(hash)
	if err != nil {
		return false
	}
	key := fmt.Sprintf("%d %d %s", p.cost.MemoryKiB, p.cost.Passes, p.salt)
	if m.sums[key] == nil {
		m.sums[key] = p.of(m.text)
	}
	return subtle.ConstantTimeCompare(m.sums[key], p.sum) == 1
}

// Computed is how many sums the matcher had to compute.
func (m *Matcher) Computed() int { return len(m.sums) }
