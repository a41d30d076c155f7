package server

import (
	"fmt"
	"path/filepath"

	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/seal"
)

// What is in a data directory, beside localFile.
const (
	keyFile  = "secret.key"
	dataFile = "switchhook.db"
)

// DatabaseFile is where the SQLite database of a data directory is.
func DatabaseFile(dataDir string) string { return filepath.Join(dataDir, dataFile) }

// openBox finds the key that encrypts secrets at rest: given, in a file, or made
// on first start.
func openBox(c *config.Config) (*seal.Box, error) {
	var box *seal.Box
	var err error
	switch {
	case c.SecretKey != "":
		box, err = seal.FromText(c.SecretKey.Reveal())
	case c.SecretKeyFile != "":
		box, err = seal.Open(c.SecretKeyFile)
	default:
		box, err = seal.LoadOrCreate(filepath.Join(c.DataDir, keyFile))
	}
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	return box, nil
}
