package demo

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTheDemoShowsWhatItPromises runs the real binary, kill -9 included.
func TestTheDemoShowsWhatItPromises(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "switchhook")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../..").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var shown strings.Builder
	if err := Run(ctx, Options{Out: &shown, Binary: binary, Quick: true}); err != nil {
		t.Fatalf("%v\n%s", err, &shown)
	}
	for _, want := range []string{"attempt 3", "dead: ", "killed the process", " 0 lost", " 0 wrong"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("%q was not shown in\n%s", want, &shown)
		}
	}
}

func TestADemoWithoutAServerSaysWhy(t *testing.T) {
	binary, err := exec.LookPath("false")
	if err != nil {
		binary = filepath.Join(t.TempDir(), "nothing")
	}
	err = Run(t.Context(), Options{Out: &strings.Builder{}, Binary: binary, Quick: true})
	if err == nil || !strings.Contains(err.Error(), "server") {
		t.Errorf("Run: %v", err)
	}
}
