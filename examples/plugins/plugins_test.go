package plugins_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/cli"
)

// installed copies the examples to a directory for plug-ins, ready to run.
func installed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"go", "python", "shell"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(name)); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "go", "append-go"), "./go")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return dir
}

// switchhook runs a command line.
func switchhook(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = cli.Main(args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func TestTheExamplesAreGoodPlugIns(t *testing.T) {
	if code, out, errs := switchhook(t, "plugin", "check", "--set", "plugins_dir="+installed(t)); code != 0 || strings.Count(out, ": good.") != 3 {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

func TestTheExamplesDeliver(t *testing.T) {
	dir := installed(t)
	for name, c := range map[string]struct {
		options string // FILE stands for the file
		file    string
		event   string // where the event is in a line of it
	}{
		"append-go":     {`{"file": "FILE"}`, filepath.Join(dir, "go.log"), ""},
		"append-python": {`{"file": "FILE"}`, filepath.Join(dir, "python.log"), ""},
		"append-shell":  {`{}`, filepath.Join(dir, "shell", "deliveries.log"), "event"},
	} {
		for n := 1; n <= 2; n++ {
			code, out, errs := switchhook(t, "plugin", "run", name, "--set", "plugins_dir="+dir,
				"--options", strings.ReplaceAll(c.options, "FILE", c.file), "--timeout", "60s")
			if code != 0 || !strings.HasPrefix(out, "delivered") {
				t.Fatalf("%s: exit code %d: %s%s", name, code, out, errs)
			}
			text, err := os.ReadFile(c.file)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
			if len(lines) != n {
				t.Fatalf("%s: after %d deliveries the file has %d lines", name, n, len(lines))
			}
			if got := eventName(t, lines[n-1], c.event); got != "user_created" {
				t.Errorf("%s: the event is called %q", name, got)
			}
		}
	}
}

// eventName reads the name of the event in a line, which is the event itself or has it in a
// member.
func eventName(t *testing.T, line, member string) string {
	t.Helper()
	text := []byte(line)
	if member != "" {
		var whole map[string]json.RawMessage
		if err := json.Unmarshal(text, &whole); err != nil {
			t.Fatal(err)
		}
		text = whole[member]
	}
	var event struct{ Name string }
	if err := json.Unmarshal(text, &event); err != nil {
		t.Fatal(err)
	}
	return event.Name
}

func TestTheExamplesFailAsTheyShould(t *testing.T) {
	dir := installed(t)
	for _, name := range []string{"append-go", "append-python"} {
		code, _, errs := switchhook(t, "plugin", "run", name, "--set", "plugins_dir="+dir, "--options", `{"fil": "x"}`)
		if code != 1 || !strings.Contains(errs, "config") {
			t.Errorf("%s: options that do not fit: exit code %d: %s", name, code, errs)
		}
		code, out, _ := switchhook(t, "plugin", "run", name, "--set", "plugins_dir="+dir, "--options", `{"file": "/dev/null/x"}`)
		if code != 1 || !strings.HasPrefix(out, "retry") {
			t.Errorf("%s: a file that cannot be opened: exit code %d: %s", name, code, out)
		}
	}
}

func TestTheExamplesAreShort(t *testing.T) {
	for _, name := range []string{"go/main.go", "python/append.py", "shell/append.sh"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("\n")); n >= 60 {
			t.Errorf("%s has %d lines", name, n)
		}
	}
}
