package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The npm client as people have it: the first of the versions whose wire is
// compatible, and the newest that was published when this was written.
const (
	npmOldest = "1.20.0"
	npmNewest = "2.5.0"
)

func TestThePublishedNPMClientGoesThroughTheMainFlow(t *testing.T) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not there", program)
		}
	}
	script, err := os.ReadFile(filepath.Join("testdata", "sdk.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{npmOldest, npmNewest} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			run(t, dir, "npm", "install", "--no-audit", "--no-fund", "--silent", "--no-save", "svix@"+version)
			if err := os.WriteFile(filepath.Join(dir, "sdk.mjs"), script, 0o600); err != nil {
				t.Fatal(err)
			}
			s := startServer(t)
			out := run(t, dir, "node", "sdk.mjs", s.url, s.key)
			if !strings.Contains(out, "svix "+version+" went through") {
				t.Error(out)
			}
		})
	}
}

// run runs a program in a directory and returns what it says. An npm registry that
// cannot be reached is a service that is missing.
func run(t *testing.T, dir string, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil && program == "npm" {
		t.Skipf("npm cannot install the client: %v\n%s", err, out)
	}
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}
