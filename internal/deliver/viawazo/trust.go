package viawazo

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/switchhook/switchhook/internal/webhook"
)

// maxCA bounds the certificates that are read for one subscription, in bytes.
const maxCA = 4 << 20

// trust is what verify_certificate asks for: nil is the system's authorities. The key
// stands for the settings: equal settings share connections.
func trust(verify string) (*webhook.TLS, string, error) {
	switch verify {
	case "", "true":
		return nil, "", nil
	case "false":
		return &webhook.TLS{Insecure: true}, "wazo/insecure", nil
	}
	pem, err := readAuthorities(verify)
	if err != nil || !strings.Contains(pem, "-----BEGIN CERTIFICATE-----") {
		// Not the cause: it would tell who may not look what is where.
		return nil, "", said("Could not find a suitable TLS CA certificate bundle, invalid path: " + verify)
	}
	sum := sha256.Sum256([]byte(pem))
	return &webhook.TLS{CAPEM: pem}, "wazo/ca/" + hex.EncodeToString(sum[:]), nil
}

// readAuthorities reads a file, or the files of a folder.
func readAuthorities(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	names := []string{path}
	if info.IsDir() {
		entries, err := os.ReadDir(path) // in the order of their names
		if err != nil {
			return "", err
		}
		names = nil
		for _, e := range entries {
			names = append(names, filepath.Join(path, e.Name()))
		}
	}
	var all strings.Builder
	for _, name := range names {
		if err := appendFile(&all, name); err != nil && !info.IsDir() {
			return "", err
		}
		if all.Len() > maxCA {
			return "", fmt.Errorf("the certificates have more than %d bytes", maxCA)
		}
	}
	return all.String(), nil
}

// appendFile appends a regular file.
func appendFile(all *strings.Builder, name string) error {
	// What is no file, such as a pipe, would never end or never open.
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(all, io.LimitReader(f, maxCA+1)); err != nil {
		return err
	}
	all.WriteByte('\n')
	return nil
}
