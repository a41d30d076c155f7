package sqlite

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/switchhook/switchhook/internal/seal"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (store.Store, func() store.Store) {
		s := openAt(t, filepath.Join(t.TempDir(), "switchhook.db"))
		return s, func() store.Store {
			s = crash(t, s)
			return s
		}
	})
}

func box(t testing.TB) *seal.Box {
	t.Helper()
	b, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func openAt(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Path: path, Box: box(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// crash opens the store on a copy of its files as they are between two commits:
// what a process finds that comes after a kill.
func crash(t testing.TB, s *Store) *Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "switchhook.db")
	select {
	case s.writing <- struct{}{}:
		copyFile(t, s.path, path)
		copyFile(t, s.path+"-wal", path+"-wal")
	case <-s.closing: // then there is no log any more
		copyFile(t, s.path, path)
		return openAt(t, path)
	}
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	<-s.closing // from now on nothing is written
	<-s.writing
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	return openAt(t, path)
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	r, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
