// Package seal encrypts small secrets before they reach a table and opens them
// again: AES-256-GCM with a random nonce. It guards a copy of the database that
// went astray; it is no protection from whoever holds the key as well.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// keyID names the key that a blob was sealed with, so that blobs of an older key
// can be told apart once keys rotate. There is one so far.
const keyID = 1

// ErrOpen is returned for a blob that was not sealed with this key and this
// associated data, or was changed since.
var ErrOpen = errors.New("sealed with another key, or damaged")

// Box seals and opens. It is safe for concurrent use.
type Box struct {
	aead cipher.AEAD
	key  []byte
}

// New returns a Box for a key of KeySize bytes.
func New(key []byte) (*Box, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("a key has %d bytes, not %d", KeySize, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return &Box{aead: aead, key: slices.Clone(key)}, nil
}

// Derive returns a key of KeySize bytes for one purpose alone, such as signing tokens.
// Whoever learns it learns neither the Box's key nor that of another purpose, and every
// node that has the Box's key derives the same.
func (b *Box) Derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, b.key, nil, purpose, KeySize)
	if err != nil {
		panic(err) // only for lengths beyond what SHA-256 can give
	}
	return key
}

// FromText returns a Box for a key spelled as 64 hex digits or as base64, with
// or without padding, in either alphabet.
func FromText(text string) (*Box, error) {
	text = strings.TrimSpace(text)
	if key, err := hex.DecodeString(text); err == nil && len(key) == KeySize {
		return New(key)
	}
	plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	key, err := base64.RawStdEncoding.DecodeString(plain)
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("a key is %d bytes as hex or base64", KeySize)
	}
	return New(key)
}

// Open reads the key file at path, which holds what FromText reads.
func Open(path string) (*Box, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	box, err := FromText(string(text))
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return box, nil
}

// LoadOrCreate is Open, but makes the file with a random key, readable by its
// owner alone, when there is none.
func LoadOrCreate(path string) (*Box, error) {
	box, err := Open(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return box, err
	}
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // crypto/rand.Read never returns an error
	err = create(path, base64.StdEncoding.EncodeToString(key)+"\n")
	if errors.Is(err, fs.ErrExist) {
		return Open(path) // someone else was faster
	}
	if err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	return New(key)
}

// create makes the whole file or none, where the file system has links: what is
// sealed with a key that a power cut took away is lost, and half a key must never
// be found.
func create(path, text string) error {
	dir := filepath.Dir(path)
	whole, err := os.CreateTemp(dir, ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(whole.Name())
	if err := fill(whole, text); err != nil {
		return err
	}
	err = os.Link(whole.Name(), path) // unlike Rename, fails when it exists
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = createExclusive(path, text)
	}
	if err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func createExclusive(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return fill(f, text)
}

// fill writes the text, syncs and closes.
func fill(f *os.File, text string) error {
	_, err := f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Seal encrypts plain. The associated data, which is not kept in the blob, says
// where the blob belongs; Open needs the same.
func (b *Box) Seal(plain, associated []byte) []byte {
	blob := make([]byte, 1, 1+len(plain)+b.aead.Overhead())
	blob[0] = keyID
	return b.aead.Seal(blob, nil, plain, associated)
}

// Open decrypts what Seal made; ErrOpen when it cannot.
func (b *Box) Open(blob, associated []byte) ([]byte, error) {
	if len(blob) == 0 || blob[0] != keyID {
		return nil, ErrOpen
	}
	plain, err := b.aead.Open(nil, nil, blob[1:], associated)
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}
