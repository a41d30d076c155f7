package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Local is what a server leaves in its data directory for the verbs of the same
// machine: where it listens, and a key. Only its owner can read the file.
type Local struct {
	URL    string `json:"url"`
	APIKey string `json:"api_key"`
	PID    int    `json:"pid"` // of the server that wrote this
}

const localFile = "local.json"

// ReadLocal reads what the server of this data directory left.
func ReadLocal(dataDir string) (Local, error) {
	text, err := os.ReadFile(filepath.Join(dataDir, localFile))
	if errors.Is(err, os.ErrNotExist) {
		return Local{}, fmt.Errorf("no server was ever started in %s", dataDir)
	}
	if err != nil {
		return Local{}, err
	}
	var l Local
	if err := json.Unmarshal(text, &l); err != nil {
		return Local{}, fmt.Errorf("%s: %w", filepath.Join(dataDir, localFile), err)
	}
	return l, nil
}

// write replaces the file as a whole.
func (l Local) write(dataDir string) error {
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dataDir, ".local-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dataDir, localFile))
}
