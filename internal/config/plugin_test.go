package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAPluginFileSaysHowItIsRun(t *testing.T) {
	p, err := parsePlugin([]byte("name: sms\nenabled: false\ncommand: ./run\nargs: [-v, 'a b']\nenv: ['A=b=c', X=]\nprocesses: 3\n"+
		"limits:\n  timeout: 30s\n  memory: 64MiB\n  in_flight: 5\n"), "dir")
	if err != nil {
		t.Fatal(err)
	}
	want := defaultPlugin()
	want.Name, want.Enabled, want.Command, want.Args, want.Env = "sms", false, "./run", []string{"-v", "a b"}, []string{"A=b=c", "X="}
	want.Processes, want.Limits.Timeout, want.Limits.Memory, want.Limits.InFlight = 3, 30*time.Second, 64*MiB, 5
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
	if p, err := parsePlugin([]byte("command: sh"), "my-dir"); err != nil || p.Name != "my-dir" || !p.Enabled {
		t.Errorf("the least: %+v, %v", p, err)
	}
}

func TestAWrongPluginFileNamesTheField(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "command: must not be empty",
		"comand: x\ncommand: x":            "comand: there is no such setting (from plugin.yaml:1)",
		"command: x\nprocesses: 0":         "processes: must be at least 1 (from plugin.yaml:2)",
		"command: x\nprocesses: many":      `processes: "many" is not a whole number (from plugin.yaml:2)`,
		"command: x\nlimits:\n  memory: 3": `limits.memory: "3" is not a size like 64KiB or 2MB (from plugin.yaml:3)`,
		"command: x\nlimits:\n  start: 1h": "limits.start: must be at most 5m (from plugin.yaml:3)",
		"command: x\nenabled: perhaps":     `enabled: "perhaps" is not true or false (from plugin.yaml:2)`,
		"command: x\nenv: [PATH]":          `env: "PATH" is not NAME=value`,
		"command: x\nenv: {A: b}":          "env: must be a plain value or a list of them",
		"command: x\nname: a/b":            `name: "a/b" must be letters`,
		"command: x\nname: " + long(65):    "at most 64",
		"command: [a, b]":                  "command: takes one value, not a list",
		"command: x\ncommand: y":           "command: is given twice",
		"command: \"a\\0b\"":               "command: must not have NUL",
		"command: x\nlimits: 5":            "limits: must have keys of its own",
		"{":                                "yaml",
		"command: &a x\nargs: [*a]":        "args: must be a list of plain values",
		"command: x\n---\ncommand: y":      "more than one document",
	} {
		_, err := parsePlugin([]byte(text), "dir")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func long(n int) string { return strings.Repeat("x", n) }

func TestEveryDirectoryIsListed(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"b": "command: x", "a": "oops: x", ".hidden": "command: x", "empty": "", "big": "#" + long(maxPluginFile)} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if name != "empty" {
			if err := os.WriteFile(filepath.Join(dir, name, PluginFile), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "README"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := Plugins(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range all {
		line := filepath.Base(i.Dir)
		if i.Err != nil {
			line += ": " + i.Err.Error()
		} else {
			line += ": " + i.Plugin.Name
		}
		got = append(got, line)
	}
	want := []string{
		"a: oops: there is no such setting (from plugin.yaml:1)\ncommand: must not be empty",
		"b: b", "big: plugin.yaml has more than 65536 bytes", "empty: there is no plugin.yaml in it",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := Plugins(filepath.Join(dir, "none")); err == nil {
		t.Error("a directory that is not there was listed")
	}
}

func FuzzPluginFile(f *testing.F) {
	f.Add([]byte("command: sh\nargs: [a]\nenv: [A=b]\nlimits:\n  memory: 1MiB\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parsePlugin(text, "dir")
		if (p == nil) != (err != nil) || err != nil && err.Error() == "" {
			t.Errorf("%+v, %v", p, err)
		}
	})
}
