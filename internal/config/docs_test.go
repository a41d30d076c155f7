package config

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

const (
	docsFile = "../../docs/configuration.md"
	docsFrom = "<!-- keys: begin; written by go test ./internal/config -update -->\n"
	docsTo   = "<!-- keys: end -->\n"
)

// TestDocumentationListsEveryKey holds docs/configuration.md to the struct.
func TestDocumentationListsEveryKey(t *testing.T) {
	text, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), docsFrom)
	_, after, ok2 := strings.Cut(rest, docsTo)
	if !ok || !ok2 {
		t.Fatalf("%s has lost its marks", docsFile)
	}
	want := before + docsFrom + "\n" + reference() + "\n" + docsTo + after
	if string(text) == want {
		return
	}
	if !*update {
		t.Fatalf("%s is not up to date: go test ./internal/config -update", docsFile)
	}
	if err := os.WriteFile(docsFile, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// reference is the table of all keys.
func reference() string {
	var b strings.Builder
	b.WriteString("| key | default | meaning |\n| --- | --- | --- |\n")
	for _, r := range Default().Rows(nil) {
		value := strings.Join(r.Default, ", ")
		if value == "" {
			value = "empty"
		} else {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s%s |\n", r.Key, value, r.Doc, bounds(r))
	}
	return b.String()
}

func bounds(r Row) string {
	switch {
	case r.Min != "" && r.Max != "":
		return fmt.Sprintf(" %s to %s.", r.Min, r.Max)
	case r.Min != "":
		return fmt.Sprintf(" At least %s.", r.Min)
	case r.Max != "":
		return fmt.Sprintf(" At most %s.", r.Max)
	}
	return ""
}
