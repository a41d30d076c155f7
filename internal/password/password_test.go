package password_test

import (
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/password"
	"github.com/switchhook/switchhook/internal/webhook"
)

func cheap() password.Cost { return password.Cost{MemoryKiB: 64, Passes: 1} }

func TestAHashMatchesItsTextAlone(t *testing.T) {
	hash := password.Hash("correct horse", password.NewSalt(), cheap())
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=64,t=1,p=1$") || strings.Contains(hash, "horse") {
		t.Error(hash)
	}
	for text, want := range map[webhook.Secret]bool{"correct horse": true, "correct horsE": false, "": false} {
		if got := password.NewMatcher(text).Matches(hash); got != want {
			t.Errorf("%q matches: %v, want %v", text.Reveal(), got, want)
		}
	}
}

// The vector is of the reference implementation of argon2: version 0x13, 64 MiB, two
// passes, one lane.
func TestTheSumsAreThoseOfArgon2id(t *testing.T) {
	const known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if !password.NewMatcher("password").Matches(known) {
		t.Error("the reference's hash of \"password\" does not match")
	}
}

func TestWhatIsNoHashMatchesNothing(t *testing.T) {
	good := password.Hash("x", password.NewSalt(), cheap())
	for _, hash := range []string{
		"", "x", "$", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=64", "m=99999999", 1), strings.Replace(good, "t=1", "t=0", 1),
		strings.Replace(good, "p=1", "p=2", 1), good[:len(good)-1], good + "$",
	} {
		if password.NewMatcher("x").Matches(hash) {
			t.Errorf("%q matches", hash)
		}
	}
}

func TestOneSumServesAllHashesWithTheSameSalt(t *testing.T) {
	salt := password.NewSalt()
	m := password.NewMatcher("c")
	for _, text := range []webhook.Secret{"a", "b", "c", "d"} {
		if m.Matches(password.Hash(text, salt, cheap())) != (text == "c") {
			t.Errorf("%q", text.Reveal())
		}
	}
	if m.Matches(password.Hash("a", password.NewSalt(), cheap())); m.Computed() != 2 {
		t.Errorf("%d sums were computed, want 2", m.Computed())
	}
}
