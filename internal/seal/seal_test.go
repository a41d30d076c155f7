package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func newBox(t *testing.T, fill byte) *Box {
	t.Helper()
	b, err := New(bytes.Repeat([]byte{fill}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatWasSealedOpensWithTheSameKeyAndPlaceOnly(t *testing.T) {
	one, other := newBox(t, 1), newBox(t, 2)
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		place := rapid.SliceOf(rapid.Byte()).Draw(t, "place")
		blob := one.Seal(plain, place)
		got, err := one.Open(blob, place)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("Open = %q, %v", got, err)
		}
		if bytes.Equal(blob, one.Seal(plain, place)) {
			t.Fatal("sealed twice to the same bytes")
		}
		if _, err := other.Open(blob, place); !errors.Is(err, ErrOpen) {
			t.Fatalf("another key: %v", err)
		}
		if _, err := one.Open(blob, append(place, 0)); !errors.Is(err, ErrOpen) {
			t.Fatalf("another place: %v", err)
		}
		at := rapid.IntRange(0, len(blob)-1).Draw(t, "at")
		blob[at] ^= 1
		if _, err := one.Open(blob, place); !errors.Is(err, ErrOpen) {
			t.Fatalf("changed at %d: %v", at, err)
		}
		if _, err := one.Open(blob[:at], place); !errors.Is(err, ErrOpen) {
			t.Fatalf("cut at %d: %v", at, err)
		}
	})
}

func TestAKeyIsReadFromHexAndFromBase64(t *testing.T) {
	key := bytes.Repeat([]byte{0xfb, 0xef}, KeySize/2)
	blob := mustNew(t, key).Seal([]byte("secret"), nil)
	for _, text := range []string{
		hex.EncodeToString(key),
		strings.ToUpper(hex.EncodeToString(key)) + "\n",
		base64.StdEncoding.EncodeToString(key),
		base64.RawStdEncoding.EncodeToString(key),
		" " + base64.URLEncoding.EncodeToString(key) + "\r\n",
		base64.RawURLEncoding.EncodeToString(key),
	} {
		b, err := FromText(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got, err := b.Open(blob, nil); err != nil || string(got) != "secret" {
			t.Errorf("%q is another key", text)
		}
	}
	for _, text := range []string{"", "short", hex.EncodeToString(key[1:]), base64.StdEncoding.EncodeToString(append(key, 1)), "!"} {
		if _, err := FromText(text); err == nil {
			t.Errorf("%q is taken for a key", text)
		} else if text != "" && strings.Contains(err.Error(), text) && len(text) > 5 {
			t.Errorf("the error shows the key: %v", err)
		}
	}
}

func mustNew(t *testing.T, key []byte) *Box {
	t.Helper()
	b, err := New(key)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheKeyFileIsMadeOnceAndForItsOwnerAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if _, err := Open(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("Open of a missing file: %v", err)
	}
	first, err := LoadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v", st.Mode())
	}
	blob := first.Seal([]byte("x"), nil)
	for _, open := range []func(string) (*Box, error){Open, LoadOrCreate} {
		b, err := open(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Open(blob, nil); err != nil {
			t.Errorf("the key has changed: %v", err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files are left", len(entries))
	}
}

func TestADamagedKeyFileIsNotReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreate(path); err == nil {
		t.Fatal("no error")
	}
	if text, _ := os.ReadFile(path); string(text) != "not a key" {
		t.Errorf("the file is now %q", text)
	}
}

func TestManyStartersAgreeOnOneKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	boxes := make(chan *Box)
	for range 8 {
		go func() {
			b, err := LoadOrCreate(path)
			if err != nil {
				t.Error(err)
			}
			boxes <- b
		}()
	}
	var blob []byte
	for range 8 {
		b := <-boxes
		if b == nil {
			continue
		}
		if blob == nil {
			blob = b.Seal([]byte("x"), nil)
		}
		if _, err := b.Open(blob, nil); err != nil {
			t.Errorf("another key: %v", err)
		}
	}
}

func TestAKeyIsDerivedForEachPurpose(t *testing.T) {
	one := newBox(t, 1).Derive("tokens")
	if len(one) != KeySize || !bytes.Equal(one, newBox(t, 1).Derive("tokens")) {
		t.Error("the same key and purpose derive another key")
	}
	if bytes.Equal(one, newBox(t, 1).Derive("cookies")) || bytes.Equal(one, newBox(t, 2).Derive("tokens")) {
		t.Error("another key or purpose derives the same key")
	}
}
