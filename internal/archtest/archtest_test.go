package archtest

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// TestArchitecture is the one that fails the build.
func TestArchitecture(t *testing.T) {
	files, err := Parse(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("only %d files found: this is not the module's root", len(files))
	}
	for _, line := range Check(files) {
		t.Error(line)
	}
}

func TestRulesSeeWhatIsBroken(t *testing.T) {
	const doc = "// Package p is fine.\n"
	for _, c := range []struct {
		name string
		file string
		src  string
		want string // part of a finding; "" for none
	}{
		{"an import that goes up", "internal/sign/a.go", "// Package sign x\npackage sign\nimport _ \"" + Module + "/internal/store\"\n", "lower floor"},
		{"an import on the same floor", "internal/api/wazo/a.go", "// Package wazo x\npackage wazo\nimport _ \"" + Module + "/internal/api/kazoo\"\n", "lower floor"},
		{"an import that goes down", "internal/store/a.go", "// Package store x\npackage store\nimport _ \"" + Module + "/internal/webhook\"\n", ""},
		{"a test may import up", "internal/sign/a_test.go", "package sign\nimport _ \"" + Module + "/internal/store\"\n", ""},
		{"a folder without a floor", "internal/zeal/a.go", "// Package zeal x\npackage zeal\n", "no floor"},
		{"a test package in what ships", "internal/server/a.go", "// Package server x\npackage server\nimport _ \"" + Module + "/internal/testkit\"\n", "for tests"},
		{"a part of the test kit in what ships", "internal/server/a.go", "// Package server x\npackage server\nimport _ \"" + Module + "/internal/testkit/rig\"\n", "for tests"},
		{"an API that knows the store", "internal/api/wazo/a.go", "// Package wazo x\npackage wazo\nimport _ \"" + Module + "/internal/store/sqlstore\"\n", "control and ingest"},
		{"a driver away from home", "internal/server/a.go", "// Package server x\npackage server\nimport _ \"github.com/jackc/pgx/v5\"\n", "belongs to"},
		{"a driver at home", "internal/store/postgres/a.go", "// Package postgres x\npackage postgres\nimport _ \"github.com/jackc/pgx/v5/pgxpool\"\n", ""},
		{"a socket", "internal/server/a.go", "// Package server x\npackage server\nimport \"net\"\nvar _, _ = net.Dial(\"\", \"\")\n", "egress"},
		{"an HTTP client", "internal/server/a.go", "// Package server x\npackage server\nimport h \"net/http\"\nvar _ = h.DefaultClient\n", "egress"},
		{"a listener", "internal/server/a.go", "// Package server x\npackage server\nimport \"net\"\nvar _, _ = net.Listen(\"\", \"\")\n", ""},
		{"no package comment", "internal/id/a.go", "package id\n", "0 package comments"},
		{"a wrong package comment", "internal/id/a.go", doc + "package id\n", "begins with"},
		{"a name that says nothing", "internal/id/a.go", "// Package util x\npackage util\n", "says nothing"},
		{"a long file", "internal/id/a.go", "// Package id x\npackage id\n" + strings.Repeat("\n", 600), "lines"},
		{"a long function", "internal/id/a.go", "// Package id x\npackage id\nfunc f() {\n" + strings.Repeat("\n", 80) + "}\n", "fit a screen"},
		{"init", "internal/id/a.go", "// Package id x\npackage id\nfunc init() {}\n", "explicit"},
		{"a method called init", "internal/id/a.go", "// Package id x\npackage id\ntype t int\nfunc (t) init() {}\n", ""},
		{"a mark", "internal/id/a.go", "// Package id x\npackage id\n// TO" + "DO: more\n", "TO" + "DO"},
		{"a sleeping test", "internal/id/a_test.go", "package id\nimport \"time\"\nfunc f() { time.Sleep(1) }\n", "Sleep"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files, err := Parse(fstest.MapFS{c.file: {Data: []byte(c.src)}, "internal/id/testdata/x.go": {Data: []byte("not go")}})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(Check(files), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}
